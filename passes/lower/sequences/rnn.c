/* The frame of LSTM, GRU and RNN (rnn.h), and RNN itself. */
#include "passes/lower/sequences/rnn.h"

#include <string.h>

/* ---- Weights, states ---- */

/* [dirs, gates * hidden, k] becomes [dirs][k][gates * hidden]. */
static Buffer *pack_weights(Rnn *r, const Tensor *weights, const char *suffix)
{
    if (!weights->data || !tensor_is_static(weights)) return NULL;
    int64_t rows = r->gates * r->hidden, k = weights->dims[2]->value;
    Pack pack = {.source_rank = 3, .dest_rank = 3};
    int64_t source[] = {r->dirs, rows, k}, dest[] = {r->dirs, k, rows};
    memcpy(pack.source_dims, source, sizeof source);
    memcpy(pack.dest_dims, dest, sizeof dest);
    pack.coef[0][0] = pack.coef[1][2] = pack.coef[2][1] = 1;
    return lower_pack(r->lw, weights, &pack, suffix);
}

/* The weight from input k to unit j (of all gates' units). */
static Inst *weight(Rnn *r, bool recurrent, Inst *k, Inst *unit)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Buffer *packed = recurrent ? r->r_packed : r->w_packed;
    const Tensor *tensor = recurrent ? r->r : r->w;
    int64_t rows = r->gates * r->hidden;
    if (!packed) return lower_load(lw, tensor, (Inst *[]){kb_i64(b, r->dir), unit, k});
    const Size *part = size_const(lw->sizes, rows * tensor->dims[2]->value);
    Param *from = lower_part(lw, packed, size_muli(lw->sizes, part, r->dir), part, false);
    Inst *index = kb_add(b, kb_muli(b, k, rows), unit);
    return kb_cast(b, r->type, kb_load(b, from, index));
}

static Inst *unit_of(Rnn *r, int gate, Inst *j)
{
    return kb_addi(&r->lw->b, j, gate * r->hidden);
}

static Inst *load_input(Rnn *r, Inst *time, Inst *batch, Inst *k)
{
    return lower_load(r->lw, r->x,
                      (Inst *[]){r->batch_first ? batch : time, r->batch_first ? time : batch, k});
}

Buffer *rnn_state(Rnn *r, const char *name)
{
    Lower *lw = r->lw;
    const Size *elements = size_muli(lw->sizes, r->batch, r->hidden);
    return lower_scratch(lw, r->dir ? arena_printf(lw->arena, "%s_back", name) : name, r->type,
                         elements);
}

static Inst *state_index(Rnn *r, Inst *j)
{
    return kb_add(&r->lw->b, kb_muli(&r->lw->b, r->at_batch, r->hidden), j);
}

Inst *rnn_get(Rnn *r, Buffer *state, Inst *j)
{
    Param *from = lower_whole(r->lw, state, false);
    return kb_load(&r->lw->b, from, state_index(r, j));
}

void rnn_put(Rnn *r, Buffer *state, Inst *j, Inst *value)
{
    Param *to = lower_whole(r->lw, state, true);
    kb_store(&r->lw->b, to, state_index(r, j), value);
}

Inst *rnn_units(Rnn *r)
{
    Builder *b = &r->lw->b;
    return kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, r->hidden), 1);
}

/* ---- Sums of gates ---- */

Cell *rnn_cell(Rnn *r, const char *name, Inst *initial)
{
    Cell *cell = kb_cell(&r->lw->b, name, initial->type, initial);
    cell->reduce = LI_COUNT;
    return cell;
}

Inst *rnn_bias(Rnn *r, bool recurrent, int gate, Inst *j)
{
    Builder *b = &r->lw->b;
    if (!r->bias) return kb_float(b, r->type, 0);
    Inst *unit = unit_of(r, gate + (recurrent ? r->gates : 0), j);
    return lower_load(r->lw, r->bias, (Inst *[]){kb_i64(b, r->dir), unit});
}

/* Row (time, batch) of the inputs' sums. */
static Inst *sums_row(Rnn *r, Inst *time, Inst *batch)
{
    Builder *b = &r->lw->b;
    Inst *row = kb_add(b, kb_mul(b, time, kb_size(b, r->batch)), batch);
    return kb_muli(b, row, r->gates * r->hidden);
}

Inst *rnn_start(Rnn *r, int gate, Inst *j)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    if (!r->sums) return rnn_bias(r, false, gate, j);
    Param *from = lower_whole(lw, r->sums, false);
    Inst *row = sums_row(r, r->at_time, r->at_batch);
    return kb_load(b, from, kb_add(b, row, unit_of(r, gate, j)));
}

Inst *rnn_start_biased(Rnn *r, int gate, Inst *j)
{
    Inst *bias = rnn_bias(r, true, gate, j);
    return kb_add(&r->lw->b, rnn_start(r, gate, j), bias);
}

static void add_product(Rnn *r, Inst *value, bool recurrent, Inst *k, Cell **accs, int first,
                        int count, Inst *j)
{
    Builder *b = &r->lw->b;
    for (int i = 0; i < count; i++) {
        Inst *w = weight(r, recurrent, k, unit_of(r, first + i, j));
        kb_set(b, accs[i], lower_fma(r->lw, value, w, kb_get(b, accs[i])));
    }
}

void rnn_add_inputs(Rnn *r, Cell **accs, int first, int count, Inst *j)
{
    Builder *b = &r->lw->b;
    if (r->sums) return;
    Inst *k = kb_for_n(b, LOOP_SERIAL, r->inputs);
    Inst *value = load_input(r, r->at_time, r->at_batch, k);
    add_product(r, value, false, k, accs, first, count, j);
    kb_end(b);
}

void rnn_add_state(Rnn *r, Buffer *state, Cell **accs, int first, int count, Inst *j)
{
    Builder *b = &r->lw->b;
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, r->hidden), 1);
    add_product(r, rnn_get(r, state, k), true, k, accs, first, count, j);
    kb_end(b);
}

/* ---- The inputs' part of all steps: [steps * batch][gates * hidden] ---- */

enum { ROWS = 4 /* that share one pass over the weights */ };

static void sums_of_rows(Rnn *r, Inst *first, Inst *rows)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Inst *time[ROWS], *batch[ROWS], *last = kb_addi(b, rows, -1);
    Cell *accs[ROWS];
    for (int i = 0; i < ROWS; i++) {
        /* past the end the last row is computed again */
        Inst *row = kb_op(b, LI_MIN, kb_addi(b, first, i), last);
        bool single = size_is(r->batch, 1);
        time[i] = single ? row : kb_op(b, LI_DIV, row, kb_size(b, r->batch));
        batch[i] = single ? kb_i64(b, 0) : kb_op(b, LI_REM, row, kb_size(b, r->batch));
    }
    Inst *units = kb_i64(b, r->gates * r->hidden);
    Inst *unit = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), units, 1);
    Inst *bias = rnn_bias(r, false, 0, unit);
    for (int i = 0; i < ROWS; i++) accs[i] = rnn_cell(r, "sum", bias);
    Inst *k = kb_for_n(b, LOOP_SERIAL, r->inputs);
    Inst *w = weight(r, false, k, unit);
    for (int i = 0; i < ROWS; i++) {
        Inst *value = load_input(r, time[i], batch[i], k);
        kb_set(b, accs[i], lower_fma(lw, value, w, kb_get(b, accs[i])));
    }
    kb_end(b);
    Param *to = lower_whole(lw, r->sums, true);
    for (int i = 0; i < ROWS; i++) {
        Inst *at = kb_add(b, sums_row(r, time[i], batch[i]), unit);
        kb_store(b, to, at, kb_get(b, accs[i]));
    }
    kb_end(b);
}

static double at_bounds(Rnn *r, const Size *size)
{
    return (double)size_upper(r->lw->sizes, size);
}

static void sum_inputs(Rnn *r)
{
    Lower *lw = r->lw;
    const Size *rows = size_mul(lw->sizes, r->steps, r->batch);
    int64_t units = r->gates * r->hidden;
    r->sums = lower_scratch(lw, r->dir ? "sums_back" : "sums", r->type,
                            size_muli(lw->sizes, rows, units));
    double weights = at_bounds(r, r->inputs) * (double)units;
    double flops = 2 * weights * at_bounds(r, rows);
    lower_begin(lw, r->dir ? "inputs_back" : "inputs");
    const Size *blocks = size_ceildiv(lw->sizes, rows, size_const(lw->sizes, ROWS));
    Inst *block = kb_for_n(&lw->b, lower_parallel(lw, flops), blocks);
    sums_of_rows(r, kb_muli(&lw->b, block, ROWS), lower_size(lw, rows));
    kb_end(&lw->b);
    lower_end(lw);
}

/* ---- The loop over time ---- */

static Inst **y_idx(Rnn *r, Inst *time, Inst *j)
{
    Inst **idx = arena_array(r->lw->arena, MAX_RANK, sizeof *idx);
    Inst *dir = kb_i64(&r->lw->b, r->dir);
    idx[0] = r->batch_first ? r->at_batch : time;
    idx[1] = r->batch_first ? time : dir;
    idx[2] = r->batch_first ? dir : r->at_batch;
    idx[3] = j;
    return idx;
}

/* Coordinates in initial_h, initial_c, Y_h and Y_c. */
static Inst **last_idx(Rnn *r, Inst *j)
{
    Inst **idx = arena_array(r->lw->arena, MAX_RANK, sizeof *idx);
    Inst *dir = kb_i64(&r->lw->b, r->dir);
    idx[0] = r->batch_first ? r->at_batch : dir;
    idx[1] = r->batch_first ? dir : r->at_batch;
    idx[2] = j;
    return idx;
}

static bool has_cells(const Rnn *r)
{
    return r->node->op == OP_LSTM || r->node->op == OP_ROUNDED_LSTM;
}

static void init_states(Rnn *r)
{
    Builder *b = &r->lw->b;
    Inst *zero = kb_float(b, r->type, 0);
    Inst *j = rnn_units(r);
    rnn_put(r, r->h, j, r->h0 ? lower_load(r->lw, r->h0, last_idx(r, j)) : zero);
    if (has_cells(r)) rnn_put(r, r->c, j, r->c0 ? lower_load(r->lw, r->c0, last_idx(r, j)) : zero);
    kb_end(b);
}

static void store_last(Rnn *r)
{
    Lower *lw = r->lw;
    bool h = node_has_output(r->node, 1);
    bool c = has_cells(r) && node_has_output(r->node, 2);
    if (!h && !c) return;
    Inst *j = rnn_units(r);
    if (h) lower_store_to(lw, r->node->out[1], last_idx(r, j), rnn_get(r, r->h, j));
    if (c) lower_store_to(lw, r->node->out[2], last_idx(r, j), rnn_get(r, r->c, j));
    kb_end(&lw->b);
}

/* Y at a time: the new state, which becomes the current one, or 0 past the sequence's end. */
static void store_step(Rnn *r, Inst *time, bool past_end)
{
    Lower *lw = r->lw;
    Inst *j = rnn_units(r);
    Inst *value = kb_float(&lw->b, r->type, 0);
    if (!past_end) {
        value = rnn_get(r, r->next, j);
        rnn_put(r, r->h, j, value);
    }
    if (node_has_output(r->node, 0)) lower_store_to(lw, r->node->out[0], y_idx(r, time, j), value);
    kb_end(&lw->b);
}

static Inst *sequence_length(Rnn *r)
{
    Builder *b = &r->lw->b;
    Inst *steps = kb_size(b, r->steps);
    if (!r->lens) return steps;
    Inst *length = kb_cast(b, DT_I64, lower_load(r->lw, r->lens, (Inst *[]){r->at_batch}));
    return kb_op(b, LI_MAX, kb_op(b, LI_MIN, length, steps), kb_i64(b, 0));
}

static void time_loop(Rnn *r, RnnStep *step)
{
    Builder *b = &r->lw->b;
    Inst *length = sequence_length(r);
    Inst *time = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), length, 1);
    r->at_time = r->reverse ? kb_sub(b, kb_addi(b, length, -1), time) : time;
    step(r);
    store_step(r, r->at_time, false);
    kb_end(b);
    if (!r->lens || !node_has_output(r->node, 0)) return;
    time = kb_for(b, LOOP_SERIAL, length, kb_size(b, r->steps), 1);
    store_step(r, time, true);
    kb_end(b);
}

/* A step of the batch that `time` may be behind the end of. */
static void step_of_one(Rnn *r, RnnStep *step, Inst *time)
{
    Builder *b = &r->lw->b;
    Inst *length = sequence_length(r);
    if (r->lens) kb_if(b, kb_op(b, LI_LT, time, length));
    r->at_time = r->reverse ? kb_sub(b, kb_addi(b, length, -1), time) : time;
    step(r);
    store_step(r, r->at_time, false);
    if (!r->lens) return;
    kb_end(b);
    if (!node_has_output(r->node, 0)) return;
    kb_if(b, kb_op(b, LI_GE, time, length));
    store_step(r, time, true);
    kb_end(b);
}

/* Time is the outer loop. */
static void all_together(Rnn *r, RnnStep *step)
{
    Builder *b = &r->lw->b;
    r->at_batch = kb_for_n(b, LOOP_SERIAL, r->batch);
    init_states(r);
    kb_end(b);
    Inst *time = kb_for_n(b, LOOP_SERIAL, r->steps);
    rnn_find_steps(r);
    r->at_batch = kb_for_n(b, LOOP_SERIAL, r->batch);
    step_of_one(r, step, time);
    kb_end(b);
    kb_end(b);
    r->at_batch = kb_for_n(b, LOOP_SERIAL, r->batch);
    store_last(r);
    kb_end(b);
}

static void each_batch(Rnn *r, RnnStep *step, double flops)
{
    Lower *lw = r->lw;
    if (size_is(r->batch, 1))
        r->at_batch = kb_i64(&lw->b, 0);
    else
        r->at_batch = kb_for_n(&lw->b, lower_parallel(lw, flops), r->batch);
    init_states(r);
    time_loop(r, step);
    store_last(r);
    if (!size_is(r->batch, 1)) kb_end(&lw->b);
}

static void one_direction(Rnn *r, RnnStep *step)
{
    Lower *lw = r->lw;
    r->w_packed = pack_weights(r, r->w, "w");
    r->r_packed = pack_weights(r, r->r, "r");
    r->sums = NULL;
    if (!size_is(r->steps, 1)) sum_inputs(r);
    r->h = rnn_state(r, "h");
    r->next = rnn_state(r, "next");
    if (r->node->op != OP_RNN) r->c = rnn_state(r, "c");
    double k = (double)r->hidden + (r->sums ? 0 : at_bounds(r, r->inputs));
    double weights = k * (double)(r->gates * r->hidden);
    double rows = at_bounds(r, r->steps) * at_bounds(r, r->batch);
    lower_begin(lw, r->dir ? "back" : NULL);
    if (r->together)
        all_together(r, step);
    else
        each_batch(r, step, 2 * rows * weights);
    lower_end(lw);
}

int rnn_lower(Lower *lw, Node *node, int gates, int acts, const char *const *default_acts, int c0,
              RnnStep *step)
{
    const char *direction = node_string(node, "direction");
    Rnn r = {.lw = lw, .node = node, .gates = gates, .together = node->op == OP_ROUNDED_LSTM};
    r.x = node->in[0];
    r.w = node->in[1];
    r.r = node->in[2];
    r.bias = node_in(node, 3);
    r.lens = node_in(node, 4);
    r.h0 = node_in(node, 5);
    r.c0 = c0 >= 0 ? node_in(node, c0) : NULL;
    r.batch_first = node_int(node, "layout") != 0;
    r.steps = r.x->dims[r.batch_first];
    r.batch = r.x->dims[!r.batch_first];
    r.inputs = r.x->dims[2];
    r.hidden = node_int(node, "hidden_size");
    r.type = lower_type(r.x->dtype);
    r.dirs = !strcmp(direction, "bidirectional") ? 2 : 1;
    for (r.dir = 0; r.dir < r.dirs; r.dir++) {
        r.reverse = r.dir == 1 || !strcmp(direction, "reverse");
        TRY(rnn_activations(lw, node, r.dir, acts, default_acts, r.act));
        one_direction(&r, step);
    }
    return 0;
}

/* ---- RNN: H = f(X W + H R + Wb + Rb) ---- */

static void rnn_step(Rnn *r)
{
    Builder *b = &r->lw->b;
    Inst *j = rnn_units(r);
    Cell *sum = rnn_cell(r, "sum", rnn_start_biased(r, 0, j));
    rnn_add_inputs(r, &sum, 0, 1, j);
    rnn_add_state(r, r->h, &sum, 0, 1, j);
    rnn_put(r, r->next, j, rnn_activate(r, 0, kb_get(b, sum)));
    kb_end(b);
}

/* Steps of the sequence. */
const Size *rows_recurrent(Lower *lw, const Node *node)
{
    (void)lw;
    return node->in[0]->dims[node_int(node, "layout") ? 1 : 0];
}

int lower_rnn(Lower *lw, Node *node)
{
    static const char *const usual[] = {"Tanh"};
    return rnn_lower(lw, node, 1, 1, usual, -1, rnn_step);
}
