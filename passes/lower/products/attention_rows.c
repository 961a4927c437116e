/* Which row of an attention it is, and which keys its query sees. */
#include "passes/lower/products/attention.h"

static Inst *at_most(Builder *b, Inst *i, Inst *most)
{
    return kb_op(b, LI_MIN, i, most);
}

static Inst *not_negative(Builder *b, Inst *i)
{
    return kb_op(b, LI_MAX, i, kb_i64(b, 0));
}

static Inst *of_batch(Attention *a, const Tensor *x)
{
    return kb_cast(&a->lw->b, DT_I64, lower_load(a->lw, x, (Inst *[]){a->b}));
}

/* Keys after the query, padding and those before its window need no score, unless the scores are an
 * output. */
void attention_ends(Attention *a)
{
    Builder *b = &a->lw->b;
    Inst *past = kb_size(b, a->past), *fresh = kb_size(b, a->fresh), *zero = kb_i64(b, 0);
    a->position = kb_add(b, a->i, a->starts ? of_batch(a, a->starts) : past);
    a->seen = kb_add(b, past, fresh);
    if (a->causal) a->seen = at_most(b, a->seen, kb_addi(b, a->position, 1));
    if (a->lengths) a->seen = at_most(b, a->seen, of_batch(a, a->lengths));
    if (a->lengths || a->starts) a->seen = not_negative(b, a->seen);
    a->past_begin = a->fresh_begin = a->begin = zero;
    a->past_end = past;
    a->fresh_end = fresh;
    a->end = kb_add(b, past, fresh);
    if (a->qk_out) return;
    if (a->window) a->begin = not_negative(b, kb_addi(b, a->seen, -a->window));
    if (a->window && a->past_k) {
        a->past_begin = a->begin;
        a->fresh_begin = not_negative(b, kb_sub(b, a->begin, past));
    } else {
        a->fresh_begin = a->begin;
    }
    if (a->lengths || a->starts) {
        a->past_end = at_most(b, past, a->seen);
        a->fresh_end = not_negative(b, kb_sub(b, a->seen, past));
    } else if (a->causal) {
        a->fresh_end = at_most(b, fresh, kb_addi(b, a->i, 1));
    }
    a->end = a->seen;
}

void attention_task(Attention *a, Inst *row)
{
    Builder *b = &a->lw->b;
    const Size *group = size_div(a->lw->sizes, a->heads, a->kv_heads);
    a->b = kb_op(b, LI_DIV, row, kb_size(b, a->heads));
    a->h = kb_op(b, LI_REM, row, kb_size(b, a->heads));
    a->kv_h = kb_op(b, LI_DIV, a->h, kb_size(b, group));
}

void attention_key_task(Attention *a, Inst *row)
{
    Builder *b = &a->lw->b;
    a->b = kb_op(b, LI_DIV, row, kb_size(b, a->kv_heads));
    a->kv_h = kb_op(b, LI_REM, row, kb_size(b, a->kv_heads));
}
