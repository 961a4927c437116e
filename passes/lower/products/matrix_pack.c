/* Packed right operands, and which tensors can be seen as matrices. */
#include "passes/lower/products/matrix.h"

/* Coordinate a of the source for packed coordinates d. */
static Inst *source_at(Lower *lw, const Pack *pack, int a, Inst *const *d)
{
    Builder *b = &lw->b;
    Inst *sum = kb_i64(b, 0);
    for (int j = 0; j < pack->dest_rank; j++) {
        if (pack->coef[a][j]) sum = kb_add(b, sum, kb_muli(b, d[j], pack->coef[a][j]));
    }
    return sum;
}

Inst *matrix_unpacked(Lower *lw, const Tensor *tensor, const Pack *pack, Inst *const *d)
{
    const Size *source[PACK_RANK];
    Inst *at[PACK_RANK], *idx[MAX_RANK];
    for (int a = 0; a < pack->source_rank; a++) {
        source[a] = size_const(lw->sizes, pack->source_dims[a]);
        at[a] = source_at(lw, pack, a, d);
    }
    Inst *flat = lower_flatten(lw, pack->source_rank, source, at);
    if (tensor->data) /* row-major */
        return kb_load(&lw->b, lower_tensor_param(lw, tensor, false), flat);
    lower_unflatten(lw, flat, tensor->rank, tensor->dims, idx);
    return lower_load(lw, tensor, idx);
}

/* A tensor that is only known at run time is packed there: the same order, by a kernel. */
static Buffer *pack_now(Lower *lw, const Tensor *tensor, const Pack *pack, const char *suffix)
{
    const Size *dims[PACK_RANK], *source[PACK_RANK];
    const Size *count = size_const(lw->sizes, 1);
    for (int j = 0; j < pack->dest_rank; j++) {
        dims[j] = size_const(lw->sizes, pack->dest_dims[j]);
        count = size_mul(lw->sizes, count, dims[j]);
    }
    for (int a = 0; a < pack->source_rank; a++)
        source[a] = size_const(lw->sizes, pack->source_dims[a]);
    DType type = lower_type(tensor->dtype);
    Buffer *buffer = lower_scratch(lw, suffix, type, count);
    lower_begin(lw, suffix);
    Builder *b = &lw->b;
    Inst *d[PACK_RANK];
    int loops = lower_nest(lw, pack->dest_rank, dims, NULL, false, 4, d);
    Inst *at[PACK_RANK], *inside = kb_int(b, DT_BOOL, 1);
    for (int a = 0; a < pack->source_rank; a++) {
        at[a] = source_at(lw, pack, a, d);
        Inst *fits = kb_op(b, LI_LT, at[a], kb_size(b, source[a]));
        inside = inside->op == LI_INT ? fits : kb_op(b, LI_AND, inside, fits);
    }
    Inst *flat = lower_flatten(lw, pack->source_rank, source, at);
    Param *to = lower_whole(lw, buffer, true);
    Inst *index = lower_flatten(lw, pack->dest_rank, dims, d), *coordinates[MAX_RANK];
    kb_if(b, inside);
    lower_unflatten(lw, flat, tensor->rank, tensor->dims, coordinates);
    kb_store(b, to, index, lower_load(lw, tensor, coordinates));
    kb_else(b);
    kb_store(b, to, index, kb_const(b, type, 0));
    kb_end(b);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return buffer;
}

Buffer *matrix_pack(Lower *lw, const Tensor *tensor, const Pack *pack, const char *suffix)
{
    if (tensor->data) return lower_pack(lw, tensor, pack, suffix);
    return pack_now(lw, tensor, pack, suffix);
}

/* ---- Several axes as one ---- */

bool matrix_flattens(Lower *lw, const Tensor *tensor, const int *axes, int count)
{
    if (tensor->is_inlined) return false;
    const Place *place = lower_place(lw, tensor);
    const Size *expect = NULL;
    for (int i = count - 1; i >= 0; i--) {
        int axis = axes[i];
        if (size_is(tensor->dims[axis], 1)) continue;
        if (expect && place->stride[axis] != expect) return false;
        expect = size_mul(lw->sizes, place->stride[axis], tensor->dims[axis]);
    }
    return true;
}

/* An operand of the epilogue: the flattened axes are all there with the result's sizes, or none. */
static bool operand_flattens(Lower *lw, const Tensor *tensor, const Tensor *result, const int *axes,
                             int count)
{
    int shift = result->rank - tensor->rank, own[MAX_RANK];
    bool same = true, unit = true;
    for (int i = 0; i < count; i++) {
        own[i] = axes[i] - shift;
        const Size *dim = own[i] < 0 ? size_const(lw->sizes, 1) : tensor->dims[own[i]];
        if (dim != result->dims[axes[i]]) same = false;
        if (!size_is(dim, 1)) unit = false;
    }
    if (tensor->is_inlined) {
        const Node *node = tensor->producer;
        bool fits = (op_info(node->op)->traits & T_ELEMENTWISE) && (same || unit);
        for (int i = 0; fits && i < node->in_count; i++) {
            if (node->in[i]) fits = operand_flattens(lw, node->in[i], result, axes, count);
        }
        return fits;
    }
    if (unit) return true;
    if (!same) return false;
    int kept = 0; /* leading unit axes that the tensor does not have */
    while (kept < count && own[kept] < 0) kept++;
    return matrix_flattens(lw, tensor, own + kept, count - kept);
}

bool matrix_result_flattens(Lower *lw, const int *axes, int count)
{
    const Node *node = lw->node;
    const Tensor *result = node_result(node), *before = node->out[0];
    if (!matrix_flattens(lw, result, axes, count)) return false;
    for (int k = 0; k < node->epilogue_count; k++) {
        const Node *step = node->epilogue[k];
        for (int i = 0; i < step->in_count; i++) {
            const Tensor *in = step->in[i];
            if (in && in != before && !operand_flattens(lw, in, result, axes, count)) return false;
        }
        before = step->out[0];
    }
    return true;
}
