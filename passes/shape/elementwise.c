/* Shape rules of element-wise operators, casts and quantisation. */
#include "passes/shape/shape.h"

/* Output 0 is like input 0; a negative `axis` is resolved. */
int shape_same(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int axis;
    const Attr *attr = node_attr(n, "axis");
    if (attr && attr->kind == ATTR_INT) TRY(shape_axis(g, n, "axis", x->rank ? x->rank : 1, &axis));
    switch (n->op) {
    case OP_SOFTMAX:
    case OP_LOG_SOFTMAX:
    case OP_HARDMAX:
    case OP_LP_NORMALIZATION:
    case OP_RMS_NORMALIZATION:
    case OP_TENSOR_SCATTER:
    case OP_SCATTER_ELEMENTS: /* the default is made explicit too */
        TRY(shape_axis(g, n, "axis", x->rank ? x->rank : 1, &axis));
        break;
    case OP_INSTANCE_NORMALIZATION:
    case OP_GROUP_NORMALIZATION: TRY(need_rank_min(g, n, 0, 2)); break;
    case OP_SCATTER_ND: TRY(need_rank_min(g, n, 1, 1)); break;
    case OP_TRILU: TRY(need_rank_min(g, n, 0, 2)); break;
    default: break;
    }
    return shape_set_like(g, n, 0, x->dtype, x);
}

int shape_bool_same(Graph *g, Node *n)
{
    return shape_set_like(g, n, 0, DT_BOOL, n->in[0]);
}

static int set_onnx_type(Graph *g, Node *n, const char *attr, const Tensor *like)
{
    DType type = graph_dtype(g, node_int(n, attr));
    if (type == DT_NONE)
        return diag_node(g->diag, &n->origin, "%s: element type %lld is not supported", attr,
                         (long long)node_int(n, attr));
    return shape_set_like(g, n, 0, type, like);
}

int shape_cast(Graph *g, Node *n)
{
    return set_onnx_type(g, n, "to", n->in[0]);
}

int shape_cast_like(Graph *g, Node *n)
{
    return shape_set_like(g, n, 0, n->in[1]->dtype, n->in[0]);
}

int shape_bit_cast(Graph *g, Node *n)
{
    TRY(set_onnx_type(g, n, "to", n->in[0]));
    if (dtype_size(n->out[0]->dtype) == dtype_size(n->in[0]->dtype)) return 0;
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

/* Resolves `axis` of per-axis scales; per-tensor scales lose the attribute. */
static int quantize_axis(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *scale = n->in[1];
    Dims like = dims_of(scale);
    if (!size_is(tensor_elements(g->sizes, scale), 1))
        TRY(need_dims(g, n, 2, "zero point", &like));
    else
        TRY(need_elements(g, n, 2, "zero point", 1));
    if (scale->rank == 0) {
        node_del_attr(n, "axis");
        return 0;
    }
    int axis;
    if (x->rank == 0) return diag_node(g->diag, &n->origin, "scale: a scalar needs a scalar scale");
    if (scale->rank == 1 && size_is(scale->dims[0], 1) && node_int(n, "block_size") == 0) {
        node_set_int(g, n, "axis", 0); /* one scale for all, whatever the axis */
        return 0;
    }
    TRY(shape_axis(g, n, "axis", x->rank, &axis));
    const Size *both;
    if (scale->rank == 1) return dims_unify(g, n, "scale", x->dims[axis], scale->dims[0], &both);
    if (scale->rank != x->rank || node_int(n, "block_size") <= 0)
        return diag_node(g->diag, &n->origin,
                         "scale: expected one value, one per axis or blocks with block_size");
    return 0;
}

int shape_quantize(Graph *g, Node *n)
{
    TRY(quantize_axis(g, n));
    DType type = DT_U8;
    if (node_in(n, 2))
        type = n->in[2]->dtype;
    else if (node_int(n, "output_dtype"))
        type = dtype_from_onnx(node_int(n, "output_dtype"));
    if (type == DT_NONE || !dtype_is_int(type))
        return diag_node(g->diag, &n->origin, "output_dtype: type %lld is not supported",
                         (long long)node_int(n, "output_dtype"));
    return shape_set_like(g, n, 0, type, n->in[0]);
}

int shape_dequantize(Graph *g, Node *n)
{
    TRY(quantize_axis(g, n));
    DType type = n->in[1]->dtype;
    if (node_int(n, "output_dtype")) type = dtype_from_onnx(node_int(n, "output_dtype"));
    if (type == DT_NONE || !dtype_is_float(type))
        return diag_node(g->diag, &n->origin, "output_dtype: type %lld is not supported",
                         (long long)node_int(n, "output_dtype"));
    return shape_set_like(g, n, 0, type, n->in[0]);
}

int shape_dynamic_quantize(Graph *g, Node *n)
{
    Dims scalar = {0};
    TRY(shape_set_like(g, n, 0, DT_U8, n->in[0]));
    TRY(shape_set(g, n, 1, DT_F32, &scalar));
    return shape_set(g, n, 2, DT_U8, &scalar);
}
