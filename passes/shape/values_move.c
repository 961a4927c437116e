/* Contents of small tensors: operators that move, reduce or make elements (column VALUES of
 * ir/ops.def). */
#include "passes/shape/values.h"

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

const Size *values_gather(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
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

const Size *values_slice(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
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

const Size *values_concat(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
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

const Size *values_split(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)flat;
    const Tensor *x = v->n->in[0];
    int axis = (int)node_int(v->n, "axis");
    int64_t from[MAX_RANK];
    for (int i = 0; i < x->rank; i++) from[i] = at[i];
    const Size *start = split_start(v->g, v->n, out);
    if (!size_is_const(start)) return NULL;
    from[axis] += start->value;
    return v->in[0][values_flatten(x, x->rank, from)];
}

const Size *values_tile(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Tensor *x = v->n->in[0];
    int64_t from[MAX_RANK];
    for (int i = 0; i < x->rank; i++) from[i] = at[i] % x->dims[i]->value;
    return v->in[0][values_flatten(x, x->rank, from)];
}

const Size *values_transpose(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Tensor *x = v->n->in[0];
    const int64_t *perm;
    int64_t from[MAX_RANK];
    int rank = node_ints(v->n, "perm", &perm);
    for (int i = 0; i < rank; i++) from[perm[i]] = at[i];
    return v->in[0][values_flatten(x, x->rank, from)];
}

/* All elements that are reduced to the one at `at`, combined; NULL: there are none. */
static const Size *reduce(const Values *v, const int64_t *at,
                          const Size *combine(SizeTable *, const Size *, const Size *))
{
    const Tensor *x = v->n->in[0], *axes = v->n->in[1];
    bool reduced[MAX_RANK] = {false}, keep = node_int(v->n, "keepdims") != 0;
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
        if (here) all = all ? combine(v->g->sizes, all, v->in[0][e]) : v->in[0][e];
    }
    return all;
}

const Size *values_reduce_sum(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *all = reduce(v, at, size_add);
    return all ? all : size_const(v->g->sizes, 0);
}

const Size *values_reduce_prod(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    const Size *all = reduce(v, at, size_mul);
    return all ? all : size_const(v->g->sizes, 1);
}

const Size *values_reduce_max(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return reduce(v, at, size_max);
}

const Size *values_reduce_min(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
    return reduce(v, at, size_min);
}

const Size *values_fill(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat, (void)at;
    const Attr *value = node_attr(v->n, "value");
    if (!value || !value->tensor) return size_const(v->g->sizes, 0);
    int count;
    const Size *const *fill = tensor_values(v->g, value->tensor, &count);
    return fill && count ? fill[0] : NULL;
}

const Size *values_range(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)at;
    SizeTable *t = v->g->sizes;
    return size_add(t, v->in[0][0], size_muli(t, v->in[2][0], flat));
}

const Size *values_shape(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)at;
    return v->n->in[0]->dims[node_int(v->n, "start") + flat];
}

/* Index i of the coordinates of a constant's elements that are not 0. */
const Size *values_non_zero(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat;
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

const Size *values_phi(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)at;
    int last = v->n->in_count - 1;
    if (node_attr(v->n, "fails")) return NULL;
    return v->in[last - 1][flat] == v->in[last][flat] ? v->in[last][flat] : NULL;
}

const Size *values_size(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)flat, (void)at;
    return tensor_elements(v->g->sizes, v->n->in[0]);
}

/* Reshapes and copies. */
const Size *values_same_order(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)out, (void)at;
    return v->in[0][flat];
}

const Size *values_expand(Values *v, int out, int64_t flat, const int64_t *at)
{
    (void)flat;
    return v->in[0][values_flatten(v->n->in[0], v->n->out[out]->rank, at)];
}
