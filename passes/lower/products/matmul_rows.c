/* MatMul by a transposed constant that was too large to be folded: the output projection of a language
 * model, tied to its embedding.
 *
 *     %t = Transpose(%embedding) {perm = [1, 0]}     out[.., n] = sum over k of x[.., k] * embedding[n, k]
 *     %y = MatMul(%x, %t)
 *
 * The constant stays [columns, depth], in the order in which Gather takes its rows, so that a stage with
 * both has it once and a stage with one of them has no other form to make. Each output element is a dot
 * product along a row: CHAINS partial sums for each lane of a vector, added up in tree order. Rows follow
 * each other in memory, so the constant is one stream, read once: all rows of x meet a row of it while
 * it is in the first cache. */
#include "passes/lower/products/matmul_rows.h"

#include "passes/lower/products/matrix.h"
#include "passes/lower/reductions/reduction.h"

enum { CHAINS = 8, TASK = 64 }; /* sums at once, columns of a parallel task */

const Tensor *matmul_rows_of(const Node *node)
{
    const Tensor *right = node->in[1];
    const Node *view = right->producer;
    if (right->data || right->rank != 2 || !view || view->op != OP_TRANSPOSE) return NULL;
    if (view->epilogue_count || !view->in[0]->data || view->in[0]->data->scale) return NULL;
    const int64_t *perm;
    int count = node_ints(view, "perm", &perm);
    if (count == 2 && perm[0] == 0) return NULL;
    return dtype_is_float(right->dtype) && node->in[0]->rank > 0 ? view->in[0] : NULL;
}

typedef struct Dot {
    Lower *lw;
    const Tensor *rows;
    Inst *column;
    Inst *at[MAX_RANK]; /* coordinates of x; the last one is the depth */
    DType acc;
} Dot;

/* sum + x[.., k] * rows[column, k] */
static Inst *add_product(Dot *d, Inst *k, Inst *sum)
{
    Builder *b = &d->lw->b;
    const Tensor *x = d->lw->node->in[0];
    d->at[x->rank - 1] = k;
    Inst *left = kb_cast(b, d->acc, lower_load(d->lw, x, d->at));
    Inst *right = lower_load(d->lw, d->rows, (Inst *[]){d->column, k});
    return lower_fma(d->lw, left, kb_cast(b, d->acc, right), sum);
}

/* Depth [0, whole), lanes * CHAINS at a time, into the cell that the vector's lanes reduce to. */
static void sum_whole(Dot *d, Cell *total, int64_t lanes, int64_t whole)
{
    Builder *b = &d->lw->b;
    Cell *chain[CHAINS];
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, lanes), 1), *sum[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        chain[i] = kb_cell(b, arena_printf(d->lw->arena, "chain%d", i), (LType){d->acc, 1},
                           kb_const(b, d->acc, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, whole), lanes * CHAINS);
    for (int i = 0; i < CHAINS; i++) {
        Inst *at = kb_add(b, kb_addi(b, k, i * lanes), lane);
        kb_set(b, chain[i], add_product(d, at, kb_get(b, chain[i])));
    }
    kb_end(b);
    for (int i = 0; i < CHAINS; i++) sum[i] = kb_get(b, chain[i]);
    for (int half = CHAINS / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) sum[i] = kb_add(b, sum[i], sum[i + half]);
    }
    cell_update(d->lw, total, LI_ADD, sum[0]);
    kb_end(b);
}

static void emit_dot(Dot *d, Inst **idx)
{
    Lower *lw = d->lw;
    Builder *b = &lw->b;
    int64_t depth = d->rows->dims[1]->value, lanes = matrix_vector_lanes(lw, d->acc);
    int64_t whole = depth / (lanes * CHAINS) * lanes * CHAINS;
    Cell *total = kb_cell(b, "total", (LType){d->acc, 1}, kb_const(b, d->acc, 0));
    total->reduce = LI_ADD;
    if (whole) sum_whole(d, total, lanes, whole);
    if (whole < depth) {
        Cell *rest = kb_cell(b, "rest", (LType){d->acc, 1}, kb_const(b, d->acc, 0));
        rest->reduce = lower_has_fma(lw->target) ? LI_FMA : LI_ADD;
        Inst *k = kb_for(b, LOOP_VECTOR, kb_i64(b, whole), kb_i64(b, depth), 1);
        kb_set(b, rest, add_product(d, k, kb_get(b, rest)));
        kb_end(b);
        cell_update(lw, total, LI_ADD, kb_get(b, rest));
    }
    lower_store(lw, idx, kb_get(b, total));
}

int lower_matmul_rows(Lower *lw, const Tensor *rows)
{
    Builder *b = &lw->b;
    const Tensor *out = lw->node->out[0];
    int64_t columns = rows->dims[0]->value;
    double flops = 2 * lower_work(lw, out) * (double)rows->dims[1]->value;
    lower_begin(lw, NULL);
    const Size *tasks = size_const(lw->sizes, (columns + TASK - 1) / TASK);
    Inst *from = kb_muli(b, kb_for_n(b, lower_parallel(lw, flops), tasks), TASK), *idx[MAX_RANK];
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, TASK), kb_i64(b, columns));
    Dot d = {.lw = lw, .rows = rows, .acc = lower_type(out->dtype)};
    d.column = kb_for(b, LOOP_SERIAL, from, to, 1);
    int loops = lower_nest(lw, out->rank - 1, out->dims, NULL, false, 0, idx);
    for (int i = 0; i + 1 < out->rank; i++) d.at[i] = idx[i];
    idx[out->rank - 1] = d.column;
    emit_dot(&d, idx);
    lower_nest_end(lw, loops);
    kb_end(b);
    kb_end(b);
    lower_end(lw);
    return 0;
}
