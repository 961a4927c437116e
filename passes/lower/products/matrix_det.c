/* Det: Gaussian elimination with partial pivoting on a copy of each matrix. */
#include "passes/lower/frame/lower.h"

typedef struct Det {
    Lower *lw;
    Param *copy;
    Inst *start, *n; /* of this matrix in the copy; its size */
    DType type;
    Cell *det, *pivot, *best;
} Det;

static Inst *at(Det *d, Inst *row, Inst *column)
{
    Builder *b = &d->lw->b;
    return kb_add(b, d->start, kb_add(b, kb_mul(b, row, d->n), column));
}

static Inst *get(Det *d, Inst *row, Inst *column)
{
    return kb_load(&d->lw->b, d->copy, at(d, row, column));
}

/* The row at or below k with the largest element in column k. */
static void find_pivot(Det *d, Inst *k)
{
    Builder *b = &d->lw->b;
    kb_set(b, d->pivot, k);
    kb_set(b, d->best, kb_op1(b, LI_ABS, get(d, k, k)));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_addi(b, k, 1), d->n, 1);
    Inst *value = kb_op1(b, LI_ABS, get(d, i, k));
    kb_if(b, kb_op(b, LI_GT, value, kb_get(b, d->best)));
    kb_set(b, d->pivot, i);
    kb_set(b, d->best, value);
    kb_end(b);
    kb_end(b);
}

static void swap_rows(Det *d, Inst *k)
{
    Builder *b = &d->lw->b;
    Inst *other = kb_get(b, d->pivot);
    kb_if(b, kb_op(b, LI_NE, other, k));
    kb_set(b, d->det, kb_op1(b, LI_NEG, kb_get(b, d->det)));
    Inst *j = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), d->n, 1);
    Inst *upper = get(d, k, j), *lower = get(d, other, j);
    kb_store(b, d->copy, at(d, k, j), lower);
    kb_store(b, d->copy, at(d, other, j), upper);
    kb_end(b);
    kb_end(b);
}

static void eliminate(Det *d, Inst *k)
{
    Builder *b = &d->lw->b;
    Inst *top = get(d, k, k);
    kb_set(b, d->det, kb_mul(b, kb_get(b, d->det), top));
    kb_if(b, kb_op(b, LI_NE, top, kb_const(b, d->type, 0)));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_addi(b, k, 1), d->n, 1);
    Inst *factor = kb_op(b, LI_DIV, get(d, i, k), top);
    Inst *j = kb_for(b, LOOP_SERIAL, k, d->n, 1);
    Inst *less = kb_mul(b, factor, get(d, k, j));
    Inst *value = kb_sub(b, get(d, i, j), less);
    kb_store(b, d->copy, at(d, i, j), value);
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

/* Copies the matrix of the output's coordinates, which also stand in x's leading ones. */
static void copy_matrix(Det *d, const Tensor *x, Inst *const *idx)
{
    Builder *b = &d->lw->b;
    Inst *from[MAX_RANK];
    for (int i = 0; i < x->rank - 2; i++) from[i] = idx[i];
    Inst *i = from[x->rank - 2] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), d->n, 1);
    Inst *j = from[x->rank - 1] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), d->n, 1);
    Inst *value = lower_load(d->lw, x, from);
    kb_store(b, d->copy, at(d, i, j), value);
    kb_end(b);
    kb_end(b);
}

int lower_det(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0], *out = node->out[0];
    const Size *size = x->dims[x->rank - 1];
    Det d = {.lw = lw, .type = lower_type(x->dtype)};
    Buffer *scratch = lower_scratch(lw, "copy", d.type, tensor_elements(lw->sizes, x));
    double n = (double)size_upper(lw->sizes, size), work = n * n * n;
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    Builder *b = &lw->b;
    int loops = lower_nest(lw, out->rank, out->dims, NULL, false, work, idx);
    d.copy = lower_whole(lw, scratch, true);
    d.copy->is_read = true;
    d.n = lower_size(lw, size);
    Inst *matrix = lower_flatten(lw, out->rank, out->dims, idx);
    d.start = kb_mul(b, matrix, kb_mul(b, d.n, d.n));
    copy_matrix(&d, x, idx);
    d.det = kb_cell(b, "det", (LType){d.type, 1}, kb_const(b, d.type, 1));
    d.pivot = kb_cell(b, "pivot", (LType){DT_I64, 1}, kb_i64(b, 0));
    d.best = kb_cell(b, "best", (LType){d.type, 1}, kb_const(b, d.type, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), d.n, 1);
    find_pivot(&d, k);
    swap_rows(&d, k);
    eliminate(&d, k);
    kb_end(b);
    lower_store(lw, idx, kb_get(b, d.det));
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
