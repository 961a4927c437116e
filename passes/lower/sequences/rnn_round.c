/* lpc.RoundedLSTM: the scale and the zero point that take the state of all batches to 8 bits. */
#include "passes/lower/sequences/rnn.h"

void rnn_find_steps(Rnn *r)
{
    Builder *b = &r->lw->b;
    LType type = {DT_F32, 1};
    Param *from = lower_whole(r->lw, r->h, false);
    Cell *low = kb_cell(b, "low", type, kb_float(b, DT_F32, 0));
    Cell *high = kb_cell(b, "high", type, kb_float(b, DT_F32, 0));
    low->reduce = LI_MIN;
    high->reduce = LI_MAX;
    Inst *i = kb_for_n(b, LOOP_VECTOR, size_muli(r->lw->sizes, r->batch, r->hidden));
    Inst *value = kb_cast(b, DT_F32, kb_load(b, from, i));
    kb_set(b, low, kb_op(b, LI_MIN, kb_get(b, low), value));
    kb_set(b, high, kb_op(b, LI_MAX, kb_get(b, high), value));
    kb_end(b);
    Inst *least = kb_get(b, low), *most = kb_get(b, high);
    scalar_range(b, least, most, &r->scale, &r->zero);
}
