/* Constants of strings, and strings found in them. */
#include "passes/expand/strings/strings.h"

#include <string.h>

Tensor *x_words(Expand *x, int64_t count, const char *const *words)
{
    DType type = x->g->strings;
    size_t size = dtype_size(type);
    if (!x_ok(x)) return NULL;
    char *data = arena_array(x->g->arena, (size_t)count + 1, size);
    for (int64_t i = 0; i < count; i++) {
        if (string_put(type, data + (size_t)i * size, words[i], strlen(words[i]))) continue;
        x_fail(x, "a string of %zu bytes; --max-string gives room for %lld", strlen(words[i]),
               (long long)dtype_string_max(type));
        return NULL;
    }
    return graph_const(x->g, NULL, type, 1, &count, data);
}

/* ---- Indices ---- */

static const char *element(const Tensor *keys, int64_t i)
{
    return (const char *)keys->data->data + i * dtype_cells(keys->dtype);
}

static uint64_t hash_of(const Tensor *keys, int64_t i)
{
    uint64_t hash = 0;
    const char *at = element(keys, i);
    size_t length = string_length(keys->dtype, at) + STRING_HEAD;
    for (size_t k = 0; k < length; k++) hash = (hash ^ (uint8_t)at[k]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* By key the place of its word among those that differ; *kept: the indices of these, in order. */
static int64_t *find_equal(Expand *x, const Tensor *keys, int64_t count, int64_t *kept,
                           int64_t *kept_count)
{
    size_t size = dtype_size(keys->dtype), slots = 4;
    while (slots < 2 * (size_t)count) slots *= 2;
    int64_t *table = arena_array(x->g->arena, slots, sizeof *table); /* place + 1, 0: free */
    int64_t *place = arena_array(x->g->arena, (size_t)count + 1, sizeof *place);
    for (int64_t i = 0; i < count; i++) {
        size_t at = hash_of(keys, i) & (slots - 1);
        while (table[at] && memcmp(element(keys, kept[table[at] - 1]), element(keys, i), size) != 0)
            at = (at + 1) & (slots - 1);
        if (!table[at]) {
            kept[(*kept_count)++] = i;
            table[at] = *kept_count;
        }
        place[i] = table[at] - 1;
    }
    return place;
}

const int64_t *x_first_equal(Expand *x, const Tensor *keys)
{
    int64_t count = tensor_static_elements(keys), unique = 0;
    int64_t *kept = arena_array(x->g->arena, (size_t)count + 1, sizeof *kept);
    int64_t *place = find_equal(x, keys, count, kept, &unique);
    for (int64_t i = 0; i < count; i++) place[i] = kept[place[i]];
    return place;
}

Tensor *x_string_index(Expand *x, Tensor *in, const Tensor *keys, bool last)
{
    if (!x_ok(x)) return NULL;
    int64_t count = tensor_static_elements(keys), unique = 0;
    size_t size = dtype_size(keys->dtype);
    int64_t *kept = arena_array(x->g->arena, (size_t)count + 1, sizeof *kept);
    const int64_t *place = find_equal(x, keys, count, kept, &unique);
    char *data = arena_array(x->g->arena, (size_t)unique + 1, size);
    for (int64_t i = 0; i < unique; i++)
        memcpy(data + (size_t)i * size, element(keys, kept[i]), size);
    Tensor *words = graph_const(x->g, NULL, keys->dtype, 1, &unique, data);
    Tensor *index = x_op2(x, OP_STRING_INDEX, in, words);
    if (unique == count) return index;
    int64_t *of_word = arena_array(x->g->arena, (size_t)unique + 1, sizeof *of_word);
    for (int64_t i = 0; i < unique; i++) of_word[i] = kept[i];
    for (int64_t i = 0; i < count && last; i++) of_word[place[i]] = i;
    of_word[unique] = -1; /* which index -1 takes */
    return x_gather(x, x_i64(x, (int)unique + 1, of_word), index, 0);
}

Tensor *x_string_hash(Expand *x, Tensor *in, uint32_t seed)
{
    x_int(x, "seed", seed);
    return x_op1(x, OP_STRING_HASH, in);
}
