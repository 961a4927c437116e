/* Lists in attributes, and input 0 as rows of features. */
#include "passes/expand/ml/ml.h"
#include "passes/expand/strings/strings.h"

#include <string.h>

/* ---- Attributes ---- */

Ints ml_ints(const Expand *x, const char *name)
{
    Ints list;
    list.count = node_ints(x->n, name, &list.at);
    return list;
}

Floats ml_floats(const Expand *x, const char *name)
{
    const Attr *attr = node_attr(x->n, name);
    if (!attr || attr->kind != ATTR_FLOATS) return (Floats){0, NULL};
    return (Floats){attr->count, attr->floats};
}

Tensor *ml_words(Expand *x, const char *name)
{
    const Attr *attr = node_attr(x->n, name);
    return x_words(x, attr->count, attr->strings);
}

int ml_string_count(const Expand *x, const char *name)
{
    const Attr *attr = node_attr(x->n, name);
    return attr && attr->kind == ATTR_STRINGS ? attr->count : 0;
}

Floats ml_elements(const Expand *x, const Tensor *constant)
{
    int64_t count = tensor_static_elements(constant);
    double *values = arena_array(x->g->arena, (size_t)count + 1, sizeof *values);
    for (int64_t i = 0; i < count; i++) values[i] = const_f64_at(constant, i);
    return (Floats){count, values};
}

Floats ml_floats_or_tensor(const Expand *x, const char *name)
{
    const Attr *tensor = node_attr(x->n, arena_printf(x->g->arena, "%s_as_tensor", name));
    if (tensor && tensor->kind == ATTR_TENSOR) return ml_elements(x, tensor->tensor);
    return ml_floats(x, name);
}

int ml_need_count(Expand *x, const char *name, int64_t got, int64_t count)
{
    if (got == count) return 0;
    return x_fail(x, "%s: expected %lld values, got %lld", name, (long long)count, (long long)got);
}

int ml_need_product(Expand *x, const char *name, int64_t got, int64_t a, int64_t b)
{
    int64_t count;
    if (__builtin_mul_overflow(a, b, &count)) count = INT64_MAX;
    return ml_need_count(x, name, got, count);
}

int ml_word(Expand *x, const char *name, const char *const *words)
{
    const char *word = node_string(x->n, name);
    for (int i = 0; words[i]; i++) {
        if (!strcmp(words[i], word)) return i;
    }
    x_fail(x, "%s: '%s' is not known", name, word);
    return -1;
}

static Tensor *constant(Expand *x, DType type, int rank, const int64_t *dims, int64_t count,
                        const double *values)
{
    if (!x_ok(x)) return NULL;
    if (type == DT_F64) return x_constant(x, type, rank, dims, values);
    float *narrow = arena_array(x->g->arena, (size_t)count + 1, sizeof *narrow);
    for (int64_t i = 0; i < count; i++) narrow[i] = (float)values[i];
    return graph_const(x->g, NULL, DT_F32, rank, dims, narrow);
}

Tensor *ml_vector(Expand *x, DType type, Floats list)
{
    return constant(x, type, 1, &list.count, list.count, list.at);
}

Tensor *ml_matrix(Expand *x, DType type, int64_t rows, int64_t columns, const double *values)
{
    const int64_t dims[] = {rows, columns};
    return constant(x, type, 2, dims, rows * columns, values);
}

/* ---- Rows ---- */

Tensor *ml_rows(Expand *x, int input)
{
    Tensor *in = x_in(x, input);
    int rank = x_rank(x, in);
    if (rank == 1) return x_unsqueeze(x, in, 0);
    if (rank != 2) x_fail(x, "input %d: expected 1 or 2 dimensions, got %d", input, rank);
    return in;
}

DType ml_float_type(const Tensor *t)
{
    return t && t->dtype == DT_F64 ? DT_F64 : DT_F32;
}

Tensor *ml_float(Expand *x, Tensor *t)
{
    return x_cast(x, t, ml_float_type(t));
}
