/* Activations of com.microsoft. */
#include "passes/expand/build/build.h"

static Tensor *gelu(Expand *x, Tensor *a, const char *approximate)
{
    x_string(x, "approximate", approximate);
    return x_op1(x, OP_GELU, a);
}

int expand_ms_gelu(Expand *x)
{
    x_result(x, 0, gelu(x, x_in(x, 0), "none"));
    return 0;
}

int expand_ms_bias_gelu(Expand *x)
{
    x_result(x, 0, gelu(x, x_add(x, x_in(x, 0), x_in(x, 1)), "none"));
    return 0;
}

int expand_ms_fast_gelu(Expand *x)
{
    Tensor *a = x_in(x, 0), *bias = x_in(x, 1);
    if (bias) a = x_add(x, a, bias);
    x_result(x, 0, gelu(x, a, "tanh"));
    return 0;
}

/* x * Sigmoid(alpha * x) */
int expand_ms_quick_gelu(Expand *x)
{
    Tensor *a = x_in(x, 0);
    x_float(x, "alpha", node_float(x->n, "alpha"));
    x_result(x, 0, x_op1(x, OP_SWISH, a));
    return 0;
}
