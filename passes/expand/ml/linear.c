/* LinearRegressor and LinearClassifier: a product of the features and of constants. */
#include "passes/expand/ml/ml.h"

/* rows x coefficients^T + intercepts, in f32 or f64: [rows, targets]. */
static Tensor *linear(Expand *x, DType type, int64_t targets)
{
    Floats coefficients = ml_floats(x, "coefficients"), intercepts = ml_floats(x, "intercepts");
    Tensor *rows = x_cast(x, ml_rows(x, 0), type);
    int64_t features = x_static(x, rows, 1, "the number of features");
    if (!x_ok(x) || ml_need_product(x, "coefficients", coefficients.count, targets, features))
        return NULL;
    x_int(x, "transB", 1);
    Tensor *weights = ml_matrix(x, type, targets, features, coefficients.at);
    if (!intercepts.count) return x_op2(x, OP_GEMM, rows, weights);
    if (ml_need_count(x, "intercepts", intercepts.count, targets)) return NULL;
    return x_op3(x, OP_GEMM, rows, weights, ml_vector(x, type, intercepts));
}

/* Of one target ONNX Runtime transforms the score with PROBIT only. */
int expand_ml_linear_regressor(Expand *x)
{
    int64_t targets = node_int(x->n, "targets");
    MlTransform transform = ml_post_transform(x);
    if (targets < 1) return x_fail(x, "targets: expected 1 or more, got %lld", (long long)targets);
    Tensor *scores = linear(x, ml_float_type(x_in(x, 0)), targets);
    if (targets == 1 && transform != ML_PROBIT) transform = ML_NONE;
    x_result(x, 0, ml_transform(x, scores, transform));
    return 0;
}

/* How many scores there are: with an intercept each, else as many as the coefficients make. */
static int64_t class_count(Expand *x)
{
    int64_t intercepts = ml_floats(x, "intercepts").count;
    if (intercepts) return intercepts;
    int64_t features = x_static(x, ml_rows(x, 0), 1, "the number of features");
    return features > 0 ? ml_floats(x, "coefficients").count / features : 0;
}

/* One score, for two classes: above 0 the second one. Without two labels they are 0 and 1. */
static void choose_of_two(Expand *x, Tensor *score, Labels labels)
{
    static const int64_t plain[] = {0, 1};
    Tensor *above = x_squeeze(x, score, 1);
    above = x_op2(x, OP_GREATER, above, x_like(x, score, 0));
    if (labels.count != 2) labels = (Labels){.count = 2, .ints = {2, plain}};
    ml_labels(x, &labels, ml_choose(x, above));
}

int expand_ml_linear_classifier(Expand *x)
{
    Labels labels = ml_class_labels(x, "classlabels_ints");
    MlTransform transform = ml_post_transform(x);
    int64_t classes = class_count(x);
    if (labels.count == 1) return x_fail(x, "class labels: expected 2 or more, got 1");
    if (x_ok(x) && classes < 1) return x_fail(x, "coefficients: expected some for each feature");
    Tensor *scores = linear(x, DT_F32, classes);
    if (classes == 1) {
        choose_of_two(x, scores, labels);
        if (labels.count == 2)
            scores = ml_two_scores(x, scores, true, transform);
        else
            scores = ml_transform(x, scores, transform == ML_PROBIT ? transform : ML_NONE);
    } else {
        TRY(ml_need_count(x, "class labels", labels.count, classes));
        ml_labels(x, &labels, ml_top(x, scores));
        scores = ml_transform(x, scores, transform);
    }
    x_result(x, 1, scores);
    return 0;
}
