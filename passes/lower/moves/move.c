/* Helpers of the rules that move elements. */
#include "passes/lower/moves/move.h"
#include "passes/lower/frame/scalar.h"

#include <string.h>

Inst *move_clamp(Builder *b, Inst *i, Inst *n)
{
    Inst *zero = kb_i64(b, 0);
    Inst *low = kb_op(b, LI_MIN, i, kb_addi(b, n, -1));
    return kb_op(b, LI_MAX, low, zero);
}

Inst *move_wrap(Builder *b, Inst *i, Inst *n)
{
    i = kb_cast(b, DT_I64, i);
    Inst *wrapped = kb_add(b, i, n);
    return kb_select(b, kb_op(b, LI_LT, i, kb_i64(b, 0)), wrapped, i);
}

Inst *move_mod(Builder *b, Inst *i, Inst *n)
{
    Inst *rest = kb_op(b, LI_REM, i, n);
    Inst *wrapped = kb_add(b, rest, n);
    return kb_select(b, kb_op(b, LI_LT, rest, kb_i64(b, 0)), wrapped, rest);
}

Inst *move_inside(Builder *b, Inst *i, Inst *n)
{
    Inst *below = kb_op(b, LI_LT, i, n);
    return kb_op(b, LI_AND, kb_op(b, LI_GE, i, kb_i64(b, 0)), below);
}

void move_check(Builder *b, Inst *i, Inst *n, int code)
{
    kb_if(b, kb_op1(b, LI_NOT, move_inside(b, i, n)));
    kb_fail(b, code);
    kb_end(b);
}

bool move_is_empty(const Tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++) {
        if (size_is(tensor->dims[i], 0)) return true;
    }
    return false;
}

bool move_is_dense(Lower *lw, const Tensor *tensor)
{
    if (tensor->is_inlined) return false;
    const Place *place = lower_place(lw, tensor);
    const Size *expect = size_const(lw->sizes, 1);
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (size_is(tensor->dims[i], 1)) continue;
        if (place->stride[i] != expect) return false;
        expect = size_mul(lw->sizes, expect, tensor->dims[i]);
    }
    return true;
}

void move_copy(Lower *lw, const char *suffix, const Tensor *from, const Tensor *to)
{
    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    lower_begin(lw, suffix);
    lower_order(lw, to, order);
    int loops = lower_nest(lw, to->rank, to->dims, order, true, 1, idx);
    lower_store_to(lw, to, idx, lower_load(lw, from, idx));
    lower_nest_end(lw, loops);
    lower_end(lw);
}

void move_fill(Lower *lw, const char *suffix, const Tensor *to, double value)
{
    Inst *idx[MAX_RANK] = {0};
    uint8_t order[MAX_RANK];
    lower_begin(lw, suffix);
    lower_order(lw, to, order);
    int loops = lower_nest(lw, to->rank, to->dims, order, true, 1, idx);
    lower_store_to(lw, to, idx, kb_const(&lw->b, lower_type(to->dtype), value));
    lower_nest_end(lw, loops);
    lower_end(lw);
}

Inst *move_reduce(Builder *b, const char *reduction, Inst *old, Inst *value)
{
    bool is_bool = old->type.dtype == DT_BOOL;
    if (!strcmp(reduction, "add")) return kb_op(b, is_bool ? LI_OR : LI_ADD, old, value);
    if (!strcmp(reduction, "mul")) return kb_op(b, is_bool ? LI_AND : LI_MUL, old, value);
    if (!strcmp(reduction, "max"))
        return is_bool ? kb_op(b, LI_OR, old, value) : scalar_extreme(b, true, old, value);
    if (!strcmp(reduction, "min"))
        return is_bool ? kb_op(b, LI_AND, old, value) : scalar_extreme(b, false, old, value);
    return value;
}
