/* Conversions of narrow types, after the tables in ONNX's text of Cast.
 *
 * A small float has the layout of an f32 with fewer bits: shifted into place, its exponent is wrong by a
 * constant. Both ways numbers below the smallest normal one go through an addition or a product of floats
 * that are normal themselves, since some hardware takes long for others. */
#include "passes/lower/frame/narrow.h"
#include "passes/lower/frame/scalar.h"

#include <math.h>

/* Codes are without the sign. */
typedef struct Format {
    int mantissa, bias;
    int most;      /* the largest finite number */
    int over, nan; /* what stands for larger ones that do not saturate, and for a NaN */
    int sign;      /* the sign's bit */
    bool one_zero; /* the code of a negative zero is the NaN, and the only one */
} Format;

static Format format_of(DType type)
{
    switch (type) {
    case DT_F8E4M3FN: return (Format){3, 7, 0x7e, 0x7f, 0x7f, 0x80, false};
    case DT_F8E4M3FNUZ: return (Format){3, 8, 0x7f, 0x80, 0x80, 0x80, true};
    case DT_F8E5M2: return (Format){2, 15, 0x7b, 0x7c, 0x7e, 0x80, false};
    case DT_F8E5M2FNUZ: return (Format){2, 16, 0x7f, 0x80, 0x80, 0x80, true};
    default: return (Format){1, 1, 7, 7, 0, 8, false}; /* f4e2m1 has a NaN become zero */
    }
}

static Inst *word(Builder *b, uint32_t value)
{
    return kb_int(b, DT_U32, (int64_t)value);
}

static Inst *with(Builder *b, InstOp op, Inst *a, uint32_t value)
{
    return kb_op(b, op, a, word(b, value));
}

/* ---- From codes ---- */

static Inst *number_of_e8m0(Builder *b, Inst *code)
{
    Inst *bits = with(b, LI_SHL, code, 23);
    bits = kb_select(b, with(b, LI_EQ, code, 0), word(b, 0x00400000), bits);
    bits = kb_select(b, with(b, LI_EQ, code, 0xff), word(b, 0x7fc00000), bits);
    return kb_bitcast(b, DT_F32, bits);
}

/* The magnitudes that are infinities or NaNs; NULL: there are none. */
static Inst *special_bits(Builder *b, DType type, Inst *size, Inst *wide, Inst **bits)
{
    *bits = word(b, 0x7fc00000);
    if (type == DT_F8E4M3FN) return with(b, LI_EQ, size, 0x7f);
    if (type != DT_F8E5M2) return NULL;
    *bits = with(b, LI_OR, wide, 0x7f800000);
    return with(b, LI_GE, size, 0x7c);
}

Inst *narrow_number_of(Builder *b, DType dtype, Inst *x)
{
    if (!dtype_is_code(dtype)) return x;
    Inst *code = kb_cast(b, DT_U32, x), *special_as;
    if (dtype == DT_F8E8M0) return number_of_e8m0(b, code);
    Format f = format_of(dtype);
    Inst *size = with(b, LI_AND, code, (uint32_t)f.sign - 1);
    Inst *sign = with(b, LI_AND, code, (uint32_t)f.sign);
    sign = with(b, LI_SHL, sign, f.sign == 0x80 ? 24 : 28);
    Inst *wide = with(b, LI_SHL, size, (uint32_t)(23 - f.mantissa));
    Inst *bits = with(b, LI_ADD, wide, (uint32_t)(127 - f.bias) << 23);
    /* Below the smallest normal number the size counts the smallest one. It is small: signed, for vectors. */
    Inst *tiny = kb_cast(b, DT_F32, kb_bitcast(b, DT_I32, size));
    tiny = kb_mul(b, tiny, kb_float(b, DT_F32, ldexp(1, 1 - f.bias - f.mantissa)));
    Inst *is_tiny = with(b, LI_LT, size, 1u << f.mantissa);
    bits = kb_select(b, is_tiny, kb_bitcast(b, DT_U32, tiny), bits);
    Inst *special = special_bits(b, dtype, size, wide, &special_as);
    if (special) bits = kb_select(b, special, special_as, bits);
    bits = kb_op(b, LI_OR, bits, sign);
    if (f.one_zero)
        bits = kb_select(b, with(b, LI_EQ, code, (uint32_t)f.sign), word(b, 0x7fc00000), bits);
    return kb_bitcast(b, DT_F32, bits);
}

/* ---- To codes ---- */

/* f64 to f32 so that rounding once more is as rounding once: cut off, and odd where something was. */
static Inst *rounded_to_odd(Builder *b, Inst *value)
{
    Inst *single = kb_cast(b, DT_F32, value), *back = kb_cast(b, DT_F64, single);
    Inst *bits = kb_bitcast(b, DT_U32, single);
    Inst *after = kb_op1(b, LI_ABS, back), *before = kb_op1(b, LI_ABS, value);
    Inst *grew = kb_op(b, LI_GT, after, before);
    Inst *cut = kb_select(b, grew, with(b, LI_SUB, bits, 1), bits);
    Inst *inexact = kb_op(b, LI_NE, back, value);
    return kb_bitcast(b, DT_F32, kb_select(b, inexact, with(b, LI_OR, cut, 1), cut));
}

/* Powers of two: the exponent, and one more when what is added to the mantissa carries. Numbers below the
 * smallest normal one of f32 have their leading bit, 2^-127, in the mantissa. Negative numbers have no
 * meaning; here the sign is dropped. */
static Inst *code_of_e8m0(Builder *b, Inst *size, Narrowing how)
{
    static const uint32_t add[] = {[ROUND_UP] = 0x7fffff, [ROUND_NEAREST] = 0x400000};
    static const uint32_t tiny[] = {[ROUND_UP] = 0x3fffff, [ROUND_NEAREST] = 0x200000};
    Inst *step = word(b, how.round == ROUND_DOWN ? 0 : add[how.round]);
    Inst *step_tiny = word(b, how.round == ROUND_DOWN ? 0 : tiny[how.round]);
    step = kb_select(b, with(b, LI_LT, size, 0x00800000), step_tiny, step);
    Inst *code = with(b, LI_SHR, kb_add(b, size, step), 23);
    if (how.saturate) {
        code = with(b, LI_MIN, code, 0xfe);
        return kb_select(b, with(b, LI_GT, size, 0x7f800000), word(b, 0xff), code);
    }
    Inst *below = with(b, LI_LT, size, 0x00400000); /* 2^-127 */
    Inst *above = with(b, LI_GT, size, 0x7f000000); /* 2^127 */
    Inst *outside = kb_op(b, LI_OR, below, above);
    return kb_select(b, outside, word(b, 0xff), code);
}

/* The size as a code without sign, before it is limited: infinities and NaNs give large numbers. */
static Inst *rounded_code(Builder *b, Format f, Inst *size)
{
    uint32_t drop = (uint32_t)(23 - f.mantissa);
    Inst *odd = with(b, LI_AND, with(b, LI_SHR, size, drop), 1);
    Inst *normal = with(b, LI_ADD, kb_add(b, size, odd), (1u << (drop - 1)) - 1);
    normal = with(b, LI_SHR, normal, drop);
    normal = with(b, LI_SUB, normal, (uint32_t)(127 - f.bias) << f.mantissa);
    /* Added to a number whose last bit is the smallest code, the hardware rounds to a multiple of it. */
    float magic = ldexpf(1, 24 - f.bias - f.mantissa);
    Inst *large = kb_float(b, DT_F32, (double)magic);
    Inst *sum = kb_bitcast(b, DT_U32, kb_add(b, kb_bitcast(b, DT_F32, size), large));
    Inst *tiny = kb_op(b, LI_SUB, sum, kb_bitcast(b, DT_U32, large));
    return kb_select(b, with(b, LI_LT, size, (uint32_t)(128 - f.bias) << 23), tiny, normal);
}

Inst *narrow_code_of(Builder *b, DType to, Inst *value, Narrowing how)
{
    if (value->type.dtype == DT_F64 && to != DT_F8E8M0) value = rounded_to_odd(b, value);
    Inst *bits = kb_bitcast(b, DT_U32, kb_cast(b, DT_F32, value));
    Inst *size = with(b, LI_AND, bits, 0x7fffffff);
    if (to == DT_F8E8M0) return kb_cast(b, DT_U8, code_of_e8m0(b, size, how));
    Format f = format_of(to);
    Inst *sign = with(b, LI_SHR, bits, f.sign == 0x80 ? 24 : 28);
    sign = with(b, LI_AND, sign, (uint32_t)f.sign);
    Inst *code = rounded_code(b, f, size);
    Inst *over = with(b, LI_GT, code, (uint32_t)f.most);
    uint32_t instead = how.saturate || to == DT_F4E2M1 ? (uint32_t)f.most : (uint32_t)f.over;
    code = kb_select(b, over, word(b, instead), code);
    Inst *nan = with(b, LI_GT, size, 0x7f800000);
    code = kb_select(b, nan, word(b, (uint32_t)f.nan), code);
    if (f.one_zero) /* neither zero nor the NaN has a sign */
        sign = kb_select(b, with(b, LI_EQ, with(b, LI_AND, code, 0x7f), 0), word(b, 0), sign);
    if (to == DT_F4E2M1) sign = kb_select(b, nan, word(b, (uint32_t)f.sign), sign);
    return kb_cast(b, DT_U8, kb_op(b, LI_OR, code, sign));
}

/* ---- Integers ---- */

Inst *narrow_wrap(Builder *b, DType to, Inst *value)
{
    int64_t sign = 1 << (dtype_bits(to) - 1);
    Inst *low = kb_op(b, LI_AND, kb_cast(b, DT_U8, value), kb_int(b, DT_U8, 2 * sign - 1));
    if (dtype_held(to) == DT_U8) return low;
    low = kb_op(b, LI_XOR, low, kb_int(b, DT_U8, sign));
    return kb_bitcast(b, DT_I8, kb_op(b, LI_SUB, low, kb_int(b, DT_U8, sign)));
}

Inst *narrow_int_of(Builder *b, DType to, Inst *value)
{
    if (dtype_is_float(value->type.dtype))
        value = scalar_to_int(b, DT_I32, kb_op1(b, LI_RINT, value));
    return narrow_wrap(b, to, value);
}
