/* Passes from loops to loops. Each rewrites every kernel of the program; main is left alone. They
 * return LPC_OK; nothing in them can fail on a verified program. */
#ifndef LPC_PASSES_LOOPS_PASSES_H
#define LPC_PASSES_LOOPS_PASSES_H

#include "ir/loops.h"

/* Replaces f32 EXP, EXPM1, LOG, LOG1P, TANH and ERF by straight-line polynomials in ordinary
 * instructions, and CASTs between bf16 and others by integer instructions, so that they vectorize
 * and give the same bits everywhere. Run before pass_vectorize. f64 is left to libm. */
int pass_expand_math(Program *program);

/* Rewrites every FOR of kind VECTOR into explicit vectors of vector_bits / 32 lanes (/ 64 when the
 * body computes 64-bit data) and what remains, or into a SERIAL loop where that cannot be done.
 * vector_bits <= 32: all become SERIAL. Keeps every element's operations and their rounding; only
 * reductions into cells change order. */
int pass_vectorize(Program *program, int vector_bits);

/* Folds what has become constant, removes common subexpressions within a block and what encloses
 * it, code whose value nobody uses, loops without iterations and branches that are never taken. */
int pass_cleanup(Program *program);

#endif
