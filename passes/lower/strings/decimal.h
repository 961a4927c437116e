/* Powers of ten, and numbers times them, in twice the precision of a double.
 *
 * A number is a sum high + low of two doubles whose bits do not overlap: products of such sums are off by some
 * 2^-103 of themselves, far less than lies between a decimal of 8 or a double of 17 digits and the middle of
 * two others, but where somebody looks for such numbers. */
#ifndef LPC_PASSES_LOWER_DECIMAL_H
#define LPC_PASSES_LOWER_DECIMAL_H

#include "passes/lower/strings/strings.h"

/* x * 10^k in [1, 10): what k may be for a double; and the exponents of decimals that become doubles. */
enum { LEAST_EXPONENT = -345, GREATEST_EXPONENT = 345 };

typedef struct Sum {
    Inst *high, *low;
} Sum;

/* (high + low) * 10^k; k, an i64, lies within the bounds above. */
Sum decimal_scale(Lower *lw, Sum x, Inst *k);
/* The greatest k with 10^k <= x, for a double x > 0. */
Inst *decimal_exponent(Lower *lw, Inst *x);

#endif
