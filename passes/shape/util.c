/* What the shape rules share: sizes, axes, inputs that determine sizes. */
#include "passes/shape/shape.h"

#include <stdlib.h>
#include <string.h>

Dims dims_of(const Tensor *tensor)
{
    Dims dims = {.rank = tensor->rank};
    for (int i = 0; i < tensor->rank; i++) dims.at[i] = tensor->dims[i];
    return dims;
}

void dims_push(Dims *dims, const Size *size)
{
    if (dims->rank < MAX_RANK) dims->at[dims->rank] = size;
    dims->rank++;
}

const char *dims_text(Graph *g, const Dims *dims)
{
    Text text;
    text_init(&text, g->arena);
    text_add(&text, "[");
    for (int i = 0; i < dims->rank && i < MAX_RANK; i++) {
        if (i) text_add(&text, ", ");
        size_print(&text, g->sizes, dims->at[i]);
    }
    text_add(&text, "]");
    return text.data;
}

const Size *dims_product(Graph *g, const Dims *dims, int from, int to)
{
    const Size *product = size_const(g->sizes, 1);
    for (int i = from; i < to; i++) product = size_mul(g->sizes, product, dims->at[i]);
    return product;
}

int shape_set(Graph *g, Node *n, int out, DType dtype, const Dims *dims)
{
    if (dims->rank > MAX_RANK)
        return diag_node(g->diag, &n->origin, "output %d: rank %d is over the limit of %d", out,
                         dims->rank, MAX_RANK);
    int64_t elements = 1;
    for (int i = 0; i < dims->rank; i++) {
        const Size *size = dims->at[i];
        if (!size_is_const(size)) continue;
        if (size->value < 0)
            return diag_node(g->diag, &n->origin, "output %d: negative size in %s", out,
                             dims_text(g, dims));
        if (__builtin_mul_overflow(elements, size->value ? size->value : 1, &elements) ||
            elements > INT64_MAX / 64)
            return diag_node(g->diag, &n->origin, "output %d: %s is too large", out,
                             dims_text(g, dims));
    }
    if (!node_has_output(n, out)) return 0;
    Tensor *tensor = n->out[out];
    tensor->dtype = dtype;
    tensor->rank = dims->rank;
    for (int i = 0; i < dims->rank; i++) tensor->dims[i] = dims->at[i];
    return 0;
}

int shape_set_like(Graph *g, Node *n, int out, DType dtype, const Tensor *like)
{
    Dims dims = dims_of(like);
    return shape_set(g, n, out, dtype, &dims);
}

int dims_unify(Graph *g, Node *n, const char *what, const Size *a, const Size *b, const Size **both)
{
    *both = a;
    if (a == b) return 0;
    if (size_is_const(a) && size_is_const(b))
        return diag_node(g->diag, &n->origin, "%s: sizes %s and %s differ", what,
                         size_text(g->sizes, a), size_text(g->sizes, b));
    if (size_is_const(a) || size_is_const(b)) {
        *both = size_is_const(a) ? a : b;
        return 0;
    }
    /* They are equal in a model that is right; the smaller keeps all accesses inside both. */
    *both = size_min(g->sizes, a, b);
    return 0;
}

int dims_broadcast(Graph *g, Node *n, Dims *a, const Dims *b)
{
    Dims out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < out.rank; i++) {
        int ia = i - (out.rank - a->rank), ib = i - (out.rank - b->rank);
        const Size *da = ia >= 0 ? a->at[ia] : NULL, *db = ib >= 0 ? b->at[ib] : NULL;
        if (!da || (db && size_is(da, 1))) {
            out.at[i] = db;
        } else if (!db || size_is(db, 1)) {
            out.at[i] = da;
        } else if (da != db && size_is_const(da) && size_is_const(db)) {
            return diag_node(g->diag, &n->origin, "shapes %s and %s do not broadcast",
                             dims_text(g, a), dims_text(g, b));
        } else {
            TRY(dims_unify(g, n, "inputs", da, db, &out.at[i]));
        }
    }
    *a = out;
    return 0;
}

int shape_axis_value(Graph *g, Node *n, const char *what, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return diag_node(g->diag, &n->origin, "%s: expected a value in [%d, %d], got %lld", what,
                         -rank, rank - 1, (long long)axis);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

int shape_axis(Graph *g, Node *n, const char *attr, int rank, int *out)
{
    TRY(shape_axis_value(g, n, attr, node_int(n, attr), rank, out));
    node_set_int(g, n, attr, *out);
    return 0;
}

int shape_axes_input(Graph *g, Node *n, int in, int rank, int axes[MAX_RANK], int *count,
                     bool *given)
{
    *count = 0;
    *given = node_in(n, in) != NULL;
    if (!*given) return 0;
    const int64_t *found_axes;
    int64_t ints[MAX_RANK];
    int found;
    TRY(need_ints(g, n, in, "axes", &found_axes, &found));
    bool negative = false;
    if (found > MAX_RANK)
        return diag_node(g->diag, &n->origin, "axes: %d values are more than the rank", found);
    for (int i = 0; i < found; i++) {
        negative |= found_axes[i] < 0;
        TRY(shape_axis_value(g, n, "axes", found_axes[i], rank, &axes[i]));
        ints[i] = axes[i];
        for (int j = 0; j < i; j++) {
            if (axes[j] == axes[i])
                return diag_node(g->diag, &n->origin, "axes: %d is given twice", axes[i]);
        }
    }
    *count = found;
    if (negative || !n->in[in]->data) n->in[in] = graph_const_i64(g, NULL, found, ints);
    return 0;
}

int need_rank(Graph *g, Node *n, int in, int rank)
{
    if (n->in[in]->rank == rank) return 0;
    return diag_node(g->diag, &n->origin, "input %d ('%s'): expected rank %d, got %d", in,
                     n->in[in]->name, rank, n->in[in]->rank);
}

int need_rank_min(Graph *g, Node *n, int in, int rank)
{
    if (n->in[in]->rank >= rank) return 0;
    return diag_node(g->diag, &n->origin, "input %d ('%s'): expected rank %d or more, got %d", in,
                     n->in[in]->name, rank, n->in[in]->rank);
}

int need_same_type(Graph *g, Node *n, int a, int b)
{
    const Tensor *x = node_in(n, a), *y = node_in(n, b);
    if (!x || !y || x->dtype == y->dtype) return 0;
    return diag_node(g->diag, &n->origin, "inputs %d and %d have different types: %s and %s", a, b,
                     dtype_name(x->dtype), dtype_name(y->dtype));
}

static bool is_model_input(const Graph *g, const Tensor *tensor)
{
    for (int i = 0; i < g->input_count; i++) {
        if (g->inputs[i] == tensor) return true;
    }
    return false;
}

int unknown_input(Graph *g, Node *n, int in, const char *name)
{
    const Tensor *tensor = n->in[in];
    g->unknown_sizes++;
    const char *bind = is_model_input(g, tensor)
                           ? arena_printf(g->arena, "--bind-input %s=FILE", tensor->name)
                           : "--bind-input NAME=FILE for the model input that it is computed from";
    diag_node(g->diag, &n->origin,
              "input '%s' determines sizes and is not known at compile time: give its contents "
              "with %s",
              name, bind);
    return SHAPE_UNKNOWN;
}

int need_values(Graph *g, Node *n, int in, const char *name, const Size *const **values, int *count)
{
    Tensor *tensor = node_in(n, in);
    if (!tensor) return diag_node(g->diag, &n->origin, "input '%s' is missing", name);
    *values = tensor->data && tensor_is_static(tensor) ? const_values(g, tensor, count)
                                                       : tensor_values(g, tensor, count);
    if (*values) return 0;
    if (!tensor->data && tensor_is_static(tensor) && tensor_static_elements(tensor) > MAX_VALUES)
        return diag_node(g->diag, &n->origin,
                         "input '%s' has %lld elements: those of more than %d must be a constant",
                         name, (long long)tensor_static_elements(tensor), (int)MAX_VALUES);
    return unknown_input(g, n, in, name);
}

int need_ints(Graph *g, Node *n, int in, const char *name, const int64_t **out, int *count)
{
    const Size *const *values;
    TRY(need_values(g, n, in, name, &values, count));
    int64_t *ints = arena_array(g->arena, (size_t)*count + 1, sizeof *ints);
    for (int i = 0; i < *count; i++) {
        if (!size_is_const(values[i]))
            return diag_node(g->diag, &n->origin,
                             "input '%s': %s is not a constant: bind its symbols with --bind", name,
                             size_text(g->sizes, values[i]));
        ints[i] = values[i]->value;
    }
    *out = ints;
    return 0;
}

int need_int(Graph *g, Node *n, int in, const char *name, int64_t *out)
{
    const int64_t *ints;
    int count;
    TRY(need_ints(g, n, in, name, &ints, &count));
    if (count != 1)
        return diag_node(g->diag, &n->origin, "input '%s': expected 1 value, got %d", name, count);
    *out = ints[0];
    return 0;
}

int shape_node_symbol_index(Graph *g, const Node *n, const char *suffix)
{
    Text name;
    text_init(&name, g->arena);
    for (const char *c = n->name; *c; c++) {
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' ||
                    (*c >= '0' && *c <= '9');
        text_addn(&name, word ? c : "_", 1);
    }
    text_printf(&name, "_%s", suffix);
    bool starts_well = name.data[0] < '0' || name.data[0] > '9';
    int index =
        sizes_symbol(g->sizes, starts_well ? name.data : arena_printf(g->arena, "n%s", name.data));
    sizes_symbol_at(g->sizes, index)->source = SYM_NODE;
    return index;
}

const Size *shape_node_symbol(Graph *g, const Node *n, const char *suffix, int64_t max)
{
    int index = shape_node_symbol_index(g, n, suffix);
    sizes_symbol_at(g->sizes, index)->max = max == INT64_MAX ? -1 : max;
    return size_sym(g->sizes, index);
}
