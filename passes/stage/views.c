/* Views: how an output lies in its source's memory (column VIEW of ir/ops.def). */
#include "passes/stage/views.h"

#include "passes/shape/facts.h"

const ViewRules view_rules[OP_COUNT] = {
#define OP(id, name, since, ...) [OP_##id] = {.op = OP_##id, __VA_ARGS__},
#define VIEW(rule)               .view = view_##rule,
#include "ir/ops.def"
};

static const Size *zero(Lower *lw)
{
    return size_const(lw->sizes, 0);
}

/* Strides for new_dims over memory that has old strides, or false: groups of old axes and of new
 * axes with equal products, each old group being dense. Unit axes do not matter. */
static bool reshape_strides(SizeTable *sizes, const Tensor *from, const Place *place,
                            const Tensor *to, const Size **stride)
{
    int i = 0, k = 0;
    while (i < from->rank || k < to->rank) {
        while (i < from->rank && size_is(from->dims[i], 1)) i++;
        while (k < to->rank && size_is(to->dims[k], 1)) stride[k++] = size_const(sizes, 1);
        if (i >= from->rank || k >= to->rank) return i >= from->rank && k >= to->rank;
        int i0 = i, k0 = k;
        const Size *a = from->dims[i++], *c = to->dims[k++];
        while (a != c) {
            bool more_old = size_upper(sizes, a) < size_upper(sizes, c);
            if (more_old && i < from->rank)
                a = size_mul(sizes, a, from->dims[i++]);
            else if (!more_old && k < to->rank)
                c = size_mul(sizes, c, to->dims[k++]);
            else
                return false;
        }
        for (int j = i0; j + 1 < i; j++) {
            if (size_is(from->dims[j], 1)) continue;
            int inner = j + 1;
            while (inner < i && size_is(from->dims[inner], 1)) inner++;
            if (inner == i) break;
            const Size *dense = size_mul(sizes, place->stride[inner], from->dims[inner]);
            if (place->stride[j] != dense) return false;
        }
        int innermost = i - 1;
        while (innermost > i0 && size_is(from->dims[innermost], 1)) innermost--;
        const Size *next = place->stride[innermost];
        for (int j = k - 1; j >= k0; j--) {
            stride[j] = next;
            next = size_mul(sizes, next, to->dims[j]);
        }
    }
    return true;
}

bool view_slice(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    (void)k, (void)from;
    int count, axis_count = 0, step_count = 0;
    const int64_t *starts, *axes = NULL, *steps = NULL;
    if (!tensor_known_ints(lw->arena, node->in[1], &count, &starts)) return false;
    bool has_axes = node_in(node, 3) != NULL, has_steps = node_in(node, 4) != NULL;
    if (has_axes && !tensor_known_ints(lw->arena, node->in[3], &axis_count, &axes)) return false;
    if (has_steps && !tensor_known_ints(lw->arena, node->in[4], &step_count, &steps)) return false;
    const Tensor *in = node->in[0];
    for (int i = 0; i < count; i++) {
        int64_t axis = has_axes ? axes[i] : i, step = has_steps ? steps[i] : 1, start = starts[i];
        if (axis < 0) axis += in->rank;
        const Size *size = in->dims[axis];
        if (start == 0 && step == 1) continue;
        if (!size_is_const(size)) return false;
        if (start < 0) start += size->value;
        if (start < 0) start = 0;
        if (step > 0 && start > size->value) start = size->value;
        if (step < 0 && start > size->value - 1) start = size->value - 1;
        const Size *skip = size_muli(lw->sizes, place->stride[axis], start);
        place->offset = size_add(lw->sizes, place->offset, skip);
        place->stride[axis] = size_muli(lw->sizes, place->stride[axis], step);
    }
    return true;
}

bool view_split(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    (void)from;
    const Size *at = split_start(lw->graph, node, k);
    const Size *skip = size_mul(lw->sizes, at, place->stride[node_int(node, "axis")]);
    place->offset = size_add(lw->sizes, place->offset, skip);
    return true;
}

bool view_expand(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    (void)k;
    const Tensor *in = node->in[0], *out = node->out[0];
    int shift = out->rank - in->rank;
    for (int i = 0; i < out->rank; i++) {
        bool same = i >= shift && in->dims[i - shift] == out->dims[i];
        place->stride[i] = same ? from->stride[i - shift] : zero(lw);
    }
    return true;
}

bool view_transpose(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    (void)lw, (void)k;
    const int64_t *perm;
    int rank = node->out[0]->rank, count = node_ints(node, "perm", &perm);
    for (int i = 0; i < rank; i++) place->stride[i] = from->stride[count ? perm[i] : rank - 1 - i];
    return true;
}

/* One slice of an axis, at a place that is known when it is read. */
bool view_at(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    (void)k;
    int axis = (int)node_int(node, "axis"), count;
    const Size *const *at = tensor_values(lw->graph, node->in[1], &count);
    if (!at) return false;
    place->offset =
        size_add(lw->sizes, from->offset, size_mul(lw->sizes, at[0], from->stride[axis]));
    for (int i = axis; i < node->out[0]->rank; i++) place->stride[i] = from->stride[i + 1];
    return true;
}

bool view_row_major(Lower *lw, const Node *node, int k, const Place *from, Place *place)
{
    return reshape_strides(lw->sizes, node->in[0], from, node->out[k], place->stride);
}
