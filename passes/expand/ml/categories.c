/* Operators on categories: LabelEncoder, OneHotEncoder, CategoryMapper. Keys are known at compile
 * time; lpc.Lookup searches them in their order. */
#include "passes/expand/ml/ml.h"
#include "passes/expand/strings/strings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lookup ---- */

typedef struct Key {
    bool is_float;
    double number;
    int64_t whole; /* the number, of integers */
    int64_t index; /* in the lists of keys and values */
} Key;

static int by_key(const void *a, const void *b)
{
    const Key *one = a, *other = b;
    if (one->is_float && one->number != other->number) return one->number < other->number ? -1 : 1;
    if (!one->is_float && one->whole != other->whole) return one->whole < other->whole ? -1 : 1;
    return one->index < other->index ? -1 : 1; /* equal ones stay in order: the first counts */
}

/* The keys in order, each once and without a NaN, whose index goes to *nan (-1: none). */
static Key *sorted_keys(Expand *x, const Tensor *keys, int64_t *count, int64_t *nan)
{
    int64_t given = tensor_static_elements(keys);
    Key *sorted = arena_array(x->g->arena, (size_t)given + 1, sizeof *sorted);
    bool is_float = dtype_is_float(keys->dtype);
    *count = 0;
    *nan = -1;
    for (int64_t i = 0; i < given; i++) {
        Key key = {is_float, const_f64_at(keys, i), is_float ? 0 : const_i64_at(keys, i), i};
        if (!isnan(key.number))
            sorted[(*count)++] = key;
        else if (*nan < 0)
            *nan = i;
    }
    qsort(sorted, (size_t)*count, sizeof *sorted, by_key);
    int64_t kept = 0;
    for (int64_t i = 0; i < *count; i++) {
        const Key *last = kept ? &sorted[kept - 1] : NULL;
        if (!last || last->number != sorted[i].number || last->whole != sorted[i].whole)
            sorted[kept++] = sorted[i];
    }
    *count = kept;
    return sorted;
}

/* Elements of a constant in another order; index -1: the one element of `otherwise`. */
static Tensor *reordered(Expand *x, const Tensor *from, const Tensor *otherwise, int64_t count,
                         const int64_t *order)
{
    size_t size = dtype_size(from->dtype);
    char *to = arena_alloc(x->g->arena, (size_t)count * size + 1);
    for (int64_t i = 0; i < count; i++) {
        const Tensor *source = order[i] < 0 ? otherwise : from;
        size_t at = order[i] < 0 ? 0 : (size_t)order[i];
        memcpy(to + (size_t)i * size, (const char *)source->data->data + at * size, size);
    }
    return x_ok(x) ? graph_const(x->g, NULL, from->dtype, 1, &count, to) : NULL;
}

static Tensor *i64_constant(Expand *x, const int64_t *values, int64_t count)
{
    return x_constant(x, DT_I64, 1, &count, values);
}

/* 0, 1 ... of as many as there are keys, then one more. */
static int64_t *places(Expand *x, int64_t count)
{
    int64_t *list = arena_array(x->g->arena, (size_t)count + 1, sizeof *list);
    for (int64_t i = 0; i <= count; i++) list[i] = i;
    return list;
}

Tensor *ml_place_among(Expand *x, Tensor *in, const Tensor *keys, bool last)
{
    int64_t count, nan;
    if (!x_ok(x)) return NULL;
    if (dtype_is_string(in->dtype)) return x_string_index(x, in, keys, last);
    const Key *sorted = sorted_keys(x, keys, &count, &nan);
    int64_t *order = arena_array(x->g->arena, (size_t)count + 2, sizeof *order);
    for (int64_t i = 0; i < count; i++) order[i] = sorted[i].index;
    order[count] = -1;
    Tensor *ordered = reordered(x, keys, NULL, count, order);
    order[count + 1] = nan;
    return x_op3(x, OP_ML_LOOKUP, in, ordered, i64_constant(x, order, count + 2));
}

/* values[i] where the input is keys[i], `otherwise` where it is none of them: a list ends with that, which
 * place -1 takes. */
static Tensor *lookup_places(Expand *x, Tensor *in, const Tensor *keys, const Tensor *values,
                             const Tensor *otherwise, bool last)
{
    Tensor *place = ml_place_among(x, in, keys, last);
    if (!x_ok(x)) return NULL;
    int64_t count = tensor_static_elements(keys), *order = places(x, count);
    order[count] = -1;
    return x_gather(x, reordered(x, values, otherwise, count + 1, order), place, 0);
}

/* The same; between numbers in one step. */
static Tensor *lookup(Expand *x, Tensor *in, const Tensor *keys, const Tensor *values,
                      const Tensor *otherwise)
{
    int64_t count, nan;
    if (!x_ok(x)) return NULL;
    if (dtype_is_string(in->dtype) || dtype_is_string(values->dtype))
        return lookup_places(x, in, keys, values, otherwise, false);
    const Key *sorted = sorted_keys(x, keys, &count, &nan);
    int64_t *order = arena_array(x->g->arena, (size_t)count + 2, sizeof *order);
    for (int64_t i = 0; i < count; i++) order[i] = sorted[i].index;
    order[count] = -1;
    order[count + 1] = nan;
    Tensor *ordered = reordered(x, keys, NULL, count, order);
    return x_op3(x, OP_ML_LOOKUP, in, ordered, reordered(x, values, otherwise, count + 2, order));
}

/* ---- LabelEncoder ---- */

/* Attribute keys_ or values_ as a constant: of a tensor, of integers, of floats or of strings. */
static Tensor *encoder_list(Expand *x, const char *what)
{
    Arena *arena = x->g->arena;
    const Attr *tensor = node_attr(x->n, arena_printf(arena, "%s_tensor", what));
    Ints ints = ml_ints(x, arena_printf(arena, "%s_int64s", what));
    Floats floats = ml_floats(x, arena_printf(arena, "%s_floats", what));
    if (tensor) return tensor->tensor;
    if (ints.count) return i64_constant(x, ints.at, ints.count);
    if (floats.count) return ml_vector(x, DT_F32, floats);
    const char *words = arena_printf(arena, "%s_strings", what);
    if (ml_string_count(x, words)) return ml_words(x, words);
    x_fail(x, "%s: expected one of %s_int64s, %s_floats, %s_strings and %s_tensor", what, what,
           what, what, what);
    return NULL;
}

static Tensor *encoder_default(Expand *x, const Tensor *values)
{
    const Attr *tensor = node_attr(x->n, "default_tensor");
    int64_t whole = node_int(x->n, "default_int64");
    if (tensor && tensor->tensor->dtype == values->dtype &&
        tensor_static_elements(tensor->tensor) == 1)
        return tensor->tensor;
    if (tensor) {
        x_fail(x, "default_tensor: expected one %s", dtype_name(values->dtype));
        return NULL;
    }
    const char *word = node_string(x->n, "default_string");
    if (dtype_is_string(values->dtype)) return x_words(x, 1, &word);
    if (values->dtype == DT_I64) return i64_constant(x, &whole, 1);
    if (dtype_is_float(values->dtype))
        return x_scalar(x, values->dtype, node_float(x->n, "default_float"));
    return x_scalar(x, values->dtype, (double)whole);
}

/* The form of opset 1: classes are strings, and numbers from 0 on. Of equal strings the last one counts. */
static int encode_classes(Expand *x)
{
    Tensor *in = x_in(x, 0), *classes = ml_words(x, "classes_strings"), *to = classes;
    if (!x_ok(x)) return LPC_ERROR;
    bool strings = dtype_is_string(in->dtype);
    int64_t count = tensor_static_elements(classes);
    Tensor *numbers = i64_constant(x, places(x, count), count);
    if (!strings && in->dtype != DT_I64)
        return x_fail(x, "input 0: expected strings or i64, got %s", dtype_name(in->dtype));
    if (strings) to = numbers;
    x_result(x, 0,
             lookup_places(x, in, strings ? classes : numbers, to, encoder_default(x, to), true));
    return 0;
}

int expand_ml_label_encoder(Expand *x)
{
    if (ml_string_count(x, "classes_strings")) return encode_classes(x);
    Tensor *in = x_in(x, 0), *keys = encoder_list(x, "keys");
    Tensor *values = encoder_list(x, "values");
    Tensor *otherwise = x_ok(x) ? encoder_default(x, values) : NULL;
    if (!x_ok(x)) return LPC_ERROR;
    if (in->dtype != keys->dtype)
        return x_fail(x, "keys are %s, the input is %s", dtype_name(keys->dtype),
                      dtype_name(in->dtype));
    int64_t count = tensor_static_elements(keys);
    TRY(ml_need_count(x, "values", tensor_static_elements(values), count));
    x_result(x, 0, lookup(x, in, keys, values, otherwise));
    return 0;
}

/* ---- OneHotEncoder ---- */

enum { MOST_ROWS = 2048 }; /* a table of the square of it */

/* Is the category listed once more behind? The last one counts. */
static bool comes_again(Ints cats, int i)
{
    for (int k = i + 1; k < cats.count; k++) {
        if (cats.at[k] == cats.at[i]) return true;
    }
    return false;
}

/* With zeros: 1 in the column whose category the input is. */
static Tensor *one_hot_columns(Expand *x, Tensor *in, Ints cats)
{
    bool *counts = arena_array(x->g->arena, (size_t)cats.count, sizeof *counts), all = true;
    for (int i = 0; i < cats.count; i++) {
        counts[i] = !comes_again(cats, i);
        all = all && counts[i];
    }
    Tensor *hot = x_op2(x, OP_EQUAL, in, x_i64(x, cats.count, cats.at));
    const int64_t count = cats.count;
    if (!all) hot = x_op2(x, OP_AND, hot, x_constant(x, DT_BOOL, 1, &count, counts));
    return x_cast(x, hot, DT_F32);
}

/* Without: a category that is not listed ends the run, as an index over the end does. */
static Tensor *one_hot_rows(Expand *x, Tensor *in, Ints cats)
{
    const int64_t count = cats.count, over = count;
    int64_t *index = arena_array(x->g->arena, (size_t)count, sizeof *index);
    double *rows = arena_array(x->g->arena, (size_t)(count * count), sizeof *rows);
    for (int i = 0; i < cats.count; i++) {
        index[i] = i;
        for (int k = i + 1; k < cats.count; k++)
            if (cats.at[k] == cats.at[i]) index[i] = k;
        rows[(int64_t)i * count + i] = 1;
    }
    Tensor *keys = x_i64(x, cats.count, cats.at), *values = x_i64(x, cats.count, index);
    Tensor *at = lookup(x, in, keys, values, i64_constant(x, &over, 1));
    return x_gather(x, ml_matrix(x, DT_F32, count, count, rows), at, 0);
}

/* Words as the places among the categories, the last one of equal ones; one behind them where a word is
 * none of them. */
static Tensor *category_places(Expand *x, Tensor *in, int64_t count)
{
    if (!dtype_is_string(in->dtype)) {
        x_fail(x, "input 0: expected strings, got %s", dtype_name(in->dtype));
        return NULL;
    }
    Tensor *place = ml_place_among(x, in, ml_words(x, "cats_strings"), true);
    return x_gather(x, i64_constant(x, places(x, count), count + 1), place, 0);
}

int expand_ml_one_hot_encoder(Expand *x)
{
    Ints cats = ml_ints(x, "cats_int64s");
    int words = ml_string_count(x, "cats_strings");
    Tensor *places_of_words = words ? category_places(x, x_in(x, 0), words) : NULL;
    if (words) cats = (Ints){words, places(x, words)};
    if (!x_ok(x)) return LPC_ERROR;
    if (!cats.count) return x_fail(x, "expected one of cats_int64s and cats_strings");
    Tensor *in = words ? places_of_words : x_cast(x, x_in(x, 0), DT_I64);
    if (!node_int(x->n, "zeros") && cats.count > MOST_ROWS)
        return x_fail(x, "%d categories without 'zeros': at most %d are supported", cats.count,
                      MOST_ROWS);
    if (node_int(x->n, "zeros"))
        x_result(x, 0, one_hot_columns(x, x_unsqueeze(x, in, -1), cats));
    else
        x_result(x, 0, one_hot_rows(x, in, cats));
    return 0;
}

/* Maps integers to strings or strings to integers. */
int expand_ml_category_mapper(Expand *x)
{
    Tensor *in = x_in(x, 0);
    Ints numbers = ml_ints(x, "cats_int64s");
    TRY(ml_need_count(x, "cats_strings", ml_string_count(x, "cats_strings"), numbers.count));
    if (!numbers.count) return x_fail(x, "expected cats_int64s and cats_strings");
    bool strings = dtype_is_string(in->dtype);
    Tensor *words = ml_words(x, "cats_strings"), *cats = x_i64(x, numbers.count, numbers.at);
    if (!strings && in->dtype != DT_I64)
        return x_fail(x, "input 0: expected strings or i64, got %s", dtype_name(in->dtype));
    Tensor *otherwise = encoder_default(x, strings ? cats : words);
    if (!x_ok(x)) return LPC_ERROR;
    x_result(x, 0,
             strings ? lookup_places(x, in, words, cats, otherwise, true)
                     : lookup_places(x, in, cats, words, otherwise, true));
    return 0;
}
