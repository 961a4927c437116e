/* Where whole tensors lie, and whether two places are one. */
#include "passes/stage/loop.h"

#include <string.h>

void place_dense(Lower *lw, const Tensor *tensor, const Size **stride)
{
    const Size *next = size_const(lw->sizes, dtype_cells(tensor->dtype));
    for (int i = tensor->rank - 1; i >= 0; i--) {
        int axis = tensor->has_order ? tensor->order[i] : i;
        stride[axis] = next;
        next = size_mul(lw->sizes, next, tensor->dims[axis]);
    }
}

void place_whole(Lower *lw, const Tensor *tensor, BufferClass class, int index)
{
    Place *place = &lw->places[tensor->id];
    place->buffer = program_buffer(lw->program, tensor->name, class, tensor->dtype,
                                   tensor_elements(lw->sizes, tensor));
    place->buffer->index = index;
    place->buffer->tensor = tensor->id;
    place->offset = size_const(lw->sizes, 0);
    place_dense(lw, tensor, place->stride);
}

bool place_same(const Place *a, const Place *c, const Tensor *tensor)
{
    if (!a->buffer || a->buffer != c->buffer || a->offset != c->offset) return false;
    for (int i = 0; i < tensor->rank; i++) {
        if (!size_is(tensor->dims[i], 1) && a->stride[i] != c->stride[i]) return false;
    }
    return true;
}

Tensor *place_alias(Lower *lw, const Tensor *like, const char *name, const Place *place)
{
    Tensor *tensor = arena_alloc(lw->arena, sizeof *tensor);
    tensor->id = lw->next_alias++;
    tensor->name = name;
    tensor->dtype = like->dtype;
    tensor->rank = like->rank;
    memcpy(tensor->dims, like->dims, sizeof tensor->dims);
    lw->places[tensor->id] = *place;
    return tensor;
}
