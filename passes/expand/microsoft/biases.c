/* Additions of com.microsoft with what follows them. Dropouts are there as in inference. */
#include "passes/expand/build/build.h"

/* X + Y * gate, the product rounded first. */
int expand_ms_gated_add(Expand *x)
{
    x_result(x, 0, x_add(x, x_in(x, 0), x_mul(x, x_in(x, 1), x_in(x, 2))));
    return 0;
}

/* X + bias + skip */
int expand_ms_bias_add(Expand *x)
{
    TRY(x_need_rank(x, 1, 1));
    x_result(x, 0, x_add(x, x_add(x, x_in(x, 0), x_in(x, 1)), x_in(x, 2)));
    return 0;
}

/* The left half of X + bias, times Gelu of the right one. */
int expand_ms_bias_split_gelu(Expand *x)
{
    Tensor *sum = x_add(x, x_in(x, 0), x_in(x, 1)), *half[2];
    if (x_static(x, sum, -1, "the last size") % 2) return x_fail(x, "the last size is odd");
    x_split(x, sum, -1, 2, half);
    x_string(x, "approximate", "none");
    x_result(x, 0, x_mul(x, half[0], x_op1(x, OP_GELU, half[1])));
    return 0;
}

/* Softmax over all axes from `axis` on. */
int expand_ms_bias_softmax(Expand *x)
{
    Tensor *a = x_in(x, 0), *sum = x_add(x, a, x_in(x, 1));
    int64_t axis = node_int(x->n, "axis");
    if (axis < -a->rank || axis >= a->rank)
        return x_fail(x, "axis: %lld is out of range for %d dimensions", (long long)axis, a->rank);
    int first = (int)(axis < 0 ? axis + a->rank : axis);
    if (first == a->rank - 1) {
        x_result(x, 0, x_softmax(x, sum, -1));
        return 0;
    }
    const Size *flat[MAX_RANK], *rest = x_size(x, 1);
    for (int i = 0; i < a->rank; i++) {
        if (i < first) flat[i] = a->dims[i];
        if (i >= first) rest = size_mul(x->g->sizes, rest, a->dims[i]);
    }
    flat[first] = rest;
    Tensor *soft = x_softmax(x, x_reshape(x, sum, first + 1, flat), -1);
    x_result(x, 0, x_reshape(x, soft, a->rank, a->dims));
    return 0;
}

/* ---- Dropouts ---- */

static int check_inference(Expand *x, int in)
{
    const Tensor *training = x_in(x, in);
    double value = 0;
    if (!training || (training->data && const_is_uniform(training, &value) && value == 0)) return 0;
    return x_fail(x, "training_mode: only a constant false is supported");
}

/* Nothing is dropped: a bool for each element, or its bit in u32 words. */
static Tensor *all_kept(Expand *x, Tensor *a, bool bits)
{
    if (!x_ok(x)) return NULL;
    if (!bits) return x_expand(x, x_scalar(x, DT_BOOL, 1), a->rank, a->dims);
    const Size *words = size_ceildiv(x->g->sizes, tensor_elements(x->g->sizes, a), x_size(x, 32));
    return x_expand(x, x_scalar(x, DT_U32, (double)UINT32_MAX), 1, &words);
}

int expand_ms_bias_dropout(Expand *x)
{
    Tensor *residual = x_in(x, 2), *sum = x_add(x, x_in(x, 0), x_in(x, 1));
    TRY(check_inference(x, 4));
    if (residual) sum = x_add(x, sum, residual);
    x_result(x, 0, sum);
    if (x_wants(x, 1)) x_result(x, 1, all_kept(x, sum, x->n->op == OP_MS_BITMASK_BIAS_DROPOUT));
    return 0;
}

int expand_ms_bitmask_dropout(Expand *x)
{
    TRY(check_inference(x, 2));
    x_result(x, 0, x_in(x, 0));
    if (x_wants(x, 1)) x_result(x, 1, all_kept(x, x_in(x, 0), true));
    return 0;
}
