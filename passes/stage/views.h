/* Views: operators whose outputs can lie in the memory of input 0 (column VIEW of ir/ops.def). */
#ifndef LPC_PASSES_STAGE_VIEWS_H
#define LPC_PASSES_STAGE_VIEWS_H

#include "passes/lower/frame/lower.h"

/* Output k of a node whose input 0 lies at `from`. `place` starts as a copy of `from`; the rule sets
 * its offset and the strides of the output's axes. False: no strides can say it. */
typedef bool ViewRule(Lower *lw, const Node *node, int k, const Place *from, Place *place);

#define OP(id, name, since, ...) __VA_ARGS__
#define VIEW(rule)               ViewRule view_##rule;
#include "ir/ops.def"

typedef struct ViewRules {
    OpCode op;
    ViewRule *view; /* NULL: the outputs have memory of their own */
} ViewRules;

extern const ViewRules view_rules[OP_COUNT];

#endif
