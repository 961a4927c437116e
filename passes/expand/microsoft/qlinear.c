/* Products of integers of com.microsoft. */
#include "passes/expand/microsoft/quantized.h"

/* (x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, B): ONNX's, maybe with channels last. */
int expand_ms_qlinear_conv(Expand *x)
{
    static const char *const same[] = {"auto_pad",     "dilations", "group",
                                       "kernel_shape", "pads",      "strides"};
    bool last = node_int(x->n, "channels_last") != 0;
    Tensor *in[9];
    for (int i = 0; i < 9; i++) in[i] = x_in(x, i);
    in[0] = xq_channels_first(x, in[0], last);
    xq_attrs(x, 6, same);
    x_result(x, 0, xq_channels_last(x, x_op(x, OP_QLINEAR_CONV, 9, in), last));
    return 0;
}

/* The zero point of b's columns: one, or one for each. With an axis for each of the operand's it may have batches, as
 * long as all are the same. */
static Tensor *column_zero(Expand *x, int in, const Tensor *b)
{
    Tensor *zero = x_in(x, in);
    double value;
    if (!zero || !x_ok(x)) return NULL;
    if (zero->rank > 1 && zero->data && const_is_uniform(zero, &value))
        return x_scalar(x, zero->dtype, value);
    const Size *count = x_dim(x, zero, -1);
    if (zero->rank > 0 && !size_is(count, 1) && count != x_dim(x, b, -1))
        x_fail(x, "input %d ('%s'): expected one zero point, or one for each column", in,
               zero->name);
    return zero;
}

/* (A, a_scale, a_zero, B, b_scale, b_zero, C, y_scale, y_zero):
 * alpha * a_scale * b_scale * ((A - a_zero) (B - b_zero) + C). */
int expand_ms_qgemm(Expand *x)
{
    Tensor *a = xq_bytes(x, 0), *b = xq_bytes(x, 3), *c = x_in(x, 6), *y_zero = x_in(x, 8);
    Tensor *a_scale = xq_single(x, 1, DT_F32), *a_zero = xq_single(x, 2, DT_NONE);
    if (x_need_rank(x, 0, 2) || x_need_rank(x, 3, 2) || !x_ok(x)) return LPC_ERROR;
    if (node_int(x->n, "transA")) a = x_swap(x, a, 0, 1);
    if (node_int(x->n, "transB")) b = x_swap(x, b, 0, 1);
    Tensor *in[] = {a, b, a_zero, column_zero(x, 5, b)};
    Tensor *sum = x_op(x, OP_MAT_MUL_INTEGER, 4, in);
    if (c) sum = x_add(x, sum, c);
    Tensor *scale = x_scale(x, x_mul(x, a_scale, x_in(x, 4)), node_float(x->n, "alpha"));
    Tensor *y = x_mul(x, x_cast(x, sum, DT_F32), scale);
    bool quantised = x_in(x, 7) && x_ok(x);
    if (quantised) y = xq_out(x, y, 7, 8, y_zero ? y_zero->dtype : x_in(x, 0)->dtype);
    x_result(x, 0, y);
    return 0;
}

/* (A, B, a_scale, b_scale, a_zero, b_zero, bias) */
int expand_ms_matmul_integer_to_float(Expand *x)
{
    Tensor *a = xq_bytes(x, 0), *b = xq_bytes(x, 1);
    Tensor *scale = x_mul(x, xq_single(x, 2, DT_NONE), x_in(x, 3));
    Tensor *a_zero = xq_single(x, 4, DT_NONE);
    x_result(x, 0, xq_product(x, a, b, a_zero, column_zero(x, 5, b), scale, x_in(x, 6)));
    return 0;
}

/* (A, B, b_scale, b_zero, bias) */
int expand_ms_dynamic_quantize_matmul(Expand *x)
{
    Tensor *a = x_in(x, 0), *b = xq_bytes(x, 1), *q[3] = {0};
    if (!x_ok(x)) return 0;
    x_op_many(x, OP_DYNAMIC_QUANTIZE_LINEAR, 1, &a, 3, q);
    Tensor *scale = x_mul(x, q[1], x_in(x, 2));
    x_result(x, 0, xq_product(x, q[0], b, q[2], column_zero(x, 3, b), scale, x_in(x, 4)));
    return 0;
}

/* In 32 bits, unsigned where both operands are. */
int expand_ms_matmul_integer16(Expand *x)
{
    Tensor *a = x_in(x, 0), *b = x_in(x, 1);
    for (int i = 0; i < 2; i++) {
        DType type = x_in(x, i)->dtype;
        if (type != DT_I16 && type != DT_U16)
            return x_fail(x, "input %d: expected type i16 or u16, got %s", i, dtype_name(type));
    }
    DType type = a->dtype == DT_U16 && b->dtype == DT_U16 ? DT_U32 : DT_I32;
    a = x_cast(x, a, type);
    x_result(x, 0, x_matmul(x, a, x_cast(x, b, type)));
    return 0;
}

static Tensor *centred(Expand *x, int in, int zero)
{
    Tensor *a = xq_bytes(x, in), *z = xq_single(x, zero, DT_NONE);
    if (!x_ok(x)) return NULL;
    a = x_cast(x, a, DT_I32);
    return z ? x_sub(x, a, x_cast(x, z, DT_I32)) : a;
}

/* (A, a_zero, B, b_zero) */
int expand_ms_mul_integer(Expand *x)
{
    Tensor *a = centred(x, 0, 1);
    x_result(x, 0, x_mul(x, a, centred(x, 2, 3)));
    return 0;
}
