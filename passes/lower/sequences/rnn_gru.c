/* GRU. Gates z, r, h; H = (1 - z) * h + z * H. The reset gate scales the state either before it
 * meets R, which takes a second pass over the units, or after (linear_before_reset). */
#include "passes/lower/sequences/rnn.h"

enum { GATE_Z, GATE_R, GATE_H };
enum { ACT_F, ACT_G };

static Inst *blend(Rnn *r, Inst *update, Inst *fresh, Inst *old)
{
    Builder *b = &r->lw->b;
    Inst *rest = kb_sub(b, kb_float(b, r->type, 1), update);
    return lower_fma(r->lw, update, old, kb_mul(b, rest, fresh));
}

/* The sums of z and r, started with both biases. */
static void start_gates(Rnn *r, Inst *j, Cell **sum)
{
    for (int gate = GATE_Z; gate <= GATE_R; gate++) {
        Inst *start = rnn_start_biased(r, gate, j);
        sum[gate] = rnn_cell(r, gate == GATE_Z ? "sum_z" : "sum_r", start);
    }
}

static void gru_linear_step(Rnn *r)
{
    Builder *b = &r->lw->b;
    Cell *sum[3];
    Inst *j = rnn_units(r);
    start_gates(r, j, sum);
    sum[GATE_H] = rnn_cell(r, "sum_h", rnn_start(r, GATE_H, j));
    rnn_add_inputs(r, sum, 0, 3, j);
    Cell *of_state[3] = {sum[GATE_Z], sum[GATE_R]};
    of_state[GATE_H] = rnn_cell(r, "state_h", rnn_bias(r, true, GATE_H, j));
    rnn_add_state(r, r->h, of_state, 0, 3, j);
    Inst *update = rnn_activate(r, ACT_F, kb_get(b, sum[GATE_Z]));
    Inst *reset = rnn_activate(r, ACT_F, kb_get(b, sum[GATE_R]));
    Inst *both = kb_get(b, sum[GATE_H]);
    both = lower_fma(r->lw, reset, kb_get(b, of_state[GATE_H]), both);
    Inst *fresh = rnn_activate(r, ACT_G, both);
    rnn_put(r, r->next, j, blend(r, update, fresh, rnn_get(r, r->h, j)));
    kb_end(b);
}

/* Between the passes `next` holds z and `c` r * h. */
static void gru_step(Rnn *r)
{
    Builder *b = &r->lw->b;
    Cell *sum[3];
    Inst *j = rnn_units(r);
    start_gates(r, j, sum);
    rnn_add_inputs(r, sum, 0, 2, j);
    rnn_add_state(r, r->h, sum, 0, 2, j);
    Inst *reset = rnn_activate(r, ACT_F, kb_get(b, sum[GATE_R]));
    rnn_put(r, r->next, j, rnn_activate(r, ACT_F, kb_get(b, sum[GATE_Z])));
    rnn_put(r, r->c, j, kb_mul(b, reset, rnn_get(r, r->h, j)));
    kb_end(b);
    j = rnn_units(r);
    Inst *start = rnn_start_biased(r, GATE_H, j);
    sum[GATE_H] = rnn_cell(r, "sum_h", start);
    rnn_add_inputs(r, &sum[GATE_H], GATE_H, 1, j);
    rnn_add_state(r, r->c, &sum[GATE_H], GATE_H, 1, j);
    Inst *fresh = rnn_activate(r, ACT_G, kb_get(b, sum[GATE_H]));
    Inst *update = rnn_get(r, r->next, j);
    rnn_put(r, r->next, j, blend(r, update, fresh, rnn_get(r, r->h, j)));
    kb_end(b);
}

int lower_gru(Lower *lw, Node *node)
{
    static const char *const usual[] = {"Sigmoid", "Tanh"};
    bool linear = node_int(node, "linear_before_reset") != 0;
    return rnn_lower(lw, node, 3, 2, usual, -1, linear ? gru_linear_step : gru_step);
}
