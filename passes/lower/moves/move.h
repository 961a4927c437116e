/* What the lowering rules of moving, gathering and sorting operators share. */
#ifndef LPC_PASSES_LOWER_MOVE_H
#define LPC_PASSES_LOWER_MOVE_H

#include "passes/lower/frame/lower.h"

/* What an emitted model returns (runtime/lpc_model.h, which compiler files do not include). */
enum { RUN_INDEX = 2, RUN_VALUE = 3 };

/* i limited to [0, n - 1]; 0 when n is 0. */
Inst *move_clamp(Builder *b, Inst *i, Inst *n);
/* An index tensor's element as i64: negative ones count from the end of n. */
Inst *move_wrap(Builder *b, Inst *i, Inst *n);
/* i mod n, never negative; n > 0. */
Inst *move_mod(Builder *b, Inst *i, Inst *n);
/* 0 <= i < n. */
Inst *move_inside(Builder *b, Inst *i, Inst *n);
/* Ends the kernel with `code` when i is not in [0, n - 1]. */
void move_check(Builder *b, Inst *i, Inst *n, int code);
/* Has the tensor no elements for sure? Then it must not be loaded from. */
bool move_is_empty(const Tensor *tensor);
/* Is the tensor stored and dense in row-major order, so that one flat index reaches everything? */
bool move_is_dense(Lower *lw, const Tensor *tensor);
/* A kernel that stores `from` into `to`, of the same sizes, without epilogue. */
void move_copy(Lower *lw, const char *suffix, const Tensor *from, const Tensor *to);
/* A kernel that fills `to` with one value. */
void move_fill(Lower *lw, const char *suffix, const Tensor *to, double value);
/* Combines an old and a new element as ScatterElements' reduction says. */
Inst *move_reduce(Builder *b, const char *reduction, Inst *old, Inst *value);

/* Emits a stable merge sort of the i64 indices in `items` [0, n). `before` emits whether element c
 * must come before element a. `spare` has the same size; max is the upper bound of n. */
typedef Inst *BeforeRule(Lower *lw, void *data, Inst *c, Inst *a);
void move_sort(Lower *lw, Param *items, Param *spare, Inst *n, int64_t max, BeforeRule *before,
               void *data);
/* a < c with a NaN above all numbers. */
Inst *move_less(Builder *b, Inst *a, Inst *c);

#endif
