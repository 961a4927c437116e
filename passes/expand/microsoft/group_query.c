/* GroupQueryAttention of com.microsoft.
 *
 * The caches grow from call to call, or are buffers with room for more keys than there are. Where one
 * batch's keys simply follow the past, they are appended:
 *
 *     %present = Concat(%past, %k);  %y = Attention(%q, %k, %v, , %past_k, %past_v) {is_causal = 1}
 *
 * Otherwise seqlens_k says for each batch where its keys go and how many there are then:
 *
 *     %present = TensorScatter(%past, %k, seqlens_k + 1 - queries)
 *     %y = lpc.Attention(%q, %present_k, %present_v, lengths, starts) */
#include "passes/expand/microsoft/attend.h"

#include <string.h>

enum { IN_Q, IN_K, IN_V, IN_PAST_K, IN_PAST_V, IN_SEQLENS, IN_TOTAL, IN_COS, IN_SIN, IN_POSITIONS };
enum { IN_BIAS = 10, IN_SINK, IN_K_SCALE, IN_V_SCALE, IN_Q_NORM, IN_K_NORM };
enum { OUT_Y, OUT_PRESENT_K, OUT_PRESENT_V, OUT_QK };

/* ---- Queries, keys and values in groups ---- */

static int need_heads(Expand *x, const Grouped *g)
{
    if (g->kv_heads < 1 || g->heads < 1 || g->heads % g->kv_heads)
        return x_fail(x, "num_heads, %lld, is no multiple of kv_num_heads, %lld",
                      (long long)g->heads, (long long)g->kv_heads);
    return 0;
}

static int unpack(Expand *x, Grouped *g)
{
    SizeTable *t = x->g->sizes;
    const Size *width = x_dim(x, g->q, 2);
    int64_t count = g->heads + (g->k ? 0 : 2 * g->kv_heads);
    if (size_is_const(width) && width->value % count)
        return x_fail(x, "query: a width of %lld is not one of %lld heads", (long long)width->value,
                      (long long)count);
    g->depth = size_divi(t, width, count);
    if (g->k) return 0;
    Tensor *packed = g->q;
    const Size *q_end = size_muli(t, g->depth, g->heads),
               *part = size_muli(t, g->depth, g->kv_heads);
    const Size *k_end = size_add(t, q_end, part);
    g->q = x_slice(x, packed, 2, x_size(x, 0), q_end);
    g->k = x_slice(x, packed, 2, q_end, k_end);
    g->v = x_slice(x, packed, 2, k_end, size_add(t, k_end, part));
    return x->code;
}

int grouped_read(Expand *x, Grouped *g)
{
    g->q = x_in(x, IN_Q);
    g->k = x_in(x, IN_K);
    g->v = x_in(x, IN_V);
    g->past_k = x_in(x, IN_PAST_K);
    g->past_v = x_in(x, IN_PAST_V);
    g->heads = node_int(x->n, "num_heads");
    g->kv_heads = node_int(x->n, "kv_num_heads");
    if (!g->k != !g->v) return x_fail(x, "key and value go together");
    if (!g->past_k != !g->past_v) return x_fail(x, "past_key and past_value go together");
    for (int i = 0; i < 3; i++) TRY(x_need_rank(x, i, 3));
    for (int i = IN_PAST_K; i <= IN_PAST_V; i++) TRY(x_need_rank(x, i, 4));
    TRY(need_heads(x, g));
    TRY(unpack(x, g));
    g->batch = x_dim(x, g->q, 0);
    g->queries = x_dim(x, g->q, 1);
    g->past = g->past_k ? x_dim(x, g->past_k, 2) : x_size(x, 0);
    if (g->past_k && size_is(g->past, 0)) g->past_k = g->past_v = NULL;
    const Size *fresh = x_dim(x, g->k, 1);
    g->reads = g->past_k && size_is(fresh, 0);
    if (!g->reads && size_is_const(g->queries) && size_is_const(fresh) && fresh != g->queries)
        return x_fail(x, "key: expected %lld positions, got %lld", (long long)g->queries->value,
                      (long long)fresh->value);
    return x->code;
}

/* Keys of a prompt that is shorter than the others start at 0, too. */
int grouped_lengths(Expand *x, Grouped *g, Tensor *lengths)
{
    Tensor *count = x_reshape(x, x_sizes(x, 1, &g->queries), 0, NULL);
    g->lengths = lengths;
    Tensor *before = x_sub(x, lengths, count);
    g->starts = x_op2(x, OP_MAX, before, x_scalar(x, DT_I64, 0));
    return x->code;
}

int grouped_rotate(Expand *x, Grouped *g, Tensor *positions)
{
    if (!node_int(x->n, "do_rotary")) return 0;
    if (!g->cos || !g->sin) return x_fail(x, "do_rotary: cos_cache and sin_cache are missing");
    if (x_rank(x, g->cos) != 2 || x_rank(x, g->sin) != 2)
        return x_fail(x, "cos_cache and sin_cache: expected 2 dimensions");
    int64_t turned = 2 * x_static(x, g->cos, 1, "the width of cos_cache");
    if (x_ok(x) && size_is_const(g->depth) && turned > g->depth->value)
        return x_fail(x, "cos_cache: %lld columns are more than half of a head, %lld",
                      (long long)turned / 2, (long long)g->depth->value);
    if (x_dim(x, g->cos, 1) != x_dim(x, g->sin, 1))
        return x_fail(x, "cos_cache and sin_cache differ in size");
    Rotary r = {.cos = g->cos,
                .sin = g->sin,
                .ids = positions,
                .turned = size_is(g->depth, turned) ? 0 : turned,
                .interleaved = node_int(x->n, "rotary_interleaved") != 0};
    g->q = rotate(x, g->q, g->heads, &r);
    if (!g->reads) g->k = rotate(x, g->k, g->kv_heads, &r);
    return x->code;
}

/* ---- Sizes of the caches ---- */

/* How the caches go on. */
typedef struct Growth {
    const Size *total;    /* keys of the longest batch, NULL: not known */
    const Size *capacity; /* of the present */
    bool appends;         /* new keys follow all past ones, in every batch */
    bool slides;          /* `sliding_window_cache` */
    Slide slide;
} Growth;

static const Size *known_total(Expand *x)
{
    int count;
    const Size *const *values;
    Tensor *total = x_in(x, IN_TOTAL);
    if (!tensor_known_sizes(x->g, total, &count, &values) || count != 1) return NULL;
    return values[0];
}

/* Is the output there, and does anybody read it? */
static bool is_used(const Expand *x, int out)
{
    return x_wants(x, out) && graph_uses(x->g, x->n->out[out]) > 0;
}

/* What follows the past in one batch is there whole; several may have different lengths. */
static int find_growth(Expand *x, const Grouped *g, Growth *to)
{
    SizeTable *t = x->g->sizes;
    const Size *all = size_add(t, g->past, g->queries);
    bool shown = is_used(x, OUT_PRESENT_K) || is_used(x, OUT_PRESENT_V) || is_used(x, OUT_QK);
    *to = (Growth){.total = g->past_k ? known_total(x) : g->queries,
                   .capacity = all,
                   .slides = node_int(x->n, "sliding_window_cache") != 0};
    if (to->slides) return 0;
    if (g->reads) {
        to->capacity = g->past;
        if (!to->total) to->total = g->past;
        return 0;
    }
    to->appends = !g->past_k || (size_is(g->batch, 1) && to->total == all);
    if (to->appends || (!to->total && !shown)) return 0;
    if (!to->total)
        return x_fail(
            x, "total_sequence_length must be known at compile time, since the size of "
               "present_key depends on it: compute it from shapes or give it with --bind-input");
    to->capacity = size_max(t, to->total, g->past);
    return 0;
}

/* ---- Positions ---- */

/* position_ids are for all queries; of a first prompt, which has all keys there are, only the first one
 * counts. */
static Tensor *positions(Expand *x, const Grouped *g, const Growth *growth)
{
    Tensor *given = x_in(x, IN_POSITIONS), *first = given;
    if (given && g->past_k && growth->total != g->queries) return given;
    if (given) {
        for (int i = 0; i < x_rank(x, given); i++)
            first = x_slice(x, first, i, x_size(x, 0), x_size(x, 1));
        return positions_from(x, first, g->queries);
    }
    if (growth->appends) return positions_from(x, x_sizes(x, 1, &g->past), g->queries);
    return positions_from(x, g->starts, g->queries);
}

static Tensor *normed(Expand *x, Tensor *a, int64_t heads, Tensor *weight)
{
    const Size *dims[] = {x_dim(x, a, 0), x_dim(x, a, 1), x_size(x, heads),
                          size_divi(x->g->sizes, x_dim(x, a, 2), heads)};
    const Size *flat[] = {dims[0], dims[1], x_dim(x, a, 2)};
    x_int(x, "axis", -1);
    x_float(x, "epsilon", node_float(x->n, "qk_norm_epsilon"));
    return x_reshape(x, x_op2(x, OP_RMS_NORMALIZATION, x_reshape(x, a, 4, dims), weight), 3, flat);
}

static int norm_heads(Expand *x, Grouped *g)
{
    Tensor *q = x_in(x, IN_Q_NORM), *k = x_in(x, IN_K_NORM);
    if (!q != !k) return x_fail(x, "q_norm_weight and k_norm_weight go together");
    if (!q) return 0;
    g->q = normed(x, g->q, g->heads, q);
    g->k = normed(x, g->k, g->kv_heads, k);
    return x->code;
}

/* ---- Caches ---- */

static int read_quant(Expand *x, const char *attr, int scale, KvQuant *q)
{
    const char *type = node_string(x->n, attr);
    *q = (KvQuant){.scale = x_in(x, scale), .bits = node_int(x->n, "kv_cache_bit_width")};
    if (!strcmp(type, "NONE")) {
        q->bits = 0;
        return 0;
    }
    if (strcmp(type, "PER_TENSOR") && strcmp(type, "PER_CHANNEL"))
        return x_fail(x, "%s: expected NONE, PER_TENSOR or PER_CHANNEL, got '%s'", attr, type);
    if (q->bits != 4 && q->bits != 8)
        return x_fail(x, "kv_cache_bit_width: expected 4 or 8, got %lld", (long long)q->bits);
    if (!q->scale) return x_fail(x, "%s: the scale of the cache is missing", attr);
    return 0;
}

/* A past that grows is copied up to where each batch's new keys start; behind them, the present is 0. */
static Tensor *only_keys(Expand *x, const Grouped *g, Tensor *past)
{
    const Size *one = x_size(x, 1), *dims[] = {g->batch, one, one, one};
    Tensor *key = x_unsqueeze(x, x_range(x, DT_I64, g->past), 1);
    Tensor *is_old = x_op2(x, OP_LESS, key, x_reshape(x, g->starts, 4, dims));
    return x_op3(x, OP_WHERE, is_old, past, x_like(x, past, 0));
}

/* The present of keys or of values, and what attention reads. */
static Tensor *renew(Expand *x, const Grouped *g, const Growth *growth, int out, Tensor *past,
                     Tensor *fresh, const KvQuant *quant)
{
    Tensor *heads = split_heads(x, fresh, g->kv_heads), *present;
    if (quant->bits) heads = kv_quantize(x, heads, quant);
    bool grows = !g->reads && !growth->appends && growth->capacity != g->past && !growth->slides;
    if (grows && is_used(x, out)) past = only_keys(x, g, past);
    if (g->reads)
        present = past;
    else
        present = growth->appends ? cache_append(x, past, heads)
                                  : cache_write(x, past, heads, g->starts, growth->capacity);
    if (x_wants(x, out))
        x_result(x, out, growth->slides ? slide_end(x, g, &growth->slide, present) : present);
    if (quant->bits) return x_ok(x) ? kv_dequantize(x, present, quant, fresh->dtype) : NULL;
    return growth->appends ? fresh : present;
}

static int take_caches(Expand *x, const Grouped *g, const Growth *growth, Attend *a)
{
    KvQuant k, v;
    TRY(read_quant(x, "k_quant_type", IN_K_SCALE, &k));
    TRY(read_quant(x, "v_quant_type", IN_V_SCALE, &v));
    if (!k.bits != !v.bits) return x_fail(x, "k_quant_type and v_quant_type go together");
    a->k = renew(x, g, growth, OUT_PRESENT_K, g->past_k, g->k, &k);
    a->v = renew(x, g, growth, OUT_PRESENT_V, g->past_v, g->v, &v);
    if (growth->appends && !k.bits) {
        a->past_k = g->past_k;
        a->past_v = g->past_v;
    } else if (growth->appends && g->past_k) { /* the past is in what was read back */
        a->starts = per_batch(x, x_sizes(x, 1, &g->past), g->batch);
    } else if (!growth->appends) {
        a->starts = g->starts;
    }
    if (!size_is(g->batch, 1) || !growth->appends) a->lengths = g->lengths;
    return x->code;
}

/* ---- The node ---- */

static int read_window(Expand *x, Attend *a)
{
    int64_t window = node_int(x->n, "local_window_size");
    a->causal = node_int(x->n, "causal") != 0;
    if (window == 0 || window < -1)
        return x_fail(x, "local_window_size: expected -1, or 1 or more, got %lld",
                      (long long)window);
    if (window > 0 && !a->causal) return x_fail(x, "local_window_size needs causal");
    a->window = window > 0 ? window : 0;
    return 0;
}

/* A smooth softmax is one with a sink of 0 in every head. */
static Tensor *sinks(Expand *x, const Grouped *g)
{
    Tensor *given = x_in(x, IN_SINK);
    const Size *heads = x_size(x, g->heads);
    if (given || node_int(x->n, "smooth_softmax") != 1) return given;
    return x_expand(x, x_like(x, g->q, 0), 1, &heads);
}

/* Scores that are not seen are shown as 0, and none of room that has no keys. */
static void show_scores(Expand *x, const Growth *growth, const Attend *a, Tensor *qk)
{
    if (!x_ok(x)) return;
    if (growth->total != growth->capacity) qk = x_slice(x, qk, 3, x_size(x, 0), growth->total);
    if (a->mode == SCORES_BIASED) {
        x_int(x, "detect_positive", 0);
        Tensor *hidden = x_op1(x, OP_IS_INF, qk);
        qk = x_op3(x, OP_WHERE, hidden, x_like(x, qk, 0), qk);
    }
    x_result(x, OUT_QK, qk);
}

static int read_node(Expand *x, Grouped *g, Growth *growth)
{
    if (!x_in(x, IN_SEQLENS)) return x_fail(x, "seqlens_k is missing");
    if (!x_in(x, IN_TOTAL)) return x_fail(x, "total_sequence_length is missing");
    TRY(grouped_read(x, g));
    TRY(find_growth(x, g, growth));
    g->cos = x_in(x, IN_COS);
    g->sin = x_in(x, IN_SIN);
    Tensor *last = x_cast(x, x_in(x, IN_SEQLENS), DT_I64);
    Tensor *lengths = x_add(x, last, x_scalar(x, DT_I64, 1));
    return grouped_lengths(x, g, x_reshape(x, lengths, 1, &g->batch));
}

int expand_ms_group_query(Expand *x)
{
    Grouped g;
    Growth growth;
    TRY(read_node(x, &g, &growth));
    int64_t mode = node_int(x->n, "qk_output");
    if (x_wants(x, OUT_QK) && growth.slides)
        return x_fail(x, "output 3 is not supported with sliding_window_cache");
    if (mode < 0 || mode > 2 || (mode == 0 && x_wants(x, OUT_QK)))
        return x_fail(x, "qk_output: expected 1 or 2 for output 3, got %lld", (long long)mode);
    TRY(norm_heads(x, &g));
    TRY(grouped_rotate(x, &g, positions(x, &g, &growth)));
    growth.slide.window = node_int(x->n, "local_window_size");
    if (growth.slides) TRY(slide_begin(x, &g, &growth.slide));
    Attend a = {.q = g.q,
                .mask = growth.slides ? slide_bias(x, &g, &growth.slide, x_in(x, IN_BIAS))
                                      : x_in(x, IN_BIAS),
                .sinks = sinks(x, &g),
                .heads = g.heads,
                .kv_heads = g.kv_heads,
                .scale = node_float(x->n, "scale"),
                .softcap = node_float(x->n, "softcap"),
                .mode = mode == 1 ? SCORES_BIASED : SCORES_SOFTMAX};
    TRY(read_window(x, &a));
    TRY(take_caches(x, &g, &growth, &a));
    Tensor *qk = NULL;
    x_result(x, OUT_Y, attend(x, &a, x_wants(x, OUT_QK) ? &qk : NULL));
    if (x_wants(x, OUT_QK)) show_scores(x, &growth, &a, qk);
    return x->code;
}
