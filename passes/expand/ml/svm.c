/* SVMRegressor and SVMClassifier: kernels of the features with support vectors, and products of those.
 * All computes in f32, as in ONNX Runtime. */
#include "passes/expand/ml/ml.h"

enum { MOST_COUPLED = 128 }; /* classes: lpc.Coupling has two squares of them on the stack */

/* ---- Kernels ---- */

typedef enum KernelType { KERNEL_LINEAR, KERNEL_POLY, KERNEL_RBF, KERNEL_SIGMOID } KernelType;

typedef struct Svm {
    KernelType kernel;
    double gamma, coef0, degree;
    int64_t vectors, features;
    Floats coefficients, rho, support;
    Tensor *rows;
} Svm;

static int svm_read(Expand *x, Svm *s, int64_t vectors)
{
    static const char *const words[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};
    Floats params = ml_floats(x, "kernel_params");
    int kernel = ml_word(x, "kernel_type", words);
    *s = (Svm){.kernel = kernel < 0 ? KERNEL_LINEAR : (KernelType)kernel, .vectors = vectors};
    if (params.count) TRY(ml_need_count(x, "kernel_params", params.count, 3));
    s->gamma = params.count ? params.at[0] : 0;
    s->coef0 = params.count ? params.at[1] : 0;
    s->degree = params.count ? params.at[2] : 0;
    s->coefficients = ml_floats(x, "coefficients");
    s->rho = ml_floats(x, "rho");
    s->support = ml_floats(x, "support_vectors");
    s->rows = x_cast(x, ml_rows(x, 0), DT_F32);
    s->features = x_static(x, s->rows, 1, "the number of features");
    if (vectors > 0 && x_ok(x))
        TRY(ml_need_product(x, "support_vectors", s->support.count, vectors, s->features));
    return x->code;
}

/* rows x vectors^T, [rows, count] */
static Tensor *products(Expand *x, const Svm *s, int64_t count, const double *vectors)
{
    x_int(x, "transB", 1);
    return x_op2(x, OP_GEMM, s->rows, ml_matrix(x, DT_F32, count, s->features, vectors));
}

static Tensor *polynomial(Expand *x, Tensor *a, double degree)
{
    if (degree == 1) return a;
    if (degree == 2) return x_mul(x, a, a);
    if (degree == 3) return x_mul(x, x_mul(x, a, a), a);
    return x_op2(x, OP_POW, a, x_like(x, a, degree));
}

/* exp(-gamma |row - vector|^2); the difference is taken first, so that nothing cancels. */
static Tensor *radial(Expand *x, const Svm *s)
{
    const int64_t axis = 2;
    Tensor *vectors = ml_matrix(x, DT_F32, s->vectors, s->features, s->support.at);
    Tensor *difference = x_sub(x, x_unsqueeze(x, s->rows, 1), vectors);
    Tensor *square = x_reduce_many(x, OP_REDUCE_SUM_SQUARE, difference, 1, &axis, false);
    return x_op1(x, OP_EXP, x_scale(x, square, -s->gamma));
}

/* [rows, vectors] */
static Tensor *kernels(Expand *x, const Svm *s)
{
    if (s->kernel == KERNEL_RBF) return radial(x, s);
    Tensor *dot = products(x, s, s->vectors, s->support.at);
    if (s->kernel == KERNEL_LINEAR) return dot;
    dot = x_shift(x, x_scale(x, dot, s->gamma), s->coef0);
    return s->kernel == KERNEL_POLY ? polynomial(x, dot, s->degree) : x_op1(x, OP_TANH, dot);
}

/* ---- SVMRegressor ---- */

/* Attribute post_transform changes nothing in ONNX Runtime: there is one target. */
int expand_ml_svm_regressor(Expand *x)
{
    Svm s;
    int64_t vectors = node_int(x->n, "n_supports");
    ml_post_transform(x);
    TRY(svm_read(x, &s, vectors));
    TRY(ml_need_count(x, "rho", s.rho.count, 1));
    TRY(ml_need_count(x, "coefficients", s.coefficients.count, vectors > 0 ? vectors : s.features));
    Tensor *y;
    if (vectors > 0) {
        y = kernels(x, &s);
        y = x_matmul(x, y, ml_matrix(x, DT_F32, vectors, 1, s.coefficients.at));
    } else {
        y = products(x, &s, 1, s.coefficients.at);
    }
    y = x_shift(x, y, s.rho.at[0]);
    if (node_int(x->n, "one_class")) {
        Tensor *inside = x_op2(x, OP_GREATER, y, x_like(x, y, 0));
        Tensor *plus = x_like(x, y, 1), *minus = x_like(x, y, -1);
        y = x_op3(x, OP_WHERE, inside, plus, minus);
    }
    x_result(x, 0, y);
    return 0;
}

/* ---- SVMClassifier: one against one ---- */

/* Pair c is of classes i < j, counted (0, 1), (0, 2) .. (1, 2) ..: its score is the sum of the kernels of
 * both classes' vectors, each with a coefficient of its own, and a class has a row of coefficients for
 * each other class. So all scores are one product: of [vectors, pairs], mostly zeros. */
static Tensor *pair_scores(Expand *x, const Svm *s, int64_t classes, Ints counts)
{
    int64_t pairs = classes * (classes - 1) / 2, c = 0, first_i = 0;
    double *weights = arena_array(x->g->arena, (size_t)(s->vectors * pairs) + 1, sizeof *weights);
    for (int64_t i = 0; i < classes; first_i += counts.at[i++]) {
        int64_t first_j = first_i + counts.at[i];
        for (int64_t j = i + 1; j < classes; first_j += counts.at[j++], c++) {
            const double *of_i = s->coefficients.at + (j - 1) * s->vectors;
            const double *of_j = s->coefficients.at + i * s->vectors;
            for (int64_t m = first_i; m < first_i + counts.at[i]; m++)
                weights[m * pairs + c] = of_i[m];
            for (int64_t m = first_j; m < first_j + counts.at[j]; m++)
                weights[m * pairs + c] = of_j[m];
        }
    }
    Tensor *sums = kernels(x, s);
    sums = x_matmul(x, sums, ml_matrix(x, DT_F32, s->vectors, pairs, weights));
    return x_add(x, sums, ml_vector(x, DT_F32, s->rho));
}

/* Each pair votes for its first class when its score is above 0, else for the second. */
static Tensor *votes(Expand *x, Tensor *scores, int64_t classes)
{
    int64_t pairs = classes * (classes - 1) / 2, c = 0;
    double *signs = arena_array(x->g->arena, (size_t)(pairs * classes) + 1, sizeof *signs);
    double *lost = arena_array(x->g->arena, (size_t)classes, sizeof *lost);
    for (int64_t i = 0; i < classes; i++) {
        lost[i] = (double)i;
        for (int64_t j = i + 1; j < classes; j++, c++) {
            signs[c * classes + i] = 1;
            signs[c * classes + j] = -1;
        }
    }
    Tensor *first = x_cast(x, x_op2(x, OP_GREATER, scores, x_like(x, scores, 0)), DT_F32);
    Tensor *sums = x_matmul(x, first, ml_matrix(x, DT_F32, pairs, classes, signs));
    return x_add(x, sums, ml_vector(x, DT_F32, (Floats){classes, lost}));
}

/* Platt's probability of each pair, 1 / (1 + exp(a s + b)), and from them those of the classes
 * (lpc.Coupling). */
static Tensor *probabilities(Expand *x, Tensor *scores, int64_t classes)
{
    Floats a = ml_floats(x, "prob_a"), b = ml_floats(x, "prob_b");
    Tensor *at = x_mul(x, scores, ml_vector(x, DT_F32, a));
    at = x_op1(x, OP_NEG, x_add(x, at, ml_vector(x, DT_F32, b)));
    at = x_op1(x, OP_SIGMOID, at);
    x_int(x, "classes", classes);
    return x_op1(x, OP_ML_COUPLING, at);
}

static int one_against_one(Expand *x, const Svm *s, const Labels *labels, Ints counts)
{
    int64_t classes = labels->count, pairs = classes * (classes - 1) / 2;
    MlTransform transform = ml_post_transform(x);
    int64_t a = ml_floats(x, "prob_a").count, b = ml_floats(x, "prob_b").count;
    TRY(ml_need_product(x, "coefficients", s->coefficients.count, classes - 1, s->vectors));
    TRY(ml_need_count(x, "rho", s->rho.count, pairs));
    if ((a || b) && classes > MOST_COUPLED)
        return x_fail(x, "probabilities of %lld classes: at most %d are supported",
                      (long long)classes, MOST_COUPLED);
    if (a || b) {
        TRY(ml_need_count(x, "prob_a", a, pairs));
        TRY(ml_need_count(x, "prob_b", b, pairs));
    }
    Tensor *scores = pair_scores(x, s, classes, counts);
    ml_labels(x, labels, ml_top(x, votes(x, scores, classes)));
    if (a)
        scores = ml_transform(x, probabilities(x, scores, classes), transform);
    else if (classes == 2)
        scores = ml_two_scores(x, scores, transform != ML_NONE, transform);
    else
        scores = ml_transform(x, scores, transform);
    x_result(x, 1, scores);
    return 0;
}

/* ---- SVMClassifier: without vectors, a linear model for each class ---- */

/* Of two classes the second wins when the greater score is above 0, or, when no coefficient is negative,
 * at least 0.5: as in ONNX Runtime. */
static Tensor *top_of_two(Expand *x, const Svm *s, Tensor *scores)
{
    bool positive = true;
    for (int64_t i = 0; i < s->coefficients.count; i++)
        positive = positive && s->coefficients.at[i] >= 0;
    const int64_t axis = 1;
    OpCode above = positive ? OP_GREATER_OR_EQUAL : OP_GREATER;
    Tensor *most = x_reduce_many(x, OP_REDUCE_MAX, scores, 1, &axis, false);
    Tensor *second = x_op2(x, above, most, x_like(x, scores, positive ? 0.5 : 0));
    Tensor *one = x_scalar(x, DT_I64, 1);
    return x_op3(x, OP_WHERE, second, one, ml_top(x, scores));
}

static int one_for_each(Expand *x, const Svm *s, const Labels *labels)
{
    int64_t classes = labels->count;
    MlTransform transform = ml_post_transform(x);
    TRY(ml_need_product(x, "coefficients", s->coefficients.count, classes, s->features));
    if (!s->rho.count) return x_fail(x, "rho: expected a value");
    Tensor *scores = x_shift(x, products(x, s, classes, s->coefficients.at), s->rho.at[0]);
    bool has_probabilities = ml_floats(x, "prob_a").count > 0;
    bool two = classes == 2 && !has_probabilities;
    ml_labels(x, labels, two ? top_of_two(x, s, scores) : ml_top(x, scores));
    if (classes > 1 || transform == ML_PROBIT) scores = ml_transform(x, scores, transform);
    x_result(x, 1, scores);
    return 0;
}

int expand_ml_svm_classifier(Expand *x)
{
    Svm s;
    Labels labels = ml_class_labels(x, "classlabels_ints");
    Ints counts = ml_ints(x, "vectors_per_class");
    int64_t vectors = 0;
    for (int i = 0; i < counts.count; i++) {
        if (counts.at[i] < 0 || __builtin_add_overflow(vectors, counts.at[i], &vectors))
            return x_fail(x, "vectors_per_class: %lld is no count", (long long)counts.at[i]);
    }
    TRY(svm_read(x, &s, vectors));
    if (!labels.count) return x_fail(x, "expected classlabels_ints or classlabels_strings");
    if (!vectors) return one_for_each(x, &s, &labels);
    TRY(ml_need_count(x, "vectors_per_class", counts.count, labels.count));
    if (labels.count < 2) return x_fail(x, "class labels: expected 2 or more, got 1");
    return one_against_one(x, &s, &labels, counts);
}
