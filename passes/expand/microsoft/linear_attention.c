/* LinearAttention of com.microsoft, and what stands around it in models: gates, a causal convolution, gated
 * normalisations. */
#include "passes/expand/build/build.h"

#include <math.h>
#include <string.h>

int expand_ms_linear_attention(Expand *x)
{
    Tensor *in[6], *out[2] = {0};
    if (node_int(x->n, "state_window")) return x_fail(x, "state_window is not supported");
    for (int i = 0; i < 6; i++) in[i] = x_in(x, i);
    x_int(x, "q_num_heads", node_int(x->n, "q_num_heads"));
    x_int(x, "kv_num_heads", node_int(x->n, "kv_num_heads"));
    x_float(x, "scale", node_float(x->n, "scale"));
    x_string(x, "update_rule", node_string(x->n, "update_rule"));
    x_op_many(x, OP_LINEAR_ATTENTION, 6, in, x_wants(x, 1) ? 2 : 1, out);
    x_result(x, 0, out[0]);
    if (x_wants(x, 1)) x_result(x, 1, out[1]);
    return x->code;
}

/* decay = decay_scale * Softplus(a + dt_bias), beta = Sigmoid(b), in float. */
int expand_ms_linear_attention_gate(Expand *x)
{
    Tensor *a = x_in(x, 0), *bias = x_in(x, 1), *scale = x_in(x, 2), *b = x_in(x, 3);
    TRY(x_need_rank(x, 1, 1));
    TRY(x_need_rank(x, 2, 1));
    Tensor *wide = x_cast(x, a, DT_F32);
    Tensor *soft = x_op1(x, OP_SOFTPLUS, x_add(x, wide, x_cast(x, bias, DT_F32)));
    Tensor *decay = x_mul(x, soft, x_cast(x, scale, DT_F32));
    x_result(x, 0, x_cast(x, decay, a->dtype));
    if (!x_wants(x, 1)) return x->code;
    if (!b) return x_fail(x, "b is missing, the output beta needs it");
    x_result(x, 1, x_cast(x, x_op1(x, OP_SIGMOID, x_cast(x, b, DT_F32)), a->dtype));
    return x->code;
}

/* ---- Normalisations, in float ---- */

/* a / sqrt(mean of squares + epsilon) over the last axis. */
static Tensor *rms(Expand *x, Tensor *a, Tensor *scale)
{
    const Size *last = x_dim(x, a, -1);
    if (!scale) scale = x_expand(x, x_scalar(x, DT_F32, 1), 1, &last);
    a = x_cast(x, a, DT_F32), scale = x_cast(x, scale, DT_F32);
    x_int(x, "axis", -1);
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    return x_op2(x, OP_RMS_NORMALIZATION, a, scale);
}

/* Groups of as many elements of the last axis as `scale` has are normalised, then gated. */
int expand_ms_gated_rms_norm(Expand *x)
{
    SizeTable *t = x->g->sizes;
    Tensor *a = x_in(x, 0), *scale = x_in(x, 1), *gate = x_in(x, 2);
    const char *name = node_string(x->n, "activation");
    bool silu = !strcmp(name, "silu") || !strcmp(name, "swish");
    if (!silu && strcmp(name, "sigmoid"))
        return x_fail(x, "activation: expected silu, swish or sigmoid, got '%s'", name);
    TRY(x_need_rank(x, 1, 1));
    int rank = x_rank(x, a);
    if (rank < 1 || rank >= MAX_RANK) return x_fail(x, "X: %d dimensions are not supported", rank);
    const Size *dims[MAX_RANK], *group = x_dim(x, scale, 0);
    for (int i = 0; i < rank; i++) dims[i] = x_dim(x, a, i);
    if (size_is_const(dims[rank - 1]) && size_is_const(group) &&
        (group->value < 1 || dims[rank - 1]->value % group->value))
        return x_fail(x, "scale: %lld elements do not divide %lld", (long long)group->value,
                      (long long)dims[rank - 1]->value);
    const Size *width = dims[rank - 1];
    dims[rank - 1] = size_div(t, width, group);
    dims[rank] = group;
    Tensor *normed = rms(x, x_reshape(x, a, rank + 1, dims), scale);
    dims[rank - 1] = width;
    Tensor *wide = x_cast(x, gate, DT_F32);
    Tensor *factor = x_op1(x, silu ? OP_SWISH : OP_SIGMOID, wide);
    Tensor *y = x_mul(x, x_reshape(x, normed, rank, dims), factor);
    x_result(x, 0, x_cast(x, y, a->dtype));
    return x->code;
}

/* ---- EngramGate ---- */

/* sign(dot) * sqrt(max(|dot|, 1e-6)), by a sigmoid */
static Tensor *engram_gate(Expand *x, Tensor *dot)
{
    Tensor *sign = x_op1(x, OP_SIGN, dot), *size = x_op1(x, OP_ABS, dot);
    size = x_op2(x, OP_MAX, size, x_scalar(x, DT_F32, 1e-6));
    return x_op1(x, OP_SIGMOID, x_mul(x, sign, x_op1(x, OP_SQRT, size)));
}

/* With the input `scale` as its scale. */
static Tensor *scaled_rms(Expand *x, Tensor *a, int scale)
{
    Tensor *normed = rms(x, a, NULL);
    return x_mul(x, normed, x_cast(x, x_in(x, scale), DT_F32));
}

/* key, query [batch, length, groups, hidden], value [batch, length, hidden], scales [groups, hidden]. */
int expand_ms_engram_gate(Expand *x)
{
    Tensor *key = x_in(x, 0), *query = x_in(x, 1), *value = x_in(x, 2);
    TRY(x_need_rank(x, 0, 4));
    TRY(x_need_rank(x, 1, 4));
    TRY(x_need_rank(x, 2, 3));
    for (int i = 3; i < 6; i++) TRY(x_need_rank(x, i, 2));
    int64_t hidden = x_static(x, query, 3, "the hidden size");
    Tensor *k = scaled_rms(x, key, 3), *q = scaled_rms(x, query, 4);
    Tensor *dot = x_reduce(x, OP_REDUCE_SUM, x_mul(x, k, q), -1);
    Tensor *gate = engram_gate(x, x_scale(x, dot, 1 / sqrt((double)hidden)));
    Tensor *gated = x_mul(x, gate, x_unsqueeze(x, x_cast(x, value, DT_F32), 2));
    if (!x_ok(x)) return x->code;
    Tensor *y = x_cast(x, gated, query->dtype);
    x_result(x, 0, y);
    if (!x_wants(x, 1)) return 0;
    if (!x_in(x, 5)) return x_fail(x, "conv_norm_scale is missing, output 1 needs it");
    x_result(x, 1, x_cast(x, scaled_rms(x, y, 5), query->dtype));
    return x->code;
}

/* ---- CausalConvWithState ---- */

/* [batch, length, channels ..] as [batch, channels, length], when channels are last. */
static Tensor *channels_first(Expand *x, Tensor *a)
{
    if (!a || !node_int(x->n, "channels_last")) return a;
    const Size *channels = x_size(x, 1);
    for (int i = 2; i < x_rank(x, a); i++)
        channels = size_mul(x->g->sizes, channels, x_dim(x, a, i));
    const Size *dims[] = {x_dim(x, a, 0), x_dim(x, a, 1), channels};
    return x_swap(x, x_reshape(x, a, 3, dims), 1, 2);
}

/* The way back, with the input's own channels. */
static Tensor *as_given(Expand *x, Tensor *a)
{
    const Tensor *input = x_in(x, 0);
    if (!node_int(x->n, "channels_last")) return a;
    const Size *dims[MAX_RANK] = {x_dim(x, a, 0), x_dim(x, a, 2)};
    for (int i = 2; i < x_rank(x, input); i++) dims[i] = x_dim(x, input, i);
    return x_reshape(x, x_swap(x, a, 1, 2), x_rank(x, input), dims);
}

static int check_conv(Expand *x, bool *silu)
{
    const char *name = node_string(x->n, "activation");
    int rank = x_rank(x, x_in(x, 0));
    bool last = node_int(x->n, "channels_last") != 0;
    *silu = !strcmp(name, "silu") || !strcmp(name, "swish");
    if (!*silu && strcmp(name, "none"))
        return x_fail(x, "activation: expected none, silu or swish, got '%s'", name);
    if (node_int(x->n, "ndim") != 1) return x_fail(x, "ndim: only 1 is supported");
    if (node_int(x->n, "state_window")) return x_fail(x, "state_window is not supported");
    if (node_int(x->n, "dilation") < 1) return x_fail(x, "dilation: expected 1 or more");
    if (last ? rank < 3 : rank != 3)
        return x_fail(x, "input: expected 3 dimensions%s, got %d", last ? " or more" : "", rank);
    return x_need_rank(x, 1, 3);
}

/* What came before the input is its padding; the last of both is the new state. */
int expand_ms_causal_conv(Expand *x)
{
    SizeTable *t = x->g->sizes;
    bool silu;
    TRY(check_conv(x, &silu));
    Tensor *a = channels_first(x, x_in(x, 0)), *past = channels_first(x, x_in(x, 3));
    int64_t channels = x_static(x, x_in(x, 1), 0, "the number of channels");
    int64_t kernel = x_static(x, x_in(x, 1), 2, "the kernel"),
            dilation = node_int(x->n, "dilation");
    const Size *before = x_size(x, (kernel - 1) * dilation), *length = x_dim(x, a, 2);
    if (kernel < 1) return x_fail(x, "weight: a kernel of 0 is not supported");
    if (!past) {
        const Size *dims[] = {x_dim(x, a, 0), x_size(x, channels), before};
        past = x_expand(x, x_like(x, x_in(x, 0), 0), 3, dims);
    } else if (x_ok(x) && size_is_const(past->dims[2]) && past->dims[2] != before) {
        return x_fail(x, "past_state: expected %lld positions, got %lld", (long long)before->value,
                      (long long)past->dims[2]->value);
    }
    Tensor *both[] = {past, a}, *all = size_is(before, 0) ? a : x_concat(x, 2, 2, both);
    Tensor *in[] = {all, x_in(x, 1), x_in(x, 2)};
    x_int(x, "group", channels);
    x_ints(x, "dilations", 1, &dilation);
    Tensor *y = x_op(x, OP_CONV, 3, in);
    if (silu) y = x_op1(x, OP_SWISH, y);
    x_result(x, 0, as_given(x, y));
    if (!x_wants(x, 1)) return x->code;
    Tensor *rest = x_slice(x, all, 2, length, size_add(t, length, before));
    x_result(x, 1, as_given(x, rest));
    return x->code;
}
