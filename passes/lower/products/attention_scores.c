/* A row of attention's scores, and its softmax; see attention.h. */
#include "passes/lower/products/attention.h"

#include <math.h>

Inst **attention_at(Attention *a, const Tensor *x, const Size *depth, Inst *head, Inst *at, Inst *d)
{
    Builder *b = &a->lw->b;
    Inst **idx = arena_array(a->lw->arena, MAX_RANK, sizeof *idx);
    idx[0] = a->b;
    idx[1] = x->rank == 4 ? head : at;
    idx[2] = x->rank == 4 ? at : kb_add(b, kb_mul(b, head, kb_size(b, depth)), d);
    idx[3] = d;
    return idx;
}

enum { QK_PRODUCT, QK_CAPPED, QK_BIASED, QK_SOFTMAX }; /* qk_matmul_output_mode */

/* 1 / sqrt(depth) unless given. */
static Inst *scale_of(Attention *a)
{
    Builder *b = &a->lw->b;
    if (node_attr(a->node, "scale")) return kb_float(b, a->type, a->scale);
    if (size_is_const(a->depth) && a->depth->value > 0)
        return kb_float(b, a->type, 1 / sqrt((double)a->depth->value));
    Inst *depth = kb_cast(b, a->type, kb_size(b, a->depth));
    return kb_op(b, LI_DIV, kb_float(b, a->type, 1), kb_op1(b, LI_SQRT, depth));
}

static Param *row_param(Attention *a, bool write)
{
    return lower_whole(a->lw, a->row, write);
}

Inst *attention_weight(Attention *a, Inst *j)
{
    Param *row = row_param(a, false);
    return kb_load(&a->lw->b, row, kb_add(&a->lw->b, a->row_at, j));
}

void attention_set_weight(Attention *a, Inst *j, Inst *value)
{
    Param *row = row_param(a, true);
    kb_store(&a->lw->b, row, kb_add(&a->lw->b, a->row_at, j), value);
}

enum { KEYS = 4 }; /* computed together: their sums do not wait for each other */

/* Q's row times `count` keys, the first of them `at`. */
static void multiply(Attention *a, const Tensor *keys, Inst *at, int count, Inst **products)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Cell *sums[KEYS];
    for (int i = 0; i < count; i++) {
        sums[i] = kb_cell(b, arena_printf(lw->arena, "sum%d", i), (LType){a->type, 1},
                          kb_float(b, a->type, 0));
        sums[i]->reduce = LI_ADD;
    }
    Inst *d = kb_for_n(b, LOOP_VECTOR, a->depth);
    Inst *q = lower_load(lw, a->q, attention_at(a, a->q, a->depth, a->h, a->i, d));
    for (int i = 0; i < count; i++) {
        Inst *j = kb_addi(b, at, i);
        Inst *k = lower_load(lw, keys, attention_at(a, keys, a->depth, a->kv_h, j, d));
        kb_set(b, sums[i], lower_fma(lw, q, k, kb_get(b, sums[i])));
    }
    kb_end(b);
    for (int i = 0; i < count; i++) products[i] = kb_get(b, sums[i]);
}

static Inst *masked(Attention *a, Inst *seen, Inst *score)
{
    Builder *b = &a->lw->b;
    return kb_select(b, seen, score, kb_float(b, a->type, -INFINITY));
}

/* The mask's last axis may be shorter than the keys: what it does not cover is not seen. */
static Inst *add_mask(Attention *a, Inst *j, Inst *score)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    if (!a->mask) return score;
    const Size *covered = a->mask->dims[a->mask->rank - 1];
    bool shorter = covered != a->total && !size_is(covered, 1);
    Inst *at = shorter ? kb_op(b, LI_MIN, j, kb_addi(b, kb_size(b, covered), -1)) : j;
    Inst *value = lower_load_broadcast(lw, a->mask, 4, (Inst *[]){a->b, a->h, a->i, at});
    if (value->type.dtype == DT_BOOL)
        score = masked(a, value, score);
    else
        score = kb_add(b, score, kb_cast(b, a->type, value));
    if (shorter) score = masked(a, kb_op(b, LI_LT, j, kb_size(b, covered)), score);
    return score;
}

/* Padding keys, those after the query and those before its window are not seen. */
static Inst *hide(Attention *a, Inst *j, Inst *score)
{
    Builder *b = &a->lw->b;
    if (a->causal || a->lengths) score = masked(a, kb_op(b, LI_LT, j, a->seen), score);
    if (!a->window) return score;
    Inst *first = kb_addi(b, a->seen, -a->window);
    return masked(a, kb_op(b, LI_LE, first, j), score);
}

static Inst *cap(Attention *a, Inst *score)
{
    Builder *b = &a->lw->b;
    if (a->softcap == 0) return score;
    Inst *limit = kb_float(b, a->type, a->softcap);
    return kb_mul(b, limit, kb_op1(b, LI_TANH, kb_op(b, LI_DIV, score, limit)));
}

void attention_finish(Attention *a, bool hides)
{
    Builder *b = &a->lw->b;
    Inst *j = kb_for(b, LOOP_VECTOR, a->begin, a->end, 1);
    Inst *product = attention_weight(a, j), *scale = scale_of(a);
    Inst *score = add_mask(a, j, cap(a, kb_mul(b, product, scale)));
    attention_set_weight(a, j, hides ? hide(a, j, score) : score);
    kb_end(b);
}

static void show(Attention *a, int mode, Inst *j, Inst *score)
{
    if (!a->qk_out || node_int(a->node, "qk_matmul_output_mode") != mode) return;
    lower_store_to(a->lw, a->qk_out, (Inst *[]){a->b, a->h, a->i, j}, score);
}

/* `count` keys at a time. */
static void store_products(Attention *a, const Tensor *keys, Inst *begin, Inst *end,
                           const Size *shift, int count)
{
    Builder *b = &a->lw->b;
    Inst *at = kb_for(b, LOOP_SERIAL, begin, end, count), *products[KEYS];
    multiply(a, keys, at, count, products);
    Inst *j = kb_add(b, at, kb_size(b, shift));
    for (int i = 0; i < count; i++) attention_set_weight(a, kb_addi(b, j, i), products[i]);
    kb_end(b);
}

static void store_shown_scores(Attention *a, const Tensor *keys, Inst *begin, Inst *end,
                               const Size *shift)
{
    Builder *b = &a->lw->b;
    Inst *at = kb_for(b, LOOP_SERIAL, begin, end, 1), *score;
    Inst *j = kb_add(b, at, kb_size(b, shift));
    multiply(a, keys, at, 1, &score);
    score = kb_mul(b, score, scale_of(a));
    show(a, QK_PRODUCT, j, score);
    score = cap(a, score);
    show(a, QK_CAPPED, j, score);
    score = hide(a, j, add_mask(a, j, score));
    show(a, QK_BIASED, j, score);
    attention_set_weight(a, j, score);
    kb_end(b);
}

void attention_scores(Attention *a, const Tensor *keys, Inst *begin, Inst *end, const Size *shift)
{
    Builder *b = &a->lw->b;
    Inst *whole = begin;
    if (a->qk_out) {
        store_shown_scores(a, keys, begin, end, shift);
        return;
    }
    if (!a->lw->target->plain) {
        Inst *count = kb_sub(b, end, begin);
        whole = kb_sub(b, end,
                       kb_op(b, LI_REM, kb_op(b, LI_MAX, count, kb_i64(b, 0)), kb_i64(b, KEYS)));
        store_products(a, keys, begin, whole, shift, KEYS);
    }
    store_products(a, keys, whole, end, shift, 1);
}

static Inst *each_key(Attention *a)
{
    return kb_for(&a->lw->b, LOOP_VECTOR, a->begin, a->end, 1);
}

static Inst *largest_score(Attention *a)
{
    Builder *b = &a->lw->b;
    Cell *most = kb_cell(b, "most", (LType){a->type, 1}, kb_float(b, a->type, -INFINITY));
    most->reduce = LI_MAX;
    cell_update(a->lw, most, LI_MAX, attention_weight(a, each_key(a)));
    kb_end(b);
    return kb_get(b, most);
}

static void show_softmax(Attention *a, Inst *scale)
{
    Builder *b = &a->lw->b;
    if (!a->qk_out || node_int(a->node, "qk_matmul_output_mode") != QK_SOFTMAX) return;
    Inst *j = each_key(a);
    show(a, QK_SOFTMAX, j, kb_mul(b, attention_weight(a, j), scale));
    kb_end(b);
}

/* Of a query that sees no key. NaN comes from hidden scores: where there are no keys at all, the sum of
 * values is 0. */
static Inst *scale_of_none(Attention *a)
{
    Builder *b = &a->lw->b;
    Inst *zero = kb_float(b, a->type, 0);
    if (!a->hidden_is_nan || size_is(a->total, 0)) return zero;
    Inst *nan = kb_float(b, a->type, NAN);
    if (size_is_const(a->total)) return nan;
    Inst *empty = kb_op(b, LI_EQ, kb_size(b, a->total), kb_i64(b, 0));
    return kb_select(b, empty, zero, nan);
}

/* A sink is one more score, without a value. */
Inst *attention_softmax(Attention *a)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *zero = kb_float(b, a->type, 0), *sink = NULL;
    Inst *largest = largest_score(a);
    if (a->sinks) {
        sink = kb_cast(b, a->type, lower_load(lw, a->sinks, (Inst *[]){a->h}));
        largest = kb_op(b, LI_MAX, largest, sink);
    }
    Inst *hidden = kb_op(b, LI_EQ, largest, kb_float(b, a->type, -INFINITY));
    largest = kb_select(b, hidden, zero, largest);
    Cell *sum = kb_cell(b, "sum_exp", (LType){a->type, 1}, zero);
    sum->reduce = LI_ADD;
    Inst *j = each_key(a);
    Inst *e = kb_op1(b, LI_EXP, kb_sub(b, attention_weight(a, j), largest));
    attention_set_weight(a, j, e);
    cell_update(lw, sum, LI_ADD, e);
    kb_end(b);
    Inst *all = kb_get(b, sum);
    if (sink) all = kb_add(b, all, kb_op1(b, LI_EXP, kb_sub(b, sink, largest)));
    Inst *of_none = scale_of_none(a);
    Inst *scale = kb_select(b, hidden, of_none, kb_op(b, LI_DIV, kb_float(b, a->type, 1), all));
    show_softmax(a, scale);
    return scale;
}
