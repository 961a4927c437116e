/* Intervals of the values in loops: what a size, an index or a condition can be where loop
 * variables are known, or known to lie in an interval. Used to count costs. */
#ifndef LPC_IR_LOOPS_RANGE_H
#define LPC_IR_LOOPS_RANGE_H

#include "ir/loops.h"

typedef struct Range {
    double lo, hi; /* both ends included; infinite where nothing is known */
} Range;

static inline Range range_at(double value)
{
    return (Range){value, value};
}

static inline bool range_is_exact(Range r)
{
    return r.lo == r.hi;
}

/* The value of a constant, of an operation on values (by id, of its operands), or of anything else:
 * all that its type holds. Symbols have the values given. A FOR's variable is for the caller. */
Range range_of(const Inst *inst, const Range *values, const int64_t *symbols);

#endif
