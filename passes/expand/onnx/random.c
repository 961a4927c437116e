/* Random operators of ai.onnx: lpc.Random has the numbers, uniform in [0, 1) or normal with mean 0 and
 * deviation 1, in f32 (f64 for f64); the rest is arithmetic. */
#include "passes/expand/build/build.h"

/* Half precision is made from numbers in f32. */
static DType drawn_type(DType type)
{
    return type == DT_F64 ? DT_F64 : DT_F32;
}

static Tensor *draw(Expand *x, const char *law, DType type, int rank, const Size *const *dims)
{
    Tensor *in[] = {x_sizes(x, rank, dims), x_in(x, op_info(x->n->op)->in_max - 1)};
    x_string(x, "law", law);
    x_int(x, "key", node_int(x->n, "key"));
    x_int(x, "dtype", dtype_to_onnx(type));
    return x_op(x, OP_RANDOM, 2, in);
}

/* The shape that the attribute gives, or input 0's. */
static int find_shape(Expand *x, int *rank, const Size **dims)
{
    const int64_t *given;
    const Tensor *like = x_in(x, 0);
    bool is_like = op_info(x->n->op)->in_min > 0;
    *rank = is_like ? like->rank : node_ints(x->n, "shape", &given);
    if (*rank > MAX_RANK) return x_fail(x, "shape: more than %d dimensions", MAX_RANK);
    for (int i = 0; i < *rank; i++) {
        if (!is_like && given[i] < 0)
            return x_fail(x, "shape: %lld is no size", (long long)given[i]);
        dims[i] = is_like ? like->dims[i] : x_size(x, given[i]);
    }
    return 0;
}

/* dtype, or input 0's type where it is not given. */
static DType find_type(const Expand *x)
{
    int64_t number = node_int(x->n, "dtype");
    return number ? dtype_from_onnx(number) : x_in(x, 0)->dtype;
}

static int location_and_scale(Expand *x, const char *law, double location, double scale)
{
    const Size *dims[MAX_RANK];
    DType type = find_type(x), drawn = drawn_type(type);
    int rank;
    if (!dtype_is_float(type))
        return x_fail(x, "dtype: expected a floating type, got %s", dtype_name(type));
    TRY(find_shape(x, &rank, dims));
    Tensor *y = draw(x, law, drawn, rank, dims);
    if (scale < 1 || scale > 1) y = x_scale(x, y, scale);
    if (location < 0 || location > 0) y = x_shift(x, y, location);
    x_result(x, 0, x_cast(x, y, type));
    return 0;
}

int expand_random_uniform(Expand *x)
{
    double low = node_float(x->n, "low"), high = node_float(x->n, "high");
    return location_and_scale(x, "uniform", low, high - low);
}

int expand_random_normal(Expand *x)
{
    return location_and_scale(x, "normal", node_float(x->n, "mean"), node_float(x->n, "scale"));
}

/* u < p */
int expand_bernoulli(Expand *x)
{
    Tensor *p = x_in(x, 0);
    if (!dtype_is_float(p->dtype))
        return x_fail(x, "input 0: expected a floating type, got %s", dtype_name(p->dtype));
    DType drawn = drawn_type(p->dtype);
    Tensor *u = draw(x, "uniform", drawn, p->rank, p->dims);
    Tensor *hit = x_op2(x, OP_LESS, u, x_cast(x, p, drawn));
    x_result(x, 0, x_cast(x, hit, find_type(x)));
    return 0;
}

/* The class whose part of [0, 1) has u: how many sums over the first classes are at most u times the
 * sum over all. The sums are f64, where a class of probability 0 has no part even at the end. */
int expand_multinomial(Expand *x)
{
    Tensor *logits = x_in(x, 0);
    int64_t samples = node_int(x->n, "sample_size");
    DType type = find_type(x);
    TRY(x_need_rank(x, 0, 2));
    if (!dtype_is_float(logits->dtype))
        return x_fail(x, "input 0: expected a floating type, got %s", dtype_name(logits->dtype));
    if (type != DT_I32 && type != DT_I64)
        return x_fail(x, "dtype: expected int32 or int64, got %s", dtype_name(type));
    if (samples < 1)
        return x_fail(x, "sample_size: expected 1 or more, got %lld", (long long)samples);
    const Size *classes = logits->dims[1], *one = x_size(x, 1);
    const Size *dims[] = {logits->dims[0], x_size(x, samples)};
    Tensor *p = x_softmax(x, x_cast(x, logits, drawn_type(logits->dtype)), 1);
    Tensor *sums = x_cast(x, p, DT_F64);
    sums = x_op2(x, OP_CUM_SUM, sums, x_scalar(x, DT_I64, 1));
    Tensor *all = x_slice(x, sums, 1, size_sub(x->g->sizes, classes, one), classes);
    Tensor *u = x_mul(x, draw(x, "uniform", DT_F64, 2, dims), all);
    sums = x_unsqueeze(x, sums, 1), u = x_unsqueeze(x, u, 2);
    Tensor *below = x_op2(x, OP_LESS_OR_EQUAL, sums, u);
    Tensor *count = x_reduce(x, OP_REDUCE_SUM, x_cast(x, below, DT_I32), 2);
    x_result(x, 0, x_cast(x, x_squeeze(x, count, 2), type));
    return 0;
}

/* ---- Dropout ---- */

/* 1: training, 0: not, -1: known at run time. */
static int training_mode(const Tensor *flag)
{
    if (!flag) return 0;
    if (!flag->data || tensor_static_elements(flag) != 1) return -1;
    return const_i64_at(flag, 0) != 0;
}

/* keep = u >= ratio; y = keep * x / (1 - ratio) */
int expand_dropout(Expand *x)
{
    Tensor *data = x_in(x, 0), *ratio = x_in(x, 1), *flag = x_in(x, 2);
    int training = training_mode(flag);
    DType drawn = drawn_type(data->dtype);
    Tensor *yes = x_scalar(x, DT_BOOL, 1);
    if (!dtype_is_float(data->dtype))
        return x_fail(x, "input 0: expected a floating type, got %s", dtype_name(data->dtype));
    if (!training) {
        x_result(x, 0, x_op1(x, OP_IDENTITY, data));
        x_result(x, 1, x_expand(x, yes, data->rank, data->dims));
        return 0;
    }
    ratio = ratio ? x_cast(x, ratio, drawn) : x_scalar(x, drawn, 0.5);
    Tensor *u = draw(x, "uniform", drawn, data->rank, data->dims);
    Tensor *keep = x_op2(x, OP_GREATER_OR_EQUAL, u, ratio);
    Tensor *scale = x_op1(x, OP_RECIPROCAL, x_sub(x, x_scalar(x, drawn, 1), ratio));
    Tensor *y = x_cast(x, data, drawn);
    y = x_mul(x, x_mul(x, y, x_cast(x, keep, drawn)), scale);
    y = x_cast(x, y, data->dtype);
    if (training < 0) {
        y = x_op3(x, OP_WHERE, flag, y, data);
        keep = x_op2(x, OP_OR, keep, x_op1(x, OP_NOT, flag));
    }
    x_result(x, 0, y);
    x_result(x, 1, keep);
    return 0;
}
