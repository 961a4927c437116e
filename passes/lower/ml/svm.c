/* lpc.Coupling: probabilities of classes from those of pairs of classes.
 *
 * Input [rows, pairs]: for each pair of classes i < j, (0, 1), (0, 2) .. (1, 2) .., the probability r_ij of
 * i where it is one of both. Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by
 * Pairwise Coupling" (2004), second method: the p that minimise the sum over i != j of
 * (r_ji p_i - r_ij p_j)^2, that is p^T Q p with Q_ii = sum of r_ji^2 and Q_ij = -r_ji r_ij, by turns for
 * each class. The end of it is libsvm's, which ONNX Runtime keeps to: at most 100 turns, and none once
 * all Q p are within 0.005 / classes of p^T Q p. */
#include "passes/lower/frame/lower.h"

#include "passes/lower/frame/scalar.h"

enum { TURNS = 100 };

typedef struct Coupling {
    Lower *lw;
    int64_t classes;
    Param *ratio, *q, *p, *qp; /* [classes, classes] twice, [classes] twice */
    Cell *sum, *total, *error;
} Coupling;

static Inst *each(Coupling *c)
{
    Builder *b = &c->lw->b;
    return kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, c->classes), 1);
}

static Inst *at(Coupling *c, Inst *row, Inst *column)
{
    Builder *b = &c->lw->b;
    return kb_add(b, kb_muli(b, row, c->classes), column);
}

static Inst *number(Coupling *c, double value)
{
    return kb_float(&c->lw->b, DT_F32, value);
}

static void add_to(Coupling *c, Cell *cell, Inst *value)
{
    Builder *b = &c->lw->b;
    kb_set(b, cell, kb_add(b, kb_get(b, cell), value));
}

/* ratio[i][j] = r_ij, kept off 0 and 1; for i > j it is 1 - r_ji. */
static void read_ratios(Coupling *c, const Tensor *pairs, Inst *row)
{
    Builder *b = &c->lw->b;
    Cell *pair = kb_cell(b, "pair", (LType){DT_I64, 1}, kb_i64(b, 0));
    Inst *i = each(c);
    Inst *j = kb_for(b, LOOP_SERIAL, kb_addi(b, i, 1), kb_i64(b, c->classes), 1);
    Inst *idx[] = {row, kb_get(b, pair)};
    Inst *r = scalar_clamp(b, lower_load(c->lw, pairs, idx), 1e-7, 1 - 1e-7);
    kb_store(b, c->ratio, at(c, i, j), r);
    Inst *mirrored = at(c, j, i);
    kb_store(b, c->ratio, mirrored, kb_sub(b, number(c, 1), r));
    kb_set(b, pair, kb_addi(b, idx[1], 1));
    kb_end(b);
    kb_end(b);
}

static void make_q(Coupling *c)
{
    Builder *b = &c->lw->b;
    Inst *i = each(c);
    kb_store(b, c->p, i, number(c, 1 / (double)c->classes));
    kb_set(b, c->sum, number(c, 0));
    Inst *j = each(c);
    kb_if(b, kb_op(b, LI_NE, i, j));
    Inst *there = kb_load(b, c->ratio, at(c, j, i)), *here = kb_load(b, c->ratio, at(c, i, j));
    add_to(c, c->sum, kb_mul(b, there, there));
    Inst *place = at(c, i, j);
    kb_store(b, c->q, place, kb_op1(b, LI_NEG, kb_mul(b, there, here)));
    kb_end(b);
    kb_end(b);
    Inst *diagonal = at(c, i, i);
    kb_store(b, c->q, diagonal, kb_get(b, c->sum));
    kb_end(b);
}

/* Q p and p^T Q p; ends the turns when they are close. */
static void measure(Coupling *c)
{
    Builder *b = &c->lw->b;
    kb_set(b, c->total, number(c, 0));
    Inst *i = each(c);
    kb_set(b, c->sum, number(c, 0));
    Inst *j = each(c);
    Inst *q = kb_load(b, c->q, at(c, i, j));
    add_to(c, c->sum, kb_mul(b, q, kb_load(b, c->p, j)));
    kb_end(b);
    kb_store(b, c->qp, i, kb_get(b, c->sum));
    Inst *p = kb_load(b, c->p, i);
    add_to(c, c->total, kb_mul(b, p, kb_get(b, c->sum)));
    kb_end(b);
    kb_set(b, c->error, number(c, 0));
    Inst *k = each(c);
    Inst *qp = kb_load(b, c->qp, k);
    Inst *off = kb_op1(b, LI_ABS, kb_sub(b, qp, kb_get(b, c->total)));
    kb_set(b, c->error, kb_op(b, LI_MAX, kb_get(b, c->error), off));
    kb_end(b);
    kb_if(b, kb_op(b, LI_LT, kb_get(b, c->error), number(c, 0.005 / (double)c->classes)));
    kb_break(b);
    kb_end(b);
}

/* p_i takes the value that is best while the others stay; all are scaled to add up to 1 again. */
static void turn(Coupling *c)
{
    Builder *b = &c->lw->b;
    Inst *i = each(c);
    Inst *own = kb_load(b, c->q, at(c, i, i)), *product = kb_load(b, c->qp, i);
    Inst *total = kb_get(b, c->total);
    Inst *step = kb_op(b, LI_DIV, kb_sub(b, total, product), own);
    Inst *scale = kb_add(b, number(c, 1), step);
    Inst *more = kb_mul(b, step, own);
    more = kb_add(b, more, kb_mul(b, number(c, 2), product));
    total = kb_add(b, total, kb_mul(b, step, more));
    kb_set(b, c->total, kb_op(b, LI_DIV, kb_op(b, LI_DIV, total, scale), scale));
    kb_store(b, c->p, i, kb_add(b, kb_load(b, c->p, i), step));
    Inst *j = each(c);
    Inst *q = kb_mul(b, step, kb_load(b, c->q, at(c, i, j)));
    kb_store(b, c->qp, j, kb_op(b, LI_DIV, kb_add(b, kb_load(b, c->qp, j), q), scale));
    kb_store(b, c->p, j, kb_op(b, LI_DIV, kb_load(b, c->p, j), scale));
    kb_end(b);
    kb_end(b);
}

int lower_ml_coupling(Lower *lw, Node *node)
{
    const Tensor *out = node_result(node);
    Coupling c = {.lw = lw, .classes = node_int(node, "classes")};
    Builder *b = &lw->b;
    LType f32 = {DT_F32, 1};
    Inst *idx[2];
    lower_begin(lw, NULL);
    int64_t square = c.classes * c.classes;
    c.ratio = kb_local(b, "ratio", DT_F32, square);
    c.q = kb_local(b, "q", DT_F32, square);
    c.p = kb_local(b, "p", DT_F32, c.classes);
    c.qp = kb_local(b, "qp", DT_F32, c.classes);
    idx[0] =
        kb_for_n(b, lower_parallel(lw, lower_work(lw, out) * (double)square * 10), out->dims[0]);
    c.sum = kb_cell(b, "sum", f32, NULL);
    c.total = kb_cell(b, "total", f32, NULL);
    c.error = kb_cell(b, "error", f32, NULL);
    read_ratios(&c, node->in[0], idx[0]);
    make_q(&c);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, TURNS), 1);
    measure(&c);
    turn(&c);
    kb_end(b);
    idx[1] = each(&c);
    lower_store(lw, idx, kb_load(b, c.p, idx[1]));
    kb_end(b);
    kb_end(b);
    lower_end(lw);
    return 0;
}
