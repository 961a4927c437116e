/* Shape rules of sliding windows: convolutions and pooling. They make kernel_shape, strides,
 * dilations and pads explicit, so that lowering knows no defaults and no auto_pad. */
#include "passes/shape/shape.h"

#include <string.h>

/* A window over the spatial axes of the input; pads as in ONNX: all begins, then all ends. */
typedef struct Window {
    int rank; /* spatial axes */
    int64_t kernel[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK], pads[2 * MAX_RANK];
    int64_t extent[MAX_RANK]; /* (kernel - 1) * dilation + 1 */
} Window;

static int read_ints(Graph *g, Node *n, const char *attr, int count, int64_t fill, int64_t least,
                     int64_t *out)
{
    const int64_t *given;
    int found = node_ints(n, attr, &given);
    if (found && found != count)
        return diag_node(g->diag, &n->origin, "%s: expected %d values, got %d", attr, count, found);
    for (int i = 0; i < count; i++) {
        out[i] = found ? given[i] : fill;
        if (out[i] < least || out[i] > INT32_MAX)
            return diag_node(g->diag, &n->origin, "%s: %lld is out of range", attr,
                             (long long)out[i]);
    }
    if (!found) node_set_ints(g, n, attr, count, out);
    return 0;
}

/* Reads all attributes; weights (or NULL) give the kernel's shape from axis 2 on. */
static int read_window(Graph *g, Node *n, const Tensor *weights, Window *w)
{
    TRY(need_rank_min(g, n, 0, 3));
    w->rank = n->in[0]->rank - 2;
    if (weights) {
        int64_t kernel[MAX_RANK];
        if (weights->rank != w->rank + 2)
            return diag_node(g->diag, &n->origin, "weights '%s': expected rank %d, got %d",
                             weights->name, w->rank + 2, weights->rank);
        for (int i = 0; i < w->rank; i++) {
            if (!size_is_const(weights->dims[i + 2]))
                return diag_node(g->diag, &n->origin,
                                 "weights '%s': the kernel's size is not known", weights->name);
            kernel[i] = weights->dims[i + 2]->value;
        }
        const int64_t *given;
        int count = node_ints(n, "kernel_shape", &given);
        for (int i = 0; i < count && i < w->rank; i++) {
            if (given[i] != kernel[i])
                return diag_node(g->diag, &n->origin,
                                 "kernel_shape: expected %lld as in the "
                                 "weights, got %lld",
                                 (long long)kernel[i], (long long)given[i]);
        }
        if (!count) node_set_ints(g, n, "kernel_shape", w->rank, kernel);
    }
    TRY(read_ints(g, n, "kernel_shape", w->rank, 1, 1, w->kernel));
    TRY(read_ints(g, n, "strides", w->rank, 1, 1, w->stride));
    if (n->op == OP_MAX_UNPOOL)
        node_del_attr(n, "dilations");
    else
        TRY(read_ints(g, n, "dilations", w->rank, 1, 1, w->dilation));
    for (int i = 0; i < w->rank; i++) {
        if (n->op == OP_MAX_UNPOOL) w->dilation[i] = 1;
        w->extent[i] = (w->kernel[i] - 1) * w->dilation[i] + 1;
    }
    return 0;
}

static bool auto_pad_is(const Node *n, const char *what)
{
    return !strcmp(node_string(n, "auto_pad"), what);
}

static void set_pads(Graph *g, Node *n, Window *w)
{
    node_set_ints(g, n, "pads", 2 * w->rank, w->pads);
    node_del_attr(n, "auto_pad");
}

static void distribute(Window *w, int axis, int64_t total, bool upper)
{
    if (total < 0) total = 0;
    w->pads[axis] = upper ? total / 2 : total - total / 2;
    w->pads[axis + w->rank] = total - w->pads[axis];
}

/* SAME_UPPER, SAME_LOWER, VALID or explicit pads, all made explicit. */
static int resolve_pads(Graph *g, Node *n, Window *w)
{
    bool upper = auto_pad_is(n, "SAME_UPPER"), lower = auto_pad_is(n, "SAME_LOWER");
    if (auto_pad_is(n, "VALID"))
        node_del_attr(n, "pads");
    else if (!upper && !lower && !auto_pad_is(n, "NOTSET"))
        return diag_node(g->diag, &n->origin, "auto_pad: '%s' is unknown",
                         node_string(n, "auto_pad"));
    if (!upper && !lower) {
        TRY(read_ints(g, n, "pads", 2 * w->rank, 0, INT32_MIN, w->pads));
        set_pads(g, n, w);
        return 0;
    }
    for (int i = 0; i < w->rank; i++) {
        const Size *in = n->in[0]->dims[i + 2];
        SizeTable *t = g->sizes;
        const Size *count = size_ceildiv(t, in, size_const(t, w->stride[i]));
        const Size *total = size_sub(
            t, size_addi(t, size_muli(t, size_addi(t, count, -1), w->stride[i]), w->extent[i]), in);
        if (!size_is_const(total))
            return diag_node(g->diag, &n->origin,
                             "auto_pad: the padding depends on the size %s: "
                             "bind its symbols with --bind",
                             size_text(t, in));
        distribute(w, i, total->value, upper);
    }
    set_pads(g, n, w);
    return 0;
}

/* Number of windows along spatial axis i. */
static const Size *window_count(Graph *g, const Node *n, const Window *w, int i, bool ceil_mode)
{
    SizeTable *t = g->sizes;
    const Size *in = n->in[0]->dims[i + 2], *stride = size_const(t, w->stride[i]);
    const Size *room = size_addi(t, in, w->pads[i] + w->pads[i + w->rank] - w->extent[i]);
    if (!ceil_mode) return size_addi(t, size_div(t, room, stride), 1);
    const Size *count = size_addi(t, size_ceildiv(t, room, stride), 1);
    /* the last window must start in the input or in the padding before it */
    const Size *starts = size_ceildiv(t, size_addi(t, in, w->pads[i]), stride);
    if (w->stride[i] == 1 || count == starts) return count;
    return size_min(t, count, starts);
}

static int push_windows(Graph *g, Node *n, const Window *w, bool ceil_mode, Dims *out)
{
    for (int i = 0; i < w->rank; i++) {
        const Size *count = window_count(g, n, w, i, ceil_mode);
        if (size_is_const(count) && count->value < 0)
            return diag_node(g->diag, &n->origin,
                             "the window of %lld does not fit the input's "
                             "size %s on axis %d",
                             (long long)w->extent[i], size_text(g->sizes, n->in[0]->dims[i + 2]),
                             i + 2);
        dims_push(out, count);
    }
    return 0;
}

int shape_pool(Graph *g, Node *n)
{
    Window w;
    TRY(read_window(g, n, NULL, &w));
    TRY(resolve_pads(g, n, &w));
    Dims out = {.rank = 2, .at = {n->in[0]->dims[0], n->in[0]->dims[1]}};
    TRY(push_windows(g, n, &w, node_int(n, "ceil_mode") != 0, &out));
    TRY(shape_set(g, n, 0, n->in[0]->dtype, &out));
    return shape_set(g, n, 1, DT_I64, &out);
}

int shape_global_pool(Graph *g, Node *n)
{
    TRY(need_rank_min(g, n, 0, 2));
    Dims out = dims_of(n->in[0]);
    for (int i = 2; i < out.rank; i++) out.at[i] = size_const(g->sizes, 1);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* Checks channels against weights [M, C / group, ...]. */
static int check_channels(Graph *g, Node *n, const Tensor *weights, const Size **filters)
{
    int64_t group = node_int(n, "group");
    const Size *m = weights->dims[0], *channels = n->in[0]->dims[1];
    if (group < 1 || group > INT32_MAX)
        return diag_node(g->diag, &n->origin, "group: %lld is out of range", (long long)group);
    if (!size_is_const(m) || !size_is_const(weights->dims[1]))
        return diag_node(g->diag, &n->origin, "weights '%s': their sizes are not known",
                         weights->name);
    if (m->value % group)
        return diag_node(g->diag, &n->origin, "group: %lld does not divide %lld filters",
                         (long long)group, (long long)m->value);
    const Size *both, *want = size_muli(g->sizes, weights->dims[1], group);
    *filters = m;
    return dims_unify(g, n, "channels of input and weights", channels, want, &both);
}

static int check_bias(Graph *g, Node *n, int in, const Size *filters)
{
    if (!node_in(n, in)) return 0;
    const Size *both;
    TRY(need_rank(g, n, in, 1));
    return dims_unify(g, n, "bias", n->in[in]->dims[0], filters, &both);
}

static int conv_rule(Graph *g, Node *n, const Tensor *weights, int bias, DType dtype)
{
    Window w;
    const Size *filters = NULL;
    TRY(read_window(g, n, weights, &w));
    if (n->op == OP_DEFORM_CONV) {
        TRY(read_ints(g, n, "pads", 2 * w.rank, 0, INT32_MIN, w.pads));
        node_set_ints(g, n, "pads", 2 * w.rank, w.pads);
    } else {
        TRY(resolve_pads(g, n, &w));
    }
    TRY(check_channels(g, n, weights, &filters));
    if (bias > 0) TRY(check_bias(g, n, bias, filters));
    Dims out = {.rank = 2, .at = {n->in[0]->dims[0], filters}};
    TRY(push_windows(g, n, &w, false, &out));
    return shape_set(g, n, 0, dtype, &out);
}

int shape_conv(Graph *g, Node *n)
{
    TRY(need_same_type(g, n, 0, 1));
    return conv_rule(g, n, n->in[1], 2, n->in[0]->dtype);
}

int shape_conv_integer(Graph *g, Node *n)
{
    TRY(conv_rule(g, n, n->in[1], 0, DT_I32));
    TRY(need_elements(g, n, 2, "input's zero point", 1));
    return need_channels(g, n, 3, "weights' zero point", n->in[1]->dims[0]);
}

int shape_qlinear_conv(Graph *g, Node *n)
{
    TRY(conv_rule(g, n, n->in[3], 8, n->in[7]->dtype));
    TRY(need_channels(g, n, 4, "weights' scale", n->in[3]->dims[0]));
    return need_channels(g, n, 5, "weights' zero point", n->in[3]->dims[0]);
}

int shape_deform_conv(Graph *g, Node *n)
{
    TRY(need_rank(g, n, 2, n->in[0]->rank));
    return conv_rule(g, n, n->in[1], 3, n->in[0]->dtype);
}

/* ---- ConvTranspose ---- */

/* Pads from output_shape: what is too much is cut off. */
static int transpose_to_shape(Graph *g, Node *n, Window *w, const int64_t *extra, Dims *out)
{
    int64_t want[MAX_RANK];
    TRY(read_ints(g, n, "output_shape", w->rank, 1, 1, want));
    for (int i = 0; i < w->rank; i++) {
        const Size *full = size_addi(
            g->sizes,
            size_muli(g->sizes, size_addi(g->sizes, n->in[0]->dims[i + 2], -1), w->stride[i]),
            w->extent[i] + extra[i] - want[i]);
        if (!size_is_const(full))
            return diag_node(g->diag, &n->origin,
                             "output_shape: the padding depends on the size "
                             "%s: bind its symbols with --bind",
                             size_text(g->sizes, n->in[0]->dims[i + 2]));
        distribute(w, i, full->value, auto_pad_is(n, "SAME_UPPER"));
        dims_push(out, size_const(g->sizes, want[i]));
    }
    return 0;
}

static int transpose_pads(Graph *g, Node *n, Window *w, const int64_t *extra)
{
    bool upper = auto_pad_is(n, "SAME_UPPER"), lower = auto_pad_is(n, "SAME_LOWER");
    if (!upper && !lower) return resolve_pads(g, n, w);
    for (int i = 0; i < w->rank; i++)
        distribute(w, i, w->extent[i] + extra[i] - w->stride[i], upper);
    return 0;
}

int shape_conv_transpose(Graph *g, Node *n)
{
    Window w;
    const Tensor *weights = n->in[1];
    TRY(need_same_type(g, n, 0, 1));
    TRY(read_window(g, n, weights, &w));
    int64_t extra[MAX_RANK], group = node_int(n, "group");
    TRY(read_ints(g, n, "output_padding", w.rank, 0, 0, extra));
    if (group < 1 || group > INT32_MAX)
        return diag_node(g->diag, &n->origin, "group: %lld is out of range", (long long)group);
    const Size *both, *filters = size_muli(g->sizes, weights->dims[1], group);
    TRY(dims_unify(g, n, "channels of input and weights", n->in[0]->dims[1], weights->dims[0],
                   &both));
    TRY(check_bias(g, n, 2, filters));
    Dims out = {.rank = 2, .at = {n->in[0]->dims[0], filters}};
    if (node_attr(n, "output_shape")) {
        TRY(transpose_to_shape(g, n, &w, extra, &out));
    } else {
        TRY(transpose_pads(g, n, &w, extra));
        for (int i = 0; i < w.rank; i++) {
            const Size *last = size_addi(g->sizes, n->in[0]->dims[i + 2], -1);
            dims_push(&out, size_addi(g->sizes, size_muli(g->sizes, last, w.stride[i]),
                                      w.extent[i] + extra[i] - w.pads[i] - w.pads[i + w.rank]));
        }
    }
    bool keeps_shape = node_attr(n, "output_shape") != NULL;
    TRY(shape_set(g, n, 0, n->in[0]->dtype, &out));
    node_set_ints(g, n, "pads", 2 * w.rank, w.pads);
    if (!keeps_shape) node_del_attr(n, "auto_pad");
    return 0;
}

int shape_max_unpool(Graph *g, Node *n)
{
    Window w;
    TRY(read_window(g, n, NULL, &w));
    TRY(read_ints(g, n, "pads", 2 * w.rank, 0, INT32_MIN, w.pads));
    Dims out = {.rank = 2, .at = {n->in[0]->dims[0], n->in[0]->dims[1]}};
    if (node_in(n, 2)) {
        const Size *const *want;
        int count;
        TRY(need_values(g, n, 2, "output_shape", &want, &count));
        if (count != n->in[0]->rank)
            return diag_node(g->diag, &n->origin, "output_shape: expected %d values, got %d",
                             n->in[0]->rank, count);
        for (int i = 2; i < count; i++) dims_push(&out, want[i]);
    } else {
        for (int i = 0; i < w.rank; i++) {
            const Size *last = size_addi(g->sizes, n->in[0]->dims[i + 2], -1);
            dims_push(&out, size_addi(g->sizes, size_muli(g->sizes, last, w.stride[i]),
                                      w.kernel[i] - w.pads[i] - w.pads[i + w.rank]));
        }
    }
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}
