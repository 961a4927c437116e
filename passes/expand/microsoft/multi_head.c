/* MultiHeadAttention and DecoderMaskedMultiHeadAttention of com.microsoft: queries, keys and values come
 * apart or packed, the bias of their projection with them. */
#include "passes/expand/microsoft/attend.h"

#include <math.h>

/* What both nodes have, by their own numbers of inputs. */
typedef struct Parts {
    Tensor *q, *k, *v, *bias, *mask, *attention_bias, *past_k, *past_v, *past_length, *beams;
    int64_t heads;
    const Size *batch, *queries;
    bool shared; /* past and present are one buffer */
} Parts;

/* ---- Packed forms ---- */

/* Part i of [batch, length, heads, parts, depth] as [batch, length, heads * depth]. */
static Tensor *unpack(Expand *x, Tensor *packed, int i)
{
    Tensor *part = x_squeeze(x, x_slice(x, packed, 3, x_size(x, i), x_size(x, i + 1)), 3);
    const Size *width = size_mul(x->g->sizes, x_dim(x, part, 2), x_dim(x, part, 3));
    const Size *dims[] = {x_dim(x, part, 0), x_dim(x, part, 1), width};
    return x_reshape(x, part, 3, dims);
}

static int need_packed(Expand *x, const Tensor *packed, int64_t heads, int parts)
{
    if (size_is(x_dim(x, packed, 2), heads) && size_is(x_dim(x, packed, 3), parts)) return 0;
    return x_fail(x, "packed input: expected [batch, length, %lld, %d, depth]", (long long)heads,
                  parts);
}

static int unpack_all(Expand *x, Parts *p)
{
    if (x_rank(x, p->q) == 5) {
        Tensor *packed = p->q;
        if (p->k || p->v) return x_fail(x, "key and value are given beside packed ones");
        TRY(need_packed(x, packed, p->heads, 3));
        p->q = unpack(x, packed, 0);
        p->k = unpack(x, packed, 1);
        p->v = unpack(x, packed, 2);
    } else if (!p->k) { /* [batch, length, 3 * width] */
        Tensor *all[3];
        if (p->v) return x_fail(x, "key is missing");
        x_split(x, p->q, 2, 3, all);
        p->q = all[0];
        p->k = all[1];
        p->v = all[2];
    } else if (x_rank(x, p->k) == 5) {
        Tensor *packed = p->k;
        if (p->v) return x_fail(x, "value is given beside a packed one");
        TRY(need_packed(x, packed, p->heads, 2));
        p->k = unpack(x, packed, 0);
        p->v = unpack(x, packed, 1);
    }
    if (!p->v) return x_fail(x, "value is missing");
    if (x_ok(x) && p->q->rank != 3)
        return x_fail(x, "query: expected 3 or 5 dimensions, got %d", p->q->rank);
    for (int i = 0; i < 2 && x_ok(x); i++) {
        int rank = x_rank(x, i ? p->v : p->k);
        if (rank != 3 && rank != 4)
            return x_fail(x, "%s: expected 3 or 4 dimensions, got %d", i ? "value" : "key", rank);
    }
    return x->code;
}

/* bias is that of queries, keys and values, one after the other. Keys in heads have theirs already. */
static void add_projection_bias(Expand *x, Parts *p)
{
    Tensor **parts[] = {&p->q, &p->k, &p->v};
    const Size *at = x_size(x, 0);
    for (int i = 0; i < 3 && p->bias; i++) {
        const Size *end = size_add(x->g->sizes, at, x_dim(x, *parts[i], 2));
        if (x_rank(x, *parts[i]) != 3) return;
        *parts[i] = x_add(x, *parts[i], x_slice(x, p->bias, 0, at, end));
        at = end;
    }
}

/* ---- Keys that came before ---- */

/* past and present grow: the present is both, the past is read where it is. */
static void append_past(Expand *x, const Parts *p, Attend *a)
{
    a->past_k = p->past_k;
    a->past_v = p->past_v;
    if (x_wants(x, 1)) x_result(x, 1, cache_append(x, p->past_k, split_heads(x, p->k, p->heads)));
    if (x_wants(x, 2)) x_result(x, 2, cache_append(x, p->past_v, split_heads(x, p->v, p->heads)));
}

/* The beam that each key came from; a new key is of its own. */
static Tensor *origin(Expand *x, Tensor *beams, Tensor *past)
{
    Tensor *own = x_unsqueeze(x, x_range(x, DT_I64, x_dim(x, beams, 1)), 1);
    Tensor *key = x_range(x, DT_I64, x_dim(x, beams, 2));
    Tensor *is_old = x_op2(x, OP_LESS, key, past);
    return x_op3(x, OP_WHERE, is_old, x_cast(x, beams, DT_I64), own);
}

/* Beam search: which beam key j of each beam came from, beams [batch, width, length]. The cache's batch
 * is batch * width, and its first `past` keys are old ones. */
static Tensor *of_beams(Expand *x, Tensor *cache, Tensor *beams, Tensor *past)
{
    SizeTable *t = x->g->sizes;
    const Size *length = x_dim(x, cache, 2), *width = x_dim(x, beams, 1), *one = x_size(x, 1);
    const Size *groups[] = {x_dim(x, beams, 0), one, one};
    Tensor *first = x_range(x, DT_I64, x_dim(x, beams, 0));
    first = x_mul(x, first, x_size_scalar(x, width));
    beams = x_slice(x, beams, 2, x_size(x, 0), length);
    Tensor *row = origin(x, beams, past);
    row = x_add(x, row, x_reshape(x, first, 3, groups));
    const Size *flat[] = {size_mul(t, x_dim(x, beams, 0), width), length};
    row = x_reshape(x, row, 2, flat);
    Tensor *key = x_expand(x, x_range(x, DT_I64, length), 2, flat);
    row = x_unsqueeze(x, row, 2), key = x_unsqueeze(x, key, 2);
    Tensor *pair[] = {row, key}, *rows = x_swap(x, cache, 1, 2);
    Tensor *picked = x_op2(x, OP_GATHER_ND, rows, x_concat(x, 2, 2, pair));
    return x_swap(x, picked, 1, 2);
}

static int write_past(Expand *x, const Parts *p, Attend *a)
{
    const Size *room = x_dim(x, p->past_k, 2), *count = x_dim(x, p->k, -2);
    if (!p->past_length) return x_fail(x, "past_sequence_length is missing");
    a->starts = per_batch(x, p->past_length, p->batch);
    a->lengths = x_add(x, a->starts, x_size_scalar(x, count));
    a->k = cache_write(x, p->past_k, split_heads(x, p->k, p->heads), a->starts, room);
    a->v = cache_write(x, p->past_v, split_heads(x, p->v, p->heads), a->starts, room);
    if (x_wants(x, 1)) x_result(x, 1, a->k);
    if (x_wants(x, 2)) x_result(x, 2, a->v);
    if (!p->beams) return x->code;
    if (x_rank(x, p->beams) != 3)
        return x_fail(x, "cache_indirection: expected 3 dimensions, got %d", x_rank(x, p->beams));
    if (size_is(x_dim(x, p->beams, 1), 1)) return x->code;
    Tensor *past = x_reshape(x, x_cast(x, p->past_length, DT_I64), 0, NULL);
    a->k = of_beams(x, a->k, p->beams, past);
    a->v = of_beams(x, a->v, p->beams, past);
    return x->code;
}

static int take_past(Expand *x, const Parts *p, Attend *a)
{
    if (!p->past_k != !p->past_v) return x_fail(x, "past_key and past_value go together");
    for (int i = 0; i < 2 && p->past_k; i++) {
        int rank = x_rank(x, i ? p->past_v : p->past_k);
        if (rank != 4) return x_fail(x, "past: expected 4 dimensions, got %d", rank);
    }
    if (p->shared) return write_past(x, p, a);
    if (p->beams && !size_is(x_dim(x, p->beams, 1), 1))
        return x_fail(x, "cache_indirection needs past_sequence_length");
    append_past(x, p, a);
    return x->code;
}

/* ---- The node ---- */

/* With a shared buffer the keys end where the mask does: its size says how many there are. */
static Tensor *masks(Expand *x, const Parts *p)
{
    const Size *past = p->past_k ? x_dim(x, p->past_k, 2) : x_size(x, 0);
    const Size *keys = size_add(x->g->sizes, past, x_dim(x, p->k, -2));
    int rank = x_rank(x, p->mask);
    if (p->shared) keys = rank > 1 ? x_dim(x, p->mask, -1) : past;
    KeyMask mask = {
        p->mask, p->batch, p->queries, past, keys, node_float(x->n, "mask_filter_value"), p->q};
    return add_biases(x, mask_bias(x, &mask), p->attention_bias);
}

static double lowest_of(const Tensor *t)
{
    return t && t->dtype == DT_F16 ? -65504.0 : -3.4028234663852886e38;
}

/* Hidden scores are the lowest number, not infinite. */
static Tensor *not_infinite(Expand *x, Tensor *scores)
{
    if (!x_ok(x)) return NULL;
    return x_op2(x, OP_MAX, scores, x_like(x, scores, lowest_of(scores)));
}

/* How many keys a shared buffer has: the mask's width, or what is known of the past's length. NULL: neither. */
static const Size *shared_keys(Expand *x, const Parts *p)
{
    int count;
    const Size *const *values;
    if (x_rank(x, p->mask) > 1) return x_dim(x, p->mask, -1);
    if (!tensor_known_sizes(x->g, p->past_length, &count, &values) || count != 1) return NULL;
    return size_add(x->g->sizes, values[0], x_dim(x, p->k, -2));
}

/* The scores of keys that are there. */
static int show_scores(Expand *x, const Parts *p, bool causal, Tensor *qk)
{
    if (p->shared) {
        const Size *keys = shared_keys(x, p);
        if (!keys)
            return x_fail(
                x, "output 3: its size needs a mask, or a past_sequence_length that is known at "
                   "compile time (--bind-input)");
        qk = x_slice(x, qk, 3, x_size(x, 0), keys);
    }
    x_result(x, 3, causal ? not_infinite(x, qk) : qk);
    return x->code;
}

/* A query alone sees all keys; otherwise unidirectional ones see those up to their own. */
static bool is_causal(const Expand *x, const Parts *p)
{
    return node_int(x->n, "unidirectional") && !size_is(p->queries, 1);
}

/* Unidirectional queries of another's keys: each sees as many as it has queries before it and itself, the last
 * one sees all. */
static Tensor *hidden_from_early(Expand *x, const Parts *p)
{
    const Size *keys = x_dim(x, p->k, -2);
    const Size *last = size_addi(x->g->sizes, p->queries, -1);
    Tensor *key = x_range(x, DT_I64, keys), *query = x_range(x, DT_I64, p->queries);
    query = x_unsqueeze(x, query, 1);
    Tensor *is_last = x_op2(x, OP_EQUAL, query, x_size_scalar(x, last));
    Tensor *seen = x_op2(x, OP_OR, x_op2(x, OP_LESS_OR_EQUAL, key, query), is_last);
    Tensor *zero = x_like(x, p->q, 0);
    return x_op3(x, OP_WHERE, seen, zero, x_like(x, p->q, lowest_of(p->q)));
}

static int multi_head(Expand *x, Parts *p)
{
    p->heads = node_int(x->n, "num_heads");
    if (p->heads < 1) return x_fail(x, "num_heads: expected 1 or more");
    TRY(unpack_all(x, p));
    p->batch = x_dim(x, p->q, 0);
    p->queries = x_dim(x, p->q, 1);
    add_projection_bias(x, p);
    Attend a = {.q = p->q,
                .k = p->k,
                .v = p->v,
                .heads = p->heads,
                .kv_heads = p->heads,
                .scale = node_float(x->n, "scale"),
                .causal = is_causal(x, p),
                .mode = SCORES_BIASED};
    a.mask = masks(x, p);
    if (a.causal && !p->past_k && x_dim(x, p->k, -2) != p->queries) {
        a.mask = add_biases(x, a.mask, hidden_from_early(x, p));
        a.causal = false;
    }
    TRY(take_past(x, p, &a));
    Tensor *qk = NULL;
    x_result(x, 0, attend(x, &a, x_wants(x, 3) ? &qk : NULL));
    return x_wants(x, 3) ? show_scores(x, p, a.causal, qk) : x->code;
}

int expand_ms_multi_head(Expand *x)
{
    Parts p = {.q = x_in(x, 0),
               .k = x_in(x, 1),
               .v = x_in(x, 2),
               .bias = x_in(x, 3),
               .mask = x_in(x, 4),
               .attention_bias = x_in(x, 5),
               .past_k = x_in(x, 6),
               .past_v = x_in(x, 7),
               .past_length = x_in(x, 8),
               .beams = x_in(x, 9)};
    p.shared = p.past_k && p.past_length;
    return multi_head(x, &p);
}

/* One query; input 8, the width of beams, is a size of input 9. Of another's keys there is no past. */
int expand_ms_decoder_masked(Expand *x)
{
    Parts p = {.q = x_in(x, 0),
               .k = x_in(x, 1),
               .v = x_in(x, 2),
               .mask = x_in(x, 3),
               .attention_bias = x_in(x, 4),
               .past_k = x_in(x, 5),
               .past_v = x_in(x, 6),
               .past_length = x_in(x, 7),
               .beams = x_in(x, 9),
               .bias = x_in(x, 10)};
    p.shared = p.past_k && node_int(x->n, "past_present_share_buffer");
    return multi_head(x, &p);
}
