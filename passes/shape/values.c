/* Known contents of small tensors, as sizes.
 *
 * Models compute shapes with tensors: Shape, Gather, Concat, Mul, ... Following the contents of
 * those tensors as symbolic sizes makes the shape inputs of Reshape, Expand, Slice and the like
 * known at compile time. Contents are followed through floating point too while they are whole
 * numbers (old exporters compute sizes as Floor(Cast(size) * scale)). */
#include "passes/shape/values.h"

#include <limits.h>

const Size *const *const_values(Graph *graph, const Tensor *tensor, int *count)
{
    int64_t elements = tensor_static_elements(tensor);
    if (elements < 0 || elements > INT_MAX) return NULL;
    const Size **values = arena_array(graph->arena, (size_t)elements, sizeof *values);
    for (int64_t i = 0; i < elements; i++) {
        if (dtype_is_float(tensor->dtype)) {
            double value = const_f64_at(tensor, i);
            if (!(value > -1e15 && value < 1e15) || value != (double)(int64_t)value) return NULL;
            values[i] = size_const(graph->sizes, (int64_t)value);
        } else {
            values[i] = size_const(graph->sizes, const_i64_at(tensor, i));
        }
    }
    if (count) *count = (int)elements;
    return values;
}

const Size *const *tensor_values(Graph *graph, Tensor *tensor, int *count)
{
    if (!tensor) return NULL;
    if (tensor->values) {
        if (count) *count = tensor->value_count;
        return tensor->values;
    }
    if (!tensor->data || !tensor_is_static(tensor)) return NULL;
    return tensor_static_elements(tensor) > MAX_VALUES ? NULL : const_values(graph, tensor, count);
}

void values_unflatten(const Tensor *x, int64_t flat, int64_t *at)
{
    for (int i = x->rank - 1; i >= 0; i--) {
        int64_t size = x->dims[i]->value;
        at[i] = size ? flat % size : 0;
        if (size) flat /= size;
    }
}

int64_t values_flatten(const Tensor *x, int rank, const int64_t *at)
{
    int64_t flat = 0;
    for (int i = 0; i < x->rank; i++) {
        int64_t size = x->dims[i]->value;
        flat = flat * size + (size == 1 ? 0 : at[i + rank - x->rank]);
    }
    return flat;
}

/* ---- Operators that move elements ---- */

static const Size *value_gather(const Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0], *index = v->n->in[1];
    int axis = (int)node_int(v->n, "axis");
    int64_t from[MAX_RANK];
    const Size *picked = v->in[1][values_flatten(index, index->rank, at + axis)];
    int64_t size = x->dims[axis]->value;
    if (!size_is_const(picked)) return NULL;
    for (int i = 0; i < axis; i++) from[i] = at[i];
    from[axis] = picked->value < 0 ? picked->value + size : picked->value;
    for (int i = axis + 1; i < x->rank; i++) from[i] = at[i + index->rank - 1];
    if (from[axis] < 0 || from[axis] >= size) return NULL;
    return v->in[0][values_flatten(x, x->rank, from)];
}

static const Size *value_slice(Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0];
    const Size *start[MAX_RANK];
    int64_t step[MAX_RANK], from[MAX_RANK];
    if (slice_params(v->g, v->n, start, step)) return NULL;
    for (int i = 0; i < x->rank; i++) {
        if (!size_is_const(start[i])) return NULL;
        from[i] = start[i]->value + at[i] * step[i];
        if (from[i] < 0 || from[i] >= x->dims[i]->value) return NULL;
    }
    return v->in[0][values_flatten(x, x->rank, from)];
}

static const Size *value_concat(const Values *v, int64_t *at)
{
    int axis = (int)node_int(v->n, "axis");
    int64_t from[MAX_RANK];
    for (int i = 0; i < v->n->out[0]->rank; i++) from[i] = at[i];
    for (int k = 0; k < v->n->in_count; k++) {
        const Tensor *x = v->n->in[k];
        if (from[axis] < x->dims[axis]->value)
            return v->in[k] ? v->in[k][values_flatten(x, x->rank, from)] : NULL;
        from[axis] -= x->dims[axis]->value;
    }
    return NULL;
}

static const Size *value_split(const Values *v, int out, const int64_t *at)
{
    const Tensor *x = v->n->in[0];
    int axis = (int)node_int(v->n, "axis");
    int64_t from[MAX_RANK];
    for (int i = 0; i < x->rank; i++) from[i] = at[i];
    const Size *start = split_start(v->g, v->n, out);
    if (!size_is_const(start)) return NULL;
    from[axis] += start->value;
    return v->in[0][values_flatten(x, x->rank, from)];
}

static const Size *value_tile(const Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0];
    int64_t from[MAX_RANK];
    for (int i = 0; i < x->rank; i++) from[i] = at[i] % x->dims[i]->value;
    return v->in[0][values_flatten(x, x->rank, from)];
}

static const Size *value_transpose(const Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0];
    const int64_t *perm;
    int64_t from[MAX_RANK];
    int rank = node_ints(v->n, "perm", &perm);
    for (int i = 0; i < rank; i++) from[perm[i]] = at[i];
    return v->in[0][values_flatten(x, x->rank, from)];
}

static const Size *value_reduce(const Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0], *axes = v->n->in[1];
    bool reduced[MAX_RANK] = {false}, keep = node_int(v->n, "keepdims") != 0;
    SizeTable *t = v->g->sizes;
    for (int64_t i = 0; i < tensor_static_elements(axes); i++)
        reduced[const_i64_at(axes, i)] = true;
    const Size *all = NULL;
    for (int e = 0; e < v->count[0]; e++) {
        int64_t from[MAX_RANK];
        bool here = true;
        values_unflatten(x, e, from);
        for (int i = 0, o = 0; i < x->rank; i++) {
            if (!reduced[i]) here &= from[i] == at[o];
            if (!reduced[i] || keep) o++;
        }
        const Size *one = v->in[0][e];
        if (!here) continue;
        if (!all)
            all = one;
        else if (v->n->op == OP_REDUCE_SUM)
            all = size_add(t, all, one);
        else if (v->n->op == OP_REDUCE_PROD)
            all = size_mul(t, all, one);
        else if (v->n->op == OP_REDUCE_MAX)
            all = size_max(t, all, one);
        else
            all = size_min(t, all, one);
    }
    if (all) return all;
    if (v->n->op == OP_REDUCE_SUM) return size_const(t, 0);
    return v->n->op == OP_REDUCE_PROD ? size_const(t, 1) : NULL;
}

static const Size *value_fill(const Values *v)
{
    const Attr *value = node_attr(v->n, "value");
    if (!value || !value->tensor) return size_const(v->g->sizes, 0);
    int count;
    const Size *const *fill = tensor_values(v->g, value->tensor, &count);
    return fill && count ? fill[0] : NULL;
}

static const Size *value_range(const Values *v, int64_t i)
{
    SizeTable *t = v->g->sizes;
    return size_add(t, v->in[0][0], size_muli(t, v->in[2][0], i));
}

static const Size *value_shape(const Values *v, int64_t i)
{
    return v->n->in[0]->dims[node_int(v->n, "start") + i];
}

/* Index i of the coordinates of a constant's elements that are not 0. */
static const Size *value_non_zero(const Values *v, const int64_t *at)
{
    const Tensor *x = v->n->in[0];
    int64_t from[MAX_RANK], seen = 0;
    if (!x->data) return NULL;
    for (int64_t e = 0; e < tensor_static_elements(x); e++) {
        if (const_f64_at(x, e) == 0 || seen++ < at[1]) continue;
        values_unflatten(x, e, from);
        return size_const(v->g->sizes, from[at[0]]);
    }
    return NULL;
}

static const Size *value_phi(const Values *v, int64_t i)
{
    int last = v->n->in_count - 1;
    if (node_attr(v->n, "fails")) return NULL;
    return v->in[last - 1][i] == v->in[last][i] ? v->in[last][i] : NULL;
}

/* ---- One element ---- */

static const Size *value_at(Values *v, int out, int64_t i)
{
    Node *n = v->n;
    int64_t at[MAX_RANK];
    values_unflatten(n->out[out], i, at);
    if (op_info(n->op)->traits & T_ELEMENTWISE) return values_elementwise(v, i, at);
    switch (n->op) {
    case OP_COPY:
    case OP_RESHAPE:
    case OP_SQUEEZE:
    case OP_UNSQUEEZE:
    case OP_FLATTEN: return v->in[0][i];
    case OP_SHAPE: return value_shape(v, i);
    case OP_SIZE: return tensor_elements(v->g->sizes, n->in[0]);
    case OP_GATHER: return value_gather(v, at);
    case OP_SLICE: return value_slice(v, at);
    case OP_CONCAT: return value_concat(v, at);
    case OP_SPLIT: return value_split(v, out, at);
    case OP_EXPAND: return v->in[0][values_flatten(n->in[0], n->out[0]->rank, at)];
    case OP_TILE: return value_tile(v, at);
    case OP_TRANSPOSE: return value_transpose(v, at);
    case OP_REDUCE_SUM:
    case OP_REDUCE_PROD:
    case OP_REDUCE_MAX:
    case OP_REDUCE_MIN: return value_reduce(v, at);
    case OP_CONSTANT_OF_SHAPE: return value_fill(v);
    case OP_RANGE: return value_range(v, i);
    case OP_NON_ZERO: return value_non_zero(v, at);
    case OP_PHI: return value_phi(v, i);
    default: return NULL;
    }
}

/* Whether an input's contents must be known for any element of the output to be. */
static bool needs_input(const Node *n, int in)
{
    switch (n->op) {
    case OP_SHAPE:
    case OP_SIZE:
    case OP_NON_ZERO:
    case OP_CONSTANT_OF_SHAPE:
    case OP_FLOOR: /* these three may see a quotient behind an unknown input */
    case OP_CEIL:
    case OP_CAST: return false;
    case OP_MUL:   /* 0 * x */
    case OP_WHERE: /* the side that is not taken */
    case OP_AND:
    case OP_OR: return false;
    case OP_RESHAPE:
    case OP_SQUEEZE:
    case OP_UNSQUEEZE:
    case OP_SLICE:
    case OP_SPLIT:
    case OP_EXPAND:
    case OP_TILE:
    case OP_REDUCE_SUM:
    case OP_REDUCE_PROD:
    case OP_REDUCE_MAX:
    case OP_REDUCE_MIN:
    case OP_CAST_LIKE: return in == 0;
    case OP_PHI: return in >= n->in_count - 2;
    default: return true;
    }
}

static bool can_follow(const Tensor *x)
{
    if (!x || !tensor_is_static(x)) return false;
    bool is_list = x->rank == 1 && dtype_is_int(x->dtype);
    return tensor_static_elements(x) <= (is_list ? MAX_VALUES : FOLLOWED_VALUES);
}

/* Sets the output's values when all its elements are known. */
static void infer_output(Values *v, int out)
{
    Tensor *y = v->n->out[out];
    if (!can_follow(y) || y->data) return;
    int64_t count = tensor_static_elements(y);
    const Size **values = arena_array(v->g->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = value_at(v, out, i);
        if (!values[i]) return;
    }
    y->values = values;
    y->value_count = (int)count;
}

/* Operators whose outputs' contents are worth asking for. */
static bool is_followed(OpCode op)
{
    switch (op) {
    case OP_COPY:
    case OP_RESHAPE:
    case OP_SQUEEZE:
    case OP_UNSQUEEZE:
    case OP_FLATTEN:
    case OP_SHAPE:
    case OP_SIZE:
    case OP_GATHER:
    case OP_SLICE:
    case OP_CONCAT:
    case OP_SPLIT:
    case OP_EXPAND:
    case OP_TILE:
    case OP_TRANSPOSE:
    case OP_REDUCE_SUM:
    case OP_REDUCE_PROD:
    case OP_REDUCE_MAX:
    case OP_REDUCE_MIN:
    case OP_CONSTANT_OF_SHAPE:
    case OP_RANGE:
    case OP_NON_ZERO:
    case OP_PHI: return true;
    default: return (op_info(op)->traits & T_ELEMENTWISE) != 0;
    }
}

void values_infer(Graph *g, Node *n)
{
    Values v = {.g = g, .n = n};
    bool worth = false;
    if (!is_followed(n->op)) return;
    for (int k = 0; k < n->out_count; k++) {
        if (!n->out[k]) continue;
        n->out[k]->values = NULL;
        worth |= can_follow(n->out[k]);
    }
    if (!worth) return;
    v.in = arena_array(g->arena, (size_t)n->in_count + 1, sizeof *v.in);
    v.count = arena_array(g->arena, (size_t)n->in_count + 1, sizeof *v.count);
    for (int k = 0; k < n->in_count; k++) {
        v.in[k] = tensor_values(g, n->in[k], &v.count[k]);
        if (!v.in[k] && n->in[k] && needs_input(n, k)) return;
    }
    for (int k = 0; k < n->out_count; k++) infer_output(&v, k);
}
