/* What a kernel costs, counted from its loops alone: the one definition of FLOPs and bytes for the
 * plan, the profile, manifests, the report and comments in emitted code.
 *
 * It is counted at the bounds: every size symbol has its largest value. Loops of scalars and
 * explicit vectors count the same, element by element; stages count kernels as they were lowered,
 * before loops passes.
 *
 * FLOPs. Arithmetic, comparisons and selections on elements count 1 each, FMA counts 2, DOT4 counts
 * 8, division and root count 1, a transcendental function counts LOOPS_COST_MATH, one of two
 * arguments LOOPS_COST_MATH2. Loads, stores, casts, constants and cells count nothing. Floats
 * always count; integers count where they are elements and not addresses: made of what was loaded,
 * and stored in the end.
 *
 * Loops count as often as they run; where that depends on the loops around them they are asked for
 * all values of those when they are few (256 in all), else for the first four, the last four, and
 * eight of what lies between. BREAK ends no loop. Of an IF that loops decide the branch that is taken
 * counts, of one that data decides the dearer one. A bound that data decides is the largest that the
 * code allows; where it allows any, the loop counts once.
 *
 * Bytes are the least that the kernel must move: each element of a buffer that is touched counts
 * once when it is read and once when it is written. For each access that is the number of its
 * different addresses, as far as loops tell them apart; for a parameter no more than the span of
 * them all, nor than its buffer. Arrays on the stack count nothing. */
#ifndef LPC_IR_LOOPS_COST_H
#define LPC_IR_LOOPS_COST_H

#include "ir/loops.h"

enum { LOOPS_COST_MATH = 20, LOOPS_COST_MATH2 = 40 };

/* One run of a kernel. most[i]: bytes of the buffer behind params[i], < 0 or `most` NULL: not
 * known. */
KernelCost loops_cost(const Kernel *kernel, const int64_t *most);

/* Gives every kernel its cost in one run of the program: of all calls of it, each as often as it
 * runs at the bounds (MainStep). */
void loops_count(Program *program);
/* The sum of them. */
KernelCost loops_total(const Program *program);

#endif
