/* Which rules graph passes ask of an operator: the one place that sees all of them. */
#include "passes/graph/rules.h"

const GraphRules graph_rules[OP_COUNT] = {
#define OP(id, name, since, ...) [OP_##id] = {.op = OP_##id, __VA_ARGS__},
#define BYPASS(rule)             .bypass = bypass_##rule,
#define SCALES(rule)             .scales = scales_##rule,
#include "ir/ops.def"
};
