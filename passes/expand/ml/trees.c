/* TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble: what the trees give (lpc.Trees), base
 * values, labels and transforms. */
#include "passes/expand/ml/trees.h"

#include <math.h>

typedef int ForestRule(Expand *x, Forest *f);

/* Rules run often, and a forest is large: nothing of it stays but the tables. */
static int with_forest(Expand *x, ForestRule *rule)
{
    Forest f = {.arena = arena_new()};
    int code = rule(x, &f);
    arena_free(f.arena);
    return code;
}

static Tensor *float_rows(Expand *x)
{
    return ml_float(x, ml_rows(x, 0));
}

/* The column `at` of `count`; the others are `other`. */
static Tensor *as_column(Expand *x, Tensor *score, int64_t at, int64_t count, double other)
{
    const Size *dims[] = {x_dim(x, score, 0), NULL};
    Tensor *parts[3];
    int used = 0;
    Tensor *fill = x_like(x, score, other);
    dims[1] = x_size(x, at);
    if (at > 0) parts[used++] = x_expand(x, fill, 2, dims);
    parts[used++] = score;
    dims[1] = x_size(x, count - 1 - at);
    if (at < count - 1) parts[used++] = x_expand(x, fill, 2, dims);
    return x_concat(x, 1, used, parts);
}

/* Where a score is of a target that a leaf of the row names: not -0.0, of all numbers it alone has its
 * bits. */
static Tensor *is_scored(Expand *x, Tensor *scores)
{
    if (!x_ok(x)) return NULL;
    DType bits = scores->dtype == DT_F64 ? DT_I64 : DT_I32;
    int64_t wide = INT64_MIN;
    int32_t narrow = INT32_MIN;
    x_int(x, "to", dtype_to_onnx(bits));
    Tensor *is = x_op1(x, OP_BIT_CAST, scores);
    const void *minus_zero = bits == DT_I64 ? (const void *)&wide : (const void *)&narrow;
    Tensor *none = x_constant(x, bits, 0, NULL, minus_zero);
    return x_op1(x, OP_NOT, x_op2(x, OP_EQUAL, is, none));
}

/* Scores of all targets, [rows, targets]. */
static Tensor *all_scores(Expand *x, const Forest *f)
{
    int64_t only = forest_only_target(f);
    Tensor *scores = forest_scores(x, f, float_rows(x));
    if (only < 0 || f->targets == 1) return scores;
    return as_column(x, scores, only, f->targets, -0.0);
}

/* ---- Regression ---- */

/* Base values are as many as targets. Of several targets those that no leaf of a row names are 0 whatever
 * their base value, as in ONNX Runtime. */
static Tensor *add_base_values(Expand *x, Tensor *scores, const Forest *f, Floats base)
{
    if (!base.count || !x_ok(x)) return scores;
    if (ml_need_count(x, "base_values", base.count, f->targets)) return NULL;
    Tensor *sum = x_add(x, scores, ml_vector(x, scores->dtype, base));
    if (f->targets == 1) return sum;
    Tensor *scored = is_scored(x, scores);
    return x_op3(x, OP_WHERE, scored, sum, x_like(x, scores, 0));
}

/* Of one target ONNX Runtime transforms the score with PROBIT only. */
static Tensor *regression(Expand *x, const Forest *f, Floats base)
{
    MlTransform transform = ml_post_transform(x);
    Tensor *scores = add_base_values(x, all_scores(x, f), f, base);
    if (f->targets == 1 && transform != ML_PROBIT) transform = ML_NONE;
    return transform == ML_NONE ? scores : ml_transform(x, scores, transform);
}

static int need_targets(Expand *x, Forest *f)
{
    f->targets = node_int(x->n, "n_targets");
    if (f->targets >= 1 && f->targets < INT32_MAX) return 0;
    return x_fail(x, "n_targets: expected 1 or more, got %lld", (long long)f->targets);
}

static int regressor(Expand *x, Forest *f)
{
    static const char *const words[] = {"AVERAGE", "SUM", "MIN", "MAX", NULL};
    int aggregate = ml_word(x, "aggregate_function", words);
    if (aggregate < 0) return LPC_ERROR;
    f->aggregate = (TreeAggregate)aggregate;
    TRY(need_targets(x, f));
    TRY(forest_read(x, f, "target"));
    x_result(x, 0, x_cast(x, regression(x, f, ml_floats_or_tensor(x, "base_values")), DT_F32));
    return 0;
}

int expand_ml_tree_ensemble_regressor(Expand *x)
{
    return with_forest(x, regressor);
}

static int ensemble(Expand *x, Forest *f)
{
    int64_t aggregate = node_int(x->n, "aggregate_function");
    if (aggregate < 0 || aggregate > TREE_MAX)
        return x_fail(x, "aggregate_function: expected a value in [0, 3], got %lld",
                      (long long)aggregate);
    f->aggregate = (TreeAggregate)aggregate;
    TRY(need_targets(x, f));
    TRY(forest_read_nodes(x, f));
    x_result(x, 0, x_cast(x, regression(x, f, (Floats){0, NULL}), x_in(x, 0)->dtype));
    return 0;
}

int expand_ml_tree_ensemble(Expand *x)
{
    return with_forest(x, ensemble);
}

/* ---- Classification of three and more, or of one ---- */

static Tensor *add_base(Expand *x, Tensor *scores, Floats base)
{
    return base.count ? x_add(x, scores, ml_vector(x, scores->dtype, base)) : scores;
}

/* The class with the greatest score among those that have one. */
static int classify_many(Expand *x, const Forest *f, Floats base, const Labels *labels)
{
    int64_t only = forest_only_target(f);
    Tensor *scores = all_scores(x, f), *compared = scores;
    if (!x_ok(x)) return LPC_ERROR;
    if (base.count) {
        TRY(ml_need_count(x, "base_values", base.count, f->targets));
        compared = scores = add_base(x, scores, base);
    } else if (only < 0) {
        Tensor *least = x_like(x, scores, -(double)INFINITY);
        compared = x_op3(x, OP_WHERE, is_scored(x, scores), scores, least);
    }
    if (only >= 0 && !base.count) {
        const Size *rows = x_dim(x, scores, 0);
        ml_labels(x, labels, x_expand(x, x_scalar(x, DT_I64, (double)only), 1, &rows));
    } else {
        ml_labels(x, labels, ml_top(x, compared));
    }
    x_result(x, 1, ml_transform(x, scores, ml_post_transform(x)));
    return 0;
}

/* One label: ONNX Runtime answers 1 where its score is above 0, else 0, whatever the label is. */
static int classify_one(Expand *x, const Forest *f, Floats base, const Labels *labels)
{
    static const int64_t plain[] = {0, 1};
    Labels of_two = {.count = 2, .ints = {2, plain}};
    MlTransform transform = ml_post_transform(x);
    Tensor *scores = all_scores(x, f);
    if (!x_ok(x)) return LPC_ERROR;
    if (labels->are_strings) return x_fail(x, "classlabels_strings: expected 2 or more, got 1");
    if (base.count) TRY(ml_need_count(x, "base_values", base.count, 1));
    scores = add_base(x, scores, base);
    Tensor *above = x_squeeze(x, scores, 1);
    above = x_op2(x, OP_GREATER, above, x_like(x, scores, 0));
    ml_labels(x, &of_two, ml_choose(x, above));
    x_result(x, 1, ml_transform(x, scores, transform == ML_PROBIT ? ML_PROBIT : ML_NONE));
    return 0;
}

/* ---- Classification of two ---- */

/* The text leaves open what two classes are; these are ONNX Runtime's ways. The second class decides where
 * a row has weights of it, else the first class alone; a class without weights has the score 0, base value
 * or not. */
typedef struct Two {
    Expand *x;
    Floats base;
    int64_t only;      /* the class that all weights are of, -1: there are two */
    bool all_positive; /* no weight is below 0 */
    MlTransform transform;
    Tensor *first, *second; /* [rows, 1] */
    Tensor *zero;
} Two;

/* Scores [rows, 2], and the one of them, [rows, 1], that says by its threshold which class it is. */
typedef struct Decision {
    Tensor *scores, *decides;
} Decision;

static Tensor *plus_base(const Two *t, Tensor *score, int at)
{
    return at < t->base.count ? x_shift(t->x, score, t->base.at[at]) : score;
}

static Tensor *side_by_side(const Two *t, Tensor *first, Tensor *second)
{
    Tensor *parts[] = {first, second};
    return x_concat(t->x, 1, 2, parts);
}

/* Of two base values the second is added to the first class's score, which makes both. */
static Decision by_second(const Two *t)
{
    Expand *x = t->x;
    bool both = t->base.count == 2;
    Tensor *second = both ? plus_base(t, t->first, 1) : t->second, *first = t->first;
    if (t->only < 0) {
        first = both ? x_op1(x, OP_NEG, second) : plus_base(t, first, 0);
        first = x_op3(x, OP_WHERE, is_scored(x, t->first), first, t->zero);
    }
    return (Decision){ml_transform(x, side_by_side(t, first, second), t->transform), second};
}

static Decision by_first(const Two *t)
{
    Expand *x = t->x;
    Tensor *score = plus_base(t, t->first, 0), *scores;
    if (t->base.count && t->only < 0)
        score = x_op3(x, OP_WHERE, is_scored(x, t->first), score, t->zero);
    if (t->base.count == 2)
        scores = ml_transform(x, side_by_side(t, score, t->zero), t->transform);
    else if (t->base.count == 1 && t->only < 0 && t->transform != ML_PROBIT)
        scores = x_cast(x, side_by_side(t, score, t->zero), DT_F32);
    else
        scores = ml_two_scores(x, score, t->only >= 0 && t->all_positive, t->transform);
    return (Decision){scores, score};
}

/* Without a class that all weights are of, labels are 1 and 0, or the strings in these places. */
static void label_of_two(const Two *t, Labels labels, Tensor *decides)
{
    static const int64_t plain[] = {0, 1};
    Expand *x = t->x;
    double threshold = t->only >= 0 && t->all_positive ? 0.5 : 0;
    if (t->only < 0 && !labels.are_strings) labels.ints = (Ints){2, plain};
    Tensor *above = x_squeeze(x, decides, 1);
    above = x_op2(x, OP_GREATER, above, x_like(x, decides, threshold));
    ml_labels(x, &labels, ml_choose(x, above));
}

static Decision decide(const Two *t)
{
    Expand *x = t->x;
    if (t->only == 0) return by_first(t);
    if (t->only == 1) return by_second(t);
    Decision second = by_second(t), first = by_first(t);
    Tensor *choose = is_scored(x, t->second);
    Tensor *scores = x_op3(x, OP_WHERE, choose, second.scores, first.scores);
    return (Decision){scores, x_op3(x, OP_WHERE, choose, second.decides, first.decides)};
}

static int classify_two(Expand *x, const Forest *f, Floats base, const Labels *labels)
{
    Two t = {.x = x, .base = base, .all_positive = true, .transform = ml_post_transform(x)};
    t.only = forest_only_target(f);
    for (int64_t i = 0; i < f->weight_count; i++)
        t.all_positive = t.all_positive && f->weights[i].value >= 0;
    if (base.count > 2) return ml_need_count(x, "base_values", base.count, 2);
    Tensor *scores = forest_scores(x, f, float_rows(x));
    const Size *dims[] = {x_dim(x, scores, 0), x_size(x, 1)}, *two = x_size(x, 2);
    if (!x_ok(x)) return LPC_ERROR;
    t.zero = x_expand(x, x_like(x, scores, 0), 2, dims);
    t.first = t.only < 0 ? x_slice(x, scores, 1, x_size(x, 0), dims[1]) : t.only ? t.zero : scores;
    t.second = t.only < 0 ? x_slice(x, scores, 1, dims[1], two) : t.only ? scores : t.zero;
    Decision d = decide(&t);
    label_of_two(&t, *labels, d.decides);
    x_result(x, 1, d.scores);
    return x->code;
}

static int classifier(Expand *x, Forest *f)
{
    Labels labels = ml_class_labels(x, "classlabels_int64s");
    Floats base = ml_floats_or_tensor(x, "base_values");
    f->targets = labels.count;
    f->aggregate = TREE_SUM;
    if (!labels.count) return x_fail(x, "expected classlabels_int64s or classlabels_strings");
    TRY(forest_read(x, f, "class"));
    if (labels.count == 1) return classify_one(x, f, base, &labels);
    if (labels.count == 2) return classify_two(x, f, base, &labels);
    return classify_many(x, f, base, &labels);
}

int expand_ml_tree_ensemble_classifier(Expand *x)
{
    return with_forest(x, classifier);
}
