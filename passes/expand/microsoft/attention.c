/* Attention and QAttention of com.microsoft: one product makes queries, keys and values.
 *
 *     %qkv = MatMul(%input, %weights) + %bias
 *     %q, %k, %v = Split(%qkv)
 *     %y = Attention(%q, %k, %v, mask, past)
 *     present = Concat(past, keys and values) */
#include "passes/expand/microsoft/attend.h"

#include <math.h>

/* The node's inputs after the product. */
typedef struct Merged {
    Tensor *qkv, *mask, *past, *bias, *past_length;
    int64_t heads;
    const Size *queries, *before; /* numbers of queries and of keys before them */
} Merged;

/* ---- Parts of the product ---- */

/* Sizes of q, k and v in the last axis. */
static int part_sizes(Expand *x, const Merged *m, const Size **sizes)
{
    const int64_t *given;
    int count = node_ints(x->n, "qkv_hidden_sizes", &given);
    const Size *width = x_dim(x, m->qkv, 2), *sum = x_size(x, 0);
    if (count && count != 3) return x_fail(x, "qkv_hidden_sizes: expected 3 values");
    for (int i = 0; i < 3; i++) {
        sizes[i] = count ? x_size(x, given[i]) : size_divi(x->g->sizes, width, 3);
        sum = size_add(x->g->sizes, sum, sizes[i]);
        if (size_is_const(sizes[i]) && (sizes[i]->value < 0 || sizes[i]->value % m->heads))
            return x_fail(x, "num_heads: %lld does not divide %lld", (long long)m->heads,
                          (long long)sizes[i]->value);
    }
    if (sum == width || !size_is_const(width)) return 0;
    return x_fail(x, "weights: expected %s columns, got %s", size_text(x->g->sizes, sum),
                  size_text(x->g->sizes, width));
}

static int split_parts(Expand *x, const Merged *m, Tensor **parts)
{
    const Size *sizes[3], *at = x_size(x, 0);
    TRY(part_sizes(x, m, sizes));
    for (int i = 0; i < 3; i++) {
        const Size *end = size_add(x->g->sizes, at, sizes[i]);
        parts[i] = x_slice(x, m->qkv, 2, at, end);
        at = end;
    }
    return 0;
}

/* ---- do_rotary: angles by position, of base 10000 ---- */

static Tensor *angles(Expand *x, const Merged *m, int64_t turned)
{
    int64_t pairs = turned / 2;
    float *speed = arena_array(x->g->arena, (size_t)pairs + 1, sizeof *speed);
    for (int64_t i = 0; i < pairs; i++)
        speed[i] = (float)pow(10000, -2.0 * (double)i / (double)turned);
    Tensor *at;
    if (m->past_length) {
        at = positions_from(x, m->past_length, m->queries);
    } else {
        at = x_range(x, DT_I64, m->queries);
        at = x_add(x, at, x_reshape(x, x_sizes(x, 1, &m->before), 0, NULL));
    }
    at = x_unsqueeze(x, x_cast(x, at, DT_F32), 1);
    return x_mul(x, at, x_constant(x, DT_F32, 1, &pairs, speed));
}

static int turn(Expand *x, const Merged *m, Tensor **parts)
{
    int64_t turned = node_int(x->n, "rotary_embedding_dim");
    int64_t depth = x_static(x, parts[0], 2, "the hidden size") / m->heads;
    if (turned < 0 || turned > depth || turned % 2 || depth % 2)
        return x_fail(x, "rotary_embedding_dim: expected an even number up to %lld, got %lld",
                      (long long)depth, (long long)turned);
    Tensor *angle = angles(x, m, turned ? turned : depth);
    if (!x_ok(x)) return x->code;
    Tensor *cos = x_cast(x, x_op1(x, OP_COS, angle), parts[0]->dtype);
    Tensor *sin = x_cast(x, x_op1(x, OP_SIN, angle), parts[0]->dtype);
    Rotary r = {.cos = cos, .sin = sin, .turned = turned};
    for (int i = 0; i < 2; i++) parts[i] = rotate(x, parts[i], m->heads, &r);
    return x->code;
}

/* ---- The past: [2, batch, heads, length, depth] ---- */

static Tensor *half_of_past(Expand *x, const Merged *m, int i)
{
    if (!m->past) return NULL;
    return x_squeeze(x, x_slice(x, m->past, 0, x_size(x, i), x_size(x, i + 1)), 0);
}

static void show_present(Expand *x, Tensor *k, Tensor *v)
{
    Tensor *keys = x_unsqueeze(x, k, 0), *values = x_unsqueeze(x, v, 0);
    Tensor *both[] = {keys, values};
    x_result(x, 1, x_concat(x, 0, 2, both));
}

static void append_to_past(Expand *x, const Merged *m, Attend *a)
{
    a->past_k = half_of_past(x, m, 0);
    a->past_v = half_of_past(x, m, 1);
    if (!x_wants(x, 1)) return;
    Tensor *k = cache_append(x, a->past_k, split_heads(x, a->k, m->heads));
    show_present(x, k, cache_append(x, a->past_v, split_heads(x, a->v, m->heads)));
}

/* past and present are one buffer, which is filled up to past_sequence_length. */
static void write_into_past(Expand *x, const Merged *m, Attend *a)
{
    const Size *batch = x_dim(x, m->qkv, 0), *room = x_dim(x, m->past, 3);
    Tensor *count = x_reshape(x, x_sizes(x, 1, &m->queries), 0, NULL);
    a->starts = per_batch(x, m->past_length, batch);
    a->lengths = x_add(x, a->starts, count);
    Tensor *k = split_heads(x, a->k, m->heads), *v = split_heads(x, a->v, m->heads);
    a->k = cache_write(x, half_of_past(x, m, 0), k, a->starts, room);
    a->v = cache_write(x, half_of_past(x, m, 1), v, a->starts, room);
    if (x_wants(x, 1)) show_present(x, a->k, a->v);
}

/* ---- Everything after the product ---- */

/* The keys that a mask speaks of: those up to the last query, where their number is known. */
static const Size *masked_keys(const Expand *x, const Merged *m, bool shared)
{
    int rank = x_rank(x, m->mask);
    if (shared && (rank == 2 || rank == 3)) return x_dim(x, m->mask, -1);
    if (shared) return x_dim(x, m->past, 3);
    return size_add(x->g->sizes, m->before, m->queries);
}

static int finish(Expand *x, Merged *m)
{
    Tensor *parts[3];
    bool shared = m->past && node_int(x->n, "past_present_share_buffer");
    m->heads = node_int(x->n, "num_heads");
    m->queries = x_dim(x, m->qkv, 1);
    m->before = m->past ? x_dim(x, m->past, 3) : x_size(x, 0);
    if (m->heads < 1) return x_fail(x, "num_heads: expected 1 or more");
    if (m->past && x_rank(x, m->past) != 5)
        return x_fail(x, "past: expected 5 dimensions, got %d", x_rank(x, m->past));
    if (shared && !m->past_length)
        return x_fail(x, "past_sequence_length is missing, past_present_share_buffer needs it");
    if (!shared) m->past_length = NULL;
    if (shared && x_rank(x, m->mask) == 4)
        return x_fail(x, "a mask of 4 dimensions with a shared buffer is not supported");
    TRY(split_parts(x, m, parts));
    if (node_int(x->n, "do_rotary")) TRY(turn(x, m, parts));
    Attend a = {.q = parts[0],
                .k = parts[1],
                .v = parts[2],
                .heads = m->heads,
                .kv_heads = m->heads,
                .scale = node_float(x->n, "scale"),
                .causal = node_int(x->n, "unidirectional") != 0};
    KeyMask mask = {m->mask,   x_dim(x, m->qkv, 0),       m->queries,
                    m->before, masked_keys(x, m, shared), node_float(x->n, "mask_filter_value"),
                    m->qkv};
    a.mask = add_biases(x, mask_bias(x, &mask), m->bias);
    if (shared)
        write_into_past(x, m, &a);
    else
        append_to_past(x, m, &a);
    x_result(x, 0, attend(x, &a, NULL));
    return x->code;
}

static int need_ranks(Expand *x)
{
    TRY(x_need_rank(x, 0, 3));
    TRY(x_need_rank(x, 1, 2));
    return x_need_rank(x, 2, 1);
}

int expand_ms_attention(Expand *x)
{
    TRY(need_ranks(x));
    Tensor *qkv = x_matmul(x, x_in(x, 0), x_in(x, 1));
    if (x_in(x, 2)) qkv = x_add(x, qkv, x_in(x, 2));
    Merged m = {.qkv = qkv,
                .mask = x_in(x, 3),
                .past = x_in(x, 4),
                .bias = x_in(x, 5),
                .past_length = x_in(x, 6)};
    return finish(x, &m);
}

/* The product of integers, scaled by input_scale * weight_scale. */
int expand_ms_qattention(Expand *x)
{
    TRY(need_ranks(x));
    Tensor *in[] = {x_in(x, 0), x_in(x, 1), x_in(x, 6), x_in(x, 7)};
    Tensor *scales[] = {x_in(x, 3), x_in(x, 4)};
    for (int i = 0; i < 2; i++) {
        if (size_is(tensor_elements(x->g->sizes, scales[i]), 1))
            scales[i] = x_reshape(x, scales[i], 0, NULL);
        if (in[2 + i] && size_is(tensor_elements(x->g->sizes, in[2 + i]), 1))
            in[2 + i] = x_reshape(x, in[2 + i], 0, NULL);
    }
    Tensor *sum = x_op(x, OP_MAT_MUL_INTEGER, 4, in), *scale = x_mul(x, scales[0], scales[1]);
    if (!x_ok(x)) return x->code;
    Tensor *qkv = x_mul(x, x_cast(x, sum, scale->dtype), scale);
    if (x_in(x, 2)) qkv = x_add(x, qkv, x_in(x, 2));
    if (node_int(x->n, "past_present_share_buffer"))
        return x_fail(x, "past_present_share_buffer is not supported");
    Merged m = {.qkv = qkv, .mask = x_in(x, 5), .past = x_in(x, 8)};
    return finish(x, &m);
}
