/* LinearAttention: a state for each head of values, to which each step adds key x value, and which its
 * query reads.
 *
 *     S = exp(decay) * S                                         (gated)
 *     S = S + key x (beta * (value - key S))                     (delta), or S + key x value
 *     output = scale * query S
 *
 * One kernel, parallel over (batch, head), serial over steps. The state, [depth, v_depth], lies in
 * scratch memory in the type of arithmetic; its columns are independent of each other, so that all loops
 * over them are vectors. Fewer heads of queries (or keys) than of values are shared, and the other way. */
#include "passes/lower/reductions/reduction.h"

#include <math.h>
#include <string.h>

enum { IN_Q, IN_K, IN_V, IN_PAST, IN_DECAY, IN_BETA };
enum { OUT_Y, OUT_PRESENT };

typedef struct Linear {
    Lower *lw;
    const Node *node;
    const Tensor *q, *k, *v, *past, *decay, *beta;
    const Size *depth, *v_depth;
    int64_t heads, kv_heads;
    DType type;
    bool gated, delta, each_decays; /* decay has a value for each row of the state */
    Buffer *state, *gates;          /* gates: exp(decay) of this step, by row */
    Inst *b, *h, *t;                /* batch, head of values, step */
} Linear;

static void read_node(Linear *a, Lower *lw, const Node *node)
{
    SizeTable *t = lw->sizes;
    const char *rule = node_string(node, "update_rule");
    *a = (Linear){.lw = lw, .node = node};
    a->q = node->in[IN_Q];
    a->k = node->in[IN_K];
    a->v = node->in[IN_V];
    a->past = node_in(node, IN_PAST);
    a->gated = !strcmp(rule, "gated") || !strcmp(rule, "gated_delta");
    a->delta = !strcmp(rule, "delta") || !strcmp(rule, "gated_delta");
    a->decay = node_in(node, IN_DECAY);
    a->beta = node_in(node, IN_BETA);
    a->heads = node_int(node, "q_num_heads");
    a->kv_heads = node_int(node, "kv_num_heads");
    a->depth = size_divi(t, a->q->dims[2], a->heads);
    a->v_depth = size_divi(t, a->v->dims[2], a->kv_heads);
    a->each_decays = a->gated && !size_is(a->decay->dims[2], a->kv_heads);
    a->type = lower_type(a->q->dtype);
}

static double scale_of(const Linear *a)
{
    double scale = node_float(a->node, "scale");
    if (scale != 0 || !size_is_const(a->depth) || a->depth->value < 1) return scale;
    return 1 / sqrt((double)a->depth->value);
}

static Inst *scaled(Linear *a, Inst *sum)
{
    Builder *b = &a->lw->b;
    double scale = scale_of(a);
    if (scale != 0) return kb_mul(b, sum, kb_float(b, a->type, scale));
    Inst *depth = kb_cast(b, a->type, kb_size(b, a->depth));
    return kb_op(b, LI_DIV, sum, kb_op1(b, LI_SQRT, depth));
}

/* ---- Elements ---- */

/* Element i of a head of [batch, step, heads * depth]. */
static Inst *load_head(Linear *a, const Tensor *x, Inst *head, const Size *depth, Inst *i)
{
    Builder *b = &a->lw->b;
    Inst *column = kb_add(b, kb_mul(b, head, kb_size(b, depth)), i);
    return kb_cast(b, a->type, lower_load(a->lw, x, (Inst *[]){a->b, a->t, column}));
}

/* The head of `count` that serves the head of values. */
static Inst *head_of(Linear *a, const Size *count)
{
    Builder *b = &a->lw->b;
    return kb_op(b, LI_DIV, kb_mul(b, a->h, kb_size(b, count)), kb_i64(b, a->kv_heads));
}

static Inst *load_key(Linear *a, Inst *i)
{
    const Size *heads = size_div(a->lw->sizes, a->k->dims[2], a->depth);
    return load_head(a, a->k, head_of(a, heads), a->depth, i);
}

static Inst *number(Linear *a)
{
    Builder *b = &a->lw->b;
    return kb_add(b, kb_muli(b, a->b, a->kv_heads), a->h);
}

static Inst *row_index(Linear *a, Inst *i)
{
    Builder *b = &a->lw->b;
    return kb_add(b, kb_mul(b, number(a), kb_size(b, a->depth)), i);
}

static Inst *state_index(Linear *a, Inst *i, Inst *j)
{
    Builder *b = &a->lw->b;
    return kb_add(b, kb_mul(b, row_index(a, i), kb_size(b, a->v_depth)), j);
}

static Inst *get_state(Linear *a, Inst *i, Inst *j)
{
    Param *state = lower_whole(a->lw, a->state, false);
    return kb_load(&a->lw->b, state, state_index(a, i, j));
}

static void put_state(Linear *a, Inst *i, Inst *j, Inst *value)
{
    Param *state = lower_whole(a->lw, a->state, true);
    kb_store(&a->lw->b, state, state_index(a, i, j), value);
}

/* ---- Before and after the steps ---- */

static void copy_state(Linear *a, bool out)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    if (out && !node_has_output(a->node, OUT_PRESENT)) return;
    Inst *i = kb_for_n(b, LOOP_SERIAL, a->depth), *j = kb_for_n(b, LOOP_VECTOR, a->v_depth);
    Inst *at[] = {a->b, a->h, i, j};
    if (out) {
        lower_store_to(lw, a->node->out[OUT_PRESENT], at, get_state(a, i, j));
    } else {
        Inst *value =
            a->past ? kb_cast(b, a->type, lower_load(lw, a->past, at)) : kb_float(b, a->type, 0);
        put_state(a, i, j, value);
    }
    kb_end(b);
    kb_end(b);
}

/* ---- One step ---- */

static void find_gates(Linear *a)
{
    Builder *b = &a->lw->b;
    if (!a->gated) return;
    Inst *i = kb_for_n(b, LOOP_SERIAL, a->depth);
    Inst *decay = a->each_decays
                      ? load_head(a, a->decay, a->h, a->depth, i)
                      : load_head(a, a->decay, a->h, size_const(a->lw->sizes, 1), kb_i64(b, 0));
    Param *gates = lower_whole(a->lw, a->gates, true);
    Inst *place = row_index(a, i);
    kb_store(b, gates, place, kb_op1(b, LI_EXP, decay));
    kb_end(b);
}

static Inst *decayed(Linear *a, Inst *i, Inst *j)
{
    Builder *b = &a->lw->b;
    Inst *s = get_state(a, i, j);
    if (!a->gated) return s;
    Param *gates = lower_whole(a->lw, a->gates, false);
    return kb_mul(b, s, kb_load(b, gates, row_index(a, i)));
}

static Cell *sum_cell(Linear *a, const char *name)
{
    Builder *b = &a->lw->b;
    Cell *sum = kb_cell(b, name, (LType){a->type, 1}, kb_float(b, a->type, 0));
    sum->reduce = LI_COUNT;
    return sum;
}

/* beta * (value - key S) */
static Inst *missing(Linear *a, Inst *j, Inst *value)
{
    Builder *b = &a->lw->b;
    Cell *sum = sum_cell(a, "known");
    Inst *i = kb_for_n(b, LOOP_SERIAL, a->depth);
    Inst *state = decayed(a, i, j), *key = load_key(a, i);
    kb_set(b, sum, lower_fma(a->lw, state, key, kb_get(b, sum)));
    kb_end(b);
    Inst *head = size_is(a->beta->dims[2], a->kv_heads) ? a->h : kb_i64(b, 0);
    Inst *beta = kb_cast(b, a->type, lower_load(a->lw, a->beta, (Inst *[]){a->b, a->t, head}));
    return kb_mul(b, beta, kb_sub(b, value, kb_get(b, sum)));
}

static void update_state(Linear *a)
{
    Builder *b = &a->lw->b;
    Inst *j = kb_for_n(b, LOOP_VECTOR, a->v_depth);
    Inst *value = load_head(a, a->v, a->h, a->v_depth, j);
    if (a->delta) value = missing(a, j, value);
    Inst *i = kb_for_n(b, LOOP_SERIAL, a->depth);
    Inst *key = load_key(a, i);
    put_state(a, i, j, lower_fma(a->lw, key, value, decayed(a, i, j)));
    kb_end(b);
    kb_end(b);
}

static void read_state(Linear *a, Inst *head, Inst *out_head)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *j = kb_for_n(b, LOOP_VECTOR, a->v_depth);
    Cell *sum = sum_cell(a, "read");
    Inst *i = kb_for_n(b, LOOP_SERIAL, a->depth);
    Inst *q = load_head(a, a->q, head, a->depth, i);
    Inst *state = get_state(a, i, j);
    kb_set(b, sum, lower_fma(lw, q, state, kb_get(b, sum)));
    kb_end(b);
    Inst *column = kb_add(b, kb_mul(b, out_head, kb_size(b, a->v_depth)), j);
    lower_store(lw, (Inst *[]){a->b, a->t, column}, scaled(a, kb_get(b, sum)));
    kb_end(b);
}

static void step(Linear *a)
{
    Builder *b = &a->lw->b;
    find_gates(a);
    update_state(a);
    if (a->heads < a->kv_heads) {
        read_state(a, head_of(a, size_const(a->lw->sizes, a->heads)), a->h);
        return;
    }
    int64_t group = a->heads / a->kv_heads;
    Inst *member = kb_for_n(b, LOOP_SERIAL, size_const(a->lw->sizes, group));
    Inst *head = kb_add(b, kb_muli(b, a->h, group), member);
    read_state(a, head, head);
    kb_end(b);
}

int lower_linear_attention(Lower *lw, Node *node)
{
    Linear a;
    Builder *b = &lw->b;
    read_node(&a, lw, node);
    const Size *heads = size_muli(lw->sizes, a.q->dims[0], a.kv_heads);
    const Size *rows = size_mul(lw->sizes, heads, a.depth);
    a.state = lower_scratch(lw, "state", a.type, size_mul(lw->sizes, rows, a.v_depth));
    if (a.gated) a.gates = lower_scratch(lw, "gates", a.type, rows);
    lower_begin(lw, NULL);
    double work = 6 * lower_work(lw, a.v) * (double)size_upper(lw->sizes, a.depth);
    Inst *each = kb_for_n(b, lower_parallel(lw, work), heads);
    a.b = kb_op(b, LI_DIV, each, kb_i64(b, a.kv_heads));
    a.h = kb_op(b, LI_REM, each, kb_i64(b, a.kv_heads));
    copy_state(&a, false);
    a.t = kb_for_n(b, LOOP_SERIAL, a.q->dims[1]);
    step(&a);
    kb_end(b);
    copy_state(&a, true);
    kb_end(b);
    lower_end(lw);
    return 0;
}
