/* Interval arithmetic on the values of loops, for scalars. */
#include "ir/loops_range.h"

#include <math.h>

static Range everything(DType type)
{
    if (type == DT_BOOL) return (Range){0, 1};
    if (dtype_is_int(type) && dtype_size(type) <= 4)
        return (Range){(double)dtype_min(type), (double)dtype_max(type)};
    return (Range){-INFINITY, INFINITY};
}

static Range hull4(double a, double b, double c, double d)
{
    return (Range){fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d))};
}

static double times(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b; /* 0 times what is not known is 0 */
}

static Range multiplied(Range a, Range b)
{
    return hull4(times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi));
}

static double quotient(double a, double b, bool whole)
{
    if (isinf(a) && isinf(b)) return a > 0 ? INFINITY : -INFINITY;
    return whole ? trunc(a / b) : a / b;
}

static Range divided(Range a, Range b, DType type)
{
    if (b.lo <= 0 && b.hi >= 0) return everything(type);
    bool whole = dtype_is_int(type);
    return hull4(quotient(a.lo, b.lo, whole), quotient(a.lo, b.hi, whole),
                 quotient(a.hi, b.lo, whole), quotient(a.hi, b.hi, whole));
}

static Range remainder_of(Range a, Range b, DType type)
{
    if (b.lo <= 0 || !dtype_is_int(type)) return everything(type);
    if (range_is_exact(a) && range_is_exact(b)) return range_at(fmod(a.lo, b.lo));
    if (a.lo >= 0 && a.hi < b.lo) return a;
    return (Range){a.lo < 0 ? 1 - b.hi : 0, a.hi > 0 ? fmin(a.hi, b.hi - 1) : 0};
}

/* Of values of at most 2^53; others are not known. */
static Range bits(InstOp op, Range a, Range b, DType type)
{
    const double most = 0x1p53;
    bool small = range_is_exact(a) && range_is_exact(b) && fabs(a.lo) < most && fabs(b.lo) < most;
    if (small && op <= LI_XOR) {
        int64_t x = (int64_t)a.lo, y = (int64_t)b.lo;
        return range_at((double)(op == LI_AND ? x & y : op == LI_OR ? x | y : x ^ y));
    }
    if (op == LI_AND && type == DT_BOOL) return (Range){a.lo * b.lo, a.hi * b.hi};
    if (op == LI_OR && type == DT_BOOL) return (Range){fmax(a.lo, b.lo), fmax(a.hi, b.hi)};
    if (op == LI_AND && (a.lo >= 0 || b.lo >= 0))
        return (Range){0, a.lo < 0 ? b.hi : b.lo < 0 ? a.hi : fmin(a.hi, b.hi)};
    if (!range_is_exact(b) || b.lo < 0 || b.lo > 62) return everything(type);
    if (op == LI_SHL) return multiplied(a, range_at(exp2(b.lo)));
    if (op == LI_SHR) return (Range){floor(a.lo / exp2(b.lo)), floor(a.hi / exp2(b.lo))};
    return everything(type);
}

static Range decided(bool is, bool can)
{
    return (Range){is, is || can};
}

static Range compared(InstOp op, Range a, Range b)
{
    bool apart = a.hi < b.lo || a.lo > b.hi,
         same = range_is_exact(a) && range_is_exact(b) && !apart;
    switch (op) {
    case LI_EQ: return decided(same, !apart);
    case LI_NE: return decided(apart, !same);
    case LI_LT: return decided(a.hi < b.lo, a.lo < b.hi);
    case LI_LE: return decided(a.hi <= b.lo, a.lo <= b.hi);
    case LI_GT: return decided(a.lo > b.hi, a.hi > b.lo);
    default: return decided(a.lo >= b.hi, a.hi >= b.lo);
    }
}

static Range absolute(Range a)
{
    if (a.lo >= 0) return a;
    if (a.hi <= 0) return (Range){-a.hi, -a.lo};
    return (Range){0, fmax(-a.lo, a.hi)};
}

static Range unary(InstOp op, Range a, DType type)
{
    switch (op) {
    case LI_NEG: return (Range){-a.hi, -a.lo};
    case LI_ABS: return absolute(a);
    case LI_NOT:
        return type == DT_BOOL ? (Range){1 - a.hi, 1 - a.lo} : (Range){~0 - a.hi, ~0 - a.lo};
    case LI_SQRT: return a.lo >= 0 ? (Range){sqrt(a.lo), sqrt(a.hi)} : everything(type);
    case LI_FLOOR: return (Range){floor(a.lo), floor(a.hi)};
    case LI_CEIL: return (Range){ceil(a.lo), ceil(a.hi)};
    case LI_RINT: return (Range){rint(a.lo), rint(a.hi)};
    case LI_TRUNC: return (Range){trunc(a.lo), trunc(a.hi)};
    default: return everything(type);
    }
}

static Range cast(Range a, DType from, DType to)
{
    if (to == DT_BOOL) return decided(a.lo > 0 || a.hi < 0, a.lo != 0 || a.hi != 0);
    if (dtype_is_float(to)) return a;
    if (dtype_is_float(from)) a = (Range){trunc(a.lo), trunc(a.hi)};
    Range all = everything(to);
    return a.lo >= all.lo && a.hi <= all.hi ? a : all;
}

static Range binary(const Inst *inst, Range a, Range b)
{
    DType type = inst->type.dtype;
    switch (inst->op) {
    case LI_ADD: return (Range){a.lo + b.lo, a.hi + b.hi};
    case LI_SUB: return (Range){a.lo - b.hi, a.hi - b.lo};
    case LI_MUL: return multiplied(a, b);
    case LI_DIV: return divided(a, b, type);
    case LI_REM: return remainder_of(a, b, type);
    case LI_MIN: return (Range){fmin(a.lo, b.lo), fmin(a.hi, b.hi)};
    case LI_MAX: return (Range){fmax(a.lo, b.lo), fmax(a.hi, b.hi)};
    default: return bits(inst->op, a, b, type);
    }
}

static Range operation(const Inst *inst, const Range *values)
{
    Range a = values[inst->arg[0]->id];
    Range b = inst_args(inst->op) > 1 ? values[inst->arg[1]->id] : a;
    switch (inst_class(inst->op)) {
    case 'B': return binary(inst, a, b);
    case 'R': return compared(inst->op, a, b);
    case 'U': return unary(inst->op, a, inst->type.dtype);
    default: break;
    }
    if (inst->op == LI_CAST) return cast(a, inst->arg[0]->type.dtype, inst->type.dtype);
    if (inst->op == LI_SPLAT) return a;
    Range c = inst_args(inst->op) > 2 ? values[inst->arg[2]->id] : a;
    if (inst->op == LI_FMA) {
        Range product = multiplied(a, b);
        return (Range){product.lo + c.lo, product.hi + c.hi};
    }
    if (inst->op == LI_SELECT) {
        if (range_is_exact(a)) return a.lo != 0 ? b : c;
        return (Range){fmin(b.lo, c.lo), fmax(b.hi, c.hi)};
    }
    return everything(inst->type.dtype);
}

Range range_of(const Inst *inst, const Range *values, const int64_t *symbols)
{
    Range r = everything(inst->type.dtype);
    if (inst->op == LI_INT) return range_at((double)inst->value);
    if (inst->op == LI_FLT)
        r = range_at(inst->number);
    else if (inst->op == LI_SIZE)
        return range_at((double)size_eval(inst->size, symbols));
    else if (inst->arg[0] && inst_class(inst->op) != 'M' && inst_class(inst->op) != 'C')
        r = operation(inst, values);
    if (isnan(r.lo) || isnan(r.hi)) return everything(inst->type.dtype);
    return r;
}
