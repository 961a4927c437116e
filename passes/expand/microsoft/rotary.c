/* Rotary embeddings of com.microsoft. */
#include "passes/expand/microsoft/attend.h"

Tensor *rotate(Expand *x, Tensor *a, int64_t heads, const Rotary *r)
{
    Tensor *in[] = {a, r->cos, r->sin, r->ids};
    if (heads) x_int(x, "num_heads", heads);
    if (r->turned) x_int(x, "rotary_embedding_dim", r->turned);
    x_int(x, "interleaved", r->interleaved);
    return x_op(x, OP_ROTARY_EMBEDDING, 4, in);
}

Tensor *positions_from(Expand *x, Tensor *first, const Size *count)
{
    Tensor *at = x_range(x, DT_I64, count);
    first = x_cast(x, first, DT_I64);
    if (!x_ok(x)) return NULL;
    if (size_is(tensor_elements(x->g->sizes, first), 1))
        return x_add(x, at, x_reshape(x, first, 0, NULL));
    return x_add(x, at, x_unsqueeze(x, first, 1));
}

static int need_caches(Expand *x, int cos, int sin)
{
    TRY(x_need_rank(x, cos, 2));
    TRY(x_need_rank(x, sin, 2));
    for (int i = 0; i < 2; i++) {
        if (x_dim(x, x_in(x, cos), i) != x_dim(x, x_in(x, sin), i))
            return x_fail(x, "cos_cache and sin_cache differ in size");
    }
    return 0;
}

/* Heads of [batch, length, width]: given, or as many as the caches' pairs fill. 0 after an error. */
static int64_t count_heads(Expand *x, const Tensor *cache)
{
    const Tensor *a = x_in(x, 0);
    int64_t heads = node_int(x->n, "num_heads");
    if (x_rank(x, a) == 4) return heads > 0 ? heads : x_static(x, a, 1, "the number of heads");
    int64_t width = x_static(x, a, 2, "the hidden size");
    int64_t depth = 2 * x_static(x, cache, 1, "the width of cos_cache");
    if (heads <= 0 && depth > 0) heads = width / depth;
    if (heads > 0 && width % heads == 0) return heads;
    x_fail(x, "a width of %lld is not a number of heads", (long long)width);
    return 0;
}

static int need_turned(Expand *x, const Tensor *cache, int64_t heads)
{
    const Tensor *a = x_in(x, 0);
    int64_t turned = node_int(x->n, "rotary_embedding_dim");
    int64_t pairs = x_static(x, cache, 1, "the width of cos_cache");
    int64_t depth = x_static(x, a, -1, "the head size");
    if (x_rank(x, a) == 3) depth /= heads;
    if (!x_ok(x)) return x->code;
    if (turned < 0 || turned > depth || turned % 2)
        return x_fail(x, "rotary_embedding_dim: expected an even number up to %lld, got %lld",
                      (long long)depth, (long long)turned);
    if (pairs == (turned ? turned : depth) / 2) return 0;
    return x_fail(x, "cos_cache: expected %lld columns, got %lld",
                  (long long)((turned ? turned : depth) / 2), (long long)pairs);
}

/* The positions are given, or follow on the one that is. No kernel of ONNX Runtime reads `scale`. */
int expand_ms_rotary(Expand *x)
{
    Tensor *a = x_in(x, 0), *ids = x_in(x, 1), *cos = x_in(x, 2);
    if (x_rank(x, a) != 3 && x_rank(x, a) != 4)
        return x_fail(x, "input: expected 3 or 4 dimensions, got %d", x_rank(x, a));
    TRY(need_caches(x, 2, 3));
    int64_t heads = count_heads(x, cos);
    TRY(x->code);
    TRY(need_turned(x, cos, heads));
    if (x_rank(x, ids) < 2) ids = positions_from(x, ids, x_dim(x, a, -2));
    Rotary r = {.cos = cos,
                .sin = x_in(x, 3),
                .ids = ids,
                .turned = node_int(x->n, "rotary_embedding_dim"),
                .interleaved = node_int(x->n, "interleaved") != 0};
    x_result(x, 0, rotate(x, a, heads, &r));
    return 0;
}

/* ---- MRotaryEmbedding: three streams of positions, each for some columns of the caches ---- */

/* Which columns are of stream 1 or 2; all others are of stream 0. */
static Tensor *columns_of(Expand *x, int stream, int64_t pairs, const int64_t *section)
{
    bool *mine = arena_array(x->g->arena, (size_t)pairs + 1, sizeof *mine);
    if (node_int(x->n, "mrope_layout")) {
        for (int64_t i = stream; i < section[stream] * 3 && i < pairs; i += 3) mine[i] = true;
    } else {
        int64_t begin = section[0] + (stream == 2 ? section[1] : 0);
        for (int64_t i = begin; i < begin + section[stream] && i < pairs; i++) mine[i] = true;
    }
    return x_constant(x, DT_BOOL, 1, &pairs, mine);
}

static Tensor *merge_streams(Expand *x, Tensor *cache, int64_t pairs, const int64_t *section)
{
    double scale = node_float(x->n, "scale");
    Tensor *all = x_gather(x, cache, x_in(x, 1), 0), *merged = NULL;
    for (int i = 0; i < 3; i++) {
        Tensor *one = x_squeeze(x, x_slice(x, all, 0, x_size(x, i), x_size(x, i + 1)), 0);
        merged = i ? x_op3(x, OP_WHERE, columns_of(x, i, pairs, section), one, merged) : one;
    }
    return scale == 1 ? merged : x_scale(x, merged, scale);
}

static int need_section(Expand *x, int64_t pairs, const int64_t **section)
{
    if (node_ints(x->n, "mrope_section", section) != 3)
        return x_fail(x, "mrope_section: expected 3 values");
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        if ((*section)[i] < 0 || (*section)[i] > pairs)
            return x_fail(x, "mrope_section: %lld is not in 0..%lld", (long long)(*section)[i],
                          (long long)pairs);
        sum += (*section)[i];
    }
    if (sum == pairs) return 0;
    return x_fail(x, "mrope_section: the sum is %lld, expected %lld", (long long)sum,
                  (long long)pairs);
}

int expand_ms_mrotary(Expand *x)
{
    Tensor *a = x_in(x, 0), *cos = x_in(x, 2);
    const int64_t *section;
    if (x_rank(x, a) != 3 && x_rank(x, a) != 4)
        return x_fail(x, "input: expected 3 or 4 dimensions, got %d", x_rank(x, a));
    TRY(x_need_rank(x, 1, 3));
    TRY(need_caches(x, 2, 3));
    if (x_rank(x, a) == 3 && node_int(x->n, "num_heads") < 1)
        return x_fail(x, "num_heads: must be given for 3 dimensions");
    int64_t heads = count_heads(x, cos), pairs = x_static(x, cos, 1, "the width of cos_cache");
    TRY(x->code);
    TRY(need_turned(x, cos, heads));
    TRY(need_section(x, pairs, &section));
    cos = merge_streams(x, cos, pairs, section);
    Tensor *sin = merge_streams(x, x_in(x, 3), pairs, section);
    Rotary r = {.cos = cos,
                .sin = sin,
                .turned = node_int(x->n, "rotary_embedding_dim"),
                .interleaved = node_int(x->n, "interleaved") != 0};
    x_result(x, 0, rotate(x, a, heads, &r));
    return 0;
}
