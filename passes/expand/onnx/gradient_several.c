/* Gradients of element-wise operators of several inputs, and of Dropout. */
#include "passes/expand/build/gradient.h"

static Tensor *in(const Backward *b, int i)
{
    return node_in(b->n, i);
}

static Tensor *zero(const Backward *b)
{
    return x_like(b->x, b->g, 0);
}

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

/* Max, Min: to the inputs that are the result, in equal shares. */
int gradient_extreme(Backward *b)
{
    Expand *x = b->x;
    int count = b->n->in_count;
    Tensor **is_it = arena_array(x->g->arena, (size_t)count, sizeof *is_it), *many = NULL;
    for (int i = 0; i < count; i++) {
        Tensor *same = x_op2(x, OP_EQUAL, in(b, i), b->y);
        if (!x_ok(x)) return x->code;
        is_it[i] = x_cast(x, same, b->g->dtype);
        many = many ? x_add(x, many, is_it[i]) : is_it[i];
    }
    Tensor *part = x_div(x, b->g, many);
    for (int i = 0; i < count; i++)
        if (b_wants(b, i)) b->to[i] = x_mul(x, part, is_it[i]);
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
