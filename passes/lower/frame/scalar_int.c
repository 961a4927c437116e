/* The types that values are computed in, constants of them, and floats to integers. */
#include "passes/lower/frame/scalar.h"

DType lower_type(DType dtype)
{
    return dtype == DT_F16 || dtype == DT_BF16 ? DT_F32 : dtype_held(dtype);
}

Inst *scalar_like(Builder *b, const Inst *like, double value)
{
    return kb_const(b, like->type.dtype, value);
}

Inst *scalar_clamp(Builder *b, Inst *x, double low, double high)
{
    Inst *lo = scalar_like(b, x, low), *hi = scalar_like(b, x, high);
    x = kb_select(b, kb_op(b, LI_LT, x, lo), lo, x);
    return kb_select(b, kb_op(b, LI_GT, x, hi), hi, x);
}

/* Float to integer: values outside the type's range saturate, NaN becomes 0, so that backends and
 * devices agree. */
Inst *scalar_to_int(Builder *b, DType to, Inst *x)
{
    DType from = x->type.dtype;
    if (!dtype_is_float(from) || !dtype_is_int(to)) return kb_cast(b, to, x);
    double low = (double)dtype_min(to), high = (double)dtype_max(to);
    if (to == DT_U64) high = 18446744073709549568.0;
    if (to == DT_I64) high = 9223372036854774784.0;
    if (from == DT_F32) {
        if (to == DT_U64) high = 18446742974197923840.0;
        if (to == DT_I64) high = 9223371487098961920.0;
        if (to == DT_I32) high = 2147483520.0;
        if (to == DT_U32) high = 4294967040.0;
    }
    Inst *clean = kb_select(b, kb_op(b, LI_NE, x, x), scalar_like(b, x, 0), x);
    Inst *value = kb_cast(b, to, scalar_clamp(b, clean, low, high));
    if (to == DT_I32 && from == DT_F32) {
        Inst *over = kb_op(b, LI_GE, x, scalar_like(b, x, 2147483648.0));
        value = kb_select(b, over, kb_int(b, DT_I32, INT32_MAX), value);
    }
    return value;
}

Inst *scalar_to_index(Builder *b, Inst *x)
{
    x = kb_op(b, LI_MAX, x, scalar_like(b, x, -0x1p40)); /* gives the limit for a NaN */
    return kb_cast(b, DT_I64, kb_op(b, LI_MIN, x, scalar_like(b, x, 0x1p40)));
}
