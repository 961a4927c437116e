/* Which rule lowers which operator: the one place that sees all rules. */
#include "passes/lower/rules.h"

const LowerRules lower_rules[OP_COUNT] = {
#define OP(id, name, since, ...) [OP_##id] = {.op = OP_##id, __VA_ARGS__},
#define LOWER(rule)              .lower = lower_##rule,
#define POINT(rule)              .point = point_##rule,
#define ROWS(rule)               .rows = rows_##rule,
#include "ir/ops.def"
};
