/* AttnLSTM of com.microsoft: an LSTM whose input at each step has what Bahdanau's attention made of the step
 * before, over a memory of its own.
 *
 *     gates = [input, attention] W + h R + bias
 *     c, h = the LSTM's cell
 *     align = Softmax(V . Tanh(memory MW + h QW)), over the memory's real length
 *     attention = align memory, or [h, align memory] AW
 *
 * Each step needs the one before, so the steps are written out one after the other. Rare enough: models of
 * one known, moderate length. */
#include "passes/expand/build/build.h"

#include <math.h>
#include <string.h>

enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P, IN_QW, IN_MW, IN_V, IN_M };
enum { IN_M_LENGTHS = 12, IN_AW };
enum { MOST_STEPS = 512 };

/* One direction. */
typedef struct Cell {
    Tensor *x, *w, *r, *bias, *peephole, *qw, *v, *aw; /* weights as [inputs, outputs] */
    Tensor *memory, *keys, *hidden_keys;               /* a bias for each key of the memory */
    Tensor *h, *c, *attention, *lengths;
    int64_t steps, hidden;
    const char *names[3]; /* activations f, g, h */
    double alpha[3], beta[3];
} Cell;

/* ---- What a direction has ---- */

/* Its part of an input [directions, ..]; NULL: absent. */
static Tensor *part_of(Expand *x, int in, int direction)
{
    Tensor *all = x_in(x, in);
    if (!all) return NULL;
    return x_squeeze(x, x_slice(x, all, 0, x_size(x, direction), x_size(x, direction + 1)), 0);
}

static Tensor *transposed(Expand *x, int in, int direction)
{
    Tensor *part = part_of(x, in, direction);
    return part ? x_swap(x, part, 0, 1) : NULL;
}

static void read_activations(Expand *x, Cell *cell, int direction)
{
    static const char *const usual[] = {"Sigmoid", "Tanh", "Tanh"};
    const Attr *names = node_attr(x->n, "activations"),
               *alpha = node_attr(x->n, "activation_alpha");
    const Attr *beta = node_attr(x->n, "activation_beta");
    for (int i = 0; i < 3; i++) {
        int at = 3 * direction + i;
        cell->names[i] = names && at < names->count ? names->strings[at] : usual[i];
        cell->alpha[i] = alpha && at < alpha->count ? alpha->floats[at] : NAN;
        cell->beta[i] = beta && at < beta->count ? beta->floats[at] : NAN;
    }
}

static Tensor *activation(Expand *x, const Cell *cell, int i, Tensor *a)
{
    double parameters[] = {cell->alpha[i], cell->beta[i]};
    return x_activation(x, a, cell->names[i],
                        isnan(parameters[0])   ? 0
                        : isnan(parameters[1]) ? 1
                                               : 2,
                        parameters);
}

/* Scores of padding in the memory: [batch, memory], -inf where there is nothing. */
static Tensor *padding(Expand *x, const Cell *cell)
{
    Tensor *lengths = x_in(x, IN_M_LENGTHS);
    if (!lengths) return NULL;
    Tensor *at = x_range(x, DT_I32, x_dim(x, cell->memory, 1));
    Tensor *seen = x_op2(x, OP_LESS, at, x_unsqueeze(x, x_cast(x, lengths, DT_I32), 1));
    Tensor *shown = x_like(x, cell->memory, 0), *hidden = x_like(x, cell->memory, -INFINITY);
    return x_op3(x, OP_WHERE, seen, shown, hidden);
}

/* h and c at first: given, or 0. */
static Tensor *initial(Expand *x, int in, int direction, const Cell *cell)
{
    const Size *dims[] = {x_dim(x, cell->x, 1), x_size(x, cell->hidden)};
    Tensor *given = part_of(x, in, direction);
    return given ? given : x_expand(x, x_like(x, x_in(x, IN_X), 0), 2, dims);
}

static Tensor *joined_bias(Expand *x, int direction)
{
    Tensor *both = part_of(x, IN_B, direction), *halves[2];
    if (!both) return NULL;
    x_split(x, both, 0, 2, halves);
    return x_add(x, halves[0], halves[1]);
}

static void read_cell(Expand *x, Cell *cell, int direction)
{
    cell->w = transposed(x, IN_W, direction);
    cell->r = transposed(x, IN_R, direction);
    cell->bias = joined_bias(x, direction);
    cell->peephole = part_of(x, IN_P, direction);
    cell->qw = part_of(x, IN_QW, direction);
    cell->v = part_of(x, IN_V, direction);
    cell->aw = part_of(x, IN_AW, direction);
    cell->memory = x_in(x, IN_M);
    cell->keys = x_matmul(x, cell->memory, part_of(x, IN_MW, direction));
    cell->hidden_keys = padding(x, cell);
    cell->h = initial(x, IN_H, direction, cell);
    cell->c = initial(x, IN_C, direction, cell);
    const Size *width = cell->aw ? x_dim(x, cell->aw, 1) : x_dim(x, cell->memory, 2);
    const Size *dims[] = {x_dim(x, cell->x, 1), width};
    cell->attention = x_expand(x, x_like(x, x_in(x, IN_X), 0), 2, dims);
    read_activations(x, cell, direction);
}

/* ---- One step ---- */

static Tensor *clipped(Expand *x, Tensor *a)
{
    double clip = node_float(x->n, "clip");
    if (!node_attr(x->n, "clip") || clip <= 0) return a;
    Tensor *low = x_like(x, a, -clip), *high = x_like(x, a, clip);
    return x_op3(x, OP_CLIP, a, low, high);
}

/* The gate with its peephole, number i of i, o, f. */
static Tensor *peeped(Expand *x, const Cell *cell, Tensor *gate, int i, Tensor *c)
{
    const Size *begin = x_size(x, i * cell->hidden), *end = x_size(x, (i + 1) * cell->hidden);
    if (!cell->peephole) return gate;
    return x_add(x, gate, x_mul(x, x_slice(x, cell->peephole, 0, begin, end), c));
}

/* Gates are i, o, f, c. */
static void lstm_step(Expand *x, Cell *cell, Tensor *input)
{
    Tensor *both[] = {input, cell->attention}, *g[4];
    Tensor *given = x_matmul(x, x_concat(x, 1, 2, both), cell->w);
    Tensor *sum = x_add(x, given, x_matmul(x, cell->h, cell->r));
    if (cell->bias) sum = x_add(x, sum, cell->bias);
    x_split(x, sum, 1, 4, g);
    Tensor *i = activation(x, cell, 0, clipped(x, peeped(x, cell, g[0], 0, cell->c)));
    Tensor *f = activation(x, cell, 0, clipped(x, peeped(x, cell, g[2], 2, cell->c)));
    if (node_int(x->n, "input_forget")) f = x_sub(x, x_like(x, i, 1), i);
    Tensor *fresh = activation(x, cell, 1, clipped(x, g[3]));
    Tensor *kept = x_mul(x, f, cell->c);
    cell->c = x_add(x, kept, x_mul(x, i, fresh));
    Tensor *o = activation(x, cell, 0, clipped(x, peeped(x, cell, g[1], 1, cell->c)));
    cell->h = x_mul(x, o, activation(x, cell, 2, cell->c));
}

static void attend(Expand *x, Cell *cell)
{
    Tensor *query = x_unsqueeze(x, x_matmul(x, cell->h, cell->qw), 1);
    Tensor *near = x_op1(x, OP_TANH, x_add(x, cell->keys, query));
    Tensor *scores = x_squeeze(x, x_reduce(x, OP_REDUCE_SUM, x_mul(x, near, cell->v), -1), -1);
    if (cell->hidden_keys) scores = x_add(x, scores, cell->hidden_keys);
    Tensor *align = x_unsqueeze(x, x_softmax(x, scores, -1), 1);
    Tensor *context = x_squeeze(x, x_matmul(x, align, cell->memory), 1);
    Tensor *both[] = {cell->h, context};
    cell->attention = cell->aw ? x_matmul(x, x_concat(x, 1, 2, both), cell->aw) : context;
}

/* After a sequence's end its state stays, and it shows 0. */
static Tensor *step(Expand *x, Cell *cell, int64_t t)
{
    Tensor *h = cell->h, *c = cell->c;
    Tensor *input = x_squeeze(x, x_slice(x, cell->x, 0, x_size(x, t), x_size(x, t + 1)), 0);
    lstm_step(x, cell, input);
    attend(x, cell);
    if (!cell->lengths || !x_ok(x)) return cell->h;
    Tensor *runs = x_op2(x, OP_GREATER, cell->lengths, x_like(x, cell->lengths, (double)t));
    runs = x_unsqueeze(x, runs, 1);
    Tensor *shown = x_op3(x, OP_WHERE, runs, cell->h, x_like(x, cell->h, 0));
    cell->h = x_op3(x, OP_WHERE, runs, cell->h, h);
    cell->c = x_op3(x, OP_WHERE, runs, cell->c, c);
    return shown;
}

/* ---- Directions ---- */

/* Each sequence from its end. */
static Tensor *reversed(Expand *x, Tensor *a, const Cell *cell)
{
    const Size *steps = x_size(x, cell->steps), *batch = x_dim(x, a, 1);
    Tensor *lengths = cell->lengths;
    if (!lengths) lengths = x_expand(x, x_size_scalar(x, steps), 1, &batch);
    x_int(x, "time_axis", 0);
    x_int(x, "batch_axis", 1);
    return x_op2(x, OP_REVERSE_SEQUENCE, a, x_cast(x, lengths, DT_I64));
}

/* out: all outputs [steps, 1, batch, hidden], the last h and c [1, batch, hidden]. */
static void run_direction(Expand *x, int direction, bool backwards, int64_t steps, Tensor **out)
{
    Cell cell = {.x = x_in(x, IN_X),
                 .lengths = x_in(x, IN_LENGTHS),
                 .steps = steps,
                 .hidden = node_int(x->n, "hidden_size")};
    Tensor **all = arena_array(x->g->arena, (size_t)steps + 1, sizeof *all);
    if (backwards) cell.x = reversed(x, cell.x, &cell);
    read_cell(x, &cell, direction);
    for (int64_t t = 0; t < steps && x_ok(x); t++) all[t] = x_unsqueeze(x, step(x, &cell, t), 0);
    Tensor *y = x_ok(x) ? x_concat(x, 0, (int)steps, all) : NULL;
    if (backwards) y = reversed(x, y, &cell);
    out[0] = x_unsqueeze(x, y, 1);
    out[1] = x_unsqueeze(x, cell.h, 0);
    out[2] = x_unsqueeze(x, cell.c, 0);
}

static int check_node(Expand *x, int64_t *steps, int *directions)
{
    static const int ranks[] = {3, 3, 3, 2, 1, 3, 3, 2, 3, 3, 2, 3, 1, 3};
    for (int i = 0; i <= IN_AW; i++) TRY(x_need_rank(x, i, ranks[i]));
    for (int i = IN_QW; i <= IN_M; i++)
        if (!x_in(x, i)) return x_fail(x, "input %d is missing", i);
    const char *direction = node_string(x->n, "direction");
    *directions = strcmp(direction, "bidirectional") ? 1 : 2;
    if (*directions == 1 && strcmp(direction, "forward") && strcmp(direction, "reverse"))
        return x_fail(x, "direction: '%s' is not supported", direction);
    *steps = x_static(x, x_in(x, IN_X), 0, "the number of steps");
    if (x_ok(x) && (*steps < 1 || *steps > MOST_STEPS))
        return x_fail(x, "%lld steps, 1 to %d are supported", (long long)*steps, MOST_STEPS);
    return x->code;
}

int expand_ms_attn_lstm(Expand *x)
{
    int64_t steps = 0;
    int directions = 0;
    TRY(check_node(x, &steps, &directions));
    Tensor *out[2][3] = {{0}};
    bool backwards = !strcmp(node_string(x->n, "direction"), "reverse");
    for (int d = 0; d < directions; d++) run_direction(x, d, d || backwards, steps, out[d]);
    for (int i = 0; i < 3; i++) {
        Tensor *both[] = {out[0][i], out[1][i]};
        if (x_wants(x, i)) x_result(x, i, x_concat(x, i ? 0 : 1, directions, both));
    }
    return x->code;
}
