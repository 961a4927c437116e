/* The products of FlexAttention, between which the frontend puts the model's graphs (frontend/flex.c). Heads
 * of queries that share a head of keys are rows of one matrix:
 *
 *     [batch, heads, length, depth]  is  [batch, kv_heads, heads / kv_heads * length, depth] */
#include "passes/expand/build/build.h"

#include <math.h>

static int need_heads(Expand *x)
{
    for (int i = 0; i < 2; i++) TRY(x_need_rank(x, i, 4));
    const Size *heads = x_dim(x, x_in(x, 0), 1), *shared = x_dim(x, x_in(x, 1), 1);
    if (heads == shared) return 0;
    if (size_is_const(heads) && size_is_const(shared) && shared->value > 0 &&
        heads->value % shared->value == 0)
        return 0;
    return x_fail(x, "%s heads of queries are no multiple of %s heads of keys",
                  size_text(x->g->sizes, heads), size_text(x->g->sizes, shared));
}

static Tensor *with_heads(Expand *x, Tensor *a, const Size *heads)
{
    SizeTable *t = x->g->sizes;
    if (x_dim(x, a, 1) == heads) return a;
    const Size *rows = size_div(t, size_mul(t, x_dim(x, a, 1), x_dim(x, a, 2)), heads);
    const Size *dims[] = {x_dim(x, a, 0), heads, rows, x_dim(x, a, 3)};
    return x_reshape(x, a, 4, dims);
}

/* scale * Q K^T in the type of softmax: f64 of f64, else f32, or what the node says. */
int expand_flex_scores(Expand *x)
{
    Tensor *q = x_in(x, 0), *k = x_in(x, 1);
    TRY(need_heads(x));
    int64_t given = node_int(x->n, "softmax_precision");
    DType type = given ? dtype_from_onnx((int)given) : q->dtype == DT_F64 ? DT_F64 : DT_F32;
    if (!dtype_is_float(type))
        return x_fail(x, "softmax_precision: %lld is no type of floats", (long long)given);
    double scale = node_float(x->n, "scale");
    if (!node_attr(x->n, "scale")) scale = 1 / sqrt((double)x_static(x, q, 3, "the head size"));
    Tensor *rows = with_heads(x, x_cast(x, q, type), x_dim(x, k, 1));
    Tensor *scores = x_matmul(x, rows, x_swap(x, x_cast(x, k, type), 2, 3));
    x_result(x, 0, with_heads(x, x_scale(x, scores, scale), x_dim(x, q, 1)));
    return x->code;
}

/* probabilities V, in V's type */
int expand_flex_values(Expand *x)
{
    Tensor *probs = x_in(x, 0), *v = x_in(x, 1);
    TRY(need_heads(x));
    Tensor *rows = with_heads(x, x_cast(x, probs, v->dtype), x_dim(x, v, 1));
    x_result(x, 0, with_heads(x, x_matmul(x, rows, v), x_dim(x, probs, 1)));
    return x->code;
}
