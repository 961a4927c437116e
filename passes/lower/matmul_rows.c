/* MatMul by a transposed constant that was too large to be folded: the output projection of a language
 * model, tied to its embedding.
 *
 *     %t = Transpose(%embedding) {perm = [1, 0]}     out[.., n] = sum over k of x[.., k] * embedding[n, k]
 *     %y = MatMul(%x, %t)
 *
 * The constant stays [columns, depth], in the order in which Gather takes its rows, so that a stage with
 * both has it once and a stage with one of them has no other form to make. Each output element is a dot
 * product along a row: VECTOR partial sums, added up in tree order. A tile of TILE rows shares the
 * vectors of x and is as many streams from memory; all rows of x meet a tile while it is in the first
 * cache, so every weight is read from memory once. */
#include "passes/lower/matmul_rows.h"

#include "passes/lower/reduction.h"

enum { TILE = 4, TASK = 64 }; /* columns at once, columns of a parallel task */

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

/* `width` columns from `first` of one row of x; idx are the output's coordinates. */
static void emit_tile(Lower *lw, const Tensor *rows, Inst *first, int width, Inst **idx)
{
    Builder *b = &lw->b;
    const Tensor *x = lw->node->in[0];
    const Node *node = lw->node;
    DType acc = lower_type(node->out[0]->dtype);
    Cell *cell[TILE];
    Inst *at[MAX_RANK], *column[TILE];
    for (int i = 0; i + 1 < x->rank; i++) at[i] = idx[i];
    for (int c = 0; c < width; c++) {
        const char *name = arena_printf(lw->arena, "sum%d", c);
        cell[c] = kb_cell(b, name, (LType){acc, 1}, kb_const(b, acc, 0));
        cell[c]->reduce = lw->target->has_fma ? LI_FMA : LI_ADD;
        column[c] = kb_addi(b, first, c);
    }
    Inst *k = at[x->rank - 1] = kb_for_n(b, LOOP_VECTOR, rows->dims[1]);
    Inst *left = kb_cast(b, acc, lower_load(lw, x, at));
    for (int c = 0; c < width; c++) {
        Inst *right = kb_cast(b, acc, lower_load(lw, rows, (Inst *[]){column[c], k}));
        kb_set(b, cell[c], lower_fma(lw, left, right, kb_get(b, cell[c])));
    }
    kb_end(b);
    for (int c = 0; c < width; c++) {
        idx[node->out[0]->rank - 1] = column[c];
        lower_store(lw, idx, kb_get(b, cell[c]));
    }
}

/* Columns [first, first + width) of all rows of x. */
static void emit_columns(Lower *lw, const Tensor *rows, Inst *first, int width)
{
    const Tensor *out = lw->node->out[0];
    Inst *idx[MAX_RANK];
    int loops = lower_nest(lw, out->rank - 1, out->dims, NULL, false, 0, idx);
    emit_tile(lw, rows, first, width, idx);
    lower_nest_end(lw, loops);
}

int lower_matmul_rows(Lower *lw, const Tensor *rows)
{
    Builder *b = &lw->b;
    const Tensor *x = lw->node->in[0], *out = lw->node->out[0];
    int64_t columns = rows->dims[0]->value, whole = columns / TILE * TILE;
    double flops = 2 * lower_work(lw, out) * (double)rows->dims[1]->value;
    double bytes = lower_work(lw, rows) * (double)dtype_size(rows->dtype) +
                   lower_work(lw, x) * (double)dtype_size(x->dtype) +
                   lower_work(lw, out) * (double)dtype_size(out->dtype);
    lower_begin(lw, NULL);
    lower_cost(lw, flops, bytes);
    const Size *tasks = size_const(lw->sizes, (columns + TASK - 1) / TASK);
    Inst *from = kb_muli(b, kb_for_n(b, lower_parallel(lw, flops), tasks), TASK);
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, TASK), kb_i64(b, columns));
    Inst *first = kb_for(b, LOOP_SERIAL, from, kb_op(b, LI_MIN, to, kb_i64(b, whole)), TILE);
    emit_columns(lw, rows, first, TILE);
    kb_end(b);
    if (whole < columns) {
        Inst *rest = kb_op(b, LI_MAX, from, kb_i64(b, whole));
        emit_columns(lw, rows, kb_for(b, LOOP_SERIAL, rest, to, 1), 1);
        kb_end(b);
    }
    kb_end(b);
    lower_end(lw);
    return 0;
}
