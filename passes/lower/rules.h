/* The table of all lowering rules, made from ir/ops.def. Whoever lowers hands it to the frame
 * (Lower.rules); rules reach each other through the frame only. */
#ifndef LPC_PASSES_LOWER_RULES_H
#define LPC_PASSES_LOWER_RULES_H

#include "passes/lower/lower.h"

struct LowerRules {
    OpCode op;
    LowerRule *lower; /* NULL: the operator cannot be compiled */
    PointRule *point; /* NULL: it has none */
};

extern const LowerRules lower_rules[OP_COUNT];

#endif
