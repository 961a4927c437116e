/* Point rules of views, for where the output is computed instead of being seen through strides. */
#include "passes/lower/frame/narrow.h"
#include "passes/lower/moves/move.h"
#include "passes/shape/facts.h"

Inst *point_bit_cast(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    DType to = node->out[output]->dtype, from = node->in[0]->dtype;
    Inst *x = lower_load(lw, node->in[0], idx);
    Builder *b = &lw->b;
    /* Halves come as f32: back to their own bits first. */
    x = kb_cast(b, dtype_held(from), x);
    if (from == DT_BOOL) x = kb_cast(b, DT_U8, x);
    if (to == DT_BOOL) return kb_cast(b, DT_BOOL, x);
    if (dtype_is_subbyte(to)) return narrow_wrap(b, to, kb_bitcast(b, DT_U8, x));
    x = kb_bitcast(b, dtype_held(to), x);
    return kb_cast(b, lower_type(to), x);
}

/* One group of axes: the flat index over `from` axes seen as coordinates over `to` axes. */
static void reshape_group(Lower *lw, int from_count, const Size *const *from, Inst *const *idx,
                          int to_count, const Size *const *to, Inst **out)
{
    if (from_count == 1 && to_count == 1) {
        out[0] = idx[0];
        return;
    }
    Inst *flat = lower_flatten(lw, from_count, from, idx);
    lower_unflatten(lw, flat, to_count, to, out);
}

/* Groups of axes with equal products are taken apart, so that what does not change keeps its plain
 * coordinate (and the innermost loop its unit stride). */
Inst *point_reshape(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0], *out = node->out[output];
    Inst *own[MAX_RANK] = {0};
    SizeTable *t = lw->sizes;
    int i = out->rank, k = in->rank;
    while (i > 0 && k > 0) {
        int i1 = i--, k1 = k--;
        const Size *a = out->dims[i], *c = in->dims[k];
        while (a != c) {
            bool more_out = size_upper(t, a) < size_upper(t, c);
            if (more_out && i > 0)
                a = size_mul(t, a, out->dims[--i]);
            else if (k > 0)
                c = size_mul(t, c, in->dims[--k]);
            else if (i > 0)
                a = size_mul(t, a, out->dims[--i]);
            else
                break;
        }
        if (a != c) i = k = 0; /* the sizes cannot be told apart: all of them at once */
        reshape_group(lw, i1 - i, out->dims + i, idx + i, k1 - k, in->dims + k, own + k);
    }
    for (int j = 0; j < in->rank; j++) {
        if (!own[j]) own[j] = kb_i64(&lw->b, 0);
    }
    return lower_load(lw, in, own);
}

static void flag_axes(Arena *arena, const Node *node, bool *flags)
{
    int count = 0;
    const int64_t *axes;
    if (!node_in(node, 1) || !tensor_known_ints(arena, node->in[1], &count, &axes)) return;
    for (int i = 0; i < count; i++) {
        if (axes[i] >= 0 && axes[i] < MAX_RANK) flags[axes[i]] = true;
    }
}

Inst *point_squeeze(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    bool dropped[MAX_RANK] = {false};
    Inst *own[MAX_RANK] = {0};
    (void)output;
    flag_axes(lw->arena, node, dropped);
    for (int i = 0, k = 0; i < node->in[0]->rank; i++) {
        own[i] = dropped[i] ? kb_i64(&lw->b, 0) : idx[k++];
    }
    return lower_load(lw, node->in[0], own);
}

Inst *point_unsqueeze(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    bool added[MAX_RANK] = {false};
    Inst *own[MAX_RANK] = {0};
    flag_axes(lw->arena, node, added);
    for (int i = 0, k = 0; i < node->out[output]->rank; i++) {
        if (!added[i]) own[k++] = idx[i];
    }
    return lower_load(lw, node->in[0], own);
}

Inst *point_transpose(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const int64_t *perm;
    Inst *own[MAX_RANK] = {0};
    int rank = node->out[output]->rank, count = node_ints(node, "perm", &perm);
    for (int i = 0; i < rank; i++) own[count ? perm[i] : rank - 1 - i] = idx[i];
    return lower_load(lw, node->in[0], own);
}

Inst *point_slice(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Size *start[MAX_RANK];
    int64_t step[MAX_RANK];
    Inst *own[MAX_RANK] = {0};
    Builder *b = &lw->b;
    (void)output;
    if (slice_params(lw->graph, node, start, step)) return kb_i64(b, 0);
    for (int i = 0; i < node->in[0]->rank; i++) {
        own[i] = kb_add(b, kb_size(b, start[i]), kb_muli(b, idx[i], step[i]));
    }
    return lower_load(lw, node->in[0], own);
}

Inst *point_split(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0];
    Inst *own[MAX_RANK] = {0};
    int axis = (int)node_int(node, "axis");
    for (int i = 0; i < in->rank; i++) own[i] = idx[i];
    own[axis] = kb_add(&lw->b, idx[axis], kb_size(&lw->b, split_start(lw->graph, node, output)));
    return lower_load(lw, in, own);
}

Inst *point_expand(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    return lower_load_broadcast(lw, node->in[0], node->out[output]->rank, idx);
}
