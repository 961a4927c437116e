/* QuantizeLinear and DequantizeLinear of com.microsoft, and quantised operators of single elements: written
 * out, they are one loop over the elements. */
#include "passes/expand/microsoft/quantized.h"

#include <string.h>

/* ---- QuantizeLinear, DequantizeLinear: ONNX's, where one scale may be a list of one element ---- */

static int with_axis(Expand *x, OpCode op)
{
    static const char *const axis[] = {"axis"};
    Tensor *scale = x_in(x, 1), *zero = x_in(x, 2);
    bool list = x_rank(x, scale) == 1 && !size_is(x_dim(x, scale, 0), 1);
    if (!xq_has(x, "axis") && !list) {
        scale = xq_single(x, 1, DT_NONE);
        zero = xq_single(x, 2, DT_NONE);
    }
    xq_attrs(x, 1, axis);
    x_result(x, 0, x_op3(x, op, x_in(x, 0), scale, zero));
    return 0;
}

int expand_ms_quantize(Expand *x)
{
    return with_axis(x, OP_QUANTIZE_LINEAR);
}

int expand_ms_dequantize(Expand *x)
{
    return with_axis(x, OP_DEQUANTIZE_LINEAR);
}

/* ---- Two operands ---- */

static int binary(Expand *x, OpCode op)
{
    Tensor *a = xq_in(x, 0, 1, 2), *b = xq_in(x, 3, 4, 5);
    if (!x_ok(x)) return 0;
    DType type = x_in(x, 0)->dtype;
    x_result(x, 0, xq_out(x, x_op2(x, op, a, b), 6, 7, type));
    return 0;
}

int expand_ms_qlinear_add(Expand *x)
{
    return binary(x, OP_ADD);
}

int expand_ms_qlinear_mul(Expand *x)
{
    return binary(x, OP_MUL);
}

/* (condition, X, x_scale, x_zero, Y, y_scale, y_zero, z_scale, z_zero) */
int expand_ms_qlinear_where(Expand *x)
{
    Tensor *a = xq_in(x, 1, 2, 3), *b = xq_in(x, 4, 5, 6);
    if (!x_ok(x)) return 0;
    Tensor *chosen = x_op3(x, OP_WHERE, x_in(x, 0), a, b);
    x_result(x, 0, xq_out(x, chosen, 7, 8, x_in(x, 1)->dtype));
    return 0;
}

/* (scale, zero, then for each part: elements, scale, zero). Each part gets the output's parameters by
 * itself: one that has them already is moved only. */
int expand_ms_qlinear_concat(Expand *x)
{
    int count = (x->n->in_count - 2) / 3;
    Tensor *zero = x_in(x, 1);
    if (count < 1 || x->n->in_count != 2 + 3 * count || !zero)
        return x_fail(x, "expected scale, zero point, and three inputs for each part");
    Tensor **parts = arena_array(x->g->arena, (size_t)count, sizeof *parts);
    for (int i = 0; i < count; i++) {
        int at = 2 + 3 * i;
        parts[i] = xq_out(x, xq_in(x, at, at + 1, at + 2), 0, 1, zero->dtype);
    }
    if (!x_ok(x)) return 0;
    x_result(x, 0, x_concat(x, (int)node_int(x->n, "axis"), count, parts));
    return 0;
}

/* ---- One operand: (X, x_scale, x_zero, y_scale, y_zero) ---- */

static int finish(Expand *x, Tensor *y)
{
    if (x_ok(x)) x_result(x, 0, xq_out(x, y, 3, 4, x_in(x, 0)->dtype));
    return 0;
}

int expand_ms_qlinear_leaky_relu(Expand *x)
{
    Tensor *a = xq_in(x, 0, 1, 2);
    x_float(x, "alpha", node_float(x->n, "alpha"));
    return finish(x, x_op1(x, OP_LEAKY_RELU, a));
}

int expand_ms_qlinear_sigmoid(Expand *x)
{
    return finish(x, x_op1(x, OP_SIGMOID, xq_in(x, 0, 1, 2)));
}

/* Before opset 13 the axes from `axis` on are one. */
int expand_ms_qlinear_softmax(Expand *x)
{
    Tensor *a = xq_in(x, 0, 1, 2);
    bool old = node_int(x->n, "opset") < 13;
    int rank = x_rank(x, a);
    int64_t axis = xq_has(x, "axis") ? node_int(x->n, "axis") : old ? 1 : -1;
    if (!x_ok(x)) return 0;
    if (axis < -rank || axis >= rank)
        return x_fail(x, "axis %lld is not one of %d", (long long)axis, rank);
    if (axis < 0) axis += rank;
    if (!old || axis == rank - 1) return finish(x, x_softmax(x, a, (int)axis));
    x_int(x, "axis", axis);
    Tensor *rows = x_softmax(x, x_op1(x, OP_FLATTEN, a), 1);
    return finish(x, x_reshape(x, rows, rank, x_in(x, 0)->dims));
}

/* ---- Reductions and pools ---- */

/* The reduction's axes: the attribute's, or all. */
static Tensor *reduced(Expand *x, OpCode op, Tensor *a)
{
    const int64_t *axes;
    int count = node_ints(x->n, "axes", &axes);
    x_int(x, "keepdims", node_int(x->n, "keepdims"));
    return x_op2(x, op, a, count ? x_i64(x, count, axes) : NULL);
}

int expand_ms_qlinear_reduce_mean(Expand *x)
{
    return finish(x, reduced(x, OP_REDUCE_MEAN, xq_in(x, 0, 1, 2)));
}

int expand_ms_reduce_sum_integer(Expand *x)
{
    Tensor *a = xq_bytes(x, 0);
    if (!x_ok(x)) return 0;
    DType type = a->dtype == DT_U8 ? DT_U32 : DT_I32;
    x_result(x, 0, reduced(x, OP_REDUCE_SUM, x_cast(x, a, type)));
    return 0;
}

int expand_ms_qlinear_average_pool(Expand *x)
{
    static const char *const same[] = {"auto_pad",     "ceil_mode", "count_include_pad",
                                       "kernel_shape", "pads",      "strides"};
    bool last = node_int(x->n, "channels_last") != 0;
    Tensor *a = xq_channels_first(x, xq_in(x, 0, 1, 2), last);
    xq_attrs(x, 6, same);
    return finish(x, xq_channels_last(x, x_op1(x, OP_AVERAGE_POOL, a), last));
}

int expand_ms_qlinear_global_average_pool(Expand *x)
{
    bool last = node_int(x->n, "channels_last") != 0;
    Tensor *a = xq_channels_first(x, xq_in(x, 0, 1, 2), last);
    return finish(x, xq_channels_last(x, x_op1(x, OP_GLOBAL_AVERAGE_POOL, a), last));
}

int expand_ms_nhwc_max_pool(Expand *x)
{
    static const char *const same[] = {"auto_pad",     "ceil_mode", "dilations",
                                       "kernel_shape", "pads",      "strides"};
    Tensor *a = xq_channels_first(x, x_in(x, 0), true);
    xq_attrs(x, 6, same);
    x_result(x, 0, xq_channels_last(x, x_op1(x, OP_MAX_POOL, a), true));
    return 0;
}
