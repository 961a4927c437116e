/* Narrow types (ir/dtype.h) in loops, where a byte holds an element: what the byte says, and which byte
 * says a value. Integer arithmetic without branches, so that loops of it become vectors; backends and the
 * evaluator know nothing of these types. */
#ifndef LPC_PASSES_LOWER_NARROW_H
#define LPC_PASSES_LOWER_NARROW_H

#include "passes/lower/frame/lower.h"

/* What becomes of numbers that a small float has no code for: attributes of Cast and QuantizeLinear. */
typedef enum RoundMode { ROUND_UP, ROUND_DOWN, ROUND_NEAREST } RoundMode;
typedef struct Narrowing {
    bool saturate;   /* to the largest; otherwise to infinity or NaN. f4e2m1 always does */
    RoundMode round; /* of f8e8m0; others round to nearest, ties to even */
} Narrowing;

/* An element, in lower_type of its dtype, as a number: f32 from a code, else x itself. */
Inst *narrow_number_of(Builder *b, DType dtype, Inst *x);
/* The code of a narrow float for any value; f64 is rounded once. */
Inst *narrow_code_of(Builder *b, DType to, Inst *value, Narrowing how);
/* The lowest bits of an integer as an element of less than a byte, in lower_type: ONNX discards the others. */
Inst *narrow_wrap(Builder *b, DType to, Inst *value);
/* Cast to a narrow integer: floats to the nearest, ties to even, then as narrow_wrap. */
Inst *narrow_int_of(Builder *b, DType to, Inst *value);

#endif
