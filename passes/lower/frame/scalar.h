/* Values that more than one lowering file computes. All work on scalars (pass_vectorize makes
 * vectors of them). */
#ifndef LPC_PASSES_LOWER_SCALAR_H
#define LPC_PASSES_LOWER_SCALAR_H

#include "passes/lower/frame/lower.h"

/* A constant of the type of `like`. */
Inst *scalar_like(Builder *b, const Inst *like, double value);
Inst *scalar_sigmoid(Builder *b, Inst *x);
Inst *scalar_softplus(Builder *b, Inst *x);
/* x limited to [low, high]; a NaN stays. */
Inst *scalar_clamp(Builder *b, Inst *x, double low, double high);
/* The larger (or smaller) of two; a NaN in either wins. */
Inst *scalar_extreme(Builder *b, bool largest, Inst *a, Inst *c);
/* Is x a NaN? False for integers. */
Inst *scalar_is_nan(Builder *b, Inst *x);
/* A float to add up, in any order: the sum from 0 is a NaN if and only if one of the x was. */
Inst *scalar_nan_term(Builder *b, Inst *x);
/* To an integer type, saturating, NaN to 0; between other types as kb_cast. */
Inst *scalar_to_int(Builder *b, DType to, Inst *x);
/* A place computed in floating point as an i64: exact within 2^40, where no tensor reaches, else at an
 * end of that; a NaN is at the lower one. */
Inst *scalar_to_index(Builder *b, Inst *x);
/* To an integer type: saturate(round_half_even(x / scale) + zero); zero may be NULL. */
Inst *scalar_quantize(Builder *b, DType to, Inst *x, Inst *scale, Inst *zero);
/* What takes [low, high], which has 0 in it, to u8: scale = (high - low) / 255, zero = saturate(round(-low / scale)), both
 * f32. */
void scalar_range(Builder *b, Inst *low, Inst *high, Inst **scale, Inst **zero);
/* A Cast or CastLike of one element. */
Inst *scalar_cast(Builder *b, const Node *node, Inst *x);
/* A QuantizeLinear or DequantizeLinear of one element; zero may be NULL. */
Inst *scalar_quantize_node(Builder *b, const Node *node, Inst *x, Inst *scale, Inst *zero);
Inst *scalar_dequantize_node(Builder *b, const Node *node, Inst *x, Inst *scale, Inst *zero);

#endif
