/* Gather, GatherElements, GatherND. A negative index counts from the end. Rules that are inlined
 * into other loops keep indices inside by clamping; a Gather with kernels of its own fails with
 * LPC_RUN_INDEX on an index that points outside, as ONNX has it. */
#include "passes/lower/moves/move.h"

/* Constant indices are checked at compile time. */
static bool indices_are_good(const Tensor *index, const Size *size)
{
    if (!index->data || !size_is_const(size)) return false;
    int64_t count = tensor_static_elements(index);
    for (int64_t i = 0; i < count; i++) {
        int64_t value = const_i64_at(index, i);
        if (value < -size->value || value >= size->value) return false;
    }
    return true;
}

static Inst *index_at(Lower *lw, const Tensor *index, Inst *const *idx, const Size *size)
{
    Builder *b = &lw->b;
    Inst *n = kb_size(b, size);
    Inst *i = move_wrap(b, lower_load(lw, index, idx), n);
    return indices_are_good(index, size) ? i : move_clamp(b, i, n);
}

Inst *point_gather(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0], *index = node->in[1];
    int axis = (int)node_int(node, "axis");
    Inst *own[MAX_RANK] = {0};
    (void)output;
    if (move_is_empty(in)) return kb_const(&lw->b, lower_type(in->dtype), 0);
    for (int i = 0; i < axis; i++) own[i] = idx[i];
    own[axis] = index_at(lw, index, idx + axis, in->dims[axis]);
    for (int i = axis + 1; i < in->rank; i++) own[i] = idx[i + index->rank - 1];
    return lower_load(lw, in, own);
}

Inst *point_gather_elements(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0];
    int axis = (int)node_int(node, "axis");
    Inst *own[MAX_RANK] = {0};
    (void)output;
    if (move_is_empty(in)) return kb_const(&lw->b, lower_type(in->dtype), 0);
    for (int i = 0; i < in->rank; i++) own[i] = idx[i];
    own[axis] = index_at(lw, node->in[1], idx, in->dims[axis]);
    return lower_load(lw, in, own);
}

Inst *point_gather_nd(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *in = node->in[0], *index = node->in[1];
    int batch = (int)node_int(node, "batch_dims"), last = index->rank - 1;
    int depth = (int)index->dims[last]->value;
    Inst *own[MAX_RANK] = {0}, *at[MAX_RANK] = {0};
    (void)output;
    if (move_is_empty(in)) return kb_const(&lw->b, lower_type(in->dtype), 0);
    for (int i = 0; i < last; i++) at[i] = idx[i];
    for (int i = 0; i < batch; i++) own[i] = idx[i];
    for (int k = 0; k < depth; k++) {
        at[last] = kb_i64(&lw->b, k);
        own[batch + k] = index_at(lw, index, at, in->dims[batch + k]);
    }
    for (int i = batch + depth; i < in->rank; i++) own[i] = idx[i - batch - depth + last];
    return lower_load(lw, in, own);
}

/* One index per row of the axes after `axis`; the loops over those axes copy. */
int lower_gather(Lower *lw, Node *node)
{
    const Tensor *in = node->in[0], *index = node->in[1], *out = node_result(node);
    int axis = (int)node_int(node, "axis"), outer = axis + index->rank;
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0}, *own[MAX_RANK] = {0};
    double row = 1;
    for (int i = outer; i < out->rank; i++) row *= (double)size_upper(lw->sizes, out->dims[i]);
    lower_begin(lw, NULL);
    int loops = lower_nest(lw, outer, out->dims, NULL, false, row, idx);
    for (int i = 0; i < axis; i++) own[i] = idx[i];
    Inst *n = kb_size(b, in->dims[axis]);
    own[axis] = move_wrap(b, lower_load(lw, index, idx + axis), n);
    if (!indices_are_good(index, in->dims[axis])) move_check(b, own[axis], n, RUN_INDEX);
    loops += lower_nest_of(lw, out, out->rank - outer, out->dims + outer, NULL, 0, idx + outer);
    for (int i = axis + 1; i < in->rank; i++) own[i] = idx[i + index->rank - 1];
    lower_store(lw, idx, lower_load(lw, in, own));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
