/* Shape rules of quantisation. */
#include "passes/shape/shape.h"

/* One scale for each block of `block` elements along the axis. */
static int blocked_scale(Graph *g, Node *n, int axis, int64_t block)
{
    const Tensor *x = n->in[0], *scale = n->in[1];
    if (block < 0)
        return diag_node(g->diag, &n->origin, "block_size: expected a positive number, got %lld",
                         (long long)block);
    if (scale->rank != x->rank)
        return diag_node(g->diag, &n->origin,
                         "scale: expected %d dimensions, as of the input in blocks, got %d",
                         x->rank, scale->rank);
    Dims want = dims_of(x);
    want.at[axis] = size_ceildiv(g->sizes, x->dims[axis], size_const(g->sizes, block));
    return need_dims(g, n, 1, "scale", &want);
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
    if (node_int(n, "block_size")) return blocked_scale(g, n, axis, node_int(n, "block_size"));
    if (scale->rank == 1) return dims_unify(g, n, "scale", x->dims[axis], scale->dims[0], &both);
    return diag_node(g->diag, &n->origin,
                     "scale: expected one value, one per axis or blocks with block_size");
}

static bool is_number_type(DType type)
{
    return dtype_is_float(type) && !dtype_is_narrow(type);
}

/* What QuantizeLinear makes: integers and small floats that have a sign. */
static bool is_quantised_type(DType type)
{
    return dtype_is_int(type) || (dtype_is_code(type) && type != DT_F8E8M0);
}

static int check_precision(Graph *g, const Node *n)
{
    int64_t number = node_int(n, "precision");
    if (!number || is_number_type(dtype_from_onnx(number))) return 0;
    return diag_node(g->diag, &n->origin, "precision: type %lld is not supported",
                     (long long)number);
}

int shape_quantize(Graph *g, Node *n)
{
    TRY(quantize_axis(g, n));
    TRY(check_precision(g, n));
    DType type = DT_U8;
    if (node_in(n, 2))
        type = n->in[2]->dtype;
    else if (node_int(n, "output_dtype"))
        type = dtype_from_onnx(node_int(n, "output_dtype"));
    if (!is_quantised_type(type))
        return diag_node(g->diag, &n->origin, "output_dtype: type %s is not supported",
                         dtype_name(type));
    return shape_set_like(g, n, 0, type, n->in[0]);
}

int shape_dequantize(Graph *g, Node *n)
{
    TRY(quantize_axis(g, n));
    if (!is_quantised_type(n->in[0]->dtype))
        return diag_node(g->diag, &n->origin, "x: elements of %s are not quantised",
                         dtype_name(n->in[0]->dtype));
    DType type = n->in[1]->dtype;
    if (node_int(n, "output_dtype")) type = dtype_from_onnx(node_int(n, "output_dtype"));
    if (!is_number_type(type))
        return diag_node(g->diag, &n->origin, "output_dtype: type %s is not supported",
                         dtype_name(type));
    return shape_set_like(g, n, 0, type, n->in[0]);
}

int shape_dynamic_quantize(Graph *g, Node *n)
{
    Dims scalar = {0};
    TRY(shape_set_like(g, n, 0, DT_U8, n->in[0]));
    TRY(shape_set(g, n, 1, DT_F32, &scalar));
    return shape_set(g, n, 2, DT_U8, &scalar);
}

int shape_byte_table(Graph *g, Node *n)
{
    const Tensor *table = n->in[1];
    TRY(need_rank(g, n, 1, 1));
    if (!size_is(table->dims[0], 256))
        return diag_node(g->diag, &n->origin, "input 1: expected 256 elements, got %s",
                         size_text(g->sizes, table->dims[0]));
    return shape_set_like(g, n, 0, table->dtype, n->in[0]);
}
