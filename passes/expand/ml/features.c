/* Operators on features: Scaler, Normalizer, Imputer, Binarizer, FeatureVectorizer,
 * ArrayFeatureExtractor. */
#include "passes/expand/ml/ml.h"

#include <math.h>

/* One value for all elements, or one for each feature, which are axis 1, or 0 of a single row. */
static int need_each(Expand *x, const char *name, int64_t count)
{
    const Tensor *in = x_in(x, 0);
    if (count == 1) return 0;
    if (in->rank != 1 && in->rank != 2)
        return x_fail(x, "%s: one value for each feature needs 1 or 2 dimensions, got %d", name,
                      in->rank);
    int64_t features = x_static(x, in, -1, "the number of features");
    return x_ok(x) ? ml_need_count(x, name, count, features) : LPC_ERROR;
}

/* (x - offset) * scale */
int expand_ml_scaler(Expand *x)
{
    Floats offset = ml_floats(x, "offset"), scale = ml_floats(x, "scale");
    Tensor *y = ml_float(x, x_in(x, 0));
    DType type = ml_float_type(x_in(x, 0));
    if (offset.count) {
        TRY(need_each(x, "offset", offset.count));
        y = x_sub(x, y, ml_vector(x, type, offset));
    }
    if (scale.count) {
        TRY(need_each(x, "scale", scale.count));
        y = x_mul(x, y, ml_vector(x, type, scale));
    }
    x_result(x, 0, x_cast(x, y, DT_F32));
    return 0;
}

/* By the greatest element, the sum of sizes or the root of the sum of squares along axis 1. What these
 * are 0 of stays as it is, and the greatest element may be negative: as in ONNX Runtime. */
int expand_ml_normalizer(Expand *x)
{
    static const char *const words[] = {"MAX", "L1", "L2", NULL};
    static const OpCode norms[] = {OP_REDUCE_MAX, OP_REDUCE_L1, OP_REDUCE_L2};
    int word = ml_word(x, "norm", words);
    Tensor *y = ml_float(x, x_in(x, 0));
    if (word < 0) return LPC_ERROR;
    if (x_rank(x, y) < 1) return x_fail(x, "input 0: expected 1 dimension or more");
    Tensor *norm = x_reduce(x, norms[word], y, y->rank == 1 ? 0 : 1);
    Tensor *none = x_op2(x, OP_EQUAL, norm, x_like(x, y, 0));
    y = x_div(x, y, x_op3(x, OP_WHERE, none, x_like(x, y, 1), norm));
    x_result(x, 0, x_cast(x, y, DT_F32));
    return 0;
}

static Tensor *is_missing(Expand *x, Tensor *in)
{
    double replaced = node_float(x->n, "replaced_value_float");
    int64_t number = node_int(x->n, "replaced_value_int64");
    bool is_float = dtype_is_float(in->dtype);
    if (is_float && isnan(replaced)) return x_op1(x, OP_IS_NAN, in);
    if (is_float) return x_op2(x, OP_EQUAL, in, x_like(x, in, replaced));
    Tensor *whole = x_cast(x, in, DT_I64);
    return x_op2(x, OP_EQUAL, whole, x_i64(x, 1, &number));
}

int expand_ml_imputer(Expand *x)
{
    Tensor *in = x_in(x, 0), *by;
    Floats floats = ml_floats(x, "imputed_value_floats");
    Ints ints = ml_ints(x, "imputed_value_int64s");
    bool is_float = dtype_is_float(in->dtype);
    int64_t count = is_float ? floats.count : ints.count;
    if (!count)
        return x_fail(x, "attribute '%s' is missing, or empty",
                      is_float ? "imputed_value_floats" : "imputed_value_int64s");
    TRY(need_each(x, "imputed values", count));
    if (is_float)
        by = x_cast(x, ml_vector(x, ml_float_type(in), floats), in->dtype);
    else
        by = x_cast(x, x_i64(x, ints.count, ints.at), in->dtype);
    x_result(x, 0, x_op3(x, OP_WHERE, is_missing(x, in), by, in));
    return 0;
}

int expand_ml_binarizer(Expand *x)
{
    Tensor *in = x_in(x, 0);
    /* f64 holds all i32, and the threshold; i64 beyond it are far from any threshold, or as good. */
    DType type = dtype_is_float(in->dtype) ? in->dtype : DT_F64;
    Tensor *y = x_cast(x, in, type);
    Tensor *above = x_op2(x, OP_GREATER, y, x_like(x, y, node_float(x->n, "threshold")));
    x_result(x, 0, x_cast(x, above, in->dtype));
    return 0;
}

/* An input's rows as `width` columns: what is over is left out, what is missing is 0. */
static Tensor *as_columns(Expand *x, int input, int64_t width)
{
    Tensor *in = x_in(x, input);
    int rank = x_rank(x, in);
    if (rank < 1) x_fail(x, "input %d: expected 1 dimension or more", input);
    const Size *rows = rank > 1 ? x_dim(x, in, 0) : x_size(x, 1);
    int64_t columns = 1;
    for (int i = rank > 1; i < rank; i++)
        columns *= x_static(x, in, i, "the number of an input's features");
    const Size *dims[] = {rows, x_size(x, columns)};
    Tensor *y = x_cast(x, x_reshape(x, in, 2, dims), DT_F32);
    if (width < 0 || width == columns) return y;
    if (width < columns) return x_slice(x, y, 1, x_size(x, 0), x_size(x, width));
    dims[1] = x_size(x, width - columns);
    Tensor *parts[] = {y, x_expand(x, x_scalar(x, DT_F32, 0), 2, dims)};
    return x_concat(x, 1, 2, parts);
}

int expand_ml_feature_vectorizer(Expand *x)
{
    Ints widths = ml_ints(x, "inputdimensions");
    int count = x->n->in_count, used = 0;
    if (widths.count) TRY(ml_need_count(x, "inputdimensions", widths.count, count));
    Tensor **parts = arena_array(x->g->arena, (size_t)count, sizeof *parts);
    for (int i = 0; i < count; i++) {
        if (widths.count && widths.at[i] < 0)
            return x_fail(x, "inputdimensions: %lld is negative", (long long)widths.at[i]);
        Tensor *part = as_columns(x, i, widths.count ? widths.at[i] : -1);
        if (!widths.count || widths.at[i] > 0) parts[used++] = part;
    }
    if (!used) return x_fail(x, "inputdimensions: all are 0");
    x_result(x, 0, x_concat(x, 1, used, parts));
    return 0;
}

/* Elements of the last axis; of one axis alone, too, the result has two. */
int expand_ml_array_feature_extractor(Expand *x)
{
    Tensor *in = x_in(x, 0), *index = x_in(x, 1);
    int rank = x_rank(x, in);
    if (rank < 1) return x_fail(x, "input 0: expected 1 dimension or more");
    const Size *count = tensor_elements(x->g->sizes, index);
    Tensor *y = x_gather(x, in, x_reshape(x, index, 1, &count), rank - 1);
    x_result(x, 0, rank == 1 ? x_unsqueeze(x, y, 0) : y);
    return 0;
}
