/* Shape rules of recurrent layers, signal processing and losses. */
#include "passes/shape/shape.h"

#include <string.h>

/* ---- Recurrent layers ---- */

static int recurrent(Graph *g, Node *n, int gates, bool has_cell)
{
    const Tensor *x = n->in[0];
    for (int i = 0; i < 3; i++) {
        if (!node_in(n, i)) return diag_node(g->diag, &n->origin, "input %d is missing", i);
        TRY(need_rank(g, n, i, 3));
    }
    const char *direction = node_string(n, "direction");
    bool both_ways = !strcmp(direction, "bidirectional");
    if (!both_ways && strcmp(direction, "forward") && strcmp(direction, "reverse"))
        return diag_node(g->diag, &n->origin, "direction: '%s' is unknown", direction);
    int64_t hidden = node_int(n, "hidden_size");
    if (hidden < 1 || hidden > INT32_MAX)
        return diag_node(g->diag, &n->origin, "hidden_size: %lld is out of range",
                         (long long)hidden);
    SizeTable *t = g->sizes;
    const Size *h = size_const(t, hidden), *dirs = size_const(t, both_ways ? 2 : 1), *both;
    TRY(dims_unify(g, n, "W, axis 0", n->in[1]->dims[0], dirs, &both));
    TRY(dims_unify(g, n, "W, axis 1", n->in[1]->dims[1], size_const(t, gates * hidden), &both));
    TRY(dims_unify(g, n, "W, axis 2", n->in[1]->dims[2], x->dims[2], &both));
    TRY(dims_unify(g, n, "R, axis 0", n->in[2]->dims[0], dirs, &both));
    TRY(dims_unify(g, n, "R, axis 1", n->in[2]->dims[1], size_const(t, gates * hidden), &both));
    TRY(dims_unify(g, n, "R, axis 2", n->in[2]->dims[2], h, &both));
    bool batch_first = node_int(n, "layout") != 0;
    const Size *steps = x->dims[batch_first], *batch = x->dims[!batch_first];
    Dims bias = {.rank = 2, .at = {dirs, size_const(t, 2 * gates * hidden)}};
    Dims peephole = {.rank = 2, .at = {dirs, size_const(t, 3 * hidden)}};
    TRY(need_dims(g, n, 3, "B", &bias));
    TRY(need_vector(g, n, 4, "sequence_lens", batch));
    if (has_cell) TRY(need_dims(g, n, 7, "P", &peephole));
    Dims y = {.rank = 4, .at = {steps, dirs, batch, h}}, last = {.rank = 3, .at = {dirs, batch, h}};
    if (batch_first) {
        y = (Dims){.rank = 4, .at = {batch, steps, dirs, h}};
        last = (Dims){.rank = 3, .at = {batch, dirs, h}};
    }
    TRY(need_dims(g, n, 5, "initial_h", &last));
    if (has_cell) TRY(need_dims(g, n, 6, "initial_c", &last));
    TRY(shape_set(g, n, 0, x->dtype, &y));
    TRY(shape_set(g, n, 1, x->dtype, &last));
    return has_cell ? shape_set(g, n, 2, x->dtype, &last) : 0;
}

int shape_lstm(Graph *g, Node *n)
{
    return recurrent(g, n, 4, true);
}

int shape_gru(Graph *g, Node *n)
{
    return recurrent(g, n, 3, false);
}

int shape_rnn(Graph *g, Node *n)
{
    return recurrent(g, n, 1, false);
}

/* ---- Signals ---- */

static int need_size(Graph *g, Node *n, int in, const char *name, const Size **out)
{
    const Size *const *values;
    int count;
    TRY(need_values(g, n, in, name, &values, &count));
    if (count != 1)
        return diag_node(g->diag, &n->origin, "input '%s': expected 1 value, got %d", name, count);
    *out = values[0];
    return 0;
}

/* Real or complex: the last axis has 1 or 2 elements. */
static int need_complex(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_rank_min(g, n, 0, 2));
    if (size_is(x->dims[x->rank - 1], 1) || size_is(x->dims[x->rank - 1], 2)) return 0;
    return diag_node(g->diag, &n->origin, "input: the last axis must have 1 or 2 elements, has %s",
                     size_text(g->sizes, x->dims[x->rank - 1]));
}

/* Axis -2 when not given; a negative one is replaced by a constant that is not. */
int shape_dft(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    int64_t value = -2;
    int axis;
    TRY(need_complex(g, n));
    if (node_in(n, 2)) TRY(need_int(g, n, 2, "axis", &value));
    TRY(shape_axis_value(g, n, "axis", value, x->rank, &axis));
    if (axis == x->rank - 1)
        return diag_node(g->diag, &n->origin, "axis: must not be the last one");
    if (n->in_count < 3 || !n->in[2] || value < 0) {
        Tensor **in = arena_array(g->arena, 3, sizeof *in);
        for (int i = 0; i < 2 && i < n->in_count; i++) in[i] = n->in[i];
        int64_t fixed = axis;
        in[2] = graph_const_i64(g, NULL, 1, &fixed);
        n->in = in;
        n->in_count = 3;
    }
    Dims out = dims_of(x);
    const Size *length = x->dims[axis];
    bool onesided = node_int(n, "onesided") != 0, inverse = node_int(n, "inverse") != 0;
    if (onesided && inverse) length = size_muli(g->sizes, size_addi(g->sizes, length, -1), 2);
    if (node_in(n, 1)) TRY(need_size(g, n, 1, "dft_length", &length));
    if (onesided && !inverse) length = size_addi(g->sizes, size_divi(g->sizes, length, 2), 1);
    out.at[axis] = length;
    out.at[out.rank - 1] = size_const(g->sizes, onesided && inverse ? 1 : 2);
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_stft(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    const Size *length = NULL;
    int64_t step;
    TRY(need_complex(g, n));
    TRY(need_rank(g, n, 0, 3));
    TRY(need_int(g, n, 1, "frame_step", &step));
    if (step < 1) return diag_node(g->diag, &n->origin, "frame_step: must be positive");
    if (node_in(n, 3))
        TRY(need_size(g, n, 3, "frame_length", &length));
    else if (node_in(n, 2))
        length = n->in[2]->dims[0];
    if (!length) return diag_node(g->diag, &n->origin, "neither window nor frame_length is given");
    const Size *frames = size_sub(g->sizes, x->dims[1], length);
    frames = size_addi(g->sizes, size_divi(g->sizes, frames, step), 1);
    if (node_int(n, "onesided")) length = size_addi(g->sizes, size_divi(g->sizes, length, 2), 1);
    Dims out = {.rank = 4, .at = {x->dims[0], frames, length, size_const(g->sizes, 2)}};
    return shape_set(g, n, 0, x->dtype, &out);
}

static int output_datatype(Graph *g, Node *n, DType *type)
{
    *type = dtype_from_onnx(node_int(n, "output_datatype"));
    if (*type != DT_NONE) return 0;
    return diag_node(g->diag, &n->origin, "output_datatype: type %lld is not supported",
                     (long long)node_int(n, "output_datatype"));
}

int shape_window(Graph *g, Node *n)
{
    DType type;
    Dims out = {.rank = 1};
    TRY(output_datatype(g, n, &type));
    TRY(need_size(g, n, 0, "size", &out.at[0]));
    return shape_set(g, n, 0, type, &out);
}

int shape_mel_weight_matrix(Graph *g, Node *n)
{
    DType type;
    const Size *bins, *length;
    TRY(output_datatype(g, n, &type));
    TRY(need_size(g, n, 0, "num_mel_bins", &bins));
    TRY(need_size(g, n, 1, "dft_length", &length));
    Dims out = {.rank = 2, .at = {size_addi(g->sizes, size_divi(g->sizes, length, 2), 1), bins}};
    return shape_set(g, n, 0, type, &out);
}

/* ---- Losses ---- */

static int loss(Graph *g, Node *n)
{
    Dims scalar = {0};
    TRY(need_rank_min(g, n, 0, 2));
    TRY(need_rank(g, n, 1, n->in[0]->rank - 1));
    TRY(need_vector(g, n, 2, "weight", n->in[0]->dims[1]));
    if (!strcmp(node_string(n, "reduction"), "none"))
        return shape_set_like(g, n, 0, n->in[0]->dtype, n->in[1]);
    return shape_set(g, n, 0, n->in[0]->dtype, &scalar);
}

int shape_nll_loss(Graph *g, Node *n)
{
    return loss(g, n);
}

int shape_sce_loss(Graph *g, Node *n)
{
    TRY(loss(g, n));
    return shape_set_like(g, n, 1, n->in[0]->dtype, n->in[0]);
}
