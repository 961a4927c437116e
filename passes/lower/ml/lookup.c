/* lpc.Lookup: the value that belongs to a key, by bisection without branches. */
#include "passes/lower/frame/lower.h"

#include "passes/lower/frame/scalar.h"

/* Of several candidates from `first` on, the half in which the last key <= x is, until one is left. */
static Inst *last_not_above(Lower *lw, const Tensor *keys, Inst *x, int64_t count)
{
    Builder *b = &lw->b;
    Inst *first = kb_i64(b, 0);
    while (count > 1) {
        int64_t half = count / 2;
        Inst *middle = kb_addi(b, first, half);
        Inst *not_above = kb_op(b, LI_LE, lower_load(lw, keys, &middle), x);
        first = kb_select(b, not_above, middle, first);
        count -= half;
    }
    return first;
}

Inst *point_ml_lookup(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *keys = node->in[1], *values = node->in[2];
    Builder *b = &lw->b;
    int64_t count = tensor_static_elements(keys);
    Inst *x = lower_load(lw, node->in[0], idx), *none = kb_i64(b, count), *at = none;
    (void)output;
    if (count > 0) {
        Inst *nearest = last_not_above(lw, keys, x, count);
        Inst *found = kb_op(b, LI_EQ, lower_load(lw, keys, &nearest), x);
        at = kb_select(b, found, nearest, none);
    }
    if (dtype_is_float(x->type.dtype))
        at = kb_select(b, scalar_is_nan(b, x), kb_i64(b, count + 1), at);
    return lower_load(lw, values, &at);
}
