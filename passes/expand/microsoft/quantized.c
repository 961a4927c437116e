/* What rules of quantised operators share. */
#include "passes/expand/microsoft/quantized.h"

void xq_attrs(Expand *x, int count, const char *const *names)
{
    for (int i = 0; i < count; i++) {
        const Attr *attr = node_attr(x->n, names[i]);
        if (attr) arena_push(x->g->arena, x->waiting.attrs, x->waiting.attr_count) = *attr;
    }
}

bool xq_has(const Expand *x, const char *attr)
{
    return node_attr(x->n, attr) != NULL;
}

Tensor *xq_need(Expand *x, int in)
{
    if (!x_in(x, in)) x_fail(x, "input %d is missing", in);
    return x_in(x, in);
}

Tensor *xq_single(Expand *x, int in, DType type)
{
    Tensor *t = x_in(x, in);
    bool single = true;
    for (int i = 0; t && i < t->rank; i++) single &= size_is(t->dims[i], 1);
    if (!single) x_fail(x, "input %d ('%s'): expected a single value", in, t->name);
    if (t && type != DT_NONE && t->dtype != type)
        x_fail(x, "input %d ('%s'): expected type %s, got %s", in, t->name, dtype_name(type),
               dtype_name(t->dtype));
    return t && t->rank ? x_reshape(x, t, 0, NULL) : t;
}

Tensor *xq_bytes(Expand *x, int in)
{
    Tensor *t = xq_need(x, in);
    if (t && t->dtype != DT_U8 && t->dtype != DT_I8)
        x_fail(x, "input %d ('%s'): expected type i8 or u8, got %s", in, t->name,
               dtype_name(t->dtype));
    return t;
}

Tensor *xq_scale(Expand *x, int in)
{
    return xq_need(x, in) ? xq_single(x, in, DT_F32) : NULL;
}

Tensor *xq_dequantize(Expand *x, Tensor *t, Tensor *scale, Tensor *zero)
{
    return x_op3(x, OP_DEQUANTIZE_LINEAR, t, scale, zero);
}

Tensor *xq_quantize(Expand *x, Tensor *t, Tensor *scale, Tensor *zero, DType type)
{
    if (!zero) zero = x_scalar(x, type, 0);
    return x_op3(x, OP_QUANTIZE_LINEAR, t, scale, zero);
}

Tensor *xq_in(Expand *x, int in, int scale, int zero)
{
    Tensor *t = xq_bytes(x, in);
    Tensor *s = xq_scale(x, scale);
    if (!x_ok(x)) return NULL;
    return xq_dequantize(x, t, s, xq_single(x, zero, t->dtype));
}

Tensor *xq_out(Expand *x, Tensor *t, int scale, int zero, DType type)
{
    Tensor *s = xq_scale(x, scale);
    if (!x_ok(x)) return NULL;
    return xq_quantize(x, t, s, xq_single(x, zero, type), type);
}

Tensor *xq_channels_first(Expand *x, Tensor *t, bool channels_last)
{
    int order[MAX_RANK], rank = x_rank(x, t);
    if (!channels_last) return t;
    for (int i = 2; i < rank; i++) order[i] = i - 1;
    order[0] = 0;
    order[1] = rank - 1;
    if (rank < 3) x_fail(x, "input 0: expected at least 3 dimensions, got %d", rank);
    return x_ok(x) ? x_transpose(x, t, order) : NULL;
}

Tensor *xq_channels_last(Expand *x, Tensor *t, bool channels_last)
{
    int order[MAX_RANK], rank = x_rank(x, t);
    if (!channels_last || !x_ok(x)) return t;
    for (int i = 1; i + 1 < rank; i++) order[i] = i + 1;
    order[0] = 0;
    order[rank - 1] = 1;
    return x_transpose(x, t, order);
}

/* Zero points that differ from matrix to matrix. */
static bool is_by_batch(const Tensor *zero)
{
    bool by_batch = false;
    for (int i = 0; zero && i + 1 < zero->rank; i++) by_batch |= !size_is(zero->dims[i], 1);
    return by_batch;
}

static Tensor *centred(Expand *x, Tensor *a, Tensor *zero)
{
    a = x_cast(x, a, DT_I32);
    return zero ? x_sub(x, a, x_cast(x, zero, DT_I32)) : a;
}

static Tensor *integer_product(Expand *x, Tensor *a, Tensor *b, Tensor *a_zero, Tensor *b_zero)
{
    Tensor *in[] = {a, b, a_zero, b_zero};
    if (!is_by_batch(b_zero)) return x_op(x, OP_MAT_MUL_INTEGER, 4, in);
    a = centred(x, a, a_zero);
    return x_matmul(x, a, centred(x, b, b_zero));
}

Tensor *xq_product(Expand *x, Tensor *a, Tensor *b, Tensor *a_zero, Tensor *b_zero, Tensor *scale,
                   Tensor *bias)
{
    if (!x_ok(x)) return NULL;
    Tensor *sum = x_cast(x, integer_product(x, a, b, a_zero, b_zero), DT_F32);
    Tensor *out = x_mul(x, sum, x_cast(x, scale, DT_F32)); /* a sum of integers may not fit f16 */
    if (bias) out = x_add(x, out, x_cast(x, bias, DT_F32));
    return x_cast(x, out, scale->dtype);
}
