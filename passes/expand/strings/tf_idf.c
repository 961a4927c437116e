/* TfIdfVectorizer: words become the indices of those that the pool has, and lpc.TfIdf counts n-grams of
 * numbers. */
#include "passes/expand/strings/strings.h"

#include <string.h>

typedef struct Pool {
    const Attr *words; /* NULL: numbers */
    const int64_t *items;
    int64_t count;
    int64_t *sizes; /* of each n-gram that is looked for, with its items and its column */
    int64_t *grams, *columns;
    int gram_count, item_count;
} Pool;

static int read_items(Expand *x, Pool *p)
{
    p->words = node_attr(x->n, "pool_strings");
    p->count = node_ints(x->n, "pool_int64s", &p->items);
    if (p->words) p->count = p->words->count;
    if (!p->count) return x_fail(x, "pool: expected pool_int64s or pool_strings");
    bool strings = dtype_is_string(x_in(x, 0)->dtype);
    if (strings == (p->words != NULL)) return 0;
    return x_fail(x, "input 0: its pool has %s, it is %s", p->words ? "strings" : "numbers",
                  dtype_name(x_in(x, 0)->dtype));
}

/* The n-grams of `size` items that stand in the pool from `begin` to `end`. */
static int take_grams(Expand *x, Pool *p, int size, int64_t begin, int64_t end, int64_t *gram)
{
    const int64_t *columns;
    int column_count = node_ints(x->n, "ngram_indexes", &columns);
    bool wanted =
        size >= node_int(x->n, "min_gram_length") && size <= node_int(x->n, "max_gram_length");
    if (begin < 0 || end < begin || end > p->count || (end - begin) % size)
        return x_fail(x, "ngram_counts: %lld to %lld is no list of %d-grams of the pool",
                      (long long)begin, (long long)end, size);
    for (int64_t at = begin; at < end; at += size, (*gram)++) {
        if (*gram >= column_count)
            return x_fail(x, "ngram_indexes: expected one for each n-gram, got %d", column_count);
        if (!wanted) continue;
        p->sizes[p->gram_count] = size;
        p->columns[p->gram_count++] = columns[*gram];
        for (int64_t i = at; i < at + size; i++) p->grams[p->item_count++] = p->items[i];
    }
    return 0;
}

static int read_grams(Expand *x, Pool *p)
{
    const int64_t *counts;
    int lists = node_ints(x->n, "ngram_counts", &counts);
    int64_t gram = 0, least = node_int(x->n, "min_gram_length");
    int64_t longest = node_int(x->n, "max_gram_length");
    if (least < 1 || longest < least || longest > lists)
        return x_fail(x, "min_gram_length, max_gram_length: %lld and %lld do not fit %d lists",
                      (long long)least, (long long)longest, lists);
    if (node_int(x->n, "max_skip_count") < 0) return x_fail(x, "max_skip_count: is negative");
    p->sizes = arena_array(x->g->arena, (size_t)p->count, sizeof *p->sizes);
    p->columns = arena_array(x->g->arena, (size_t)p->count, sizeof *p->columns);
    p->grams = arena_array(x->g->arena, (size_t)p->count, sizeof *p->grams);
    for (int i = 0; i < lists; i++) {
        int64_t end = i + 1 < lists ? counts[i + 1] : p->count;
        TRY(take_grams(x, p, i + 1, counts[i], end, &gram));
    }
    return 0;
}

/* The words' places in the pool, the same for equal ones. */
static Tensor *numbers_of_words(Expand *x, Pool *p)
{
    Tensor *pool = x_words(x, p->count, p->words->strings);
    if (!x_ok(x)) return NULL;
    p->items = x_first_equal(x, pool);
    return x_string_index(x, x_in(x, 0), pool, false);
}

static int find_size(Expand *x, int64_t *size)
{
    const int64_t *columns;
    int count = node_ints(x->n, "ngram_indexes", &columns);
    *size = 0;
    for (int i = 0; i < count; i++) {
        if (columns[i] < 0) return x_fail(x, "ngram_indexes: %lld", (long long)columns[i]);
        if (columns[i] >= *size) *size = columns[i] + 1;
    }
    const Attr *weights = node_attr(x->n, "weights");
    if (weights && weights->count < *size)
        return x_fail(x, "weights: expected %lld, got %d", (long long)*size, weights->count);
    return 0;
}

int expand_tf_idf_vectorizer(Expand *x)
{
    Pool pool = {0};
    int64_t size;
    const char *mode = node_string(x->n, "mode");
    if (strcmp(mode, "TF") != 0 && strcmp(mode, "IDF") != 0 && strcmp(mode, "TFIDF") != 0)
        return x_fail(x, "mode: expected TF, IDF or TFIDF, got '%s'", mode);
    TRY(find_size(x, &size));
    TRY(read_items(x, &pool));
    Tensor *in = pool.words ? numbers_of_words(x, &pool) : x_cast(x, x_in(x, 0), DT_I64);
    if (!x_ok(x)) return LPC_ERROR;
    TRY(read_grams(x, &pool));
    x_ints(x, "gram_sizes", pool.gram_count, pool.sizes);
    x_ints(x, "grams", pool.item_count, pool.grams);
    x_ints(x, "indexes", pool.gram_count, pool.columns);
    static const char *const kept[] = {"max_skip_count", "min_gram_length", "max_gram_length"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        x_int(x, kept[i], node_int(x->n, kept[i]));
    x_int(x, "size", size);
    x_string(x, "mode", mode);
    const Attr *weights = node_attr(x->n, "weights");
    if (weights) x_floats(x, "weights", weights->count, weights->floats);
    x_result(x, 0, x_op1(x, OP_TF_IDF, in));
    return 0;
}
