/* What each pure instruction computes, lane by lane. See loops_lanes.h. */
#include "ir/loops_lanes.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define EACH(T, R, expression)                                                                     \
    do {                                                                                           \
        const T *x = a;                                                                            \
        const T *y = c;                                                                            \
        R *z = out;                                                                                \
        (void)y;                                                                                   \
        for (int i = 0; i < n; i++) z[i] = (R)(expression);                                        \
    } while (0)

#define RELATIONS(T)                                                                               \
    case LI_EQ: EACH(T, uint8_t, x[i] == y[i]); return;                                            \
    case LI_NE: EACH(T, uint8_t, x[i] != y[i]); return;                                            \
    case LI_LT: EACH(T, uint8_t, x[i] < y[i]); return;                                             \
    case LI_LE: EACH(T, uint8_t, x[i] <= y[i]); return;                                            \
    case LI_GT: EACH(T, uint8_t, x[i] > y[i]); return;                                             \
    case LI_GE: EACH(T, uint8_t, x[i] >= y[i]); return;

/* Wide: 64 bit, signed as T is. Sums and products go through uint64_t, where they wrap. */
#define INT_OPS(name, T, Wide)                                                                     \
    static void name(InstOp op, int n, const void *a, const void *c, void *out)                    \
    {                                                                                              \
        switch (op) {                                                                              \
        case LI_ADD: EACH(T, T, (uint64_t)x[i] + (uint64_t)y[i]); return;                          \
        case LI_SUB: EACH(T, T, (uint64_t)x[i] - (uint64_t)y[i]); return;                          \
        case LI_MUL: EACH(T, T, (uint64_t)x[i] * (uint64_t)y[i]); return;                          \
        case LI_DIV: EACH(T, T, wide_div_##Wide((Wide)x[i], (Wide)y[i])); return;                  \
        case LI_REM: EACH(T, T, wide_rem_##Wide((Wide)x[i], (Wide)y[i])); return;                  \
        case LI_MIN: EACH(T, T, x[i] < y[i] ? x[i] : y[i]); return;                                \
        case LI_MAX: EACH(T, T, x[i] > y[i] ? x[i] : y[i]); return;                                \
        case LI_AND: EACH(T, T, x[i] & y[i]); return;                                              \
        case LI_OR: EACH(T, T, x[i] | y[i]); return;                                               \
        case LI_XOR: EACH(T, T, x[i] ^ y[i]); return;                                              \
        case LI_SHL: EACH(T, T, (uint64_t)x[i] << ((uint64_t)y[i] & 63)); return;                  \
        case LI_SHR:                                                                               \
            EACH(T, T, (Wide)x[i] >> ((uint64_t)y[i] & 63));                                       \
            return;                                                                                \
            RELATIONS(T)                                                                           \
        case LI_NEG: EACH(T, T, 0 - (uint64_t)x[i]); return;                                       \
        case LI_ABS: EACH(T, T, x[i] < 1 ? 0 - (uint64_t)x[i] : (uint64_t)x[i]); return;           \
        case LI_NOT: EACH(T, T, ~(uint64_t)x[i]); return;                                          \
        default: assert(0 && "an integer instruction"); return;                                    \
        }                                                                                          \
    }

static int64_t wide_div_int64_t(int64_t x, int64_t y)
{
    if (y == 0) return 0;
    return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
}

static int64_t wide_rem_int64_t(int64_t x, int64_t y)
{
    return y == 0 || y == -1 ? 0 : x % y;
}

static uint64_t wide_div_uint64_t(uint64_t x, uint64_t y)
{
    return y == 0 ? 0 : x / y;
}

static uint64_t wide_rem_uint64_t(uint64_t x, uint64_t y)
{
    return y == 0 ? 0 : x % y;
}

INT_OPS(op_i8, int8_t, int64_t)
INT_OPS(op_u8, uint8_t, uint64_t)
INT_OPS(op_i16, int16_t, int64_t)
INT_OPS(op_u16, uint16_t, uint64_t)
INT_OPS(op_i32, int32_t, int64_t)
INT_OPS(op_u32, uint32_t, uint64_t)
INT_OPS(op_i64, int64_t, int64_t)
INT_OPS(op_u64, uint64_t, uint64_t)

static void op_bool(InstOp op, int n, const void *a, const void *c, void *out)
{
    if (op == LI_NOT)
        EACH(uint8_t, uint8_t, !x[i]);
    else
        op_u8(op, n, a, c, out);
}

#define MATH(id, function)                                                                         \
    case LI_##id: EACH(T, T, F(function)(x[i])); return;
#define MATH2(id, function)                                                                        \
    case LI_##id: EACH(T, T, F(function)(x[i], y[i])); return;
/* clang-format off */
#define FLOAT_OPS                                                                                  \
    switch (op) {                                                                                  \
    case LI_ADD: EACH(T, T, x[i] + y[i]); return;                                                  \
    case LI_SUB: EACH(T, T, x[i] - y[i]); return;                                                  \
    case LI_MUL: EACH(T, T, x[i] * y[i]); return;                                                  \
    case LI_DIV: EACH(T, T, x[i] / y[i]); return;                                                  \
    case LI_MIN: EACH(T, T, x[i] < y[i] ? x[i] : y[i]); return;                                    \
    case LI_MAX: EACH(T, T, x[i] > y[i] ? x[i] : y[i]); return;                                    \
    RELATIONS(T)                                                                                   \
    case LI_NEG: EACH(T, T, -x[i]); return;                                                        \
    MATH(ABS, fabs) MATH(SQRT, sqrt) MATH(FLOOR, floor) MATH(CEIL, ceil) MATH(RINT, rint)          \
    MATH(TRUNC, trunc) MATH(EXP, exp) MATH(LOG, log) MATH(TANH, tanh) MATH(ERF, erf)               \
    MATH(SIN, sin) MATH(COS, cos) MATH(TAN, tan) MATH(ASIN, asin) MATH(ACOS, acos)                 \
    MATH(ATAN, atan) MATH(SINH, sinh) MATH(COSH, cosh) MATH(ASINH, asinh) MATH(ACOSH, acosh)       \
    MATH(ATANH, atanh) MATH(LOG1P, log1p) MATH(EXPM1, expm1)                                       \
    MATH2(POW, pow) MATH2(FMOD, fmod) MATH2(ATAN2, atan2)                                          \
    default: assert(0 && "a float instruction"); return;                                             \
    }
/* clang-format on */

static void op_f32(InstOp op, int n, const void *a, const void *c, void *out)
{
    typedef float T;
#define F(function) function##f
    FLOAT_OPS
#undef F
}

static void op_f64(InstOp op, int n, const void *a, const void *c, void *out)
{
    typedef double T;
#define F(function) function
    FLOAT_OPS
#undef F
}

void lanes_op(InstOp op, LType type, const void *a, const void *c, void *out)
{
    int n = type.lanes;
    switch (type.dtype) {
    case DT_BOOL: op_bool(op, n, a, c, out); return;
    case DT_I8: op_i8(op, n, a, c, out); return;
    case DT_U8: op_u8(op, n, a, c, out); return;
    case DT_I16: op_i16(op, n, a, c, out); return;
    case DT_U16: op_u16(op, n, a, c, out); return;
    case DT_I32: op_i32(op, n, a, c, out); return;
    case DT_U32: op_u32(op, n, a, c, out); return;
    case DT_I64: op_i64(op, n, a, c, out); return;
    case DT_U64: op_u64(op, n, a, c, out); return;
    case DT_F32: op_f32(op, n, a, c, out); return;
    case DT_F64: op_f64(op, n, a, c, out); return;
    default: assert(0 && "arithmetic on a type that has none"); return;
    }
}

bool lanes_divides_by_zero(InstOp op, LType type, const void *c)
{
    if ((op != LI_DIV && op != LI_REM) || !dtype_is_int(type.dtype)) return false;
    size_t size = dtype_size(type.dtype);
    static const uint8_t zero[8];
    for (int i = 0; i < type.lanes; i++)
        if (!memcmp((const uint8_t *)c + (size_t)i * size, zero, size)) return true;
    return false;
}

void lanes_fma(LType type, const void *a, const void *c, const void *plus, void *out)
{
    int n = type.lanes;
    if (type.dtype == DT_F32) {
        const float *p = plus;
        EACH(float, float, fmaf(x[i], y[i], p[i]));
    } else if (type.dtype == DT_F64) {
        const double *p = plus;
        EACH(double, double, fma(x[i], y[i], p[i]));
    } else {
        uint64_t product[LANES_MAX];
        assert(n <= LANES_MAX);
        lanes_op(LI_MUL, type, a, c, product);
        lanes_op(LI_ADD, type, product, plus, out);
    }
}

void lanes_select(LType type, const void *cond, const void *then, const void *other, void *out)
{
    const uint8_t *c = cond;
    size_t size = dtype_size(type.dtype);
    for (int i = 0; i < type.lanes; i++) {
        size_t at = (size_t)i * size;
        memcpy((uint8_t *)out + at, (const uint8_t *)(c[i] ? then : other) + at, size);
    }
}

/* Casts go through one of three wide types: int64_t, uint64_t (from u64) and double. An int64_t or
 * uint64_t becomes a float in one rounding, so those have their own path. */
static double read_double(DType type, const void *a, int i)
{
    switch (type) {
    case DT_F16: return (double)f16_to_f32(((const uint16_t *)a)[i]);
    case DT_BF16: return (double)bf16_to_f32(((const uint16_t *)a)[i]);
    case DT_F32: return (double)((const float *)a)[i];
    default: return ((const double *)a)[i];
    }
}

static int64_t read_int(DType type, const void *a, int i)
{
    switch (type) {
    case DT_I8: return ((const int8_t *)a)[i];
    case DT_BOOL:
    case DT_U8: return ((const uint8_t *)a)[i];
    case DT_I16: return ((const int16_t *)a)[i];
    case DT_U16: return ((const uint16_t *)a)[i];
    case DT_I32: return ((const int32_t *)a)[i];
    case DT_U32: return ((const uint32_t *)a)[i];
    default: return ((const int64_t *)a)[i]; /* u64: the same bits */
    }
}

static void write_int(DType type, void *out, int i, int64_t value)
{
    switch (type) {
    case DT_BOOL: ((uint8_t *)out)[i] = value != 0; return;
    case DT_I8: ((int8_t *)out)[i] = (int8_t)value; return;
    case DT_U8: ((uint8_t *)out)[i] = (uint8_t)value; return;
    case DT_I16: ((int16_t *)out)[i] = (int16_t)value; return;
    case DT_U16: ((uint16_t *)out)[i] = (uint16_t)value; return;
    case DT_I32: ((int32_t *)out)[i] = (int32_t)value; return;
    case DT_U32: ((uint32_t *)out)[i] = (uint32_t)value; return;
    default: ((int64_t *)out)[i] = value; return;
    }
}

/* Outside the range the result is unspecified; here it saturates and NaN gives 0. */
static int64_t double_to_int(DType to, double value)
{
    if (isnan(value)) return 0;
    if (to == DT_U64) {
        if (value < 0) return 0;
        return (int64_t)(value >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)value);
    }
    if (value >= (double)dtype_max(to)) return dtype_max(to);
    if (value <= (double)dtype_min(to)) return dtype_min(to);
    return (int64_t)value;
}

static void write_float(DType type, void *out, int i, double value)
{
    switch (type) {
    case DT_F16: ((uint16_t *)out)[i] = f32_to_f16((float)value); return;
    case DT_BF16: ((uint16_t *)out)[i] = f32_to_bf16((float)value); return;
    case DT_F32: ((float *)out)[i] = (float)value; return;
    default: ((double *)out)[i] = value; return;
    }
}

static void cast_int_to_float(DType from, DType to, const void *a, void *out, int i)
{
    int64_t value = read_int(from, a, i);
    bool big = from == DT_U64 && value < 0;
    if (to == DT_F64)
        ((double *)out)[i] = big ? (double)(uint64_t)value : (double)value;
    else
        write_float(to, out, i, (double)(big ? (float)(uint64_t)value : (float)value));
}

void lanes_cast(DType from, DType to, int lanes, const void *a, void *out)
{
    bool from_float = dtype_is_float(from);
    bool to_float = dtype_is_float(to);
    for (int i = 0; i < lanes; i++) {
        if (from_float && to_float)
            write_float(to, out, i, read_double(from, a, i));
        else if (from_float && to == DT_BOOL)
            ((uint8_t *)out)[i] = read_double(from, a, i) != 0;
        else if (from_float)
            write_int(to, out, i, double_to_int(to, read_double(from, a, i)));
        else if (to_float)
            cast_int_to_float(from, to, a, out, i);
        else
            write_int(to, out, i, read_int(from, a, i));
    }
}

void lanes_horizontal(InstOp op, LType type, const void *a, void *out)
{
    static const InstOp combine[] = {LI_ADD, LI_MIN, LI_MAX};
    uint64_t work[LANES_MAX];
    size_t size = dtype_size(type.dtype);
    assert(op >= LI_HADD && op <= LI_HMAX && type.lanes <= LANES_MAX);
    memcpy(work, a, (size_t)type.lanes * size);
    for (int n = type.lanes / 2; n >= 1; n /= 2) {
        const uint8_t *upper = (const uint8_t *)work + (size_t)n * size;
        lanes_op(combine[op - LI_HADD], (LType){type.dtype, n}, work, upper, work);
    }
    memcpy(out, work, size);
}

static int32_t byte_of(int32_t word, int k, bool is_unsigned)
{
    uint8_t byte = (uint8_t)((uint32_t)word >> (8 * k));
    return is_unsigned ? (int32_t)byte : (int32_t)(int8_t)byte;
}

void lanes_dot4(int lanes, const int32_t *acc, const int32_t *a, const int32_t *c, bool a_unsigned,
                int32_t *out)
{
    for (int i = 0; i < lanes; i++) {
        int32_t sum = 0;
        for (int k = 0; k < 4; k++) sum += byte_of(a[i], k, a_unsigned) * byte_of(c[i], k, false);
        out[i] = (int32_t)((uint32_t)acc[i] + (uint32_t)sum);
    }
}

int64_t int_wrap(DType dtype, int64_t value)
{
    LaneValue lane = {.u64 = 0};
    write_int(dtype, &lane, 0, value);
    return read_int(dtype, &lane, 0);
}

void lane_from_const(const Inst *constant, LaneValue *out)
{
    out->u64 = 0;
    if (constant->op == LI_FLT)
        write_float(constant->type.dtype, out, 0, constant->number);
    else
        write_int(constant->type.dtype, out, 0, constant->value);
}

int64_t lane_to_int(DType dtype, const LaneValue *value)
{
    return read_int(dtype, value, 0);
}
