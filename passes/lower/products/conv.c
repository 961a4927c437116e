/* Conv, ConvInteger and QLinearConv: described as products for matrix.h. */
#include "passes/lower/products/conv.h"

#include <string.h>

static int64_t at_least_one(int64_t value)
{
    return value > 0 ? value : 1;
}

void conv_read(Conv *c, Lower *lw, const Tensor *x, const Tensor *w, const Tensor *bias)
{
    const Node *node = lw->node;
    const int64_t *kernel, *stride, *dilation, *pads;
    *c = (Conv){.lw = lw, .x = x, .w = w, .bias = bias, .out = node->out[0], .rank = x->rank - 2};
    node_ints(node, "kernel_shape", &kernel);
    node_ints(node, "strides", &stride);
    node_ints(node, "dilations", &dilation);
    node_ints(node, "pads", &pads);
    c->group = node_int(node, "group");
    c->taps = 1;
    for (int i = 0; i < c->rank; i++) {
        c->kernel[i] = kernel ? kernel[i] : w->dims[i + 2]->value;
        c->stride[i] = stride ? stride[i] : 1;
        c->dilation[i] = dilation ? dilation[i] : 1;
        c->pad[i] = pads ? pads[i] : 0;
        c->pad_end[i] = pads ? pads[i + c->rank] : 0;
        c->taps *= c->kernel[i];
    }
    bool transposed = node->op == OP_CONV_TRANSPOSE;
    int64_t first = w->dims[0]->value, second = w->dims[1]->value;
    c->depth = transposed ? first / at_least_one(c->group) : second;
    c->columns = transposed ? second : first / at_least_one(c->group);
}

Axis conv_axis(const Conv *c, int i)
{
    return (Axis){.taps = c->kernel[i],
                  .tap_step = 1,
                  .offset = -c->pad[i],
                  .offset_step = c->dilation[i],
                  .step = c->stride[i],
                  .out_step = 1,
                  .kernel = c->kernel[i],
                  .in = c->x->dims[i + 2],
                  .count = c->out->dims[i + 2],
                  .stride = c->stride[i],
                  .dilation = c->dilation[i],
                  .pad = c->pad[i]};
}

/* Weights seen as [group, columns, depth, taps] ([group, depth, columns, taps] when `transposed`),
 * packed as [group, blocks, taps, depth, width]. */
Pack conv_pack(const Conv *c, int64_t width, bool transposed, bool depthwise)
{
    Pack pack;
    memset(&pack, 0, sizeof pack); /* lower_pack compares packs byte by byte */
    int column = transposed ? 2 : 1, depth = transposed ? 1 : 2;
    if (depthwise) { /* [channels, taps] as [blocks, taps, width] */
        pack.source_rank = 2;
        pack.dest_rank = 3;
        pack.source_dims[0] = c->group;
        pack.source_dims[1] = pack.dest_dims[1] = c->taps;
        pack.dest_dims[0] = (c->group + width - 1) / width;
        pack.dest_dims[2] = width;
        pack.coef[0][0] = width;
        pack.coef[0][2] = pack.coef[1][1] = 1;
        return pack;
    }
    pack.source_rank = 4;
    pack.dest_rank = 5;
    pack.source_dims[0] = pack.dest_dims[0] = c->group;
    pack.source_dims[column] = c->columns;
    pack.source_dims[depth] = pack.dest_dims[3] = c->depth;
    pack.source_dims[3] = pack.dest_dims[2] = c->taps;
    pack.dest_dims[1] = (c->columns + width - 1) / width;
    pack.dest_dims[4] = width;
    pack.coef[0][0] = 1;
    pack.coef[column][1] = width;
    pack.coef[column][4] = 1;
    pack.coef[depth][3] = 1;
    pack.coef[3][2] = 1;
    return pack;
}

/* The axes of output pixels: batch, then the spatial ones. */
static int pixel_axes(const Conv *c, int axes[MAX_RANK])
{
    int count = 0;
    axes[count++] = 0;
    for (int i = 0; i < c->rank; i++) axes[count++] = i + 2;
    return count;
}

/* A pointwise convolution over pixels that follow each other is one matrix product. */
static bool as_matrix(const Conv *c, Product *p)
{
    int axes[MAX_RANK], count = pixel_axes(c, axes), row = 0;
    for (int i = 0; i < c->rank; i++) {
        if (c->kernel[i] != 1 || c->stride[i] != 1 || c->pad[i] || c->pad_end[i]) return false;
    }
    if (!matrix_flattens(c->lw, c->x, axes, count)) return false;
    if (!matrix_result_flattens(c->lw, axes, count)) return false;
    const Size *rows = size_const(c->lw->sizes, 1);
    for (int i = 0; i < count; i++) {
        rows = size_mul(c->lw->sizes, rows, c->out->dims[axes[i]]);
        if (!size_is(c->out->dims[axes[i]], 1)) row = axes[i];
    }
    p->left.row = p->out.row = row;
    p->axis[0] = axis_rows(rows);
    p->axes = 1;
    return true;
}

static void as_windows(const Conv *c, Product *p)
{
    product_loop(p, c->out->dims[0], 0, -1, 0);
    p->axes = c->rank;
    for (int i = 0; i < c->rank; i++) {
        p->axis[i] = conv_axis(c, i);
        if (i == c->rank - 1) break;
        int at = p->loops;
        product_loop(p, c->out->dims[i + 2], -1, -1, i + 2);
        if (p->loops > at) p->loop[at].window = i;
    }
    p->left.row = p->out.row = c->rank + 1;
}

void conv_product(const Conv *c, Product *p)
{
    p->depthwise = c->depth == 1 && c->columns == 1 && c->group > 1;
    operand_set(&p->left, c->x, -1, p->depthwise ? -1 : 1, p->depthwise ? 1 : -1);
    operand_set(&p->right, c->w, -1, -1, -1);
    operand_set(&p->bias, c->bias, -1, -1, 0);
    p->out.column = 1;
    p->groups = p->depthwise ? 1 : c->group;
    p->columns = size_const(c->lw->sizes, p->depthwise ? c->group : c->columns);
    p->depth = size_const(c->lw->sizes, c->depth);
}

static void lower_as_product(const Conv *c, Product *p)
{
    conv_product(c, p);
    bool matrix = as_matrix(c, p);
    if (!matrix) as_windows(c, p);
    p->tile.column_outer = !matrix;
    p->tile.measured = lower_tiling(c->lw);
    if (p->tile.measured.method > METHOD_DIRECT)
        p->tile.measured = (Tiling){0}; /* no room for Winograd's */
    product_tile(p);
    Pack pack = conv_pack(c, (int64_t)p->tile.lanes * p->tile.vecs, false, p->depthwise);
    product_kernel(p, NULL, &pack, NULL);
}

int lower_conv(Lower *lw, Node *node)
{
    Conv c;
    Product p;
    conv_read(&c, lw, node->in[0], node->in[1], node_in(node, 2));
    if (conv_winograd(&c)) return 0;
    product_init(&p, lw, MATRIX_FLOAT);
    lower_as_product(&c, &p);
    return 0;
}

/* ---- Integers ---- */

/* A scalar or one element, or one for each output channel. */
void conv_parameter(Operand *o, const Tensor *tensor)
{
    bool vector = tensor && tensor->rank == 1 && !size_is(tensor->dims[0], 1);
    operand_set(o, tensor, -1, -1, vector ? 0 : -1);
}

int lower_conv_integer(Lower *lw, Node *node)
{
    Conv c;
    Product p;
    conv_read(&c, lw, node->in[0], node->in[1], NULL);
    product_init(&p, lw, MATRIX_INTEGER);
    conv_parameter(&p.scales.left_zero, node_in(node, 2));
    conv_parameter(&p.scales.right_zero, node_in(node, 3));
    lower_as_product(&c, &p);
    return 0;
}

int lower_qlinear_conv(Lower *lw, Node *node)
{
    Conv c;
    Product p;
    conv_read(&c, lw, node->in[0], node->in[3], node_in(node, 8));
    product_init(&p, lw, MATRIX_QUANTISED);
    conv_parameter(&p.scales.left_scale, node->in[1]);
    conv_parameter(&p.scales.left_zero, node->in[2]);
    conv_parameter(&p.scales.right_scale, node->in[4]);
    conv_parameter(&p.scales.right_zero, node->in[5]);
    conv_parameter(&p.scales.out_scale, node->in[6]);
    conv_parameter(&p.scales.out_zero, node->in[7]);
    lower_as_product(&c, &p);
    return 0;
}
