/* The meaning of each pure instruction on plain memory: arrays of `lanes` elements, one per lane.
 * The builder folds constants with these functions and the evaluator runs on them, so that folding
 * can never change a result. Elements have the C types that ir/dtype.h lists; bool is a byte. */
#ifndef LPC_IR_LOOPS_LANES_H
#define LPC_IR_LOOPS_LANES_H

#include "ir/loops.h"

enum { LANES_MAX = 64 };

/* One lane of any type. */
typedef union LaneValue {
    uint8_t bytes[8];
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
} LaneValue;

/* Classes B, R, U, F and G. `type` is the operands' type; c is NULL for unary ones. Integer DIV and
 * REM by 0 give 0 here: callers that must report it look first, with lanes_divides_by_zero. */
void lanes_op(InstOp op, LType type, const void *a, const void *c, void *out);
bool lanes_divides_by_zero(InstOp op, LType type, const void *c);
void lanes_fma(LType type, const void *a, const void *c, const void *plus, void *out);
void lanes_select(LType type, const void *cond, const void *then, const void *other, void *out);
void lanes_cast(DType from, DType to, int lanes, const void *a, void *out);
/* HADD, HMIN, HMAX: one element to out. */
void lanes_horizontal(InstOp op, LType type, const void *a, void *out);
void lanes_dot4(int lanes, const int32_t *acc, const int32_t *a, const int32_t *c, bool a_unsigned,
                int32_t *out);
/* An INT or FLT as an element of its type, and back. */
void lane_from_const(const Inst *constant, LaneValue *out);
int64_t lane_to_int(DType dtype, const LaneValue *value);
/* value as an integer of dtype: wrapped, then sign or zero extended. */
int64_t int_wrap(DType dtype, int64_t value);

#endif
