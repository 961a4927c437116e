/* Hashes and n-grams of com.microsoft. */
#include "passes/expand/build/build.h"
#include "passes/expand/strings/strings.h"

#include <math.h>

/* ---- MurmurHash3_x86_32 (Austin Appleby, public domain) of an element's bytes ---- */

static Tensor *shift(Expand *x, Tensor *a, int count, const char *direction)
{
    x_string(x, "direction", direction);
    return x_op2(x, OP_BIT_SHIFT, a, x_like(x, a, count));
}

static Tensor *rotate(Expand *x, Tensor *a, int count)
{
    Tensor *up = shift(x, a, count, "LEFT");
    return x_op2(x, OP_BITWISE_OR, up, shift(x, a, 32 - count, "RIGHT"));
}

static Tensor *mix_word(Expand *x, Tensor *hash, Tensor *word)
{
    word = x_scale(x, rotate(x, x_scale(x, word, 0xcc9e2d51), 15), 0x1b873593);
    hash = rotate(x, x_op2(x, OP_BITWISE_XOR, word, hash), 13);
    return x_shift(x, x_scale(x, hash, 5), 0xe6546b64);
}

static Tensor *finish(Expand *x, Tensor *hash, int bytes)
{
    static const struct {
        int shift;
        double factor;
    } steps[] = {{16, 0x85ebca6b}, {13, 0xc2b2ae35}};
    hash = x_op2(x, OP_BITWISE_XOR, hash, x_like(x, hash, bytes));
    for (int i = 0; i < 2; i++) {
        hash = x_op2(x, OP_BITWISE_XOR, hash, shift(x, hash, steps[i].shift, "RIGHT"));
        hash = x_scale(x, hash, steps[i].factor);
    }
    return x_op2(x, OP_BITWISE_XOR, hash, shift(x, hash, 16, "RIGHT"));
}

static Tensor *bits(Expand *x, Tensor *a, DType type)
{
    if (!x_ok(x) || a->dtype == type) return a;
    x_int(x, "to", dtype_to_onnx(type));
    return x_op1(x, OP_BIT_CAST, a);
}

static Tensor *hash_numbers(Expand *x, Tensor *a)
{
    DType t = a->dtype;
    bool is_long = t == DT_I64 || t == DT_U64 || t == DT_F64;
    if (!is_long && t != DT_I32 && t != DT_U32 && t != DT_F32) {
        x_fail(x, "type %s is not hashed, strings and numbers of 4 and 8 bytes are", dtype_name(t));
        return NULL;
    }
    Tensor *hash = x_scalar(x, DT_U32, (double)(uint32_t)node_int(x->n, "seed"));
    if (is_long) { /* the lower word first */
        Tensor *both = bits(x, a, DT_U64);
        Tensor *low = x_op2(x, OP_BITWISE_AND, both, x_like(x, both, UINT32_MAX));
        hash = mix_word(x, hash, x_cast(x, low, DT_U32));
        hash = mix_word(x, hash, x_cast(x, shift(x, both, 32, "RIGHT"), DT_U32));
    } else {
        hash = mix_word(x, hash, bits(x, a, DT_U32));
    }
    return finish(x, hash, is_long ? 8 : 4);
}

int expand_ms_murmur_hash3(Expand *x)
{
    Tensor *a = x_in(x, 0);
    Tensor *hash = dtype_is_string(a->dtype) ? x_string_hash(x, a, (uint32_t)node_int(x->n, "seed"))
                                             : hash_numbers(x, a);
    x_result(x, 0, bits(x, hash, node_int(x->n, "positive") ? DT_U32 : DT_I32));
    return 0;
}

/* ---- NGramRepeatBlock: what would repeat an n-gram gets the score -inf ----
 *     match[i] = ids[i .. i + n - 2] equals the last n - 1 ids
 *     scores[ids[i + n - 1]] = min(itself, match[i] ? -inf : inf) */

int expand_ms_ngram_repeat_block(Expand *x)
{
    int64_t n = node_int(x->n, "ngram_size");
    if (n < 1) return x_fail(x, "ngram_size: must be positive, is %lld", (long long)n);
    TRY(x_need_rank(x, 0, 2));
    TRY(x_need_rank(x, 1, 2));
    Tensor *ids = x_in(x, 0), *scores = x_in(x, 1), *match = NULL;
    SizeTable *t = x->g->sizes;
    const Size *length = x_dim(x, ids, 1), *zero = x_size(x, 0);
    const Size *count = size_max(t, size_addi(t, length, 1 - n), zero);
    if (size_is(count, 0)) {
        x_result(x, 0, scores);
        return 0;
    }
    for (int64_t j = 0; j < n - 1; j++) {
        Tensor *gram = x_slice(x, ids, 1, x_size(x, j), size_addi(t, count, j));
        const Size *from = size_max(t, size_addi(t, length, 1 - n + j), zero);
        Tensor *last =
            x_gather(x, ids, x_sizes(x, 1, &from), 1); /* one column, whatever its place */
        Tensor *equal = x_op2(x, OP_EQUAL, gram, last);
        match = match ? x_op2(x, OP_AND, match, equal) : equal;
    }
    Tensor *banned = x_slice(x, ids, 1, x_size(x, n - 1), size_addi(t, count, n - 1));
    Tensor *none = x_like(x, scores, -INFINITY), *all = x_like(x, scores, INFINITY);
    const Size *const dims[] = {x_dim(x, ids, 0), count};
    Tensor *update = match ? x_op3(x, OP_WHERE, match, none, all) : x_expand(x, none, 2, dims);
    x_int(x, "axis", 1);
    x_string(x, "reduction", "min");
    x_result(x, 0, x_op3(x, OP_SCATTER_ELEMENTS, scores, banned, update));
    return 0;
}

/* ---- NGramHashMapping ----
 * `history` is what came before, N - 1 ids, and the ids themselves: position t + N - 1 is id t. */

typedef struct Ngrams {
    Expand *x;
    int64_t most, heads; /* N; heads of each order */
    const Size *length;  /* of the ids */
    Tensor *history;     /* [batch, N - 1 + length] */
    Tensor *missing;     /* what stands before everything and behind a boundary */
    Tensor *boundary; /* bool, as history: nothing at or before here is seen from behind; or NULL */
} Ngrams;

/* The ids `back` before each. */
static Tensor *before(const Ngrams *g, Tensor *history, int64_t back)
{
    const Size *from = x_size(g->x, g->most - 1 - back);
    return x_slice(g->x, history, 1, from, size_add(g->x->g->sizes, from, g->length));
}

/* An end of text closes what is before it, itself included. */
static Tensor *text_ends(const Ngrams *g)
{
    bool resets = node_int(g->x->n, "reset_on_eos") && x_in(g->x, 5);
    return resets ? x_op2(g->x, OP_EQUAL, g->history, g->missing) : NULL;
}

/* A segment begins at t: t - 1 is a boundary. Only within these ids. */
static Tensor *segment_ends(const Ngrams *g)
{
    Expand *x = g->x;
    Tensor *segments = x_in(x, 6);
    if (!segments) return NULL;
    SizeTable *t = x->g->sizes;
    const Size *last = size_max(t, size_addi(t, g->length, -1), x_size(x, 0));
    Tensor *here = x_slice(x, segments, 1, x_size(x, 0), last);
    Tensor *next = x_slice(x, segments, 1, size_sub(t, g->length, last), g->length);
    Tensor *differs = x_op1(x, OP_NOT, x_op2(x, OP_EQUAL, here, next));
    const Size *dims[] = {x_dim(x, segments, 0), x_size(x, g->most - 1)};
    Tensor *never = x_scalar(x, DT_BOOL, 0),
           *parts[3] = {x_expand(x, never, 2, dims), differs, NULL};
    dims[1] = size_sub(t, g->length, last);
    parts[2] = x_expand(x, never, 2, dims);
    return x_concat(x, 1, 3, parts);
}

static void open_history(Ngrams *g)
{
    Expand *x = g->x;
    Tensor *ids = x_in(x, 0), *past = x_in(x, 3), *end = x_in(x, 5);
    const Size *dims[] = {x_dim(x, ids, 0), x_size(x, g->most - 1)};
    g->length = x_dim(x, ids, 1);
    g->missing =
        end ? x_reshape(x, end, 0, NULL) : x_like(x, ids, (double)node_int(x->n, "pad_id"));
    Tensor *parts[] = {past ? past : x_expand(x, g->missing, 2, dims), ids};
    g->history = x_concat(x, 1, 2, parts);
    Tensor *texts = text_ends(g), *segments = segment_ends(g);
    g->boundary = texts && segments ? x_op2(x, OP_OR, texts, segments) : texts ? texts : segments;
}

/* Element `at` of a vector. */
static Tensor *element(Expand *x, Tensor *vector, int64_t at)
{
    return x_gather(x, vector, x_scalar(x, DT_I64, (double)at), 0);
}

/* mix modulo the sizes of this order's heads: [batch, length, heads] */
static Tensor *head_ids(const Ngrams *g, Tensor *mix, int64_t order)
{
    Expand *x = g->x;
    const Size *from = x_size(x, (order - 2) * g->heads), *to = x_size(x, (order - 1) * g->heads);
    Tensor *sizes = x_slice(x, x_in(x, 2), 0, from, to), *offsets = x_in(x, 4);
    Tensor *id = x_op2(x, OP_MOD, x_unsqueeze(x, mix, 2), sizes);
    return offsets ? x_add(x, id, x_slice(x, offsets, 0, from, to)) : id;
}

static Tensor *hash_ids(const Ngrams *g)
{
    Expand *x = g->x;
    Tensor *mix = NULL, *closed = NULL, **parts;
    parts = arena_array(x->g->arena, (size_t)g->most, sizeof *parts);
    for (int64_t k = 0; k < g->most && x_ok(x); k++) {
        Tensor *token = before(g, g->history, k);
        if (k && g->boundary) {
            Tensor *here = before(g, g->boundary, k);
            closed = closed ? x_op2(x, OP_OR, closed, here) : here;
            token = x_op3(x, OP_WHERE, closed, g->missing, token);
        }
        Tensor *product = x_mul(x, token, element(x, x_in(x, 1), k));
        mix = mix ? x_op2(x, OP_BITWISE_XOR, mix, product) : product;
        if (k) parts[k - 1] = head_ids(g, mix, k + 1);
    }
    return x_ok(x) ? x_concat(x, 2, (int)g->most - 1, parts) : NULL;
}

static int check_vector(Expand *x, int in, const char *what, int64_t least)
{
    TRY(x_need_rank(x, in, 1));
    const Tensor *t = x_in(x, in);
    if (!t || !size_is_const(t->dims[0]) || t->dims[0]->value >= least) return 0;
    return x_fail(x, "%s: expected %lld values, got %lld", what, (long long)least,
                  (long long)t->dims[0]->value);
}

int expand_ms_ngram_hash_mapping(Expand *x)
{
    Ngrams g = {.x = x,
                .most = node_int(x->n, "max_ngram_size"),
                .heads = node_int(x->n, "n_head_per_ngram")};
    if (g.most < 2 || g.most > 64 || g.heads < 1 || g.heads > INT32_MAX)
        return x_fail(x, "expected max_ngram_size in 2..64 and a positive n_head_per_ngram");
    TRY(x_need_rank(x, 0, 2));
    TRY(x_need_rank(x, 3, 2));
    TRY(x_need_rank(x, 6, 2));
    TRY(check_vector(x, 1, "multipliers", g.most));
    TRY(check_vector(x, 2, "vocab_sizes", (g.most - 1) * g.heads));
    TRY(check_vector(x, 4, "head_offsets", (g.most - 1) * g.heads));
    if (x_in(x, 3) && x_static(x, x_in(x, 3), 1, "the number of past ids") != g.most - 1)
        return x_fail(x, "past_ids: expected %lld for each row", (long long)g.most - 1);
    open_history(&g);
    x_result(x, 0, hash_ids(&g));
    const Size *from = g.length, *to = size_addi(x->g->sizes, g.length, g.most - 1);
    if (x_wants(x, 1)) x_result(x, 1, x_slice(x, g.history, 1, from, to));
    return 0;
}
