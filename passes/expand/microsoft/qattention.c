/* QAttention of com.microsoft: the projection on integers, then attention on real numbers. */
#include "passes/expand/microsoft/quantized.h"

/* 0 where `seen`, else what the operator fills in. */
static Tensor *filled(Expand *x, Tensor *seen, DType type)
{
    Tensor *none = x_scalar(x, type, node_float(x->n, "mask_filter_value"));
    return x_op3(x, OP_WHERE, seen, x_scalar(x, type, 0), none);
}

/* [batch] ends, or [2 * batch] ends and starts: [batch, 1, 1, total] of what is between. */
static Tensor *from_ends(Expand *x, Tensor *index, const Size *total)
{
    const Size *batch = x_dim(x, x_in(x, 0), 0);
    const Size *column[] = {batch, x_size(x, 1), x_size(x, 1), x_size(x, 1)};
    bool starts = x_dim(x, index, 0) != batch;
    Tensor *at = x_range(x, index->dtype, total);
    Tensor *ends = starts ? x_slice(x, index, 0, x_size(x, 0), batch) : index;
    Tensor *seen = x_op2(x, OP_LESS, at, x_reshape(x, ends, 4, column));
    if (!starts) return seen;
    Tensor *from = x_slice(x, index, 0, batch, x_dim(x, index, 0));
    Tensor *after = x_op2(x, OP_GREATER_OR_EQUAL, at, x_reshape(x, from, 4, column));
    return x_op2(x, OP_AND, seen, after);
}

/* The mask that is added to the scores, of 4 axes; NULL: none. */
static Tensor *score_mask(Expand *x, const Size *total, DType type)
{
    Tensor *mask = x_in(x, 5), *seen;
    if (!mask || !x_ok(x)) return NULL;
    if (mask->rank == 1) return filled(x, from_ends(x, mask, total), type);
    if (mask->rank != 2 && mask->rank != 3) {
        x_fail(x, "mask: expected 1 to 3 dimensions, got %d", mask->rank);
        return NULL;
    }
    if (size_is(mask->dims[1], 1) && !size_is(total, 1)) return NULL; /* a dummy: all is seen */
    seen = x_op2(x, OP_GREATER, mask, x_like(x, mask, 0));
    seen = x_unsqueeze(x, seen, 1);
    if (mask->rank == 2) seen = x_unsqueeze(x, seen, 2);
    return filled(x, seen, type);
}

/* Half of [2, batch, heads, length, depth]. */
static void split_past(Expand *x, Tensor *past, Tensor **key, Tensor **value)
{
    Tensor *half[2];
    x_split(x, past, 0, 2, half);
    *key = x_squeeze(x, half[0], 0);
    *value = x_squeeze(x, half[1], 0);
}

/* (input, weight, bias, input_scale, weight_scale, mask_index, input_zero, weight_zero, past) */
int expand_ms_qattention(Expand *x)
{
    Tensor *a = xq_bytes(x, 0), *w = xq_bytes(x, 1), *bias = x_in(x, 2), *past = x_in(x, 8);
    if (x_need_rank(x, 0, 3) || x_need_rank(x, 1, 2) || x_need_rank(x, 8, 5)) return LPC_ERROR;
    if (node_int(x->n, "do_rotary") || node_int(x->n, "past_present_share_buffer"))
        return x_fail(x, "do_rotary and past_present_share_buffer are not supported");
    Tensor *scale = x_mul(x, xq_single(x, 3, DT_NONE), x_in(x, 4));
    Tensor *all = xq_product(x, a, w, xq_single(x, 6, DT_NONE), x_in(x, 7), scale, bias);
    Tensor *in[6] = {0}, *out[3] = {0};
    x_split(x, all, 2, 3, in);
    if (!x_ok(x)) return 0;
    const Size *total = x_dim(x, a, 1);
    if (past) total = size_add(x->g->sizes, total, x_dim(x, past, 3));
    in[3] = score_mask(x, total, all->dtype);
    if (past) split_past(x, past, &in[4], &in[5]);
    x_int(x, "q_num_heads", node_int(x->n, "num_heads"));
    x_int(x, "kv_num_heads", node_int(x->n, "num_heads"));
    x_int(x, "is_causal", node_int(x->n, "unidirectional") != 0);
    if (xq_has(x, "scale")) x_float(x, "scale", node_float(x->n, "scale"));
    x_op_many(x, OP_ATTENTION, 6, in, 3, out);
    x_result(x, 0, out[0]);
    if (!x_wants(x, 1)) return 0;
    Tensor *both[2];
    for (int i = 0; i < 2; i++) both[i] = x_unsqueeze(x, out[i + 1], 0);
    x_result(x, 1, x_concat(x, 0, 2, both));
    return 0;
}
