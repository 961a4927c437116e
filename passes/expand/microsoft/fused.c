/* Products and convolutions of com.microsoft with what ONNX Runtime fused into them: the plain operator and
 * element-wise ones, which become its epilogue. */
#include "passes/expand/microsoft/fused.h"

#include <string.h>

/* ---- Activations ---- */

Tensor *fused_activation(Expand *x, Tensor *a)
{
    const Attr *parameters = node_attr(x->n, "activation_params");
    return x_activation(x, a, node_string(x->n, "activation"), parameters ? parameters->count : 0,
                        parameters ? parameters->floats : NULL);
}

/* activation_alpha and its kin: the second parameter is gamma where the activation has that. */
static Tensor *named_activation(Expand *x, Tensor *a)
{
    const char *name = node_string(x->n, "activation");
    const char *second = strcmp(name, "Selu") ? "activation_beta" : "activation_gamma";
    double parameters[2] = {node_float(x->n, "activation_alpha"), node_float(x->n, second)};
    int count = !node_attr(x->n, "activation_alpha") ? 0 : node_attr(x->n, second) ? 2 : 1;
    if (!strcmp(name, "Softmax")) {
        const Attr *axis = node_attr(x->n, "activation_axis");
        return x_softmax(x, a, axis ? (int)axis->ints[0] : -1);
    }
    return x_activation(x, a, name, count, parameters);
}

/* ---- Convolutions ---- */

void fused_copy_ints(Expand *x, const char *name)
{
    const int64_t *values;
    int count = node_ints(x->n, name, &values);
    if (count) x_ints(x, name, count, values);
}

void fused_window(Expand *x)
{
    static const char *const names[] = {"kernel_shape", "strides", "dilations", "pads"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) fused_copy_ints(x, names[i]);
    x_string(x, "auto_pad", node_string(x->n, "auto_pad"));
}

Tensor *fused_conv(Expand *x, Tensor *a, Tensor *weights)
{
    Tensor *bias = x_in(x, 2), *sum = x_in(x, 3);
    fused_window(x);
    x_int(x, "group", node_int(x->n, "group"));
    Tensor *y = x_op3(x, OP_CONV, a, weights, bias);
    return sum ? x_add(x, y, sum) : y;
}

int expand_ms_fused_conv(Expand *x)
{
    x_result(x, 0, fused_activation(x, fused_conv(x, x_in(x, 0), x_in(x, 1))));
    return 0;
}

/* Channels last: between transposes, which only say how memory lies. */
int expand_ms_nhwc_conv(Expand *x)
{
    Tensor *a = x_in(x, 0), *sum = x_in(x, 3);
    int first[MAX_RANK] = {0}, last[MAX_RANK] = {0}, rank = a->rank;
    if (rank < 3) return x_fail(x, "input 0: expected 3 or more dimensions, got %d", rank);
    for (int i = 2; i < rank; i++) first[i] = i - 1, last[i - 1] = i;
    first[1] = rank - 1;
    last[rank - 1] = 1;
    Tensor *turned = x_transpose(x, a, first);
    fused_window(x);
    x_int(x, "group", node_int(x->n, "group"));
    Tensor *y = x_op3(x, OP_CONV, turned, x_in(x, 1), x_in(x, 2));
    if (sum) y = x_add(x, y, x_transpose(x, sum, first));
    x_result(x, 0, x_transpose(x, fused_activation(x, y), last));
    return 0;
}

int expand_ms_conv_transpose(Expand *x)
{
    const Tensor *given = x_in(x, 2);
    const int64_t *pads = NULL;
    int count = 0;
    if (given && !tensor_known_ints(x->g->arena, given, &count, &pads))
        return x_fail(x, "pads: must be known at compile time, bind them with --bind-input");
    static const char *const names[] = {"kernel_shape", "strides", "dilations", "output_padding"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) fused_copy_ints(x, names[i]);
    if (count) x_ints(x, "pads", count, pads);
    x_string(x, "auto_pad", node_string(x->n, "auto_pad"));
    x_int(x, "group", node_int(x->n, "group"));
    x_result(x, 0, x_op3(x, OP_CONV_TRANSPOSE, x_in(x, 0), x_in(x, 1), x_in(x, 3)));
    return 0;
}

/* ---- Products ---- */

int expand_ms_fused_gemm(Expand *x)
{
    x_float(x, "alpha", node_float(x->n, "alpha"));
    x_float(x, "beta", node_float(x->n, "beta"));
    x_int(x, "transA", node_int(x->n, "transA"));
    x_int(x, "transB", node_int(x->n, "transB"));
    Tensor *y = x_op3(x, OP_GEMM, x_in(x, 0), x_in(x, 1), x_in(x, 2));
    x_result(x, 0, named_activation(x, y));
    return 0;
}

int expand_ms_gemm_fast_gelu(Expand *x)
{
    Tensor *bias = x_in(x, 2), *y = x_matmul(x, x_in(x, 0), x_in(x, 1));
    if (bias) y = x_add(x, y, bias);
    x_string(x, "approximate", "tanh");
    x_result(x, 0, x_op1(x, OP_GELU, y));
    return 0;
}

/* An operand with its axes where the product wants them: `batch` takes the first axis behind the others of
 * the batch, `swap` the last two. A vector stays. */
static Tensor *operand(Expand *x, Tensor *a, const char *batch, const char *swap)
{
    int order[MAX_RANK], rank = x_rank(x, a);
    bool rotates = node_int(x->n, batch) && rank > 2, swaps = node_int(x->n, swap) && rank > 1;
    if (!rotates && !swaps) return a;
    for (int i = 0; i < rank; i++) order[i] = i;
    if (rotates) {
        for (int i = 0; i < rank - 2; i++) order[i] = i + 1;
        order[rank - 2] = 0;
    }
    if (swaps) {
        int last = order[rank - 1];
        order[rank - 1] = order[rank - 2];
        order[rank - 2] = last;
    }
    return x_transpose(x, a, order);
}

int expand_ms_fused_matmul(Expand *x)
{
    Tensor *a = operand(x, x_in(x, 0), "transBatchA", "transA");
    Tensor *b = operand(x, x_in(x, 1), "transBatchB", "transB");
    double alpha = node_float(x->n, "alpha");
    Tensor *y = x_matmul(x, a, b);
    if (alpha != 1) y = x_scale(x, y, alpha);
    x_result(x, 0, named_activation(x, y));
    return 0;
}
