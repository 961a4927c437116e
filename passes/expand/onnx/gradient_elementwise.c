/* Gradients of element-wise operators, and of Dropout. */
#include "passes/expand/build/gradient.h"

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

/* ---- Of one input ---- */

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

int gradient_relu(Backward *b)
{
    b->to[0] = x_op3(b->x, OP_WHERE, is_positive(b->x, in(b, 0)), b->g, zero(b));
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

/* ---- Of several ---- */

int gradient_add(Backward *b)
{
    b->to[0] = b->to[1] = b->g;
    return 0;
}

int gradient_sub(Backward *b)
{
    b->to[0] = b->g;
    if (b_wants(b, 1)) b->to[1] = x_op1(b->x, OP_NEG, b->g);
    return 0;
}

int gradient_mul(Backward *b)
{
    for (int i = 0; i < 2; i++)
        if (b_wants(b, i)) b->to[i] = x_mul(b->x, b->g, in(b, 1 - i));
    return 0;
}

int gradient_div(Backward *b)
{
    Tensor *part = x_div(b->x, b->g, in(b, 1));
    b->to[0] = part;
    if (b_wants(b, 1)) b->to[1] = x_op1(b->x, OP_NEG, x_mul(b->x, part, b->y));
    return 0;
}

/* e a^(e-1), and log a a^e, which is 0 where a is 0. */
int gradient_pow(Backward *b)
{
    Expand *x = b->x;
    Tensor *base = in(b, 0), *power = in(b, 1);
    if (b_wants(b, 0)) {
        Tensor *less = x_op2(x, OP_POW, base, x_shift(x, power, -1));
        b->to[0] = x_mul(x, b->g, x_mul(x, less, x_cast(x, power, base->dtype)));
    }
    if (b_wants(b, 1)) {
        Tensor *none = x_op2(x, OP_EQUAL, base, x_like(x, base, 0));
        Tensor *log = x_op1(x, OP_LOG, x_op3(x, OP_WHERE, none, x_like(x, base, 1), base));
        b->to[1] = x_mul(x, b->g, x_mul(x, b->y, log));
    }
    return 0;
}

int gradient_where(Backward *b)
{
    b->to[1] = x_op3(b->x, OP_WHERE, in(b, 0), b->g, zero(b));
    b->to[2] = x_op3(b->x, OP_WHERE, in(b, 0), zero(b), b->g);
    return 0;
}

int gradient_sum(Backward *b)
{
    for (int i = 0; i < b->n->in_count; i++) b->to[i] = b->g;
    return 0;
}

int gradient_mean_of(Backward *b)
{
    Tensor *share = x_scale(b->x, b->g, 1.0 / b->n->in_count);
    for (int i = 0; i < b->n->in_count; i++) b->to[i] = share;
    return 0;
}

/* Linear in its data: the same elements are dropped, by the same key. */
int gradient_dropout(Backward *b)
{
    Tensor *again[4];
    for (int i = 0; i < 4; i++) again[i] = i ? in(b, i) : b->g;
    x_int(b->x, "key", node_int(b->n, "key"));
    b->to[0] = x_op(b->x, OP_DROPOUT, 4, again);
    return 0;
}
