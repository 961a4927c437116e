/* The table of all lowering rules, made from ir/ops.def. Whoever lowers hands it to the frame
 * (Lower.rules); rules reach each other through the frame only. */
#ifndef LPC_PASSES_LOWER_RULES_H
#define LPC_PASSES_LOWER_RULES_H

#include "passes/lower/lower.h"

struct LowerRules {
    LowerRule *lower[OP_COUNT];
    PointRule *point[OP_COUNT]; /* point_none where the operator has none */
};

extern const LowerRules lower_rules;

#endif
