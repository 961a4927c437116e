/* See decimal.h. */
#include "passes/lower/strings/decimal.h"

#include <stdlib.h>

enum {
    HALF = (GREATEST_EXPONENT + 1) / 2 + 1, /* two powers make one that no double has */
    TABLE = 2 * HALF + 1,
    FIRST_POWER = -324, /* of all that doubles have */
    POWERS = 308 - FIRST_POWER + 1
};

/* ---- The table: 10^k = high + low, of whole numbers of many digits ---- */

enum { WORDS = 24 };

/* value * 10 or / 10 in place, as a number of 32-bit words, the lowest first. */
static void times_ten(uint32_t *value)
{
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)value[i] * 10;
        value[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void by_ten(uint32_t *value)
{
    uint64_t rest = 0;
    for (int i = WORDS - 1; i >= 0; i--) {
        rest = rest << 32 | value[i];
        value[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
}

static double power_of_two(int k)
{
    double value = 1;
    for (; k > 0; k--) value *= 2;
    for (; k < 0; k++) value /= 2;
    return value;
}

/* The value's bits from the highest one on as two doubles of 53; `scale` is what bit 0 counts. */
static void split(const uint32_t *value, int scale, double *high, double *low)
{
    int top = 32 * WORDS - 1;
    double parts[2] = {0, 0};
    while (top > 0 && !(value[top / 32] >> (top % 32) & 1)) top--;
    for (int i = 0; i < 106; i++) {
        int bit = top - i;
        unsigned set = bit < 0 ? 0 : value[bit / 32] >> (bit % 32) & 1;
        parts[i / 53] = parts[i / 53] * 2 + (double)set;
    }
    *high = parts[0] * power_of_two(top - 52 + scale);
    *low = parts[1] * power_of_two(top - 105 + scale);
}

/* Positive powers are whole; of negative ones 10^k * 2^(32 * (WORDS - 1)) is cut off, step by step, which
 * leaves some hundred bits that are right. */
static void make_table(double *high, double *low)
{
    uint32_t up[WORDS] = {1}, down[WORDS] = {0};
    enum { SHIFT = 32 * (WORDS - 1) };
    down[WORDS - 1] = 1;
    for (int k = 0; k <= HALF; k++) {
        split(up, 0, &high[HALF + k], &low[HALF + k]);
        if (k) split(down, -SHIFT, &high[HALF - k], &low[HALF - k]);
        times_ten(up);
        by_ten(down);
    }
}

/* ---- Products ---- */

static Sum times(Builder *b, Sum x, Inst *high, Inst *low)
{
    Inst *product = kb_mul(b, x.high, high);
    Inst *rest = kb_fma(b, x.high, high, kb_op1(b, LI_NEG, product));
    rest = kb_add(b, rest, kb_mul(b, x.high, low));
    return (Sum){product, kb_add(b, rest, kb_mul(b, x.low, high))};
}

Sum decimal_scale(Lower *lw, Sum x, Inst *k)
{
    Builder *b = &lw->b;
    double *high = arena_array(lw->arena, TABLE, sizeof *high);
    double *low = arena_array(lw->arena, TABLE, sizeof *low);
    make_table(high, low);
    Param *highs = str_table(lw, "tens", DT_F64, TABLE, high);
    Param *lows = str_table(lw, "tens_rest", DT_F64, TABLE, low);
    Inst *half = kb_op(b, LI_SHR, k, kb_i64(b, 1)), *other = kb_sub(b, k, half);
    Inst *one = kb_addi(b, half, HALF), *two = kb_addi(b, other, HALF);
    Inst *one_high = kb_load(b, highs, one), *one_low = kb_load(b, lows, one);
    x = times(b, x, one_high, one_low);
    Inst *two_high = kb_load(b, highs, two), *two_low = kb_load(b, lows, two);
    return times(b, x, two_high, two_low);
}

Inst *decimal_exponent(Lower *lw, Inst *x)
{
    Builder *b = &lw->b;
    double *powers = arena_array(lw->arena, POWERS, sizeof *powers);
    for (int i = 0; i < POWERS; i++)
        powers[i] = strtod(arena_printf(lw->arena, "1e%d", i + FIRST_POWER), NULL);
    Param *table = str_table(lw, "powers", DT_F64, POWERS, powers);
    Inst *at = kb_i64(b, 0);
    for (int count = POWERS; count > 1; count -= count / 2) {
        Inst *middle = kb_addi(b, at, count / 2);
        at = kb_select(b, kb_op(b, LI_LE, kb_load(b, table, middle), x), middle, at);
    }
    return kb_addi(b, at, FIRST_POWER);
}
