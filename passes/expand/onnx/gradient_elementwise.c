/* Gradients of element-wise operators of one input. */
#include "passes/expand/build/gradient.h"

#include <string.h>

static Tensor *in(const Backward *b, int i)
{
    return node_in(b->n, i);
}

/* Of the one input: g times the derivative. */
static int times(Backward *b, Tensor *derivative)
{
    b->to[0] = x_mul(b->x, b->g, derivative);
    return 0;
}

/* 1 - t */
static Tensor *one_less(Expand *x, Tensor *t)
{
    return x_sub(x, x_like(x, t, 1), t);
}

static Tensor *is_positive(Expand *x, Tensor *t)
{
    return x_op2(x, OP_GREATER, t, x_like(x, t, 0));
}

static Tensor *zero(const Backward *b)
{
    return x_like(b->x, b->g, 0);
}

/* Cast's type comes back where the gradient is brought to the input's shape. */
int gradient_identity(Backward *b)
{
    b->to[0] = b->g;
    return 0;
}

int gradient_neg(Backward *b)
{
    b->to[0] = x_op1(b->x, OP_NEG, b->g);
    return 0;
}

int gradient_abs(Backward *b)
{
    return times(b, x_op1(b->x, OP_SIGN, in(b, 0)));
}

int gradient_reciprocal(Backward *b)
{
    return times(b, x_op1(b->x, OP_NEG, x_mul(b->x, b->y, b->y)));
}

int gradient_sqrt(Backward *b)
{
    b->to[0] = x_div(b->x, x_scale(b->x, b->g, 0.5), b->y);
    return 0;
}

int gradient_exp(Backward *b)
{
    return times(b, b->y);
}

int gradient_log(Backward *b)
{
    b->to[0] = x_div(b->x, b->g, in(b, 0));
    return 0;
}

int gradient_sin(Backward *b)
{
    return times(b, x_op1(b->x, OP_COS, in(b, 0)));
}

int gradient_cos(Backward *b)
{
    return times(b, x_op1(b->x, OP_NEG, x_op1(b->x, OP_SIN, in(b, 0))));
}

int gradient_tanh(Backward *b)
{
    return times(b, one_less(b->x, x_mul(b->x, b->y, b->y)));
}

int gradient_sigmoid(Backward *b)
{
    return times(b, x_mul(b->x, b->y, one_less(b->x, b->y)));
}

int gradient_softplus(Backward *b)
{
    return times(b, x_op1(b->x, OP_SIGMOID, in(b, 0)));
}

/* 2 / sqrt(pi) exp(-x^2) */
int gradient_erf(Backward *b)
{
    Tensor *square = x_mul(b->x, in(b, 0), in(b, 0));
    Tensor *bell = x_op1(b->x, OP_EXP, x_op1(b->x, OP_NEG, square));
    return times(b, x_scale(b->x, bell, 1.1283791670955126));
}

/* 1 / Sqrt(square), of arc functions. */
static int over_root(Backward *b, Tensor *square)
{
    b->to[0] = x_div(b->x, b->g, x_op1(b->x, OP_SQRT, square));
    return 0;
}

static Tensor *square(const Backward *b)
{
    return x_mul(b->x, in(b, 0), in(b, 0));
}

int gradient_tan(Backward *b)
{
    return times(b, x_shift(b->x, x_mul(b->x, b->y, b->y), 1));
}

int gradient_asin(Backward *b)
{
    return over_root(b, one_less(b->x, square(b)));
}

int gradient_acos(Backward *b)
{
    over_root(b, one_less(b->x, square(b)));
    b->to[0] = x_op1(b->x, OP_NEG, b->to[0]);
    return 0;
}

int gradient_atan(Backward *b)
{
    b->to[0] = x_div(b->x, b->g, x_shift(b->x, square(b), 1));
    return 0;
}

int gradient_sinh(Backward *b)
{
    return times(b, x_op1(b->x, OP_COSH, in(b, 0)));
}

int gradient_cosh(Backward *b)
{
    return times(b, x_op1(b->x, OP_SINH, in(b, 0)));
}

int gradient_asinh(Backward *b)
{
    return over_root(b, x_shift(b->x, square(b), 1));
}

int gradient_acosh(Backward *b)
{
    return over_root(b, x_shift(b->x, square(b), -1));
}

int gradient_atanh(Backward *b)
{
    b->to[0] = x_div(b->x, b->g, one_less(b->x, square(b)));
    return 0;
}

/* 1 / (1 + |x|)^2 */
int gradient_softsign(Backward *b)
{
    Tensor *sum = x_shift(b->x, x_op1(b->x, OP_ABS, in(b, 0)), 1);
    b->to[0] = x_div(b->x, b->g, x_mul(b->x, sum, sum));
    return 0;
}

/* y + alpha below 0 */
int gradient_elu(Backward *b)
{
    Tensor *below = x_mul(b->x, b->g, x_shift(b->x, b->y, node_float(b->n, "alpha")));
    b->to[0] = x_op3(b->x, OP_WHERE, is_positive(b->x, in(b, 0)), b->g, below);
    return 0;
}

/* s + a x s (1 - s) with s = Sigmoid(a x) */
int gradient_swish(Backward *b)
{
    Tensor *ax = x_scale(b->x, in(b, 0), node_float(b->n, "alpha"));
    Tensor *s = x_op1(b->x, OP_SIGMOID, ax);
    Tensor *y = x_mul(b->x, ax, s);
    return times(b, x_add(b->x, s, x_mul(b->x, y, one_less(b->x, s))));
}

/* Phi(x) + x phi(x); with tanh for Erf the derivative of that. */
int gradient_gelu(Backward *b)
{
    Expand *x = b->x;
    Tensor *half = x_scale(x, in(b, 0), 0.5);
    if (!strcmp(node_string(b->n, "approximate"), "tanh")) {
        Tensor *slope = x_shift(x, x_scale(x, square(b), 3 * 0.044715), 1);
        Tensor *u = x_shift(x, x_scale(x, square(b), 0.044715), 1);
        u = x_scale(x, x_mul(x, in(b, 0), u), 0.7978845608028654); /* sqrt(2 / pi) */
        Tensor *t = x_op1(x, OP_TANH, u), *rest = one_less(x, x_mul(x, t, t));
        slope = x_scale(x, x_mul(x, x_mul(x, half, rest), slope), 0.7978845608028654);
        return times(b, x_add(x, x_scale(x, x_shift(x, t, 1), 0.5), slope));
    }
    Tensor *erf = x_op1(x, OP_ERF, x_scale(x, in(b, 0), 0.7071067811865476));
    Tensor *bell = x_op1(x, OP_EXP, x_scale(x, square(b), -0.5));
    bell = x_scale(x, x_mul(x, in(b, 0), bell), 0.3989422804014327); /* 1 / sqrt(2 pi) */
    return times(b, x_add(x, x_scale(x, x_shift(x, erf, 1), 0.5), bell));
}

int gradient_relu(Backward *b)
{
    Tensor *positive = is_positive(b->x, in(b, 0));
    b->to[0] = x_op3(b->x, OP_WHERE, positive, b->g, zero(b));
    return 0;
}

int gradient_leaky_relu(Backward *b)
{
    Tensor *negative = x_op2(b->x, OP_LESS, in(b, 0), x_like(b->x, in(b, 0), 0));
    Tensor *less = x_scale(b->x, b->g, node_float(b->n, "alpha"));
    b->to[0] = x_op3(b->x, OP_WHERE, negative, less, b->g);
    return 0;
}

/* 1 between the bounds and on them, 0 outside; the bounds themselves have none. */
int gradient_clip(Backward *b)
{
    Tensor *low = in(b, 1), *high = in(b, 2);
    Tensor *g = b->g;
    if (low) {
        Tensor *above = x_op2(b->x, OP_GREATER_OR_EQUAL, in(b, 0), low);
        g = x_op3(b->x, OP_WHERE, above, g, zero(b));
    }
    if (high) {
        Tensor *below = x_op2(b->x, OP_LESS_OR_EQUAL, in(b, 0), high);
        g = x_op3(b->x, OP_WHERE, below, g, zero(b));
    }
    b->to[0] = g;
    return 0;
}
