/* Proves that conversions of floating point to integers stay within the integer's range.
 *
 * CAST of a NaN, or of a number outside the type's range, has no value that backends agree on: C calls
 * it undefined, LLVM poison. So lowering limits a value before it converts it, and here that is
 * proved, from the instructions that made the value: an interval for each, and whether it can be a
 * NaN. What a limit proves does not depend on what is limited, so the walk ends soon. */
#include "ir/loops.h"

#include <math.h>

enum { MAX_STEPS = 12 }; /* instructions above the conversion that are looked at */

typedef struct Bounds {
    double low, high;
    bool nan;
} Bounds;

static const Bounds anything = {-INFINITY, INFINITY, true};

static Bounds bounds_of(const Inst *inst, int steps);

static const Inst *scalar_of(const Inst *inst)
{
    return inst->op == LI_SPLAT ? inst->arg[0] : inst;
}

static bool same_value(const Inst *a, const Inst *c)
{
    return a == c || scalar_of(a) == scalar_of(c);
}

static bool is_number(const Inst *inst, double *number)
{
    inst = scalar_of(inst);
    *number = inst->number;
    return inst->op == LI_FLT && !isnan(inst->number);
}

static Bounds hull(Bounds a, Bounds c)
{
    return (Bounds){fmin(a.low, c.low), fmax(a.high, c.high), a.nan || c.nan};
}

/* a < c ? a : c, which is c where one of them is a NaN. */
static Bounds bounds_min(Bounds a, Bounds c)
{
    return (Bounds){fmin(a.low, c.low), a.nan ? c.high : fmin(a.high, c.high), c.nan};
}

static Bounds bounds_max(Bounds a, Bounds c)
{
    return (Bounds){a.nan ? c.low : fmax(a.low, c.low), fmax(a.high, c.high), c.nan};
}

/* x's bounds where `x op number` holds, or where it does not. */
static Bounds bounds_where(Bounds x, InstOp op, double number, bool holds)
{
    bool below = op == LI_LT || op == LI_LE;
    if (holds) x.nan = false;
    if (below == holds)
        x.high = fmin(x.high, number);
    else
        x.low = fmax(x.low, number);
    return x;
}

static InstOp mirrored(InstOp op)
{
    switch (op) {
    case LI_LT: return LI_GT;
    case LI_LE: return LI_GE;
    case LI_GT: return LI_LT;
    default: return LI_LE;
    }
}

/* One branch of a SELECT, with what its condition says of the value. */
static Bounds bounds_branch(const Inst *cond, const Inst *value, bool holds, int steps)
{
    double number;
    Bounds x = bounds_of(value, steps);
    bool order = cond->op >= LI_LT && cond->op <= LI_GE;
    if ((cond->op == LI_NE || cond->op == LI_EQ) && same_value(cond->arg[0], cond->arg[1]) &&
        same_value(cond->arg[0], value))
        x.nan = x.nan && (cond->op == LI_NE) == holds;
    if (order && same_value(cond->arg[0], value) && is_number(cond->arg[1], &number))
        return bounds_where(x, cond->op, number, holds);
    if (order && same_value(cond->arg[1], value) && is_number(cond->arg[0], &number))
        return bounds_where(x, mirrored(cond->op), number, holds);
    return x;
}

static Bounds bounds_rounded(InstOp op, Bounds x)
{
    double (*round)(double) = op == LI_FLOOR  ? floor
                              : op == LI_CEIL ? ceil
                              : op == LI_RINT ? rint
                                              : trunc;
    return (Bounds){round(x.low), round(x.high), x.nan};
}

static Bounds bounds_cast(const Inst *inst, int steps)
{
    DType from = inst->arg[0]->type.dtype;
    if (from == DT_BOOL) return (Bounds){0, 1, false};
    if (!dtype_is_float(from)) {
        double high = from == DT_U64 ? 18446744073709551615.0 : (double)dtype_max(from);
        return (Bounds){(double)dtype_min(from), high, false};
    }
    Bounds x = bounds_of(inst->arg[0], steps);
    if (inst->type.dtype == DT_F64 || from == inst->type.dtype) return x;
    return (Bounds){(double)(float)x.low, (double)(float)x.high, x.nan};
}

/* Sums of finite bounds; rounding may pass them by little, which a step outwards covers. */
static Bounds bounds_sum(Bounds a, Bounds c)
{
    Bounds sum = {a.low + c.low, a.high + c.high, a.nan || c.nan};
    if (!isfinite(sum.low) || !isfinite(sum.high)) return anything;
    sum.low -= fabs(sum.low) * 0x1p-23;
    sum.high += fabs(sum.high) * 0x1p-23;
    return sum;
}

static Bounds bounds_of(const Inst *inst, int steps)
{
    double number;
    if (is_number(inst, &number)) return (Bounds){number, number, false};
    if (!steps--) return anything;
    const Inst *const *arg = (const Inst *const *)inst->arg;
    switch (inst->op) {
    case LI_SPLAT:
    case LI_LANE: return bounds_of(arg[0], steps);
    case LI_MIN: return bounds_min(bounds_of(arg[0], steps), bounds_of(arg[1], steps));
    case LI_MAX: return bounds_max(bounds_of(arg[0], steps), bounds_of(arg[1], steps));
    case LI_SELECT:
        return hull(bounds_branch(scalar_of(arg[0]), arg[1], true, steps),
                    bounds_branch(scalar_of(arg[0]), arg[2], false, steps));
    case LI_FLOOR:
    case LI_CEIL:
    case LI_RINT:
    case LI_TRUNC: return bounds_rounded(inst->op, bounds_of(arg[0], steps));
    case LI_CAST: return bounds_cast(inst, steps);
    case LI_ADD: return bounds_sum(bounds_of(arg[0], steps), bounds_of(arg[1], steps));
    default: return anything;
    }
}

/* The result of truncating is in range from just above low - 1 to just below high + 1; with numbers that
 * a double holds, [low, high + 1) is what is asked for. */
static bool is_defined(const Inst *cast)
{
    DType to = cast->type.dtype;
    Bounds x = bounds_of(cast->arg[0], MAX_STEPS);
    double above = to == DT_U64 ? 0x1p64 : to == DT_I64 ? 0x1p63 : (double)dtype_max(to) + 1;
    return !x.nan && x.low >= (double)dtype_min(to) && x.high < above;
}

static int check_block(const Kernel *kernel, const Block *block, Diag *diag)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        bool converts = inst->op == LI_CAST && dtype_is_float(inst->arg[0]->type.dtype) &&
                        dtype_is_int(inst->type.dtype);
        if (converts && !is_defined(inst))
            return diag_error(diag, "kernel '%s': %%%d (cast): not proved to be within %s",
                              kernel->name, inst->id, dtype_name(inst->type.dtype));
        TRY(check_block(kernel, &inst->body, diag));
        TRY(check_block(kernel, &inst->els, diag));
    }
    return LPC_OK;
}

int loops_verify_casts(const Program *program, Diag *diag)
{
    for (int i = 0; i < program->kernel_count; i++)
        TRY(check_block(program->kernels[i], &program->kernels[i]->body, diag));
    return LPC_OK;
}
