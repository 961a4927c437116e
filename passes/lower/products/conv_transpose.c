/* ConvTranspose, gathered: each output pixel sums the inputs that reach it. Along the last axis the
 * outputs of one phase (coordinate modulo the stride) are reached by the same taps, and neighbours
 * among them read neighbouring inputs: each phase is an ordinary convolution of stride 1. */
#include "passes/lower/products/conv.h"

#include <string.h>

/* The positions o = q * stride + phase: taps k with (phase + pad - k * dilation) % stride == 0 read
 * input q + (phase + pad - k * dilation) / stride. Such k are an arithmetic progression. */
static Axis phase_axis(const Conv *c, int64_t phase)
{
    int i = c->rank - 1;
    SizeTable *sizes = c->lw->sizes;
    int64_t stride = c->stride[i], at = phase + c->pad[i], second = -1;
    Axis axis = conv_axis(c, i);
    axis.taps = 0;
    axis.step = 1;
    axis.out_step = stride;
    axis.out_phase = phase;
    for (int64_t k = 0; k < c->kernel[i]; k++) {
        if ((at - k * c->dilation[i]) % stride) continue;
        if (axis.taps == 0) axis.first = k;
        if (axis.taps == 1) second = k;
        axis.taps++;
    }
    axis.offset = (at - axis.first * c->dilation[i]) / stride;
    axis.tap_step = second < 0 ? 1 : second - axis.first;
    axis.offset_step = second < 0 ? 1 : -axis.tap_step * c->dilation[i] / stride;
    const Size *rest = size_addi(sizes, c->out->dims[i + 2], stride - 1 - phase);
    axis.count = size_divi(sizes, rest, stride);
    return axis;
}

static void outer_axes(const Conv *c, Product *p)
{
    product_loop(p, c->out->dims[0], 0, -1, 0);
    p->axes = c->rank;
    for (int i = 0; i < c->rank - 1; i++) {
        p->axis[i] = conv_axis(c, i);
        p->axis[i].transposed = true;
        int at = p->loops;
        product_loop(p, c->out->dims[i + 2], -1, -1, i + 2);
        if (p->loops > at) p->loop[at].window = i;
    }
}

int lower_conv_transpose(Lower *lw, Node *node)
{
    Conv c;
    Product p;
    conv_read(&c, lw, node->in[0], node->in[1], node_in(node, 2));
    product_init(&p, lw, MATRIX_FLOAT);
    conv_product(&c, &p);
    outer_axes(&c, &p);
    p.left.row = p.out.row = c.rank + 1;
    p.tile.column_outer = true;
    Phases phases = {.count = (int)c.stride[c.rank - 1]};
    Axis *axes = arena_array(lw->arena, (size_t)phases.count, sizeof *axes);
    for (int i = 0; i < phases.count; i++) axes[i] = phase_axis(&c, i);
    phases.axis = axes;
    p.axis[c.rank - 1] = axes[0];
    product_tile(&p);
    Pack pack = conv_pack(&c, (int64_t)p.tile.lanes * p.tile.vecs, true, p.depthwise);
    product_kernel(&p, NULL, &pack, &phases);
    return 0;
}
