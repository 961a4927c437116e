/* Gradients of a convolution, which are convolutions. */
#include "passes/expand/build/gradient.h"

static int64_t at(const Node *n, const char *name, int i, int64_t otherwise)
{
    const int64_t *values;
    return i < node_ints(n, name, &values) ? values[i] : otherwise;
}

static void copy_ints(Expand *x, const Node *n, const char *from, const char *to)
{
    const int64_t *values;
    int count = node_ints(n, from, &values);
    x_ints(x, to, count, values);
}

/* Rows and columns at the end that no window reached: what the input has more than a transposed
 * convolution of g gives. */
static int missed(Backward *b, int axes, int64_t *count)
{
    const Tensor *from = b->n->in[0], *weights = b->n->in[1];
    for (int i = 0; i < axes; i++) {
        int64_t stride = at(b->n, "strides", i, 1), reach = weights->dims[2 + i]->value - 1;
        reach = reach * at(b->n, "dilations", i, 1) + 1;
        count[i] = 0;
        if (stride == 1) continue;
        int64_t size = x_static(b->x, from, 2 + i, "the size of a convolution with a stride");
        int64_t windows = x_static(b->x, b->y, 2 + i, "the size of a convolution with a stride");
        count[i] = size + at(b->n, "pads", i, 0) + at(b->n, "pads", axes + i, 0);
        count[i] -= (windows - 1) * stride + reach;
    }
    return b->x->code;
}

static int by_input(Backward *b, int axes)
{
    int64_t more[MAX_RANK];
    Expand *x = b->x;
    TRY(missed(b, axes, more));
    copy_ints(x, b->n, "strides", "strides");
    copy_ints(x, b->n, "dilations", "dilations");
    copy_ints(x, b->n, "pads", "pads");
    x_ints(x, "output_padding", axes, more);
    x_int(x, "group", node_int(b->n, "group"));
    b->to[0] = x_op2(x, OP_CONV_TRANSPOSE, b->g, b->n->in[1]);
    return 0;
}

/* Each weight sums products of inputs and g that are a stride apart: a convolution over the batch, whose
 * dilations are the strides, and the other way around. */
static Tensor *by_weights(Backward *b, Tensor *from, Tensor *g, int axes)
{
    Expand *x = b->x;
    for (int i = 0; i < b->y->rank; i++)
        x_static(x, b->y, i, "for the gradient of a convolution's weights the batch and the image");
    from = x_swap(x, from, 0, 1);
    g = x_swap(x, g, 0, 1);
    copy_ints(x, b->n, "dilations", "strides");
    copy_ints(x, b->n, "strides", "dilations");
    copy_ints(x, b->n, "pads", "pads");
    Tensor *to = x_op2(x, OP_CONV, from, g);
    for (int i = 2; i < 2 + axes; i++) to = x_slice(x, to, i, x_size(x, 0), b->n->in[1]->dims[i]);
    return x_swap(x, to, 0, 1);
}

int gradient_conv(Backward *b)
{
    Expand *x = b->x;
    int axes = b->y->rank - 2;
    size_t groups = (size_t)node_int(b->n, "group");
    if (b_wants(b, 0)) TRY(by_input(b, axes));
    if (b_wants(b, 1)) {
        Tensor **from = arena_array(x->g->arena, 2 * groups, sizeof *from), **g = from + groups;
        from[0] = b->n->in[0];
        g[0] = b->g;
        if (groups > 1) {
            from[0] = g[0] = NULL;
            x_split(x, b->n->in[0], 1, (int)groups, from);
            x_split(x, b->g, 1, (int)groups, g);
        }
        for (size_t i = 0; i < groups; i++) from[i] = by_weights(b, from[i], g[i], axes);
        if (x_ok(x)) b->to[1] = x_concat(x, 0, (int)groups, from);
    }
    if (b_wants(b, 2)) {
        int64_t over[MAX_RANK] = {0};
        for (int i = 0; i < axes; i++) over[1 + i] = 2 + i;
        b->to[2] = x_reduce_many(x, OP_REDUCE_SUM, b->g, 1 + axes, over, false);
    }
    return 0;
}
