/* Inverse: Gauss and Jordan's elimination with partial pivoting on [A | I], a copy for each
 * matrix, until it is [I | A^-1]. A matrix without an inverse gives infinities and NaN. */
#include "passes/lower/frame/lower.h"

typedef struct Inverse {
    Lower *lw;
    Param *copy;
    Inst *start, *n, *width; /* of this matrix in the copy; its size, and twice that */
    DType type;
    Cell *pivot, *best;
} Inverse;

static Inst *at(Inverse *v, Inst *row, Inst *column)
{
    Builder *b = &v->lw->b;
    return kb_add(b, v->start, kb_add(b, kb_mul(b, row, v->width), column));
}

static Inst *get(Inverse *v, Inst *row, Inst *column)
{
    return kb_load(&v->lw->b, v->copy, at(v, row, column));
}

static void copy_matrix(Inverse *v, const Tensor *x, Inst *const *idx)
{
    Builder *b = &v->lw->b;
    Inst *from[MAX_RANK];
    for (int i = 0; i < x->rank - 2; i++) from[i] = idx[i];
    Inst *i = from[x->rank - 2] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v->n, 1);
    Inst *j = from[x->rank - 1] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v->n, 1);
    Inst *to = at(v, i, j);
    kb_store(b, v->copy, to, lower_load(v->lw, x, from));
    Inst *one = kb_cast(b, v->type, kb_cast(b, DT_I64, kb_op(b, LI_EQ, i, j)));
    kb_store(b, v->copy, at(v, i, kb_add(b, j, v->n)), one);
    kb_end(b);
    kb_end(b);
}

/* The row at or below k with the largest element in column k changes places with row k. */
static void bring_pivot(Inverse *v, Inst *k)
{
    Builder *b = &v->lw->b;
    kb_set(b, v->pivot, k);
    kb_set(b, v->best, kb_op1(b, LI_ABS, get(v, k, k)));
    Inst *i = kb_for(b, LOOP_SERIAL, kb_addi(b, k, 1), v->n, 1);
    Inst *value = kb_op1(b, LI_ABS, get(v, i, k));
    kb_if(b, kb_op(b, LI_GT, value, kb_get(b, v->best)));
    kb_set(b, v->pivot, i);
    kb_set(b, v->best, value);
    kb_end(b);
    kb_end(b);
    Inst *other = kb_get(b, v->pivot);
    kb_if(b, kb_op(b, LI_NE, other, k));
    Inst *j = kb_for(b, LOOP_SERIAL, k, v->width, 1);
    Inst *upper = get(v, k, j), *lower = get(v, other, j);
    kb_store(b, v->copy, at(v, k, j), lower);
    kb_store(b, v->copy, at(v, other, j), upper);
    kb_end(b);
    kb_end(b);
}

/* Row k gets a 1 in column k, all others a 0. */
static void eliminate(Inverse *v, Inst *k)
{
    Builder *b = &v->lw->b;
    Inst *top = get(v, k, k);
    Inst *j = kb_for(b, LOOP_SERIAL, k, v->width, 1);
    Inst *to = at(v, k, j);
    kb_store(b, v->copy, to, kb_op(b, LI_DIV, get(v, k, j), top));
    kb_end(b);
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v->n, 1);
    Inst *factor = get(v, i, k);
    kb_if(b, kb_op(b, LI_NE, i, k));
    j = kb_for(b, LOOP_VECTOR, k, v->width, 1);
    Inst *value = get(v, i, j);
    value = kb_sub(b, value, kb_mul(b, factor, get(v, k, j)));
    kb_store(b, v->copy, at(v, i, j), value);
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

static void store_matrix(Inverse *v, const Tensor *x, Inst **idx)
{
    Builder *b = &v->lw->b;
    Inst *i = idx[x->rank - 2] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v->n, 1);
    Inst *j = idx[x->rank - 1] = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v->n, 1);
    lower_store(v->lw, idx, get(v, i, kb_add(b, j, v->n)));
    kb_end(b);
    kb_end(b);
}

int lower_inverse(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    const Size *size = x->dims[x->rank - 1];
    Inverse v = {.lw = lw, .type = lower_type(x->dtype)};
    const Size *elements = size_muli(lw->sizes, tensor_elements(lw->sizes, x), 2);
    Buffer *scratch = lower_scratch(lw, "copy", v.type, elements);
    double n = (double)size_upper(lw->sizes, size);
    Inst *idx[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    Builder *b = &lw->b;
    int loops = lower_nest(lw, x->rank - 2, x->dims, NULL, false, 4 * n * n * n, idx);
    v.copy = lower_whole(lw, scratch, true);
    v.copy->is_read = true;
    v.n = lower_size(lw, size);
    v.width = kb_muli(b, v.n, 2);
    Inst *matrix = lower_flatten(lw, x->rank - 2, x->dims, idx);
    v.start = kb_mul(b, matrix, kb_mul(b, v.n, v.width));
    copy_matrix(&v, x, idx);
    v.pivot = kb_cell(b, "pivot", (LType){DT_I64, 1}, kb_i64(b, 0));
    v.best = kb_cell(b, "best", (LType){v.type, 1}, kb_const(b, v.type, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), v.n, 1);
    bring_pivot(&v, k);
    eliminate(&v, k);
    kb_end(b);
    store_matrix(&v, x, idx);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}
