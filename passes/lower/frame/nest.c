/* Loop nests over coordinates, and the choice of what runs in parallel. */
#include "passes/lower/frame/lower.h"

#include <string.h>

/* Below this many operations waking other threads costs more than it saves. */
static const double PARALLEL_WORK = 100e3;

/* Fewer iterations than this make no vector: they are written out instead. */
enum { NARROWEST_VECTOR = 4 };

double lower_work(Lower *lw, const Tensor *tensor)
{
    double elements = 1;
    for (int i = 0; i < tensor->rank; i++) {
        elements *= (double)size_upper(lw->sizes, tensor->dims[i]);
    }
    return elements;
}

double lower_bytes(Lower *lw, const Tensor *tensor)
{
    return lower_work(lw, tensor) * (double)dtype_size(tensor->dtype);
}

LoopKind lower_parallel(Lower *lw, double total_work)
{
    bool empty = lw->b.depth == 0 && lw->kernel->body.count == 0;
    if (lw->target->plain) return LOOP_SERIAL;
    double least = lw->target->eager ? 1 : PARALLEL_WORK;
    return empty && total_work >= least ? LOOP_PARALLEL : LOOP_SERIAL;
}

LoopKind lower_parallel_tiles(Lower *lw, double flops, double weights, int64_t lanes)
{
    double compute = flops / (double)lanes, bring = weights / 4;
    return lower_parallel(lw, compute > bring ? compute : bring);
}

int lower_nest(Lower *lw, int rank, const Size *const *dims, const uint8_t *order, bool vector,
               double work_per_element, Inst **idx)
{
    double work = work_per_element;
    int last = -1, loops = 0;
    for (int i = 0; i < rank; i++) {
        int axis = order ? order[i] : i;
        idx[axis] = kb_i64(&lw->b, 0);
        work *= (double)size_upper(lw->sizes, dims[axis]);
        if (!size_is(dims[axis], 1)) last = i;
    }
    for (int i = 0; i <= last; i++) {
        int axis = order ? order[i] : i;
        if (size_is(dims[axis], 1)) continue;
        LoopKind kind = LOOP_SERIAL;
        bool tiny = size_is_const(dims[axis]) && dims[axis]->value < NARROWEST_VECTOR;
        if (i == last && vector)
            kind = tiny ? LOOP_UNROLLED : LOOP_VECTOR;
        else if (loops == 0)
            kind = lower_parallel(lw, work);
        idx[axis] = kb_for_n(&lw->b, kind, dims[axis]);
        loops++;
    }
    return loops;
}

int lower_nest_of(Lower *lw, const Tensor *what, int rank, const Size *const *dims,
                  const uint8_t *order, double work_per_element, Inst **idx)
{
    if (!dtype_is_opaque(what->dtype))
        return lower_nest(lw, rank, dims, order, true, work_per_element, idx);
    int64_t cells = dtype_cells(what->dtype);
    int loops = lower_nest(lw, rank, dims, order, false, work_per_element * (double)cells, idx);
    lw->cell = kb_for_n(&lw->b, LOOP_VECTOR, size_const(lw->sizes, cells));
    return loops + 1;
}

void lower_nest_end(Lower *lw, int loops)
{
    lw->cell = NULL;
    while (loops-- > 0) kb_end(&lw->b);
}

/* Strides order the axes; axes that cannot be told apart keep their own order. */
static bool inside(const Size *a, const Size *c, SizeTable *sizes)
{
    if (a == c) return false;
    return size_upper(sizes, a) < size_upper(sizes, c);
}

void lower_order(Lower *lw, const Tensor *tensor, uint8_t order[MAX_RANK])
{
    const Place *place = lower_place(lw, tensor);
    for (int i = 0; i < tensor->rank; i++) order[i] = (uint8_t)i;
    for (int i = 1; i < tensor->rank; i++) {
        for (int k = i; k > 0; k--) {
            uint8_t outer = order[k - 1], inner = order[k];
            if (!inside(place->stride[outer], place->stride[inner], lw->sizes)) break;
            order[k - 1] = inner;
            order[k] = outer;
        }
    }
}

void lower_unflatten(Lower *lw, Inst *flat, int rank, const Size *const *dims, Inst **idx)
{
    Builder *b = &lw->b;
    Inst *rest = flat;
    int first = 0;
    while (first < rank && size_is(dims[first], 1)) idx[first++] = kb_i64(b, 0);
    for (int i = rank - 1; i >= 0 && i >= first; i--) {
        if (size_is(dims[i], 1)) {
            idx[i] = kb_i64(b, 0);
        } else if (i == first) {
            idx[i] = rest;
        } else {
            Inst *size = kb_size(b, dims[i]);
            idx[i] = kb_op(b, LI_REM, rest, size);
            rest = kb_op(b, LI_DIV, rest, size);
        }
    }
}

Inst *lower_flatten(Lower *lw, int rank, const Size *const *dims, Inst *const *idx)
{
    Builder *b = &lw->b;
    Inst *flat = kb_i64(b, 0);
    for (int i = 0; i < rank; i++) {
        flat = kb_mul(b, flat, kb_size(b, dims[i]));
        if (idx[i] && !size_is(dims[i], 1)) flat = kb_add(b, flat, idx[i]);
    }
    return flat;
}
