/* Operators on maps: CastMap, DictVectorizer, ZipMap. A map is two tensors, its keys in any order, each once,
 * and its values; a list of maps from the same keys is a tensor of their values. */
#include "passes/expand/ml/ml.h"
#include "passes/expand/strings/strings.h"

#include <stdlib.h>
#include <string.h>

/* The same value so many times; of strings `word`. */
static Tensor *filled(Expand *x, DType type, int64_t count, const char *word)
{
    const Size *size = x_size(x, count);
    Tensor *one = dtype_is_string(type) ? x_words(x, 1, &word) : x_scalar(x, type, 0);
    return x_expand(x, one, 1, &size);
}

/* updates[k] at index[k] of the first `count` + 1 elements; the last of these is for what has no place. */
static Tensor *scatter(Expand *x, Tensor *first, Tensor *index, Tensor *updates)
{
    x_int(x, "axis", 0);
    return x_op3(x, OP_SCATTER_ELEMENTS, first, index, updates);
}

/* ---- CastMap ---- */

static Tensor *cast_values(Expand *x, Tensor *values)
{
    static const char *const targets[] = {"TO_FLOAT", "TO_INT64", "TO_STRING", NULL};
    int target = ml_word(x, "cast_to", targets);
    if (!x_ok(x)) return NULL;
    if (target == 0) return x_cast(x, values, DT_F32);
    if (target == 1) return x_cast(x, values, DT_I64);
    return dtype_is_string(values->dtype) ? values : x_op1(x, OP_FORMAT_FIXED, values);
}

/* All values in the order of their keys. */
static Tensor *dense(Expand *x, Tensor *keys, Tensor *values)
{
    const Size *count = x_dim(x, keys, 0);
    Tensor *in[] = {keys, x_sizes(x, 1, &count)}, *out[2] = {NULL, NULL};
    x_int(x, "largest", 0);
    x_op_many(x, OP_TOP_K, 2, in, 2, out);
    return x_gather(x, values, out[1], 0);
}

/* Each value at the place that its key is. A key behind the last place has none; a negative one ends the run,
 * as in ONNX Runtime, and so does the index behind the end that stands for it. */
static Tensor *sparse(Expand *x, Tensor *keys, Tensor *values)
{
    int64_t places = node_int(x->n, "max_map");
    if (places < 1 || places >= INT32_MAX) {
        x_fail(x, "max_map: expected 1 or more, got %lld", (long long)places);
        return NULL;
    }
    Tensor *end = x_i64(x, 1, &places), *zero = x_i64(x, 1, &(int64_t){0});
    Tensor *wrong = x_i64(x, 1, &(int64_t){places + 1});
    Tensor *place = x_op2(x, OP_MIN, keys, end);
    place = x_op3(x, OP_WHERE, x_op2(x, OP_LESS, keys, zero), wrong, place);
    Tensor *all = x_ok(x) ? filled(x, values->dtype, places + 1, "0.f") : NULL;
    return x_slice(x, scatter(x, all, place, values), 0, x_size(x, 0), x_size(x, places));
}

int expand_ml_cast_map(Expand *x)
{
    static const char *const forms[] = {"DENSE", "SPARSE", NULL};
    Tensor *keys = x_in(x, 0), *values = x_in(x, 1);
    int form = ml_word(x, "map_form", forms);
    if (!x_ok(x)) return LPC_ERROR;
    if (keys->dtype != DT_I64)
        return x_fail(x, "expected a map from i64, got one from %s", dtype_name(keys->dtype));
    if (values->dtype != DT_F32 && !dtype_is_string(values->dtype))
        return x_fail(x, "expected a map to f32 or strings, got one to %s",
                      dtype_name(values->dtype));
    Tensor *cast = cast_values(x, values);
    if (!x_ok(x)) return LPC_ERROR;
    x_result(x, 0, x_unsqueeze(x, form ? sparse(x, keys, cast) : dense(x, keys, cast), 0));
    return 0;
}

/* ---- DictVectorizer ---- */

/* Keys find their places in the vocabulary, and values go there; a word that stands twice reads the place of
 * the first one. What the map does not have is 0 or an empty string. */
int expand_ml_dict_vectorizer(Expand *x)
{
    Tensor *keys = x_in(x, 0), *values = x_in(x, 1);
    Ints ints = ml_ints(x, "int64_vocabulary");
    int words = ml_string_count(x, "string_vocabulary");
    if (!ints.count == !words)
        return x_fail(x, "expected one of int64_vocabulary and string_vocabulary");
    Tensor *vocabulary = words ? ml_words(x, "string_vocabulary") : x_i64(x, ints.count, ints.at);
    if (!x_ok(x)) return LPC_ERROR;
    if (keys->dtype != vocabulary->dtype)
        return x_fail(x, "the vocabulary is of %s, the map's keys are %s",
                      dtype_name(vocabulary->dtype), dtype_name(keys->dtype));
    int64_t count = tensor_static_elements(vocabulary);
    Tensor *place = ml_place_among(x, keys, vocabulary, false);
    Tensor *all = x_ok(x) ? filled(x, values->dtype, count + 1, "") : NULL;
    Tensor *placed = scatter(x, all, place, values); /* place -1 is the last one */
    Tensor *first = ml_place_among(x, vocabulary, vocabulary, false);
    x_result(x, 0, x_unsqueeze(x, x_gather(x, placed, first, 0), 0));
    return 0;
}

/* ---- ZipMap ---- */

typedef struct Column {
    const char *word; /* NULL: the key is a number */
    int64_t number, index;
} Column;

static int by_name(const void *a, const void *b)
{
    const Column *one = a, *other = b;
    if (one->word) return strcmp(one->word, other->word);
    return one->number < other->number ? -1 : one->number > other->number;
}

/* The order of the columns in which their keys ascend. */
static int64_t *column_order(Expand *x, int count)
{
    const Attr *words = node_attr(x->n, "classlabels_strings");
    Ints ints = ml_ints(x, "classlabels_int64s");
    Column *columns = arena_array(x->g->arena, (size_t)count + 1, sizeof *columns);
    int64_t *order = arena_array(x->g->arena, (size_t)count + 1, sizeof *order);
    for (int i = 0; i < count; i++) {
        columns[i].index = i;
        if (ints.count)
            columns[i].number = ints.at[i];
        else
            columns[i].word = words->strings[i];
    }
    qsort(columns, (size_t)count, sizeof *columns, by_name);
    for (int i = 0; i < count; i++) order[i] = columns[i].index;
    return order;
}

/* A list of maps from labels to scores, all of the same labels, is the scores [maps, labels]. Columns are
 * in the labels' order, numbers or words, as maps have them. */
int expand_ml_zip_map(Expand *x)
{
    Tensor *in = ml_rows(x, 0);
    int ints = ml_ints(x, "classlabels_int64s").count;
    int words = ml_string_count(x, "classlabels_strings"), count = ints ? ints : words;
    if (!ints == !words)
        return x_fail(x, "expected one of classlabels_int64s and classlabels_strings");
    int64_t columns = x_static(x, in, 1, "the number of classes");
    if (!x_ok(x)) return LPC_ERROR;
    TRY(ml_need_count(x, "class labels", count, columns));
    const int64_t *order = column_order(x, count);
    bool moves = false;
    for (int i = 0; i < count; i++) moves = moves || order[i] != i;
    x_result(x, 0, moves ? x_gather(x, in, x_i64(x, count, order), 1) : in);
    return 0;
}
