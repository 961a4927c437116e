/* Which rules say what of an operator's shapes: the one place that sees all of them. */
#include "passes/shape/shape.h"

const ShapeRules shape_rules[OP_COUNT] = {
#define OP(id, name, since, ...) [OP_##id] = {.op = OP_##id, __VA_ARGS__},
#define SHAPE(rule)              .shape = shape_##rule,
#define CHECKS(rule)             .check = check_##rule,
#define MEASURED(rule, as, inputs)                                                                 \
    .measured = measured_##rule, .measured_as = as, .measured_in = inputs,
#define VALUES(rule, inputs) .values = values_##rule, .values_need = inputs,
#include "ir/ops.def"
};
