/* LSTM. Gates i, o, f, c; c' = f * c + i * g(c gate), h' = o * h(c').
 *
 * lpc.RoundedLSTM is one whose state, where it is multiplied, is rounded to 8 bits anew in each step, as
 * DynamicQuantizeLinear does it with all batches together. */
#include "passes/lower/sequences/rnn.h"

enum { GATE_I, GATE_O, GATE_F, GATE_C };
enum { ACT_F, ACT_G, ACT_H };

/* Peephole weights P are [directions, 3 * hidden], of i, o, f. */
static Inst *peephole(Rnn *r, int gate, Inst *j, Inst *cell, Inst *sum)
{
    Builder *b = &r->lw->b;
    const Tensor *p = node_in(r->node, 7);
    if (!p) return sum;
    Inst *unit = kb_addi(b, j, gate * r->hidden);
    Inst *weight = lower_load(r->lw, p, (Inst *[]){kb_i64(b, r->dir), unit});
    return lower_fma(r->lw, weight, cell, sum);
}

static void round_state(Rnn *r)
{
    Builder *b = &r->lw->b;
    Inst *j = rnn_units(r), *value = kb_cast(b, DT_F32, rnn_get(r, r->h, j));
    Inst *code = kb_cast(b, DT_I32, scalar_quantize(b, DT_U8, value, r->scale, r->zero));
    Inst *steps = kb_sub(b, kb_cast(b, DT_F32, code), r->zero);
    rnn_put(r, r->rounded, j, kb_cast(b, r->type, kb_mul(b, steps, r->scale)));
    kb_end(b);
}

static void lstm_step(Rnn *r)
{
    static const char *const names[] = {"sum_i", "sum_o", "sum_f", "sum_c"};
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Cell *sum[RNN_GATES];
    Buffer *h = r->h;
    if (r->together) {
        h = r->rounded = rnn_state(r, "rounded");
        round_state(r);
    }
    Inst *j = rnn_units(r);
    for (int gate = 0; gate < RNN_GATES; gate++) {
        Inst *start = rnn_start_biased(r, gate, j);
        sum[gate] = rnn_cell(r, names[gate], start);
    }
    rnn_add_inputs(r, sum, 0, RNN_GATES, j);
    rnn_add_state(r, h, sum, 0, RNN_GATES, j);
    Inst *old = rnn_get(r, r->c, j);
    Inst *in = rnn_activate(r, ACT_F, peephole(r, GATE_I, j, old, kb_get(b, sum[GATE_I])));
    Inst *forget;
    if (node_int(r->node, "input_forget"))
        forget = kb_sub(b, kb_float(b, r->type, 1), in);
    else
        forget = rnn_activate(r, ACT_F, peephole(r, GATE_F, j, old, kb_get(b, sum[GATE_F])));
    Inst *fresh = rnn_activate(r, ACT_G, kb_get(b, sum[GATE_C]));
    Inst *cell = lower_fma(lw, forget, old, kb_mul(b, in, fresh));
    Inst *out = rnn_activate(r, ACT_F, peephole(r, GATE_O, j, cell, kb_get(b, sum[GATE_O])));
    rnn_put(r, r->c, j, cell);
    rnn_put(r, r->next, j, kb_mul(b, out, rnn_activate_plain(r, ACT_H, cell)));
    kb_end(b);
}

int lower_lstm(Lower *lw, Node *node)
{
    static const char *const usual[] = {"Sigmoid", "Tanh", "Tanh"};
    return rnn_lower(lw, node, RNN_GATES, 3, usual, 6, lstm_step);
}
