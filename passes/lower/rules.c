/* Which rule lowers which operator: the one place that sees all rules. */
#include "passes/lower/rules.h"

const LowerRules lower_rules = {
    .lower =
        {
#define OP(id, name, since, in_min, in_max, out_min, out_max, traits, shape, point, lower, attrs)  \
    lower_##lower,
#include "ir/ops.def"
#undef OP
        },
    .point =
        {
#define OP(id, name, since, in_min, in_max, out_min, out_max, traits, shape, point, lower, attrs)  \
    point_##point,
#include "ir/ops.def"
#undef OP
        },
};

int lower_none(Lower *lw, Node *node)
{
    return diag_node(lw->diag, &node->origin, "operator cannot be compiled");
}

Inst *point_none(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    (void)node, (void)output, (void)idx;
    return kb_i64(&lw->b, 0);
}
