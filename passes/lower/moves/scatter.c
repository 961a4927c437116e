/* Scattering operators: the data are copied, then updates are written over them, one after the
 * other: the last of several updates of one element wins, and sums have one order. */
#include "passes/lower/moves/move.h"

#include <string.h>

/* out[at] = reduction(out[at], value). */
static void update(Lower *lw, const char *reduction, const Tensor *out, Inst *const *at,
                   Inst *value)
{
    Builder *b = &lw->b;
    value = kb_cast(b, lower_type(out->dtype), value);
    if (strcmp(reduction, "none") != 0)
        value = move_reduce(b, reduction, lower_load(lw, out, at), value);
    lower_store_to(lw, out, at, value);
}

int lower_scatter_elements(Lower *lw, Node *node)
{
    const Tensor *index = node->in[1], *out = node->out[0];
    Builder *b = &lw->b;
    int axis = (int)node_int(node, "axis");
    Inst *idx[MAX_RANK] = {0}, *at[MAX_RANK] = {0};
    move_copy(lw, "data", node->in[0], out);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, index->rank, index->dims, NULL, false, 0, idx);
    for (int i = 0; i < out->rank; i++) at[i] = idx[i];
    Inst *n = kb_size(b, out->dims[axis]);
    at[axis] = move_wrap(b, lower_load(lw, index, idx), n);
    move_check(b, at[axis], n, RUN_INDEX);
    if (dtype_is_opaque(out->dtype)) loops += lower_nest_of(lw, out, 0, NULL, NULL, 0, NULL);
    update(lw, node_string(node, "reduction"), out, at, lower_load(lw, node->in[2], idx));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

int lower_scatter_nd(Lower *lw, Node *node)
{
    const Tensor *index = node->in[1], *updates = node->in[2], *out = node->out[0];
    Builder *b = &lw->b;
    int last = index->rank - 1;
    if (!size_is_const(index->dims[last]) || index->dims[last]->value > out->rank ||
        updates->rank != last + out->rank - (int)index->dims[last]->value)
        return diag_node(lw->diag, &node->origin, "indices: the last size does not fit the data");
    int depth = (int)index->dims[last]->value;
    Inst *idx[MAX_RANK] = {0}, *at[MAX_RANK] = {0}, *from[MAX_RANK] = {0};
    move_copy(lw, "data", node->in[0], out);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, last, updates->dims, NULL, false, 0, from);
    for (int i = 0; i < last; i++) idx[i] = from[i];
    for (int k = 0; k < depth; k++) {
        Inst *n = kb_size(b, out->dims[k]);
        idx[last] = kb_i64(b, k);
        at[k] = move_wrap(b, lower_load(lw, index, idx), n);
        move_check(b, at[k], n, RUN_INDEX);
    }
    loops +=
        lower_nest_of(lw, out, updates->rank - last, updates->dims + last, NULL, 0, from + last);
    for (int i = depth; i < out->rank; i++) at[i] = from[last + i - depth];
    update(lw, node_string(node, "reduction"), out, at, lower_load(lw, updates, from));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* A cache that is state lies where it lay: nothing else is to be written. */
static bool lies_in_place(Lower *lw, const Tensor *from, const Tensor *to)
{
    if (from->is_inlined || from->data) return false;
    const Place *a = lower_place(lw, from), *c = lower_place(lw, to);
    return a->buffer && a->buffer == c->buffer && a->offset == c->offset;
}

/* Writes update [batch, .., sequence, ..] into a cache at write_indices[batch]. */
int lower_tensor_scatter(Lower *lw, Node *node)
{
    const Tensor *updates = node->in[1], *starts = node_in(node, 2), *out = node->out[0];
    Builder *b = &lw->b;
    int axis = (int)node_int(node, "axis");
    bool circular = !strcmp(node_string(node, "mode"), "circular");
    Inst *idx[MAX_RANK] = {0}, *at[MAX_RANK] = {0};
    if (!lies_in_place(lw, node->in[0], out)) move_copy(lw, "cache", node->in[0], out);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, updates->rank, updates->dims, NULL, false, 0, idx);
    for (int i = 0; i < out->rank; i++) at[i] = idx[i];
    Inst *n = kb_size(b, out->dims[axis]);
    if (starts) at[axis] = kb_add(b, at[axis], kb_cast(b, DT_I64, lower_load(lw, starts, idx)));
    if (circular)
        at[axis] = move_mod(b, at[axis], n);
    else
        move_check(b, at[axis], n, RUN_INDEX);
    update(lw, "none", out, at, lower_load(lw, updates, idx));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- Col2Im: overlapping blocks are added up ---- */

static int col2im_block(Lower *lw, Inst *const *outer, int rank, const int64_t *block)
{
    const Node *node = lw->node;
    const Tensor *in = node->in[0], *out = node->out[0];
    Builder *b = &lw->b;
    const int64_t *dilations, *pads, *strides;
    const Size *dims[2 * MAX_RANK], *windows[MAX_RANK];
    Inst *idx[2 * MAX_RANK] = {0}, *at[MAX_RANK] = {outer[0], outer[1]};
    node_ints(node, "dilations", &dilations);
    node_ints(node, "pads", &pads);
    node_ints(node, "strides", &strides);
    for (int i = 0; i < rank; i++) {
        int64_t reach =
            out->dims[i + 2]->value + pads[i] + pads[i + rank] - dilations[i] * (block[i] - 1) - 1;
        windows[i] = size_const(lw->sizes, reach < 0 ? 0 : reach / strides[i] + 1);
        dims[i] = size_const(lw->sizes, block[i]);
        dims[i + rank] = windows[i];
    }
    int loops = lower_nest(lw, 2 * rank, dims, NULL, false, 0, idx);
    Inst *inside = kb_int(b, DT_BOOL, 1);
    for (int i = 0; i < rank; i++) {
        Inst *within = kb_muli(b, idx[i], dilations[i]);
        Inst *window = kb_muli(b, idx[i + rank], strides[i]);
        at[i + 2] = kb_addi(b, kb_add(b, within, window), -pads[i]);
        inside = kb_op(b, LI_AND, inside, move_inside(b, at[i + 2], kb_size(b, out->dims[i + 2])));
    }
    Inst *in_block = lower_flatten(lw, rank, dims, idx);
    Inst *area = kb_i64(b, 1);
    for (int i = 0; i < rank; i++) area = kb_muli(b, area, block[i]);
    Inst *from[] = {outer[0], kb_add(b, kb_mul(b, outer[1], area), in_block), NULL};
    from[2] = lower_flatten(lw, rank, windows, idx + rank);
    kb_if(b, inside);
    update(lw, "add", out, at, lower_load(lw, in, from));
    kb_end(b);
    return loops;
}

int lower_col2im(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Inst *outer[2] = {0};
    const int64_t *block;
    int rank = 0;
    if (!tensor_known_ints(lw->arena, node->in[2], &rank, &block) || 2 * rank > MAX_RANK)
        return diag_node(lw->diag, &node->origin, "block_shape: is not known or has over 4 axes");
    move_fill(lw, "zero", out, 0);
    lower_begin(lw, NULL);
    double work = lower_work(lw, node->in[0]) / (double)size_upper(lw->sizes, out->dims[0]) /
                  (double)size_upper(lw->sizes, out->dims[1]);
    int loops = lower_nest(lw, 2, out->dims, NULL, false, work, outer);
    loops += col2im_block(lw, outer, rank, block);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- MaxUnpool: indices are flat in the output that the pooling attributes give; a larger
 * output_shape keeps coordinates ---- */

int lower_max_unpool(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node->out[0];
    Builder *b = &lw->b;
    const int64_t *kernel, *pads, *strides;
    const Size *dims[MAX_RANK];
    Inst *idx[MAX_RANK] = {0}, *at[MAX_RANK] = {0};
    int rank = x->rank - 2;
    node_ints(node, "kernel_shape", &kernel);
    bool has_strides = node_ints(node, "strides", &strides) != 0;
    bool has_pads = node_ints(node, "pads", &pads) != 0;
    dims[0] = x->dims[0], dims[1] = x->dims[1];
    for (int i = 0; i < rank; i++) {
        const Size *last = size_addi(lw->sizes, x->dims[i + 2], -1);
        int64_t extra = kernel[i] - (has_pads ? pads[i] + pads[i + rank] : 0);
        last = size_muli(lw->sizes, last, has_strides ? strides[i] : 1);
        dims[i + 2] = size_addi(lw->sizes, last, extra);
    }
    move_fill(lw, "zero", out, 0);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, x->rank, x->dims, NULL, false, 0, idx);
    Inst *flat = kb_cast(b, DT_I64, lower_load(lw, node->in[1], idx)), *inside;
    inside = kb_op(b, LI_GE, flat, kb_i64(b, 0));
    lower_unflatten(lw, flat, x->rank, dims, at);
    for (int i = 0; i < x->rank; i++)
        inside = kb_op(b, LI_AND, inside, move_inside(b, at[i], kb_size(b, out->dims[i])));
    kb_if(b, inside);
    lower_store_to(lw, out, at, lower_load(lw, x, idx));
    kb_else(b);
    kb_fail(b, RUN_INDEX);
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
