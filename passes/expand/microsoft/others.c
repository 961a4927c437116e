/* Operators of com.microsoft that have no family. */
#include "passes/expand/build/build.h"

#include <string.h>

/* ---- CDist: the distance of every row of A to every row of B, [M, K, N] reduced over N ---- */

typedef struct Distance {
    Expand *x;
    Tensor *a, *b; /* [M, 1, N] and [1, K, N] */
} Distance;

static Tensor *sum_of(Expand *x, Tensor *a)
{
    const int64_t last = 2;
    return x_reduce_many(x, OP_REDUCE_SUM, a, 1, &last, false);
}

static Tensor *distance_abs(const Distance *d)
{
    return x_op1(d->x, OP_ABS, x_sub(d->x, d->a, d->b));
}

static Tensor *square_distance(const Distance *d)
{
    const int64_t last = 2;
    return x_reduce_many(d->x, OP_REDUCE_SUM_SQUARE, x_sub(d->x, d->a, d->b), 1, &last, false);
}

/* 1 - a . b / (|a| |b|) */
static Tensor *cosine(const Distance *d, Tensor *a, Tensor *b)
{
    Expand *x = d->x;
    const int64_t last = 2;
    Tensor *norm_a = x_reduce_many(x, OP_REDUCE_L2, a, 1, &last, false);
    Tensor *norm_b = x_reduce_many(x, OP_REDUCE_L2, b, 1, &last, false);
    Tensor *norms = x_mul(x, norm_a, norm_b);
    Tensor *same = x_div(x, sum_of(x, x_mul(x, a, b)), norms);
    return x_sub(x, x_like(x, a, 1), same);
}

static Tensor *centred(Expand *x, Tensor *a)
{
    return x_sub(x, a, x_reduce(x, OP_REDUCE_MEAN, a, 2));
}

static Tensor *correlation(const Distance *d)
{
    Tensor *a = centred(d->x, d->a), *b = centred(d->x, d->b);
    return cosine(d, a, b);
}

/* |a - b| / (|a| + |b|), where 0 / 0 is 0 */
static Tensor *canberra(const Distance *d)
{
    Expand *x = d->x;
    Tensor *size_a = x_op1(x, OP_ABS, d->a), *size_b = x_op1(x, OP_ABS, d->b);
    Tensor *sizes = x_add(x, size_a, size_b);
    Tensor *none = x_op2(x, OP_EQUAL, sizes, x_like(x, sizes, 0));
    Tensor *safe = x_op3(x, OP_WHERE, none, x_like(x, sizes, 1), sizes);
    return sum_of(x, x_div(x, distance_abs(d), safe));
}

static Tensor *hamming(const Distance *d)
{
    Expand *x = d->x;
    const int64_t last = 2;
    Tensor *differs = x_op1(x, OP_NOT, x_op2(x, OP_EQUAL, d->a, d->b));
    return x_reduce_many(x, OP_REDUCE_MEAN, x_cast(x, differs, d->a->dtype), 1, &last, false);
}

static Tensor *distance(const Distance *d, const char *metric)
{
    Expand *x = d->x;
    const int64_t last = 2;
    if (!strcmp(metric, "euclidean") || !strcmp(metric, "minkowski"))
        return x_op1(x, OP_SQRT, square_distance(d));
    if (!strcmp(metric, "sqeuclidean")) return square_distance(d);
    if (!strcmp(metric, "cityblock")) return sum_of(x, distance_abs(d));
    if (!strcmp(metric, "chebyshev"))
        return x_reduce_many(x, OP_REDUCE_MAX, distance_abs(d), 1, &last, false);
    if (!strcmp(metric, "cosine")) return cosine(d, d->a, d->b);
    if (!strcmp(metric, "correlation")) return correlation(d);
    if (!strcmp(metric, "canberra")) return canberra(d);
    if (!strcmp(metric, "hamming")) return hamming(d);
    if (!strcmp(metric, "braycurtis")) {
        Tensor *all = sum_of(x, x_op1(x, OP_ABS, x_add(x, d->a, d->b)));
        return x_div(x, sum_of(x, distance_abs(d)), all);
    }
    x_fail(x, "metric '%s' is not supported", metric);
    return NULL;
}

int expand_ms_cdist(Expand *x)
{
    TRY(x_need_rank(x, 0, 2));
    TRY(x_need_rank(x, 1, 2));
    Tensor *a = x_unsqueeze(x, x_in(x, 0), 1), *b = x_unsqueeze(x, x_in(x, 1), 0);
    Distance d = {x, a, b};
    if (x_ok(x)) x_result(x, 0, distance(&d, node_string(x->n, "metric")));
    return 0;
}

/* ---- Complex numbers: pairs on the last axis ---- */

int expand_ms_complex_mul(Expand *x)
{
    Tensor *a[2], *b[2];
    for (int i = 0; i < 2; i++)
        if (x_static(x, x_in(x, i), -1, "the last size") != 2)
            return x_fail(x, "input %d: expected pairs on the last axis", i);
    x_split(x, x_in(x, 0), -1, 2, a);
    x_split(x, x_in(x, 1), -1, 2, b);
    bool conjugates = x->n->op == OP_MS_COMPLEX_MUL_CONJ;
    Tensor *rr = x_mul(x, a[0], b[0]), *ii = x_mul(x, a[1], b[1]);
    Tensor *ri = x_mul(x, a[0], b[1]), *ir = x_mul(x, a[1], b[0]);
    Tensor *real = conjugates ? x_add(x, rr, ii) : x_sub(x, rr, ii);
    Tensor *imaginary = conjugates ? x_sub(x, ir, ri) : x_add(x, ir, ri);
    Tensor *parts[] = {real, imaginary};
    if (x_ok(x)) x_result(x, 0, x_concat(x, x_rank(x, parts[0]) - 1, 2, parts));
    return 0;
}

static Tensor *dft(Expand *x, Tensor *a, int axis, bool inverse, bool onesided)
{
    x_int(x, "inverse", inverse);
    x_int(x, "onesided", onesided);
    return x_op3(x, OP_DFT, a, NULL, x_scalar(x, DT_I64, axis));
}

/* The axes of the signal are the last ones, before that of pairs. */
static int check_signal(Expand *x, int dims, int64_t *signal)
{
    *signal = node_int(x->n, "signal_ndim");
    if (node_int(x->n, "normalized") || !node_int(x->n, "onesided"))
        return x_fail(x, "expected normalized=0 and onesided=1");
    if (*signal < 1 || *signal > dims)
        return x_fail(x, "signal_ndim: %lld of %d dimensions", (long long)*signal, dims);
    return 0;
}

int expand_ms_rfft(Expand *x)
{
    Tensor *a = x_in(x, 0);
    int64_t signal;
    int last = a->rank - 1;
    TRY(check_signal(x, a->rank, &signal));
    Tensor *y = dft(x, x_unsqueeze(x, a, -1), last, false, true);
    for (int i = 1; i < signal; i++) y = dft(x, y, last - i, false, false);
    x_result(x, 0, y);
    return 0;
}

/* The half that is not there is the other one's conjugate, backwards. */
int expand_ms_irfft(Expand *x)
{
    Tensor *y = x_in(x, 0), *half[2];
    int64_t signal;
    int last = y->rank - 2;
    TRY(check_signal(x, y->rank - 1, &signal));
    for (int i = 1; i < signal; i++) y = dft(x, y, last - i, true, false);
    SizeTable *t = x->g->sizes;
    const Size *count = x_dim(x, y, last);
    if (size_is_const(count) && count->value < 2)
        return x_fail(x, "expected 2 frequencies or more");
    const Size *inner = size_addi(t, count, -2); /* all but the first and the last */
    if (size_lower(t, inner) < 0) inner = size_max(t, inner, x_size(x, 0));
    Tensor *from = x_range(x, DT_I64, inner);
    Tensor *back = x_sub(x, x_size_scalar(x, inner), from);
    x_split(x, x_gather(x, y, back, last), -1, 2, half);
    Tensor *pair[] = {half[0], x_op1(x, OP_NEG, half[1])};
    Tensor *all[] = {y, x_concat(x, last + 1, 2, pair)};
    Tensor *full = dft(x, x_concat(x, last, 2, all), last, true, false);
    x_result(x, 0, x_squeeze(x, x_slice(x, full, last + 1, x_size(x, 0), x_size(x, 1)), last + 1));
    return 0;
}

/* ---- IsAllFinite ---- */

int expand_ms_is_all_finite(Expand *x)
{
    bool no_nan = !node_int(x->n, "isinf_only"), no_inf = !node_int(x->n, "isnan_only");
    Tensor *found = x_scalar(x, DT_I64, 0);
    for (int i = 0; i < x->n->in_count && x_ok(x); i++) {
        Tensor *a = x_in(x, i), *bad = NULL;
        int64_t axes[MAX_RANK];
        for (int k = 0; k < a->rank; k++) axes[k] = k;
        if (no_nan) bad = x_op1(x, OP_IS_NAN, a);
        if (no_inf) {
            Tensor *infinite = x_op1(x, OP_IS_INF, a);
            bad = bad ? x_op2(x, OP_OR, bad, infinite) : infinite;
        }
        if (!bad) return x_fail(x, "isinf_only and isnan_only exclude each other");
        bad = x_cast(x, bad, DT_I64);
        if (a->rank) bad = x_reduce_many(x, OP_REDUCE_SUM, bad, a->rank, axes, false);
        found = x_add(x, found, bad);
    }
    x_result(x, 0, x_op2(x, OP_EQUAL, found, x_scalar(x, DT_I64, 0)));
    return 0;
}

/* ---- WordConvEmbedding ----
 * Words are rows of characters, 0 behind their end; a convolution over their embeddings, Tanh,
 * and the largest over the windows that a word has, at least one. A row that begins with 0 is no
 * word: 0. */

static Tensor *word_lengths(Expand *x, Tensor *words)
{
    const int64_t last = 1, none = 0;
    Tensor *is_char = x_op2(x, OP_GREATER, words, x_like(x, words, 0));
    Tensor *first = x_gather(x, is_char, x_i64(x, 1, &none), 1);
    Tensor *counted = x_cast(x, x_op2(x, OP_AND, is_char, first), DT_I64);
    return x_reduce_many(x, OP_REDUCE_SUM, counted, 1, &last, true);
}

static int check_words(Expand *x)
{
    static const int ranks[] = {2, 4, 1, 2};
    static const struct {
        const char *name;
        int in, axis;
    } sizes[] = {
        {"embedding_size", 1, 0}, {"conv_window_size", 1, 2}, {"char_embedding_size", 3, 1}};
    for (int i = 0; i < 4; i++) TRY(x_need_rank(x, i, ranks[i]));
    for (int i = 0; i < 3; i++) {
        const Attr *said = node_attr(x->n, sizes[i].name);
        int64_t is = x_static(x, x_in(x, sizes[i].in), sizes[i].axis, sizes[i].name);
        if (x_ok(x) && said && said->ints[0] != -1 && said->ints[0] != is)
            return x_fail(x, "%s: the weights have %lld", sizes[i].name, (long long)is);
    }
    return x->code;
}

int expand_ms_word_conv_embedding(Expand *x)
{
    TRY(check_words(x));
    Tensor *words = x_in(x, 0), *filters = x_in(x, 1);
    int64_t width = x_static(x, filters, 2, "the window");
    Tensor *lengths = word_lengths(x, words); /* [words, 1] */
    Tensor *chars = x_unsqueeze(x, x_gather(x, x_in(x, 3), words, 0), 1);
    Tensor *y = x_op1(x, OP_TANH, x_op3(x, OP_CONV, chars, filters, x_in(x, 2)));
    y = x_squeeze(x, y, 3); /* [words, filters, windows] */
    Tensor *windows = x_op2(x, OP_MAX, lengths, x_like(x, lengths, (double)width));
    windows = x_unsqueeze(x, x_shift(x, windows, (double)(1 - width)), 2);
    Tensor *exists = x_op2(x, OP_LESS, x_range(x, DT_I64, x_dim(x, y, 2)), windows);
    const int64_t last = 2;
    y = x_op3(x, OP_WHERE, exists, y, x_like(x, y, -1e12));
    y = x_reduce_many(x, OP_REDUCE_MAX, y, 1, &last, false);
    Tensor *is_word = x_op2(x, OP_GREATER, lengths, x_like(x, lengths, 0));
    x_result(x, 0, x_op3(x, OP_WHERE, is_word, y, x_like(x, y, 0)));
    return 0;
}
