/* Shape rules of element-wise operators and casts. */
#include "passes/shape/shape.h"

#include <string.h>

int shape_same(Graph *g, Node *n)
{
    return shape_set_like(g, n, 0, n->in[0]->dtype, n->in[0]);
}

/* The attribute `axis` is one of input 0's, whose default is made explicit. */
int shape_same_axis(Graph *g, Node *n)
{
    int rank = n->in[0]->rank, axis;
    TRY(shape_axis(g, n, "axis", rank ? rank : 1, &axis));
    return shape_same(g, n);
}

int shape_bool_same(Graph *g, Node *n)
{
    return shape_set_like(g, n, 0, DT_BOOL, n->in[0]);
}

static int round_mode(Graph *g, const Node *n)
{
    const char *mode = node_string(n, "round_mode");
    if (!strcmp(mode, "up") || !strcmp(mode, "down") || !strcmp(mode, "nearest")) return 0;
    return diag_node(g->diag, &n->origin, "round_mode: expected up, down or nearest, got '%s'",
                     mode);
}

static int set_onnx_type(Graph *g, Node *n, const char *attr, const Tensor *like)
{
    DType type = dtype_from_onnx(node_int(n, attr));
    if (type == DT_NONE)
        return diag_node(g->diag, &n->origin, "%s: element type %lld is not supported", attr,
                         (long long)node_int(n, attr));
    return shape_set_like(g, n, 0, type, like);
}

int shape_cast(Graph *g, Node *n)
{
    TRY(round_mode(g, n));
    return set_onnx_type(g, n, "to", n->in[0]);
}

int shape_cast_like(Graph *g, Node *n)
{
    TRY(round_mode(g, n));
    return shape_set_like(g, n, 0, n->in[1]->dtype, n->in[0]);
}

int shape_bit_cast(Graph *g, Node *n)
{
    TRY(set_onnx_type(g, n, "to", n->in[0]));
    if (dtype_bits(n->out[0]->dtype) == dtype_bits(n->in[0]->dtype)) return 0;
    return diag_node(g->diag, &n->origin, "to: %s and %s have different widths",
                     dtype_name(n->in[0]->dtype), dtype_name(n->out[0]->dtype));
}

static int broadcast_all(Graph *g, Node *n, int from, DType dtype)
{
    Dims dims = dims_of(n->in[from]);
    for (int i = from + 1; i < n->in_count; i++) {
        Dims next = dims_of(n->in[i]);
        TRY(dims_broadcast(g, n, &dims, &next));
    }
    return shape_set(g, n, 0, dtype, &dims);
}

int shape_broadcast(Graph *g, Node *n)
{
    for (int i = 1; i < n->in_count && n->op != OP_BIT_SHIFT; i++) TRY(need_same_type(g, n, 0, i));
    return broadcast_all(g, n, 0, n->in[0]->dtype);
}

/* The exponent's type does not matter; PRelu's slope broadcasts into the input only. */
int shape_broadcast_first(Graph *g, Node *n)
{
    return broadcast_all(g, n, 0, n->in[0]->dtype);
}

int shape_compare(Graph *g, Node *n)
{
    TRY(need_same_type(g, n, 0, 1));
    return broadcast_all(g, n, 0, DT_BOOL);
}

int shape_where(Graph *g, Node *n)
{
    TRY(need_same_type(g, n, 1, 2));
    if (n->in[0]->dtype != DT_BOOL)
        return diag_node(g->diag, &n->origin, "condition: expected bool, got %s",
                         dtype_name(n->in[0]->dtype));
    return broadcast_all(g, n, 0, n->in[1]->dtype);
}

int shape_batch_norm(Graph *g, Node *n)
{
    TRY(need_rank_min(g, n, 0, 1));
    const Tensor *x = n->in[0];
    if (node_int(n, "training_mode"))
        return diag_node(g->diag, &n->origin, "training_mode: only inference is supported");
    for (int i = 1; i < 5; i++) {
        TRY(need_rank(g, n, i, 1));
        const Size *both;
        if (x->rank > 1) TRY(dims_unify(g, n, "channels", x->dims[1], n->in[i]->dims[0], &both));
    }
    return shape_set_like(g, n, 0, x->dtype, x);
}
