/* What the rules of com.microsoft's attention operators share: all of them become the one Attention node,
 * with a bias for what is masked, and caches of keys and values that are appended to or written into.
 *
 *   attend.c        that node, heads, caches, masks of keys
 *   rotary.c        rotary embeddings
 *   attention.c     Attention, QAttention
 *   multi_head.c    MultiHeadAttention, DecoderMaskedMultiHeadAttention
 *   group_query.c   GroupQueryAttention
 *   kv_quant.c      its quantised caches
 *   sliding.c       its windowed caches
 *   sparse.c        SparseAttention */
#ifndef LPC_PASSES_EXPAND_ATTEND_H
#define LPC_PASSES_EXPAND_ATTEND_H

#include "passes/expand/build/build.h"

/* qk_matmul_output_mode of the Attention node */
enum { SCORES_BIASED = 2, SCORES_SOFTMAX = 3 };

/* q, k, v: [batch, heads, length, depth] or [batch, length, heads * depth]. */
typedef struct Attend {
    Tensor *q, *k, *v, *mask, *past_k, *past_v;
    Tensor *lengths; /* [batch]: keys that are there; NULL: all */
    Tensor *starts;  /* [batch]: position of the first query; NULL: after the past */
    Tensor *sinks;   /* [heads] */
    int64_t heads, kv_heads;
    double scale; /* 0: 1 / sqrt(depth) */
    double softcap;
    bool causal;
    int64_t window; /* 0: none */
    int mode;       /* of qk */
} Attend;

/* The result, in q's form. qk: where the scores go, NULL: nobody wants them. */
Tensor *attend(Expand *x, const Attend *a, Tensor **qk);

/* [batch, length, heads * depth] as [batch, heads, length, depth], and back. */
Tensor *split_heads(Expand *x, Tensor *a, int64_t heads);
Tensor *join_heads(Expand *x, Tensor *a);

/* A cache [batch, heads, length, depth] with new keys after it; past NULL: the new ones alone. */
Tensor *cache_append(Expand *x, Tensor *past, Tensor *fresh);
/* The cache, with room for `capacity` keys, with new ones written from position starts[batch] on. */
Tensor *cache_write(Expand *x, Tensor *past, Tensor *fresh, Tensor *starts, const Size *capacity);
/* One number for each batch as i64 [batch]; from a single one, or from a list. */
Tensor *per_batch(Expand *x, Tensor *number, const Size *batch);

/* What mask_index and key_padding_mask can be, as a bias for scores, in the type of `like`: 0 where a key is
 * seen, `hidden` where it is not. NULL: it hides nothing. */
typedef struct KeyMask {
    Tensor *mask;
    const Size *batch, *queries, *past, *keys; /* keys: past ones included */
    double hidden;
    Tensor *like;
} KeyMask;
Tensor *mask_bias(Expand *x, const KeyMask *m);
/* a + b, where both are there. */
Tensor *add_biases(Expand *x, Tensor *a, Tensor *b);

/* Rotary embedding of [batch, length, heads * depth] or [batch, heads, length, depth]. turned: elements of
 * a head that turn, 0: all. ids: [batch, length] or [length]; NULL: cos and sin are by position. */
typedef struct Rotary {
    Tensor *cos, *sin, *ids;
    int64_t turned;
    bool interleaved;
} Rotary;
Tensor *rotate(Expand *x, Tensor *a, int64_t heads, const Rotary *r);
/* first[batch] + 0, 1, 2 ...: [batch, count]; a single number gives [count]. */
Tensor *positions_from(Expand *x, Tensor *first, const Size *count);

/* What GroupQueryAttention and SparseAttention have: queries, keys and values apart or packed into one, in
 * groups of heads, with caches [batch, kv_heads, length, depth]. */
typedef struct Grouped {
    Tensor *q, *k, *v, *past_k, *past_v, *cos, *sin;
    int64_t heads, kv_heads;
    const Size *batch, *queries, *depth, *past;
    bool reads; /* there are no new keys: another node has written them into the past */
    Tensor *starts, *lengths; /* i64 [batch]; NULL: all keys are there, queries follow the past */
} Grouped;

/* Reads inputs 0 to 4 and the attributes for heads; packed ones come apart. */
int grouped_read(Expand *x, Grouped *g);
/* `do_rotary` with the caches g->cos and g->sin, at positions [batch, queries] or [queries]. */
int grouped_rotate(Expand *x, Grouped *g, Tensor *positions);
/* lengths[batch] of keys, new ones included, in a tensor: where queries start. */
int grouped_lengths(Expand *x, Grouped *g, Tensor *lengths);

/* The windowed cache of GroupQueryAttention (sliding.c): set `window`, then begin, which makes starts and lengths of g
 * relative to what is in the cache. */
typedef struct Slide {
    int64_t window;
    const Size *capacity, *room; /* of the present; of past and new keys together */
    Tensor *kept, *from,
        *evicted; /* i64 [batch]: keys that stay, where they begin, keys that had gone before */
} Slide;
int slide_begin(Expand *x, Grouped *g, Slide *s);
/* The present, from keys that are there for attention. */
Tensor *slide_end(Expand *x, const Grouped *g, const Slide *s, Tensor *staged);
/* The columns of a bias for all positions that are in the cache; NULL stays NULL. */
Tensor *slide_bias(Expand *x, const Grouped *g, const Slide *s, Tensor *bias);

/* The quantised cache of GroupQueryAttention (kv_quant.c). */
typedef struct KvQuant {
    Tensor *scale;
    int64_t bits;
} KvQuant;
Tensor *kv_quantize(Expand *x, Tensor *fresh, const KvQuant *q);
Tensor *kv_dequantize(Expand *x, Tensor *cache, const KvQuant *q, DType type);

#endif
