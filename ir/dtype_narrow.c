/* Types of less than a byte, and floats of 8 bits: how constants have them, and what their codes mean
 * (ONNX's pages on float8, float4 and int4; for f8e8m0 the OCP's microscaling formats). */
#include "ir/dtype.h"

#include <math.h>
#include <string.h>

bool dtype_is_narrow(DType type)
{
    return dtype_held(type) != type && !dtype_is_opaque(type);
}

bool dtype_is_code(DType type)
{
    return dtype_is_narrow(type) && dtype_is_float(type);
}

bool dtype_is_subbyte(DType type)
{
    return dtype_is_narrow(type) && dtype_bits(type) < 8;
}

int64_t dtype_const_bytes(DType type, int64_t count)
{
    if (!dtype_is_subbyte(type)) {
        int64_t bytes;
        return __builtin_mul_overflow(count, (int64_t)dtype_size(type), &bytes) ? INT64_MAX : bytes;
    }
    int64_t in_byte = 8 / dtype_bits(type);
    return count / in_byte + (count % in_byte != 0);
}

/* ---- Packing ---- */

uint8_t narrow_at(DType type, const void *packed, int64_t i)
{
    const uint8_t *bytes = packed;
    if (!dtype_is_subbyte(type)) return bytes[i];
    int bits = dtype_bits(type), in_byte = 8 / bits;
    unsigned sign = 1u << (bits - 1), value = (unsigned)bytes[i / in_byte] >> (i % in_byte * bits);
    value &= 2 * sign - 1;
    bool extends = dtype_is_int(type) && dtype_is_signed(type);
    return (uint8_t)(extends ? (value ^ sign) - sign : value);
}

void narrow_pack(DType type, int64_t count, const void *held, void *packed)
{
    const uint8_t *from = held;
    uint8_t *to = packed;
    int64_t bytes = dtype_const_bytes(type, count);
    if (!dtype_is_subbyte(type)) {
        if (bytes) memmove(to, from, (size_t)bytes);
        return;
    }
    int bits = dtype_bits(type), in_byte = 8 / bits;
    for (int64_t i = 0; i < bytes; i++) {
        unsigned byte = 0;
        for (int k = 0; k < in_byte && i * in_byte + k < count; k++)
            byte |= ((unsigned)from[i * in_byte + k] & ((1u << bits) - 1)) << (k * bits);
        to[i] = (uint8_t)byte;
    }
}

void narrow_unpack(DType type, int64_t count, const void *packed, void *held)
{
    size_t bytes = (size_t)dtype_const_bytes(type, count);
    if (!dtype_is_subbyte(type) && bytes) memcpy(held, packed, bytes);
    for (int64_t i = 0; i < count && dtype_is_subbyte(type); i++)
        ((uint8_t *)held)[i] = narrow_at(type, packed, i);
}

/* ---- Codes ---- */

typedef struct Format {
    int mantissa, bias;
    bool one_zero; /* no negative zero: its code is the only NaN */
    int infinity;  /* magnitudes from here on are infinity and NaNs, 0: none */
    int nan;       /* the one magnitude that is a NaN, 0: none */
} Format;

static Format format_of(DType type)
{
    switch (type) {
    case DT_F8E4M3FN: return (Format){.mantissa = 3, .bias = 7, .nan = 0x7f};
    case DT_F8E4M3FNUZ: return (Format){.mantissa = 3, .bias = 8, .one_zero = true};
    case DT_F8E5M2: return (Format){.mantissa = 2, .bias = 15, .infinity = 0x7c};
    case DT_F8E5M2FNUZ: return (Format){.mantissa = 2, .bias = 16, .one_zero = true};
    default: return (Format){.mantissa = 1, .bias = 1}; /* f4e2m1 */
    }
}

float narrow_to_f32(DType type, uint8_t code)
{
    if (type == DT_F8E8M0) return code == 0xff ? NAN : ldexpf(1, code - 127);
    Format f = format_of(type);
    int sign = 1 << (dtype_bits(type) - 1), size = code & (sign - 1);
    bool negative = (code & sign) != 0;
    if ((f.one_zero && negative && !size) || (f.nan && size == f.nan)) return NAN;
    if (f.infinity && size > f.infinity) return NAN;
    int exponent = size >> f.mantissa, fraction = size & ((1 << f.mantissa) - 1);
    if (exponent) fraction |= 1 << f.mantissa;
    float value = ldexpf((float)fraction, (exponent ? exponent : 1) - f.bias - f.mantissa);
    if (f.infinity && size == f.infinity) value = INFINITY;
    return negative ? -value : value;
}

/* The code, without a sign, of the number nearest to a size; -1: a NaN is asked for, and none has it. */
static int nearest_code(DType type, int codes, double size)
{
    int best = 0;
    double least = INFINITY;
    for (int code = 0; code < codes; code++) {
        double here = (double)narrow_to_f32(type, (uint8_t)code);
        if ((isnan(size) && isnan(here)) || (isinf(size) && isinf(here))) return code;
        /* Far above the largest, distances would round to the same. */
        double distance = size > 1e6 && type != DT_F8E8M0 ? -here : fabs(here - size);
        if (isinf(size)) distance = -here;
        if (!isfinite(here) || !(distance <= least)) continue;
        if (distance < least || code % 2 == 0) best = code;
        least = distance;
    }
    return isnan(size) ? -1 : best;
}

uint8_t f32_to_narrow(DType type, float value)
{
    int sign = type == DT_F8E8M0 ? 0 : 1 << (dtype_bits(type) - 1);
    int codes = 1 << (dtype_bits(type) - (sign != 0));
    int code = nearest_code(type, codes, fabs((double)value));
    if (code < 0) return (uint8_t)sign; /* the only NaN, or where there is none, zero */
    bool negative = signbit(value) && (code || !format_of(type).one_zero);
    return (uint8_t)(code | (negative ? sign : 0));
}
