/* Operators written out as others. */
#include "frontend/import.h"

#include <string.h>

/* A float in the type of input 0. */
static Tensor *like(Call *call, double value)
{
    return call_make(call, OP_CAST_LIKE, call_scalar(call, DT_F32, value), call->in[0], NULL);
}

/* old * momentum + new * (1 - momentum) */
static void running(Call *call, int out, Tensor *old, Tensor *batch, double momentum)
{
    Tensor *result = call_out(call, out);
    if (!result) return;
    Tensor *kept = call_make(call, OP_MUL, old, like(call, momentum), NULL);
    Tensor *in[] = {kept, call_make(call, OP_MUL, batch, like(call, 1 - momentum), NULL)};
    call_emit(call, OP_ADD, 2, in, 1, &result);
}

/* The batch's own mean and variance over all axes but 1, then as in inference:
 *     m = ReduceMean(x); d = x - Reshape(m); v = ReduceMean(d * d); y = BatchNorm(x, s, b, m, v) */
int decompose_batch_norm(Call *call)
{
    Graph *graph = call->im->graph;
    if (call->in_count != 5 || call->opset < 14)
        return call_fail(call, "training is not supported");
    int rank = scope_rank(call->scope, call->proto->input[0]);
    if (rank < 2) return call_fail(call, "training: its number of dimensions is not known here");
    int64_t axes[MAX_RANK], count = 0;
    for (int i = 0; i < rank; i++) {
        if (i != 1) axes[count++] = i;
    }
    Tensor *over = call_i64(call, (int)count, axes);
    Tensor *mean = call_make(call, OP_REDUCE_MEAN, call->in[0], over, NULL);
    Tensor *centred = call_make(call, OP_SUB, call->in[0], mean, NULL);
    Tensor *square = call_make(call, OP_MUL, centred, centred, NULL);
    Tensor *variance = call_make(call, OP_REDUCE_MEAN, square, over, NULL);
    mean = call_make(call, OP_SQUEEZE, mean, over, NULL);
    variance = call_make(call, OP_SQUEEZE, variance, over, NULL);
    Tensor *in[] = {call->in[0], call->in[1], call->in[2], mean, variance};
    Tensor *out = call_out(call, 0);
    if (out) {
        call_emit(call, OP_BATCH_NORMALIZATION, 5, in, 1, &out);
        node_set_float(graph, call_last(call), "epsilon", attr_float(call, "epsilon", 1e-5));
    }
    double momentum = attr_float(call, "momentum", 0.9);
    running(call, 1, call->in[3], mean, momentum);
    running(call, 2, call->in[4], variance, momentum);
    call->done = true;
    return LPC_OK;
}

/* ---- CausalConvWithState ----
 *     padded = Concat(past_state or zeros, input) axis=2
 *     output = activation(Conv(padded, weight, bias) group=channels)
 *     present_state = the last kernel - 1 of padded */

static Tensor *dimension(Call *call, Tensor *tensor, int axis)
{
    Tensor *size = call_make(call, OP_SHAPE, tensor, NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "start", axis);
    node_set_int(call->im->graph, call_last(call), "end", axis + 1);
    return size;
}

static Tensor *zero_state(Call *call, Tensor *before)
{
    Tensor *batch = dimension(call, call->in[0], 0);
    Tensor *channels = dimension(call, call->in[0], 1);
    Tensor *shape = call_make(call, OP_CONCAT, batch, channels, before);
    node_set_int(call->im->graph, call_last(call), "axis", 0);
    return call_make(call, OP_EXPAND, like(call, 0), shape, NULL);
}

static int decompose_causal_conv(Call *call)
{
    static const int64_t one = 1, two = 2;
    Graph *graph = call->im->graph;
    if (!call_in(call, 0) || !call_in(call, 1)) return call_fail(call, "expected 2 to 4 inputs");
    const char *activation = attr_string(call, "activation", "none");
    bool silu = !strcmp(activation, "silu") || !strcmp(activation, "swish");
    if (!silu && strcmp(activation, "none")) return call_fail(call, "activation: not supported");
    const Tensor *weight = call->in[1];
    if (weight->rank < 1 || !size_is_const(weight->dims[0])) {
        return call_fail(call, "the number of channels of its weight is not known here");
    }
    Tensor *less = call_i64(call, 1, &one);
    Tensor *before = call_make(call, OP_SUB, dimension(call, call->in[1], 2), less, NULL);
    Tensor *past = call_in(call, 3) ? call->in[3] : zero_state(call, before);
    Tensor *padded = call_make(call, OP_CONCAT, past, call->in[0], NULL);
    node_set_int(graph, call_last(call), "axis", 2);
    Tensor *output = call_out(call, 0), *present = call_out(call, 1);
    if (output) {
        Tensor *result = call_make(call, OP_CONV, padded, call->in[1], call_in(call, 2));
        node_set_int(graph, call_last(call), "group", weight->dims[0]->value);
        call_emit(call, silu ? OP_SWISH : OP_IDENTITY, 1, &result, 1, &output);
    }
    if (present) {
        Tensor *end = dimension(call, padded, 2);
        Tensor *start = call_make(call, OP_SUB, end, before, NULL);
        Tensor *in[] = {padded, start, end, call_i64(call, 1, &two)};
        call_emit(call, OP_SLICE, 4, in, 1, &present);
    }
    call->done = true;
    return LPC_OK;
}

/* ---- Dropout at inference is Identity, its mask all true; in training it has a record ---- */

static bool is_false(const Tensor *tensor)
{
    double value;
    return !tensor || (tensor->data && const_is_uniform(tensor, &value) && value == 0);
}

int decompose_dropout(Call *call)
{
    if (!call_in(call, 0)) return call_fail(call, "expected 1 to 3 inputs");
    bool keeps_all = call_in(call, 1) && is_false(call->in[1]); /* ratio 0; absent: 0.5 */
    if (!is_false(call_in(call, 2)) && !keeps_all) return canon_random(call);
    Tensor *out = call_out(call, 0), *mask = call_out(call, 1);
    if (out) call_emit(call, OP_IDENTITY, 1, call->in, 1, &out);
    if (mask) {
        Tensor *shape = call_make(call, OP_SHAPE, call->in[0], NULL, NULL);
        /* before 12 the text says nothing of it, and ONNX Runtime has zeros */
        Tensor *in[] = {call_scalar(call, DT_BOOL, call->opset >= 12), shape};
        Tensor *one =
            call->opset < 10 ? call_make(call, OP_CAST_LIKE, in[0], call->in[0], NULL) : in[0];
        in[0] = one;
        call_emit(call, OP_EXPAND, 2, in, 1, &mask);
    }
    call->done = true;
    return LPC_OK;
}

const Rule decompose_rules[] = {
    {"CausalConvWithState", 0, decompose_causal_conv},
    {"ai.onnx.preview.training::Gradient", 0, decompose_gradient},
    {NULL, 0, NULL},
};
