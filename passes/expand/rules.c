/* Which rule writes an operator out, or its gradient: the one place that sees all of them. */
#include "passes/expand/expand.h"

const ExpandRules expand_rules[OP_COUNT] = {
#define OP(id, name, since, ...) [OP_##id] = {.op = OP_##id, __VA_ARGS__},
#define EXPAND(rule)             .expand = expand_##rule,
#define GRADIENT(rule)           .gradient = gradient_##rule,
#include "ir/ops.def"
};
