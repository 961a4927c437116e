/* The table of all lowering rules, made from ir/ops.def. Whoever lowers hands it to the frame
 * (Lower.rules); rules reach each other through the frame only. */
#ifndef LPC_PASSES_LOWER_RULES_H
#define LPC_PASSES_LOWER_RULES_H

#include "passes/lower/frame/lower.h"

extern const LowerRules lower_rules[OP_COUNT];

#endif
