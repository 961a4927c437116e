/* Layers of com.microsoft whose weights are quantised: DynamicQuantizeLSTM, QEmbedLayerNormalization. */
#include "passes/expand/microsoft/quantized.h"

/* ---- DynamicQuantizeLSTM ---- */

/* [directions], or [directions, 4 * hidden] for each channel, beside [directions, depth, 4 * hidden]. */
static Tensor *of_direction(Expand *x, int in)
{
    Tensor *t = x_in(x, in);
    if (t && t->rank == 1) return x_unsqueeze(x, x_unsqueeze(x, t, 1), 2);
    if (t && t->rank == 2) return x_unsqueeze(x, t, 1);
    x_fail(x, "input %d: expected one value for each direction, or for each of its channels", in);
    return NULL;
}

/* Weights as LSTM takes them: real, [directions, 4 * hidden, depth]. */
static Tensor *lstm_weights(Expand *x, int in, int scale)
{
    Tensor *w = xq_bytes(x, in), *s = of_direction(x, scale), *z = of_direction(x, scale + 1);
    if (x_need_rank(x, in, 3) || !x_ok(x)) return NULL;
    w = x_cast(x, w, s->dtype);
    w = x_sub(x, w, x_cast(x, z, s->dtype));
    return x_swap(x, x_mul(x, w, s), 1, 2);
}

/* (X, W, R, B, lengths, initial_h, initial_c, P, W_scale, W_zero, R_scale, R_zero). The input is rounded to 8
 * bits here, the hidden state in each step. */
int expand_ms_dynamic_quantize_lstm(Expand *x)
{
    static const char *const same[] = {"activation_alpha", "activation_beta", "activations", "clip",
                                       "direction",        "input_forget"};
    Tensor *in[8], *q[3] = {0}, *out[3] = {0}, *data = x_in(x, 0);
    for (int i = 0; i < 8; i++) in[i] = x_in(x, i);
    in[1] = lstm_weights(x, 1, 8);
    in[2] = lstm_weights(x, 2, 10);
    if (!x_ok(x)) return 0;
    x_op_many(x, OP_DYNAMIC_QUANTIZE_LINEAR, 1, &data, 3, q);
    in[0] = xq_dequantize(x, q[0], q[1], q[2]);
    int64_t hidden = x_static(x, x_in(x, 2), 1, "the hidden size");
    xq_attrs(x, 6, same);
    x_int(x, "hidden_size", hidden);
    x_op_many(x, OP_ROUNDED_LSTM, 8, in, 3, out);
    for (int i = 0; i < 3; i++) x_result(x, i, out[i]);
    return 0;
}

/* ---- QEmbedLayerNormalization ---- */

/* Inputs 2 to 6 have their scales at 8 to 12 and their zero points at 13 to 17. */
static Tensor *embedding(Expand *x, int in, Tensor *rows)
{
    Tensor *scale = xq_scale(x, in + 6), *zero = xq_single(x, in + 11, DT_NONE);
    return xq_dequantize(x, rows, scale, zero);
}

/* How many of each row of the mask are 1; without a mask, 0. */
static Tensor *mask_index(Expand *x, Tensor *mask)
{
    const Size *batch = x_dim(x, x_in(x, 0), 0);
    const int64_t along = 1;
    if (!mask) return x_expand(x, x_scalar(x, DT_I32, 0), 1, &batch);
    Tensor *ones = x_cast(x, x_op2(x, OP_EQUAL, mask, x_like(x, mask, 1)), DT_I32);
    return x_reduce_many(x, OP_REDUCE_SUM, ones, 1, &along, false);
}

/* (ids, segment ids, word, position, segment, gamma, beta, mask, then scales and zero points) */
int expand_ms_qembed_layer_norm(Expand *x)
{
    Tensor *ids = x_in(x, 0), *segments = x_in(x, 1), *word = xq_bytes(x, 2);
    Tensor *position = xq_bytes(x, 3), *gamma = xq_bytes(x, 5), *beta = xq_bytes(x, 6);
    if (x_need_rank(x, 0, 2) || x_need_rank(x, 2, 2) || x_need_rank(x, 3, 2)) return LPC_ERROR;
    Tensor *sum = embedding(x, 2, x_gather(x, word, ids, 0));
    Tensor *first = x_slice(x, position, 0, x_size(x, 0), x_dim(x, ids, 1));
    sum = x_add(x, sum, embedding(x, 3, first));
    if (segments && x_in(x, 4))
        sum = x_add(x, sum, embedding(x, 4, x_gather(x, xq_bytes(x, 4), segments, 0)));
    gamma = embedding(x, 5, gamma);
    beta = embedding(x, 6, beta);
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    x_result(x, 0, x_op3(x, OP_LAYER_NORMALIZATION, sum, gamma, beta));
    if (x_wants(x, 1)) x_result(x, 1, mask_index(x, x_in(x, 7)));
    return 0;
}
