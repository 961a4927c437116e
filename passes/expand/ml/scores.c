/* What becomes of scores: attribute post_transform. Transforms are computed in f32, whatever the scores
 * were summed in. */
#include "passes/expand/ml/ml.h"

/* TreeEnsemble has a number. Its text counts SOFTMAX as 1 and LOGISTIC as 2, ONNX Runtime the other way,
 * and that is what there are models for. */
MlTransform ml_post_transform(Expand *x)
{
    static const char *const words[] = {"NONE",         "LOGISTIC", "SOFTMAX",
                                        "SOFTMAX_ZERO", "PROBIT",   NULL};
    bool is_number = x->n->op == OP_ML_TREE_ENSEMBLE;
    int64_t number =
        is_number ? node_int(x->n, "post_transform") : ml_word(x, "post_transform", words);
    if (number >= 0 && number <= ML_PROBIT) return (MlTransform)number;
    if (is_number)
        x_fail(x, "post_transform: expected a value in [0, 4], got %lld", (long long)number);
    return ML_NONE;
}

/* Softmax of the scores that are not 0; those that are stay 0. ONNX Runtime takes as 0 what is at most
 * 1e-7 from it, and scales it as the others are. */
static Tensor *softmax_zero(Expand *x, Tensor *scores)
{
    Tensor *most = x_reduce(x, OP_REDUCE_MAX, scores, -1);
    Tensor *size = x_op1(x, OP_ABS, scores);
    Tensor *counts = x_op2(x, OP_GREATER, size, x_like(x, scores, 1e-7));
    Tensor *power = x_op1(x, OP_EXP, x_sub(x, scores, most));
    Tensor *small = x_mul(x, scores, x_op1(x, OP_EXP, x_op1(x, OP_NEG, most)));
    Tensor *counted = x_op3(x, OP_WHERE, counts, power, x_like(x, scores, 0));
    Tensor *sum = x_reduce(x, OP_REDUCE_SUM, counted, -1);
    return x_div(x, x_op3(x, OP_WHERE, counts, power, small), sum);
}

/* The quantile of the normal distribution by Winitzki's approximation of the inverse error function:
 *     l = log(1 - y^2), v = 2 / (pi a) + l / 2, erfinv(y) = sign(y) sqrt(sqrt(v^2 - l / a) - v)
 * with a = 0.147 and y = 2 s - 1, times the square root of 2. */
static Tensor *probit(Expand *x, Tensor *scores)
{
    const double pi = 3.14159265358979323846, a = 0.147, root = 1.41421356237309504880;
    Tensor *y = x_shift(x, x_scale(x, scores, 2), -1);
    Tensor *one = x_like(x, scores, 1);
    Tensor *less = x_sub(x, one, y), *more = x_add(x, one, y);
    Tensor *log = x_op1(x, OP_LOG, x_mul(x, less, more));
    Tensor *v = x_shift(x, x_scale(x, log, 0.5), 2 / (pi * a));
    Tensor *square = x_mul(x, v, v);
    square = x_sub(x, square, x_scale(x, log, 1 / a));
    Tensor *size = x_op1(x, OP_SQRT, x_sub(x, x_op1(x, OP_SQRT, square), v));
    return x_scale(x, x_mul(x, x_op1(x, OP_SIGN, y), size), root);
}

Tensor *ml_transform(Expand *x, Tensor *scores, MlTransform transform)
{
    scores = x_cast(x, scores, DT_F32);
    switch (transform) {
    case ML_LOGISTIC: return x_op1(x, OP_SIGMOID, scores);
    case ML_SOFTMAX: return x_softmax(x, scores, -1);
    case ML_SOFTMAX_ZERO: return softmax_zero(x, scores);
    case ML_PROBIT: return probit(x, scores);
    case ML_NONE: break;
    }
    return scores;
}

Tensor *ml_two_scores(Expand *x, Tensor *score, bool complement, MlTransform transform)
{
    bool is_probit = transform == ML_PROBIT, is_logistic = transform == ML_LOGISTIC;
    if (!x_ok(x)) return NULL;
    if (is_probit) {
        const Size *dims[] = {score->dims[0], score->dims[1]};
        Tensor *first = ml_transform(x, score, transform);
        Tensor *second = x_expand(x, x_scalar(x, DT_F32, 0), 2, dims);
        Tensor *parts[] = {first, second};
        return x_concat(x, 1, 2, parts);
    }
    Tensor *other =
        complement && !is_logistic ? x_sub(x, x_like(x, score, 1), score) : x_op1(x, OP_NEG, score);
    Tensor *both[] = {other, score};
    return ml_transform(x, x_concat(x, 1, 2, both), is_logistic ? ML_LOGISTIC : ML_NONE);
}
