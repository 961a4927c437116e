/* Normalisations and embeddings of com.microsoft, with what is added before them. ONNX Runtime
 * adds and normalises 16-bit numbers in f32 and rounds once, at the end; so do these. */
#include "passes/expand/build/build.h"

/* In the type that sums are made in: f32 for 16-bit numbers. NULL stays NULL. */
static Tensor *wide(Expand *x, Tensor *a)
{
    bool half = a && (a->dtype == DT_F16 || a->dtype == DT_BF16);
    return half ? x_cast(x, a, DT_F32) : a;
}

/* y = (a - mean) * deviation * gamma + beta over the last axis, in gamma's type; `stats` gets
 * the mean and 1 / deviation where outputs of the node ask for them. */
static Tensor *layer_norm(Expand *x, Tensor *a, Tensor *gamma, Tensor *beta, Tensor **stats)
{
    Tensor *scale = wide(x, gamma), *shift = wide(x, beta);
    Tensor *in[] = {a, scale, shift}, *out[] = {NULL, NULL, NULL};
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    x_op_many(x, OP_LAYER_NORMALIZATION, 3, in, stats ? 3 : 1, out);
    if (stats && x_ok(x)) stats[0] = out[1], stats[1] = out[2];
    return x_ok(x) ? x_cast(x, out[0], gamma->dtype) : NULL;
}

static Tensor *rms_norm(Expand *x, Tensor *a, Tensor *gamma, int64_t axis)
{
    Tensor *scale = wide(x, gamma);
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    x_int(x, "axis", axis);
    return x_cast(x, x_op2(x, OP_RMS_NORMALIZATION, a, scale), gamma->dtype);
}

/* 1 / sqrt(mean(a^2) + epsilon) over the axes from `axis` on. */
static Tensor *inverse_rms(Expand *x, Tensor *a, int64_t axis)
{
    int64_t axes[MAX_RANK];
    int count = 0, rank = x_rank(x, a);
    for (int64_t i = axis < 0 ? axis + rank : axis; i < rank && i >= 0; i++) axes[count++] = i;
    Tensor *mean = x_reduce_many(x, OP_REDUCE_MEAN, x_mul(x, a, a), count, axes, true);
    Tensor *shifted = x_shift(x, mean, node_float(x->n, "epsilon"));
    return x_op1(x, OP_RECIPROCAL, x_op1(x, OP_SQRT, shifted));
}

int expand_simplified_layer_norm(Expand *x)
{
    Tensor *a = x_in(x, 0);
    int64_t axis = node_int(x->n, "axis");
    if (axis < -a->rank || axis >= a->rank)
        return x_fail(x, "axis: %lld is out of range for %d dimensions", (long long)axis, a->rank);
    x_result(x, 0, rms_norm(x, wide(x, a), x_in(x, 1), axis));
    if (x_wants(x, 1)) x_result(x, 1, x_cast(x, inverse_rms(x, wide(x, a), axis), DT_F32));
    return 0;
}

/* ---- Skip: the sum of what comes in, which is normalised and may be wanted itself ---- */

static Tensor *skip_sum(Expand *x, Tensor *skip, Tensor *bias)
{
    Tensor *sum = wide(x, x_in(x, 0));
    sum = x_add(x, sum, wide(x, skip));
    return bias ? x_add(x, sum, wide(x, bias)) : sum;
}

/* The skip may lack the batch, but decides no size. */
static int check_sum(Expand *x, const Tensor *sum)
{
    const Tensor *a = x_in(x, 0);
    bool same = x_ok(x) && sum->rank == a->rank;
    for (int i = 0; same && i < a->rank; i++) {
        bool fixed = size_is_const(sum->dims[i]) && size_is_const(a->dims[i]);
        same = !fixed || sum->dims[i] == a->dims[i];
    }
    return same || !x_ok(x) ? 0 : x_fail(x, "skip: its sizes are not those of the input");
}

int expand_ms_skip_layer_norm(Expand *x)
{
    Tensor *stats[2] = {NULL, NULL};
    bool training = x_wants(x, 1) || x_wants(x, 2);
    Tensor *sum = skip_sum(x, x_in(x, 1), x_in(x, 4));
    TRY(check_sum(x, sum));
    x_result(x, 0, layer_norm(x, sum, x_in(x, 2), x_in(x, 3), training ? stats : NULL));
    x_result(x, 1, stats[0]);
    x_result(x, 2, stats[1]);
    x_result(x, 3, x_cast(x, sum, x_in(x, 0)->dtype));
    return 0;
}

int expand_ms_skip_simplified_layer_norm(Expand *x)
{
    Tensor *sum = skip_sum(x, x_in(x, 1), x_in(x, 3));
    TRY(check_sum(x, sum));
    x_result(x, 0, rms_norm(x, sum, x_in(x, 2), -1));
    Tensor *inverse = x_wants(x, 1) || x_wants(x, 2) ? inverse_rms(x, sum, -1) : NULL;
    if (x_wants(x, 1)) x_result(x, 1, x_scale(x, inverse, 0)); /* no mean is taken away */
    if (x_wants(x, 2)) x_result(x, 2, inverse);
    x_result(x, 3, x_cast(x, sum, x_in(x, 0)->dtype));
    return 0;
}

/* ---- EmbedLayerNormalization ---- */

/* word[ids] + position[position_ids or 0 1 2 ...] + segment[segment_ids] */
static Tensor *embedding(Expand *x)
{
    Tensor *ids = x_in(x, 0), *segments = x_in(x, 1), *places = x_in(x, 8);
    if (!places) places = x_range(x, DT_I64, x_dim(x, ids, 1));
    Tensor *sum = wide(x, x_gather(x, x_in(x, 2), ids, 0));
    sum = x_add(x, sum, wide(x, x_gather(x, x_in(x, 3), places, 0)));
    if (segments) sum = x_add(x, sum, wide(x, x_gather(x, x_in(x, 4), segments, 0)));
    return sum;
}

/* How many of a row's mask are 1: the position of the first 0 of a mask that pads on the right. */
static Tensor *mask_index(Expand *x)
{
    Tensor *ids = x_in(x, 0), *mask = x_in(x, 7);
    const int64_t last = 1;
    const Size *batch = x_dim(x, ids, 0);
    if (!mask) return x_expand(x, x_scalar(x, DT_I32, 0), 1, &batch);
    Tensor *ones = x_cast(x, x_op2(x, OP_EQUAL, mask, x_like(x, mask, 1)), DT_I32);
    return x_reduce_many(x, OP_REDUCE_SUM, ones, 1, &last, false);
}

int expand_ms_embed_layer_norm(Expand *x)
{
    static const int needed[] = {2, 3, 5, 6};
    for (int i = 0; i < 4; i++)
        if (!x_in(x, needed[i])) return x_fail(x, "input %d is missing", needed[i]);
    if (x_in(x, 1) && !x_in(x, 4))
        return x_fail(x, "segment_ids are there and segment_embedding, input 4, is missing");
    TRY(x_need_rank(x, 0, 2));
    TRY(x_need_rank(x, 2, 2));
    Tensor *sum = embedding(x), *word = x_in(x, 2);
    x_result(x, 0, layer_norm(x, sum, x_in(x, 5), x_in(x, 6), NULL));
    if (x_wants(x, 1)) x_result(x, 1, mask_index(x));
    x_result(x, 2, x_cast(x, sum, word->dtype));
    return 0;
}

/* ---- GroupNorm ---- */

/* Channels come first, or go to where they were. */
static Tensor *move_channels(Expand *x, Tensor *a, bool first)
{
    int order[MAX_RANK], rank = x_rank(x, a);
    if (!node_int(x->n, "channels_last") || !x_ok(x)) return a;
    for (int i = 0; i < rank; i++) order[i] = first ? i - 1 : i + 1;
    order[0] = 0;
    order[first ? 1 : rank - 1] = first ? rank - 1 : 1;
    return x_transpose(x, a, order);
}

/* a, of rank 3 or more, in the type that sums are made in. */
static Tensor *group_norm(Expand *x, Tensor *a)
{
    int64_t activation = node_int(x->n, "activation");
    if (activation < 0 || activation > 1) {
        x_fail(x, "activation: expected 0 or 1, got %lld", (long long)activation);
        return NULL;
    }
    Tensor *first = move_channels(x, a, true);
    Tensor *gamma = wide(x, x_in(x, 1)), *beta = wide(x, x_in(x, 2));
    x_int(x, "num_groups", node_int(x->n, "groups"));
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    Tensor *y = x_op3(x, OP_GROUP_NORMALIZATION, first, gamma, beta);
    if (activation) y = x_op1(x, OP_SWISH, y);
    return x_cast(x, move_channels(x, y, false), x_in(x, 0)->dtype);
}

int expand_ms_group_norm(Expand *x)
{
    if (x_in(x, 0)->rank < 3) return x_need_rank(x, 0, 4);
    x_result(x, 0, group_norm(x, wide(x, x_in(x, 0))));
    return 0;
}

/* [N, C] or [C] with axes of size 1 for those of space. */
static Tensor *over_space(Expand *x, Tensor *a, int rank)
{
    bool last = node_int(x->n, "channels_last") != 0;
    int spaces = rank - 2, own = x_rank(x, a);
    if (own == rank || (last && own == 1)) return a;
    for (int i = 0; i < spaces; i++) a = x_unsqueeze(x, a, last ? 1 : -1);
    return a;
}

int expand_ms_skip_group_norm(Expand *x)
{
    Tensor *a = x_in(x, 0), *skip = x_in(x, 3), *bias = x_in(x, 4);
    if (a->rank < 3) return x_need_rank(x, 0, 4);
    if (skip->rank != 2 && skip->rank != a->rank)
        return x_fail(x, "skip: expected 2 or %d dimensions, got %d", a->rank, skip->rank);
    if (bias) TRY(x_need_rank(x, 4, 1));
    Tensor *sum = wide(x, a);
    sum = x_add(x, sum, over_space(x, wide(x, skip), a->rank));
    if (bias) sum = x_add(x, sum, over_space(x, wide(x, bias), a->rank));
    TRY(check_sum(x, sum));
    x_result(x, 0, group_norm(x, sum));
    x_result(x, 1, x_cast(x, sum, a->dtype));
    return 0;
}
