/* Attention: softmax(scale * Q K^T + bias) V, with grouped heads, past keys and values, masks.
 *
 * One kernel, parallel over (batch, head); each row of scores lives in a scratch row of that head,
 * so that memory grows with the keys and not with queries times keys. Keys that come before (past)
 * and those of this call are two runs of one loop: nothing is concatenated to be read. */
#include "passes/lower/reductions/reduction.h"

#include <math.h>

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_LENGTHS };
enum { OUT_Y, OUT_PRESENT_K, OUT_PRESENT_V, OUT_QK };
enum { QK_PRODUCT, QK_CAPPED, QK_BIASED, QK_SOFTMAX }; /* qk_matmul_output_mode */

typedef struct Attention {
    Lower *lw;
    const Node *node;
    const Tensor *q, *k, *v, *mask, *past_k, *past_v, *lengths, *qk_out;
    const Size *batch, *heads, *kv_heads, *queries, *depth, *v_depth;
    const Size *past, *fresh, *total; /* numbers of keys */
    DType type;
    double scale, softcap;
    bool causal;
    Buffer *row;
    Inst *b, *h, *kv_h, *i;           /* batch, head, head of keys, query */
    Inst *past_end, *fresh_end, *end; /* keys that this query sees */
} Attention;

static const Size *head_count(Attention *a, const Tensor *x, const char *attr)
{
    return x->rank == 4 ? x->dims[1] : size_const(a->lw->sizes, node_int(a->node, attr));
}

static const Size *head_depth(Attention *a, const Tensor *x, const Size *heads)
{
    return x->rank == 4 ? x->dims[3] : size_div(a->lw->sizes, x->dims[2], heads);
}

static void read_node(Attention *a, Lower *lw, const Node *node)
{
    SizeTable *t = lw->sizes;
    *a = (Attention){.lw = lw, .node = node};
    a->q = node->in[IN_Q];
    a->k = node->in[IN_K];
    a->v = node->in[IN_V];
    a->mask = node_in(node, IN_MASK);
    a->past_k = node_in(node, IN_PAST_K);
    a->past_v = node_in(node, IN_PAST_V);
    a->lengths = node_in(node, IN_LENGTHS);
    a->qk_out = node_has_output(node, OUT_QK) ? node->out[OUT_QK] : NULL;
    a->batch = a->q->dims[0];
    a->heads = head_count(a, a->q, "q_num_heads");
    a->kv_heads = head_count(a, a->k, "kv_num_heads");
    a->queries = a->q->dims[a->q->rank - 2];
    a->depth = head_depth(a, a->q, a->heads);
    a->v_depth = head_depth(a, a->v, a->kv_heads);
    a->fresh = a->k->dims[a->k->rank - 2];
    a->past = a->past_k ? a->past_k->dims[2] : size_const(t, 0);
    a->total = size_add(t, a->past, a->fresh);
    a->type = lower_type(a->q->dtype);
    a->causal = node_int(node, "is_causal") != 0;
    a->softcap = node_float(node, "softcap");
    a->scale = node_attr(node, "scale") ? node_float(node, "scale") : 0;
}

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

/* Coordinates of [batch, heads, position, depth], or [batch, position, heads * depth]. */
static Inst **coordinates(Attention *a, const Tensor *x, const Size *depth, Inst *head, Inst *at,
                          Inst *d)
{
    Builder *b = &a->lw->b;
    Inst **idx = arena_array(a->lw->arena, MAX_RANK, sizeof *idx);
    idx[0] = a->b;
    idx[1] = x->rank == 4 ? head : at;
    idx[2] = x->rank == 4 ? at : kb_add(b, kb_mul(b, head, kb_size(b, depth)), d);
    idx[3] = d;
    return idx;
}

/* ---- present = concat(past, new) ---- */

static void copy_part(Attention *a, const Tensor *from, const Tensor *to, const Size *depth,
                      const Size *count, const Size *shift)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *j = kb_for_n(b, LOOP_SERIAL, count);
    Inst *d = kb_for_n(b, LOOP_VECTOR, depth);
    Inst *value = lower_load(lw, from, coordinates(a, from, depth, a->kv_h, j, d));
    Inst *at = kb_add(b, j, kb_size(b, shift));
    lower_store_to(lw, to, (Inst *[]){a->b, a->kv_h, at, d}, value);
    kb_end(b);
    kb_end(b);
}

static void copy_present(Attention *a, int output, const char *suffix, const Tensor *past,
                         const Tensor *fresh, const Size *depth)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    if (!node_has_output(a->node, output)) return;
    const Tensor *to = a->node->out[output];
    double elements = lower_work(lw, to);
    lower_begin(lw, suffix);
    Inst *row =
        kb_for_n(b, lower_parallel(lw, elements), size_mul(lw->sizes, a->batch, a->kv_heads));
    a->b = kb_op(b, LI_DIV, row, kb_size(b, a->kv_heads));
    a->kv_h = kb_op(b, LI_REM, row, kb_size(b, a->kv_heads));
    if (past) copy_part(a, past, to, depth, a->past, size_const(lw->sizes, 0));
    copy_part(a, fresh, to, depth, a->fresh, past ? a->past : size_const(lw->sizes, 0));
    kb_end(b);
    lower_end(lw);
}

/* ---- Scores ---- */

static Param *row_param(Attention *a, bool write)
{
    return lower_whole(a->lw, a->row, write);
}

static Inst *row_index(Attention *a, Inst *j)
{
    Builder *b = &a->lw->b;
    Inst *head = kb_add(b, kb_mul(b, a->b, kb_size(b, a->heads)), a->h);
    return kb_add(b, kb_mul(b, head, kb_size(b, a->total)), j);
}

static Inst *row_load(Attention *a, Inst *j)
{
    Inst *index = row_index(a, j);
    return kb_load(&a->lw->b, row_param(a, false), index);
}

static void row_store(Attention *a, Inst *j, Inst *value)
{
    Inst *index = row_index(a, j);
    kb_store(&a->lw->b, row_param(a, true), index, value);
}

/* Q's row times one key. */
static Inst *product(Attention *a, const Tensor *keys, Inst *j)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Cell *sum = kb_cell(b, "sum", (LType){a->type, 1}, kb_float(b, a->type, 0));
    sum->reduce = LI_ADD;
    Inst *d = kb_for_n(b, LOOP_VECTOR, a->depth);
    Inst *q = lower_load(lw, a->q, coordinates(a, a->q, a->depth, a->h, a->i, d));
    Inst *k = lower_load(lw, keys, coordinates(a, keys, a->depth, a->kv_h, j, d));
    kb_set(b, sum, lower_fma(lw, q, k, kb_get(b, sum)));
    kb_end(b);
    return kb_get(b, sum);
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

/* Padding keys and those after the query are not seen. */
static Inst *add_bias(Attention *a, Inst *j, Inst *score)
{
    Builder *b = &a->lw->b;
    score = add_mask(a, j, score);
    if (a->causal) {
        Inst *last = kb_add(b, a->i, kb_size(b, a->past));
        score = masked(a, kb_op(b, LI_LE, j, last), score);
    }
    if (a->lengths) {
        Inst *length = lower_load(a->lw, a->lengths, (Inst *[]){a->b});
        score = masked(a, kb_op(b, LI_LT, j, kb_cast(b, DT_I64, length)), score);
    }
    return score;
}

static Inst *cap(Attention *a, Inst *score)
{
    Builder *b = &a->lw->b;
    if (a->softcap == 0) return score;
    Inst *limit = kb_float(b, a->type, a->softcap);
    return kb_mul(b, limit, kb_op1(b, LI_TANH, kb_op(b, LI_DIV, score, limit)));
}

static void show(Attention *a, int mode, Inst *j, Inst *score)
{
    if (!a->qk_out || node_int(a->node, "qk_matmul_output_mode") != mode) return;
    lower_store_to(a->lw, a->qk_out, (Inst *[]){a->b, a->h, a->i, j}, score);
}

/* Scores of the query with keys [0, end) of a part that starts at key `shift`. */
static void score_part(Attention *a, const Tensor *keys, Inst *end, const Size *shift)
{
    Builder *b = &a->lw->b;
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), end, 1);
    Inst *j = kb_add(b, at, kb_size(b, shift));
    Inst *scale = scale_of(a);
    Inst *score = kb_mul(b, product(a, keys, at), scale);
    show(a, QK_PRODUCT, j, score);
    score = cap(a, score);
    show(a, QK_CAPPED, j, score);
    score = add_bias(a, j, score);
    show(a, QK_BIASED, j, score);
    row_store(a, j, score);
    kb_end(b);
}

/* The row becomes exp(score - largest); returns 1 / their sum, 0 when no key is seen. */
static Inst *softmax_row(Attention *a)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *zero = kb_float(b, a->type, 0), *none = kb_float(b, a->type, -INFINITY);
    Cell *most = kb_cell(b, "most", (LType){a->type, 1}, none);
    most->reduce = LI_MAX;
    Inst *j = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), a->end, 1);
    cell_update(lw, most, LI_MAX, row_load(a, j));
    kb_end(b);
    Inst *largest = kb_get(b, most), *hidden = kb_op(b, LI_EQ, largest, none);
    largest = kb_select(b, hidden, zero, largest);
    Cell *sum = kb_cell(b, "sum_exp", (LType){a->type, 1}, zero);
    sum->reduce = LI_ADD;
    j = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), a->end, 1);
    Inst *score = row_load(a, j);
    Inst *e = kb_op1(b, LI_EXP, kb_sub(b, score, largest));
    row_store(a, j, e);
    cell_update(lw, sum, LI_ADD, e);
    kb_end(b);
    Inst *scale = kb_op(b, LI_DIV, kb_float(b, a->type, 1), kb_get(b, sum));
    return kb_select(b, hidden, zero, scale);
}

static void show_softmax(Attention *a, Inst *scale)
{
    Builder *b = &a->lw->b;
    if (!a->qk_out || node_int(a->node, "qk_matmul_output_mode") != QK_SOFTMAX) return;
    Inst *j = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), a->end, 1);
    Inst *e = row_load(a, j);
    show(a, QK_SOFTMAX, j, kb_mul(b, e, scale));
    kb_end(b);
}

static void add_values(Attention *a, Cell *sum, const Tensor *values, Inst *end, const Size *shift,
                       Inst *d)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), end, 1);
    Inst *j = kb_add(b, at, kb_size(b, shift));
    Inst *e = row_load(a, j);
    Inst *v = lower_load(lw, values, coordinates(a, values, a->v_depth, a->kv_h, at, d));
    kb_set(b, sum, lower_fma(lw, e, v, kb_get(b, sum)));
    kb_end(b);
}

static void store_output(Attention *a, Inst *scale)
{
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    const Size *none = size_const(lw->sizes, 0);
    Inst *d = kb_for_n(b, LOOP_VECTOR, a->v_depth);
    Cell *sum = kb_cell(b, "sum_v", (LType){a->type, 1}, kb_float(b, a->type, 0));
    sum->reduce = LI_COUNT;
    if (a->past_v) add_values(a, sum, a->past_v, a->past_end, none, d);
    add_values(a, sum, a->v, a->fresh_end, a->past, d);
    const Tensor *y = a->node->out[OUT_Y];
    Inst *value = kb_mul(b, kb_get(b, sum), scale);
    lower_store(lw, coordinates(a, y, a->v_depth, a->h, a->i, d), value);
    kb_end(b);
}

/* Keys after the query need no score, unless the scores are an output. */
static void find_ends(Attention *a)
{
    Builder *b = &a->lw->b;
    a->past_end = kb_size(b, a->past);
    a->fresh_end = kb_size(b, a->fresh);
    if (a->causal && !a->qk_out) a->fresh_end = kb_op(b, LI_MIN, a->fresh_end, kb_addi(b, a->i, 1));
    a->end = kb_add(b, a->past_end, a->fresh_end);
}

const Size *rows_attention(Lower *lw, const Node *node)
{
    (void)lw;
    return node->in[IN_Q]->dims[node->in[IN_Q]->rank - 2];
}

int lower_attention(Lower *lw, Node *node)
{
    Attention a;
    Builder *b = &lw->b;
    read_node(&a, lw, node);
    const Size *rows = size_mul(lw->sizes, a.batch, a.heads);
    a.row = lower_scratch(lw, "scores", a.type, size_mul(lw->sizes, rows, a.total));
    copy_present(&a, OUT_PRESENT_K, "present_k", a.past_k, a.k, a.depth);
    copy_present(&a, OUT_PRESENT_V, "present_v", a.past_v, a.v, a.v_depth);
    double scores = (double)size_upper(lw->sizes, a.total) * lower_work(lw, a.q);
    lower_begin(lw, NULL);
    Inst *row = kb_for_n(b, lower_parallel(lw, 4 * scores), rows);
    a.b = kb_op(b, LI_DIV, row, kb_size(b, a.heads));
    a.h = kb_op(b, LI_REM, row, kb_size(b, a.heads));
    a.kv_h = kb_op(b, LI_DIV, a.h, kb_size(b, size_div(lw->sizes, a.heads, a.kv_heads)));
    a.i = kb_for_n(b, LOOP_SERIAL, a.queries);
    find_ends(&a);
    if (a.past_k) score_part(&a, a.past_k, a.past_end, size_const(lw->sizes, 0));
    score_part(&a, a.k, a.fresh_end, a.past);
    Inst *scale = softmax_row(&a);
    show_softmax(&a, scale);
    store_output(&a, scale);
    kb_end(b);
    kb_end(b);
    lower_end(lw);
    return 0;
}
