/* Shape rules of reductions, selections and normalisations with several outputs. */
#include "passes/shape/shape.h"

/* Axes become an explicit constant input; an empty one then means: no axis. */
static int reduce_axes(Graph *g, Node *n, bool reduced[MAX_RANK])
{
    int axes[MAX_RANK], count, rank = n->in[0]->rank;
    bool given;
    TRY(shape_axes_input(g, n, 1, rank, axes, &count, &given));
    if (count == 0 && !node_int(n, "noop_with_empty_axes")) {
        for (int i = 0; i < rank; i++) axes[i] = i;
        count = rank;
        given = false;
    }
    int64_t list[MAX_RANK];
    for (int i = 0; i < count; i++) {
        list[i] = axes[i];
        reduced[axes[i]] = true;
    }
    if (given) return 0;
    Tensor *x = n->in[0];
    n->in = arena_array(g->arena, 2, sizeof *n->in);
    n->in[0] = x;
    n->in[1] = graph_const_i64(g, NULL, count, list);
    n->in_count = 2;
    return 0;
}

int shape_reduce(Graph *g, Node *n)
{
    bool reduced[MAX_RANK] = {false};
    TRY(reduce_axes(g, n, reduced));
    Dims out = {0};
    for (int i = 0; i < n->in[0]->rank; i++) {
        if (!reduced[i])
            dims_push(&out, n->in[0]->dims[i]);
        else if (node_int(n, "keepdims"))
            dims_push(&out, size_const(g->sizes, 1));
    }
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_arg_reduce(Graph *g, Node *n)
{
    int axis;
    TRY(shape_axis(g, n, "axis", n->in[0]->rank, &axis));
    Dims out = {0};
    for (int i = 0; i < n->in[0]->rank; i++) {
        if (i != axis)
            dims_push(&out, n->in[0]->dims[i]);
        else if (node_int(n, "keepdims"))
            dims_push(&out, size_const(g->sizes, 1));
    }
    return shape_set(g, n, 0, DT_I64, &out);
}

int shape_top_k(Graph *g, Node *n)
{
    const Size *const *k;
    int axis, count;
    TRY(shape_axis(g, n, "axis", n->in[0]->rank, &axis));
    TRY(need_values(g, n, 1, "k", &k, &count));
    Dims out = dims_of(n->in[0]);
    if (count != 1 || (size_is_const(k[0]) && size_is_const(out.at[axis]) &&
                       (k[0]->value < 0 || k[0]->value > out.at[axis]->value)))
        return diag_node(g->diag, &n->origin, "k: expected one value of at most %s",
                         size_text(g->sizes, out.at[axis]));
    out.at[axis] = k[0];
    TRY(shape_set(g, n, 0, n->in[0]->dtype, &out));
    return shape_set(g, n, 1, DT_I64, &out);
}

int shape_layer_norm(Graph *g, Node *n)
{
    int axis;
    TRY(shape_axis(g, n, "axis", n->in[0]->rank, &axis));
    Dims stats = dims_of(n->in[0]);
    for (int i = axis; i < stats.rank; i++) stats.at[i] = size_const(g->sizes, 1);
    DType type = dtype_from_onnx(node_int(n, "stash_type"));
    TRY(shape_set_like(g, n, 0, n->in[0]->dtype, n->in[0]));
    TRY(shape_set(g, n, 1, type == DT_NONE ? DT_F32 : type, &stats));
    return shape_set(g, n, 2, type == DT_NONE ? DT_F32 : type, &stats);
}
