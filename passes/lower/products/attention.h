/* Attention: softmax(scale * Q K^T + bias) V, with grouped heads, past keys and values, masks.
 *
 * One kernel, parallel over (batch, head); each row of scores lives in a scratch row of that head,
 * so that memory grows with the keys and not with queries times keys. Keys that come before (past)
 * and those of this call are two runs of one loop: nothing is concatenated to be read.
 *
 * Several queries are computed together: attention_tile.c says how.
 *
 *   attention.c         the kernels: present keys and values, one query after the other
 *   attention_rows.c    which row it is, and which keys its query sees
 *   attention_scores.c  one row of scores, and its softmax
 *   attention_tile.c    tiles of queries, and the sum of values */
#ifndef LPC_PASSES_LOWER_ATTENTION_H
#define LPC_PASSES_LOWER_ATTENTION_H

#include "passes/lower/reductions/reduction.h"

typedef struct Attention {
    Lower *lw;
    const Node *node;
    const Tensor *q, *k, *v, *mask, *past_k, *past_v, *lengths, *starts, *sinks, *qk_out;
    const Size *batch, *heads, *kv_heads, *queries, *depth, *v_depth;
    const Size *past, *fresh, *total; /* numbers of keys */
    DType type;
    double scale, softcap;
    bool causal, hidden_is_nan;
    int64_t window; /* so many keys each query sees; 0: all */
    Buffer *row;
    Inst *row_at;           /* where the query's row starts in it */
    Inst *b, *h, *kv_h, *i; /* batch, head, head of keys, query */
    Inst *position;         /* of the query among the keys */
    Inst *seen;             /* keys before this one are seen, as far as the window reaches */
    /* Keys that are computed: those of past and of fresh, and all. */
    Inst *past_begin, *past_end, *fresh_begin, *fresh_end, *begin, *end;
} Attention;

/* Coordinates of [batch, heads, position, depth], or [batch, position, heads * depth]. */
Inst **attention_at(Attention *a, const Tensor *x, const Size *depth, Inst *head, Inst *at,
                    Inst *d);
/* Batch and head of row number `row` of [batch, heads]; of [batch, heads of keys]. */
void attention_task(Attention *a, Inst *row);
void attention_key_task(Attention *a, Inst *row);
/* Which keys the query a->i sees. */
void attention_ends(Attention *a);
/* The query's row, of products with keys or, where scores are an output, of whole scores: keys [begin, end)
 * of a part whose first key is number `shift`. */
void attention_scores(Attention *a, const Tensor *keys, Inst *begin, Inst *end, const Size *shift);
/* Products become scores: scale, cap, mask. hides: keys that the query does not see are among them. */
void attention_finish(Attention *a, bool hides);
/* The row becomes exp(score - largest); returns 1 / their sum, 0 or NaN when no key is seen. */
Inst *attention_softmax(Attention *a);
/* Element j of the row. */
Inst *attention_weight(Attention *a, Inst *j);
void attention_set_weight(Attention *a, Inst *j, Inst *value);

/* More than one query, and memory for panels of keys. */
bool attention_is_tiled(const Attention *a);
void attention_tiles(Attention *a);
/* The query's row of the output: the sum of values by weights, times the scale. */
void attention_values(Attention *a, Inst *scale);

#endif
