/* Numbers to strings: integers in decimal, floating point in at most 8 digits as printf's %.8g has it, which
 * is what ONNX Runtime writes; NaN, INF and -INF. */
#include "passes/lower/strings/cast.h"
#include "passes/lower/strings/decimal.h"
#include "passes/lower/strings/writer.h"

#include "passes/lower/frame/scalar.h"

#include <math.h>

enum { DIGITS = 8 };

/* ---- Integers ---- */

static void put_integer(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    Inst *value = kb_cast(b, DT_U64, x);
    if (dtype_is_signed(x->type.dtype)) {
        Inst *wide = kb_cast(b, DT_I64, x), *below = kb_op(b, LI_LT, wide, kb_i64(b, 0));
        value = kb_cast(b, DT_U64, kb_select(b, below, kb_op1(b, LI_NEG, wide), wide));
        kb_if(b, below);
        writer_char(o, '-');
        kb_end(b);
    }
    writer_digits(o, value, writer_count_digits(b, value));
}

/* ---- Floating point ---- */

/* digits of them, without zeros at the end, are the number mantissa; the first one counts 10^exponent. */
typedef struct Decimal {
    Inst *mantissa, *digits, *exponent;
} Decimal;

static Inst *power_of_ten(Lower *lw, Inst *k)
{
    int64_t *powers = arena_array(lw->arena, DIGITS + 1, sizeof *powers);
    powers[0] = 1;
    for (int i = 1; i <= DIGITS; i++) powers[i] = powers[i - 1] * 10;
    return kb_load(&lw->b, str_table(lw, "whole_tens", DT_I64, DIGITS + 1, powers), k);
}

/* x * 10^(7 - exponent) to the nearest whole number, to an even one in the middle of two. */
static Inst *round_scaled(Lower *lw, Inst *x, Inst *exponent)
{
    Builder *b = &lw->b;
    Sum sum = {x, kb_float(b, DT_F64, 0)};
    sum = decimal_scale(lw, sum, kb_sub(b, kb_i64(b, DIGITS - 1), exponent));
    Inst *near = kb_op1(b, LI_RINT, sum.high), *half = kb_float(b, DT_F64, 0.5);
    Inst *off = kb_add(b, kb_sub(b, sum.high, near), sum.low), *one = kb_float(b, DT_F64, 1);
    Inst *above = kb_op(b, LI_GT, off, half);
    Inst *below = kb_op(b, LI_LT, off, kb_op1(b, LI_NEG, half));
    near = kb_select(b, above, kb_add(b, near, one), near);
    return scalar_to_index(b, kb_select(b, below, kb_sub(b, near, one), near));
}

static Decimal to_decimal(Lower *lw, Inst *x)
{
    Builder *b = &lw->b;
    Inst *exponent = decimal_exponent(lw, x), *whole = round_scaled(lw, x, exponent);
    Inst *over = kb_op(b, LI_GE, whole, kb_i64(b, 100000000));
    Cell *mantissa = str_cell(lw, "mantissa", 0), *digits = str_cell(lw, "digits", DIGITS);
    kb_set(b, mantissa, kb_select(b, over, kb_i64(b, 10000000), whole));
    Inst *ten = kb_i64(b, 10);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 1), kb_i64(b, DIGITS), 1);
    Inst *now = kb_get(b, mantissa);
    kb_if(b, kb_op(b, LI_NE, kb_op(b, LI_REM, now, ten), kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    kb_set(b, mantissa, kb_op(b, LI_DIV, now, ten));
    str_add(lw, digits, kb_i64(b, -1));
    kb_end(b);
    Inst *first = kb_add(b, exponent, kb_cast(b, DT_I64, over));
    Inst *value = kb_get(b, mantissa), *count = kb_get(b, digits);
    return (Decimal){value, count, first};
}

/* The digits with a point behind the first `before` of them, where there are more. */
static void put_pointed(Writer *o, const Decimal *d, Inst *before)
{
    Lower *lw = o->lw;
    Builder *b = &lw->b;
    Inst *after = kb_sub(b, d->digits, before), *cut = power_of_ten(lw, after);
    writer_digits(o, kb_op(b, LI_DIV, d->mantissa, cut), before);
    kb_if(b, kb_op(b, LI_GT, after, kb_i64(b, 0)));
    writer_char(o, '.');
    writer_digits(o, kb_op(b, LI_REM, d->mantissa, cut), after);
    kb_end(b);
}

static void put_scientific(Writer *o, const Decimal *d)
{
    Builder *b = &o->lw->b;
    put_pointed(o, d, kb_i64(b, 1));
    writer_char(o, 'e');
    Inst *below = kb_op(b, LI_LT, d->exponent, kb_i64(b, 0));
    writer_byte(o, kb_select(b, below, kb_i64(b, '-'), kb_i64(b, '+')));
    Inst *size = kb_op1(b, LI_ABS, d->exponent);
    Inst *three = kb_op(b, LI_GE, size, kb_i64(b, 100));
    writer_digits(o, size, kb_select(b, three, kb_i64(b, 3), kb_i64(b, 2)));
}

static void put_plain(Writer *o, const Decimal *d)
{
    Lower *lw = o->lw;
    Builder *b = &lw->b;
    Inst *whole = kb_addi(b, d->exponent, 1), *zeros = kb_sub(b, whole, d->digits);
    kb_if(b, kb_op(b, LI_LE, whole, kb_i64(b, 0)));
    writer_word(o, "0.");
    writer_digits(o, kb_i64(b, 0), kb_op1(b, LI_NEG, whole));
    writer_digits(o, d->mantissa, d->digits);
    kb_else(b);
    kb_if(b, kb_op(b, LI_GE, zeros, kb_i64(b, 0)));
    writer_digits(o, kb_mul(b, d->mantissa, power_of_ten(lw, zeros)), whole);
    kb_else(b);
    put_pointed(o, d, whole);
    kb_end(b);
    kb_end(b);
}

static void put_finite(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    kb_if(b, kb_op(b, LI_EQ, x, kb_float(b, DT_F64, 0)));
    writer_char(o, '0');
    kb_else(b);
    Decimal d = to_decimal(o->lw, x);
    Inst *small = kb_op(b, LI_LT, d.exponent, kb_i64(b, -4));
    kb_if(b, kb_op(b, LI_OR, small, kb_op(b, LI_GE, d.exponent, kb_i64(b, DIGITS))));
    put_scientific(o, &d);
    kb_else(b);
    put_plain(o, &d);
    kb_end(b);
    kb_end(b);
}

static void put_float(Writer *o, Inst *x)
{
    Builder *b = &o->lw->b;
    Inst *wide = kb_cast(b, DT_F64, x), *size = kb_op1(b, LI_ABS, wide);
    kb_if(b, kb_op(b, LI_NE, wide, wide));
    writer_word(o, "NaN");
    kb_else(b);
    kb_if(b, kb_op(b, LI_LT, kb_bitcast(b, DT_I64, wide), kb_i64(b, 0)));
    writer_char(o, '-');
    kb_end(b);
    kb_if(b, kb_op(b, LI_EQ, size, kb_float(b, DT_F64, INFINITY)));
    writer_word(o, "INF");
    kb_else(b);
    put_finite(o, size);
    kb_end(b);
    kb_end(b);
}

void cast_format(Lower *lw, Str to, Inst *x)
{
    Writer o = writer_begin(lw, to);
    if (dtype_is_float(x->type.dtype))
        put_float(&o, x);
    else
        put_integer(&o, x);
    writer_end(&o);
}
