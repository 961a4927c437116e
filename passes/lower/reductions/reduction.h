/* Loops of reductions, shared by everything that sums over axes of one tensor: Reduce*, softmax,
 * normalisations, global pooling.
 *
 * A reduction has kept axes (the outer loops) and reduced axes (the inner ones, which may be run
 * several times: mean, variance, result). Two forms vectorise:
 *   across   the innermost axis of the tensor's declared order is kept: the innermost outer loop is
 *            VECTOR and every lane reduces by itself, serially;
 *   along    the innermost axis is reduced: the innermost inner loop is VECTOR and updates cells
 *            with `reduce` set, which pass_vectorize keeps as vectors of partial results.
 * The form is chosen from the declared order, never from where the tensor lies: the order of
 * additions, and so every bit of the result, is the same wherever a model is cut. */
#ifndef LPC_PASSES_LOWER_REDUCTION_H
#define LPC_PASSES_LOWER_REDUCTION_H

#include "passes/lower/frame/lower.h"

typedef struct Reduction {
    Lower *lw;
    const Tensor *x;
    bool reduced[MAX_RANK];
    uint8_t order[MAX_RANK]; /* declared, outermost first */
    bool along;
    /* GroupNormalization: axis `split` is [groups, axis / groups], the first kept, the second
     * reduced. -1: none. */
    int split;
    int64_t groups;
    Inst *group;         /* the loop variable over groups */
    Inst *idx[MAX_RANK]; /* coordinates; those of reduced axes are 0 outside the inner loops */
    int outer_loops, inner_loops;
} Reduction;

/* The physical order that the graph declares for a tensor, outermost first; looks through inlined
 * element-wise producers and transposes. */
void declared_order(const Tensor *tensor, uint8_t order[MAX_RANK]);
/* The innermost axis of that order whose size is not 1; -1 when there is none. */
int declared_innermost(const Tensor *tensor);

void reduction_init(Reduction *r, Lower *lw, const Tensor *x, const bool *reduced);
/* Opens the loops over kept axes; work: operations per element of x, over all inner loops. */
void reduction_open(Reduction *r, double work);
void reduction_close(Reduction *r);
/* Opens and closes the loops over reduced axes; `vector` is false when the body is not made of
 * independent iterations and reductions that vectors know. */
void reduction_each(Reduction *r, bool vector);
void reduction_each_end(Reduction *r);
/* An accumulator, declared between reduction_open and reduction_each. */
Cell *reduction_cell(Reduction *r, const char *name, InstOp op, Inst *initial);
/* Elements reduced into one, as a value of dtype, at least `least`. */
Inst *reduction_count(Reduction *r, DType dtype, int least);
/* x at the current coordinates. */
Inst *reduction_load(Reduction *r);

/* cell = cell op value. */
void cell_update(Lower *lw, Cell *cell, InstOp op, Inst *value);
/* a * c + plus, fused where the target has it; floats or integers. */
Inst *lower_fma(Lower *lw, Inst *a, Inst *c, Inst *plus);
/* The largest (smallest) of the reduced elements, as a value of type; a NaN among them wins. Runs the
 * inner loops. */
Inst *reduction_extreme(Reduction *r, DType type, bool largest);
/* The neutral element of MIN and MAX of dtype: the largest, or the smallest, value. */
Inst *lower_extreme(Lower *lw, DType dtype, bool largest);

#endif
