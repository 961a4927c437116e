/* What LSTM, GRU and RNN share: one direction of a recurrent layer as one kernel.
 *
 * Batches are the outer loop, time the next one; in each step the gates' sums run over the hidden
 * units as vectors, with weights packed [inputs][gates][hidden] so that they are read in the order
 * in which they lie. Where there is more than one step, the inputs' part of the sums, which depends
 * on no earlier step, is computed by a kernel of its own for all steps. */
#ifndef LPC_PASSES_LOWER_RNN_H
#define LPC_PASSES_LOWER_RNN_H

#include "passes/lower/reductions/reduction.h"
#include "passes/lower/frame/scalar.h"

enum { RNN_GATES = 4 };

typedef struct Activation {
    const char *name; /* lower case */
    double alpha, beta;
} Activation;

typedef struct Rnn {
    Lower *lw;
    const Node *node;
    int gates, dir, dirs;
    bool reverse, batch_first;
    bool together; /* all batches make a step before any makes the next */
    const Size *steps, *batch, *inputs;
    int64_t hidden;
    const Tensor *x, *w, *r, *bias, *lens, *h0, *c0;
    DType type; /* of the arithmetic */
    Activation act[3];
    Buffer *w_packed, *r_packed; /* NULL: not constant */
    Buffer *sums;                /* inputs' part for all steps, or NULL */
    Buffer *h, *next, *c;        /* [batch][hidden]; c: LSTM's cells, GRU's scaled state */
    Buffer *rounded;             /* h in steps of 8 bits */
    Inst *scale, *zero;          /* those steps */
    Inst *at_batch, *at_time;    /* in the step */
} Rnn;

/* Computes one step: reads h (and c), writes next (and c). */
typedef void RnnStep(Rnn *r);
/* Sets up the kernels of each direction around `step`. c0: input index of the initial cell state or
 * -1; h0 is input 5. */
int rnn_lower(Lower *lw, Node *node, int gates, int acts, const char *const *default_acts, int c0,
              RnnStep *step);

/* ---- Inside a step, in a loop over hidden units j ---- */
/* A gate's sum so far: what its bias and, where that kernel ran, the inputs give. */
Inst *rnn_start(Rnn *r, int gate, Inst *j);
/* One of B's two halves; 0 without B. */
Inst *rnn_bias(Rnn *r, bool recurrent, int gate, Inst *j);
/* rnn_start() with the recurrent bias. */
Inst *rnn_start_biased(Rnn *r, int gate, Inst *j);
/* accs[i] += inputs * W of gate first + i. Nothing when the sums have them already. */
void rnn_add_inputs(Rnn *r, Cell **accs, int first, int count, Inst *j);
/* accs[i] += state * R of gate first + i; state: h, or a buffer laid out like it. */
void rnn_add_state(Rnn *r, Buffer *state, Cell **accs, int first, int count, Inst *j);
Cell *rnn_cell(Rnn *r, const char *name, Inst *initial);
Inst *rnn_get(Rnn *r, Buffer *state, Inst *j);
void rnn_put(Rnn *r, Buffer *state, Inst *j, Inst *value);
Inst *rnn_units(Rnn *r); /* opens the VECTOR loop over j; close with kb_end */
Buffer *rnn_state(Rnn *r, const char *name);
/* Of lpc.RoundedLSTM, before a step of all batches: what takes h to 8 bits. (rnn_round.c) */
void rnn_find_steps(Rnn *r);

/* Activation number i of the direction, with the clip before it. (rnn_activation.c) */
Inst *rnn_activate(Rnn *r, int i, Inst *x);
/* The same without the clip, which limits the inputs of gates but not LSTM's cell state. */
Inst *rnn_activate_plain(Rnn *r, int i, Inst *x);
/* Reads `activations`, `activation_alpha` and `activation_beta` of a direction. */
int rnn_activations(Lower *lw, const Node *node, int dir, int count, const char *const *defaults,
                    Activation *out);

#endif
