/* Operators on categories: LabelEncoder, OneHotEncoder, CategoryMapper, ZipMap. Keys are known at compile
 * time; lpc.Lookup searches them in their order. */
#include "passes/expand/ml/ml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_strings(Expand *x, const char *what)
{
    return x_fail(x, "%s that are strings need tensors of strings, which are not supported", what);
}

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

/* values[i] where the input is keys[i], `otherwise` where it is none of them. */
static Tensor *lookup(Expand *x, Tensor *in, const Tensor *keys, const Tensor *values,
                      const Tensor *otherwise)
{
    int64_t count, nan;
    if (!x_ok(x)) return NULL;
    const Key *sorted = sorted_keys(x, keys, &count, &nan);
    int64_t *order = arena_array(x->g->arena, (size_t)count + 2, sizeof *order);
    for (int64_t i = 0; i < count; i++) order[i] = sorted[i].index;
    order[count] = -1;
    order[count + 1] = nan;
    Tensor *ordered = reordered(x, keys, NULL, count, order);
    return x_op3(x, OP_ML_LOOKUP, in, ordered, reordered(x, values, otherwise, count + 2, order));
}

/* ---- LabelEncoder ---- */

static Tensor *i64_constant(Expand *x, const int64_t *values, int64_t count)
{
    return x_constant(x, DT_I64, 1, &count, values);
}

/* Attribute keys_ or values_ as a constant: of a tensor, of integers or of floats. */
static Tensor *encoder_list(Expand *x, const char *what)
{
    Arena *arena = x->g->arena;
    const Attr *tensor = node_attr(x->n, arena_printf(arena, "%s_tensor", what));
    Ints ints = ml_ints(x, arena_printf(arena, "%s_int64s", what));
    Floats floats = ml_floats(x, arena_printf(arena, "%s_floats", what));
    if (tensor) return tensor->tensor;
    if (ints.count) return i64_constant(x, ints.at, ints.count);
    if (floats.count) return ml_vector(x, DT_F32, floats);
    if (ml_string_count(x, arena_printf(arena, "%s_strings", what)) ||
        ml_string_count(x, "classes_strings"))
        no_strings(x, what);
    else
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
    if (values->dtype == DT_I64) return i64_constant(x, &whole, 1);
    if (dtype_is_float(values->dtype))
        return x_scalar(x, values->dtype, node_float(x->n, "default_float"));
    return x_scalar(x, values->dtype, (double)whole);
}

int expand_ml_label_encoder(Expand *x)
{
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

int expand_ml_one_hot_encoder(Expand *x)
{
    Ints cats = ml_ints(x, "cats_int64s");
    if (ml_string_count(x, "cats_strings")) return no_strings(x, "categories");
    if (!cats.count) return x_fail(x, "attribute 'cats_int64s' is missing, or empty");
    Tensor *in = x_cast(x, x_in(x, 0), DT_I64);
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
    return no_strings(x, "categories");
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
