/* Shape rules of views: reshapes, transposes, splits, expansions. */
#include "passes/shape/shape.h"

/* ---- Reshape ---- */

/* total / part where part must divide total; common factors are cancelled one by one first, so that
 * sizes that may be 0 at run time do not become divisors. NULL when it surely does not divide. */
static const Size *divide_dims(Graph *g, const Dims *total, const Dims *part)
{
    Dims num = *total, den = *part;
    for (int i = 0; i < den.rank; i++) {
        for (int j = 0; j < num.rank; j++) {
            if (num.at[j] != den.at[i]) continue;
            num.at[j] = den.at[i] = size_const(g->sizes, 1);
            break;
        }
    }
    const Size *top = dims_product(g, &num, 0, num.rank);
    const Size *bottom = dims_product(g, &den, 0, den.rank);
    if (size_is(bottom, 0)) return NULL;
    if (size_is_const(top) && size_is_const(bottom) && top->value % bottom->value) return NULL;
    return size_div(g->sizes, top, bottom);
}

int shape_reshape(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    const Size *const *want;
    int count, unknown = -1;
    TRY(need_values(g, n, 1, "shape", &want, &count));
    bool allow_zero = node_int(n, "allowzero") != 0;
    Dims in = dims_of(x), out = {0}, rest = {0};
    for (int i = 0; i < count; i++) {
        const Size *size = want[i];
        if (size_is(size, -1)) {
            if (unknown >= 0) return diag_node(g->diag, &n->origin, "shape: more than one -1");
            unknown = i;
        } else if (size_is(size, 0) && !allow_zero) {
            if (i >= x->rank)
                return diag_node(g->diag, &n->origin,
                                 "shape: 0 at position %d, but the input has "
                                 "rank %d",
                                 i, x->rank);
            size = x->dims[i];
        }
        if (out.rank == MAX_RANK)
            return diag_node(g->diag, &n->origin, "shape: rank %d is over the limit of %d", count,
                             MAX_RANK);
        dims_push(&out, size);
        if (i != unknown) dims_push(&rest, size);
    }
    if (unknown >= 0) out.at[unknown] = divide_dims(g, &in, &rest);
    const Size *have = dims_product(g, &in, 0, in.rank);
    if (unknown >= 0 && !out.at[unknown])
        return diag_node(g->diag, &n->origin, "shape: the %s elements of %s do not fill it",
                         size_text(g->sizes, have), dims_text(g, &in));
    const Size *need = dims_product(g, &out, 0, out.rank);
    if (size_is_const(have) && size_is_const(need) && have != need)
        return diag_node(g->diag, &n->origin, "shape: the %s elements of %s do not fit %s",
                         size_text(g->sizes, have), dims_text(g, &in), dims_text(g, &out));
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_flatten(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int64_t axis = node_int(n, "axis");
    if (axis < -x->rank || axis > x->rank)
        return diag_node(g->diag, &n->origin, "axis: expected a value in [%d, %d], got %lld",
                         -x->rank, x->rank, (long long)axis);
    if (axis < 0) axis += x->rank;
    node_set_int(g, n, "axis", axis);
    Dims in = dims_of(x), out = {0};
    dims_push(&out, dims_product(g, &in, 0, (int)axis));
    dims_push(&out, dims_product(g, &in, (int)axis, in.rank));
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_squeeze(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int axes[MAX_RANK], count;
    bool given, drop[MAX_RANK] = {false};
    TRY(shape_axes_input(g, n, 1, x->rank, axes, &count, &given));
    for (int i = 0; i < count; i++) {
        if (size_is_const(x->dims[axes[i]]) && !size_is(x->dims[axes[i]], 1))
            return diag_node(g->diag, &n->origin, "axes: axis %d has size %s, expected 1", axes[i],
                             size_text(g->sizes, x->dims[axes[i]]));
        drop[axes[i]] = true;
    }
    Dims out = {0};
    for (int i = 0; i < x->rank; i++) {
        if (!given) drop[i] = size_is(x->dims[i], 1);
        if (!drop[i]) dims_push(&out, x->dims[i]);
    }
    if (!given) { /* made explicit */
        int64_t list[MAX_RANK];
        int found = 0;
        for (int i = 0; i < x->rank; i++) {
            if (drop[i]) list[found++] = i;
        }
        Tensor *in[] = {n->in[0], graph_const_i64(g, NULL, found, list)};
        n->in = arena_array(g->arena, 2, sizeof *n->in);
        n->in[0] = in[0], n->in[1] = in[1];
        n->in_count = 2;
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_unsqueeze(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int axes[MAX_RANK], count;
    bool given, added[MAX_RANK] = {false};
    const Size *const *values;
    TRY(need_values(g, n, 1, "axes", &values, &count));
    int rank = x->rank + count;
    if (rank > MAX_RANK)
        return diag_node(g->diag, &n->origin, "axes: rank %d is over the limit of %d", rank,
                         MAX_RANK);
    TRY(shape_axes_input(g, n, 1, rank, axes, &count, &given));
    for (int i = 0; i < count; i++) added[axes[i]] = true;
    Dims out = {0};
    for (int i = 0, from = 0; i < rank; i++)
        dims_push(&out, added[i] ? size_const(g->sizes, 1) : x->dims[from++]);
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_transpose(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    const int64_t *perm;
    int64_t reversed[MAX_RANK];
    int count = node_ints(n, "perm", &perm);
    if (!node_attr(n, "perm")) {
        for (int i = 0; i < x->rank; i++) reversed[i] = x->rank - 1 - i;
        node_set_ints(g, n, "perm", x->rank, reversed);
        count = node_ints(n, "perm", &perm);
    }
    if (count != x->rank)
        return diag_node(g->diag, &n->origin, "perm: expected %d values, got %d", x->rank, count);
    unsigned seen = 0;
    Dims out = {0};
    for (int i = 0; i < count; i++) {
        if (perm[i] < 0 || perm[i] >= count || (seen >> perm[i] & 1u))
            return diag_node(g->diag, &n->origin, "perm: is not a permutation of 0..%d", count - 1);
        seen |= 1u << perm[i];
        dims_push(&out, x->dims[perm[i]]);
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

/* ---- Split ---- */

/* Sizes of the parts: given by input 1, else equal parts, the last one smaller. */
int shape_split(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int axis;
    TRY(need_rank_min(g, n, 0, 1));
    TRY(shape_axis(g, n, "axis", x->rank, &axis));
    const Size *const *parts = NULL, *left = x->dims[axis];
    int count = n->out_count;
    if (node_attr(n, "num_outputs") && node_int(n, "num_outputs") != count)
        return diag_node(g->diag, &n->origin, "num_outputs: is %lld, there are %d outputs",
                         (long long)node_int(n, "num_outputs"), count);
    if (node_in(n, 1)) {
        TRY(need_values(g, n, 1, "split", &parts, &count));
        if (count != n->out_count)
            return diag_node(g->diag, &n->origin, "split: expected %d values, got %d", n->out_count,
                             count);
    }
    const Size *each = size_ceildiv(g->sizes, left, size_const(g->sizes, n->out_count));
    for (int i = 0; i < n->out_count; i++) {
        const Size *part = parts ? parts[i] : i == n->out_count - 1 ? left : each;
        Dims out = dims_of(x);
        out.at[axis] = part;
        left = size_sub(g->sizes, left, part);
        TRY(shape_set(g, n, i, x->dtype, &out));
    }
    if (parts && size_is_const(left) && !size_is(left, 0))
        return diag_node(g->diag, &n->origin, "split: the parts do not add up to %s",
                         size_text(g->sizes, x->dims[axis]));
    return 0;
}

const Size *split_start(Graph *graph, const Node *node, int k)
{
    const Size *const *parts, *start = size_const(graph->sizes, 0);
    int given = 0;
    if (!node_in(node, 1) || !tensor_known_sizes(graph, node->in[1], &given, &parts)) {
        const Size *whole = node->in[0]->dims[node_int(node, "axis")];
        const Size *count = size_const(graph->sizes, node->out_count);
        return size_muli(graph->sizes, size_ceildiv(graph->sizes, whole, count), k);
    }
    for (int i = 0; i < k && i < given; i++) start = size_add(graph->sizes, start, parts[i]);
    return start;
}

int shape_expand(Graph *g, Node *n)
{
    const Size *const *want;
    int count;
    TRY(need_values(g, n, 1, "shape", &want, &count));
    if (count > MAX_RANK)
        return diag_node(g->diag, &n->origin, "shape: rank %d is over the limit of %d", count,
                         MAX_RANK);
    Dims out = dims_of(n->in[0]), to = {0};
    for (int i = 0; i < count; i++) dims_push(&to, want[i]);
    TRY(dims_broadcast(g, n, &out, &to));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}
