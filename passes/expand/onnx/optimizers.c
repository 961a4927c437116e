/* One step of an optimiser, for any number of tensors: ai.onnx.preview.training.
 *
 * Inputs are R, T, all X, all G, then for each thing that the method remembers all of those; outputs all
 * new X, then what is remembered anew. */
#include "passes/expand/build/build.h"

#include <string.h>

/* The method for one tensor: out[0] is X, the others as they were given. */
typedef struct Step {
    Tensor *rate, *count;       /* R in X's type, T, of rank 0 */
    Tensor *weights, *gradient; /* X, G with regularisation */
    Tensor *old[2], *result[3]; /* remembered */
} Step;
typedef void Method(Expand *x, Step *s);

static Tensor *rank_zero(Expand *x, Tensor *t)
{
    return x_rank(x, t) ? x_reshape(x, t, 0, NULL) : t;
}

static int check(Expand *x, int remembered, int *count)
{
    int rest = x->n->in_count - 2, each = 2 + remembered;
    *count = rest / each;
    if (rest % each)
        return x_fail(x, "expected R, T and %d tensors for each that is updated, got %d after T",
                      each, rest);
    if (x->n->out_count > (1 + remembered) * *count)
        return x_fail(x, "expected at most %d outputs, got %d", (1 + remembered) * *count,
                      x->n->out_count);
    if (x_in(x, 1)->dtype != DT_I64)
        return x_fail(x, "T: expected i64, got %s", dtype_name(x_in(x, 1)->dtype));
    for (int i = 2; i < x->n->in_count; i++) {
        DType type = x_in(x, i)->dtype, want = x_in(x, 2 + (i - 2) % *count)->dtype;
        if (type != want || !dtype_is_float(type))
            return x_fail(x, "input %d: expected %s, got %s", i,
                          dtype_is_float(want) ? dtype_name(want) : "a floating type",
                          dtype_name(type));
    }
    return 0;
}

/* G + norm_coefficient X */
static Tensor *regularised(Expand *x, Tensor *weights, Tensor *gradient)
{
    double norm = node_float(x->n, "norm_coefficient");
    return x_add(x, x_scale(x, weights, norm), gradient);
}

static int each_tensor(Expand *x, int remembered, Method *method)
{
    int count;
    TRY(check(x, remembered, &count));
    for (int i = 0; i < count; i++) {
        Tensor *weights = x_in(x, 2 + i);
        Step s = {.weights = weights, .count = rank_zero(x, x_in(x, 1))};
        s.rate = x_cast(x, rank_zero(x, x_in(x, 0)), weights->dtype);
        s.gradient = regularised(x, weights, x_in(x, 2 + count + i));
        for (int k = 0; k < remembered; k++) s.old[k] = x_in(x, 2 + (2 + k) * count + i);
        method(x, &s);
        for (int k = 0; k <= remembered; k++) x_result(x, k * count + i, s.result[k]);
    }
    return 0;
}

/* factor a + (1 - factor) b */
static Tensor *average(Expand *x, Tensor *a, double factor, Tensor *b)
{
    Tensor *part_a = x_scale(x, a, factor), *part_b = x_scale(x, b, 1 - factor);
    return x_add(x, part_a, part_b);
}

/* ---- Adagrad ---- */

static void adagrad(Expand *x, Step *s)
{
    double decay = node_float(x->n, "decay_factor"), epsilon = node_float(x->n, "epsilon");
    Tensor *slower = x_shift(x, x_scale(x, x_cast(x, s->count, DT_F64), decay), 1);
    Tensor *rate = x_div(x, x_cast(x, s->rate, DT_F64), slower);
    if (!x_ok(x)) return;
    rate = x_cast(x, rate, s->weights->dtype);
    Tensor *sum = x_add(x, s->old[0], x_mul(x, s->gradient, s->gradient));
    Tensor *adaptive = x_shift(x, x_op1(x, OP_SQRT, sum), epsilon);
    Tensor *step = x_div(x, x_mul(x, rate, s->gradient), adaptive);
    s->result[0] = x_sub(x, s->weights, step);
    s->result[1] = sum;
}

int expand_adagrad(Expand *x)
{
    return each_tensor(x, 1, adagrad);
}

/* ---- Adam ---- */

/* 1 - base^T: in f64, where a base near 1 keeps its digits. */
static Tensor *one_less_power(Expand *x, double base, Tensor *count)
{
    Tensor *power = x_scalar(x, DT_F64, base);
    power = x_op2(x, OP_POW, power, x_cast(x, count, DT_F64));
    return x_sub(x, x_scalar(x, DT_F64, 1), power);
}

/* T > 0 ? R Sqrt(1 - beta^T) / (1 - alpha^T) : R */
static Tensor *adam_rate(Expand *x, const Step *s, double alpha, double beta)
{
    Tensor *rate = x_cast(x, s->rate, DT_F64);
    Tensor *later = x_op2(x, OP_GREATER, s->count, x_scalar(x, DT_I64, 0));
    Tensor *adjusted = x_mul(x, rate, x_op1(x, OP_SQRT, one_less_power(x, beta, s->count)));
    adjusted = x_div(x, adjusted, one_less_power(x, alpha, s->count));
    return x_cast(x, x_op3(x, OP_WHERE, later, adjusted, rate), s->weights->dtype);
}

static void adam(Expand *x, Step *s)
{
    double alpha = node_float(x->n, "alpha"), beta = node_float(x->n, "beta");
    double epsilon = node_float(x->n, "epsilon");
    double after = node_float(x->n, "norm_coefficient_post");
    Tensor *mean = average(x, s->old[0], alpha, s->gradient);
    Tensor *square = average(x, s->old[1], beta, x_mul(x, s->gradient, s->gradient));
    Tensor *root = x_shift(x, x_op1(x, OP_SQRT, square), epsilon);
    Tensor *step = x_div(x, x_mul(x, adam_rate(x, s, alpha, beta), mean), root);
    s->result[0] = x_scale(x, x_sub(x, s->weights, step), 1 - after);
    s->result[1] = mean;
    s->result[2] = square;
}

int expand_adam(Expand *x)
{
    return each_tensor(x, 2, adam);
}

/* ---- Momentum ---- */

static void momentum(Expand *x, Step *s)
{
    double alpha = node_float(x->n, "alpha"), beta = node_float(x->n, "beta");
    Tensor *later = x_op2(x, OP_GREATER, s->count, x_scalar(x, DT_I64, 0));
    Tensor *first = x_like(x, s->weights, 1), *others = x_like(x, s->weights, beta);
    Tensor *share = x_op3(x, OP_WHERE, later, others, first);
    Tensor *moving = x_scale(x, s->old[0], alpha);
    moving = x_add(x, moving, x_mul(x, share, s->gradient));
    Tensor *direction = moving;
    if (!strcmp(node_string(x->n, "mode"), "nesterov"))
        direction = x_add(x, s->gradient, x_scale(x, moving, alpha));
    s->result[0] = x_sub(x, s->weights, x_mul(x, s->rate, direction));
    s->result[1] = moving;
}

int expand_momentum(Expand *x)
{
    const char *mode = node_string(x->n, "mode");
    if (strcmp(mode, "nesterov") && strcmp(mode, "standard"))
        return x_fail(x, "mode: expected nesterov or standard, got %s", mode);
    return each_tensor(x, 1, momentum);
}
