/* Element types: lookups over the one table, and conversions of the half types. */
#include "ir/dtype.h"

#include <string.h>

static const struct {
    const char *name;
    const char *ctype;
    int onnx;
    size_t bytes;
    int bits;
    DType held;
} info[DT_COUNT] = {[DT_NONE] = {"none", "void", 0, 0, 0, DT_NONE},
#define X(id, name, onnx, bytes, bits, held, ctype)                                                \
    [DT_##id] = {name, ctype, onnx, bytes, bits, DT_##held},
                    LPC_DTYPES(X)
#undef X
#define X(most)                                                                                    \
    [DT_STR##                                                                                      \
        most] = {"str" #most, "uint8_t", 8, STRING_HEAD + most, 8 * (STRING_HEAD + most), DT_U8},
                        LPC_STRINGS(X)
#undef X
};

const char *dtype_name(DType type)
{
    return info[type].name;
}

const char *dtype_ctype(DType type)
{
    return info[type].ctype;
}

size_t dtype_size(DType type)
{
    return info[type].bytes;
}

DType dtype_from_onnx(int64_t number)
{
    for (int type = 1; type < DT_STR16; type++) {
        if (info[type].onnx == number) return (DType)type;
    }
    return DT_NONE;
}

int dtype_bits(DType type)
{
    return info[type].bits;
}

DType dtype_held(DType type)
{
    return info[type].held;
}

int dtype_to_onnx(DType type)
{
    return info[type].onnx;
}

DType dtype_from_name(const char *name, size_t length)
{
    for (int type = 1; type < DT_COUNT; type++) {
        if (strlen(info[type].name) == length && !memcmp(info[type].name, name, length))
            return (DType)type;
    }
    return DT_NONE;
}

bool dtype_is_string(DType type)
{
    return type >= DT_STR16 && type < DT_COUNT;
}

bool dtype_is_complex(DType type)
{
    return type == DT_C64 || type == DT_C128;
}

bool dtype_is_opaque(DType type)
{
    return dtype_is_string(type) || dtype_is_complex(type);
}

DType dtype_part(DType type)
{
    return type == DT_C64 ? DT_F32 : type == DT_C128 ? DT_F64 : type;
}

DType dtype_string(int64_t bytes)
{
    for (int type = DT_STR16; type < DT_COUNT; type++) {
        if (dtype_string_max((DType)type) >= bytes) return (DType)type;
    }
    return DT_NONE;
}

int64_t dtype_string_max(DType type)
{
    return (int64_t)info[type].bytes - STRING_HEAD;
}

int64_t dtype_cells(DType type)
{
    if (dtype_is_complex(type)) return 2;
    return dtype_is_string(type) ? (int64_t)info[type].bytes : 1;
}

bool string_put(DType type, void *element, const void *text, size_t length)
{
    uint8_t *to = element;
    if (length > info[type].bytes - STRING_HEAD) return false;
    memset(to, 0, info[type].bytes);
    to[0] = (uint8_t)(length & 255);
    to[1] = (uint8_t)(length >> 8);
    if (length) memcpy(to + STRING_HEAD, text, length);
    return true;
}

size_t string_length(DType type, const void *element)
{
    const uint8_t *from = element;
    size_t length = from[0] | (size_t)from[1] << 8, most = info[type].bytes - STRING_HEAD;
    return length < most ? length : most;
}

const char *string_text(const void *element)
{
    return (const char *)element + STRING_HEAD;
}

bool dtype_is_float(DType type)
{
    return type >= DT_F16 && type <= DT_F4E2M1;
}

bool dtype_is_int(DType type)
{
    return type >= DT_I8 && type <= DT_U2;
}

bool dtype_is_signed(DType type)
{
    return dtype_is_float(type) || type == DT_I8 || type == DT_I16 || type == DT_I32 ||
           type == DT_I64 || type == DT_I4 || type == DT_I2;
}

int64_t dtype_max(DType type)
{
    switch (type) {
    case DT_BOOL: return 1;
    case DT_I8: return INT8_MAX;
    case DT_U8: return UINT8_MAX;
    case DT_I16: return INT16_MAX;
    case DT_U16: return UINT16_MAX;
    case DT_I32: return INT32_MAX;
    case DT_U32: return UINT32_MAX;
    case DT_I4: return 7;
    case DT_U4: return 15;
    case DT_I2: return 1;
    case DT_U2: return 3;
    default: return INT64_MAX;
    }
}

int64_t dtype_min(DType type)
{
    switch (type) {
    case DT_I8: return INT8_MIN;
    case DT_I16: return INT16_MIN;
    case DT_I32: return INT32_MIN;
    case DT_I64: return INT64_MIN;
    case DT_I4: return -8;
    case DT_I2: return -2;
    default: return 0;
    }
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float bf16_to_f32(uint16_t value)
{
    return float_of_bits((uint32_t)value << 16);
}

uint16_t f32_to_bf16(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
    bits += 0x7fffu + ((bits >> 16) & 1u);
    return (uint16_t)(bits >> 16);
}

float f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = half & 0x7fffu;
    if (rest >= 0x7c00u) return float_of_bits(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
    if (rest >= 0x400u) return float_of_bits(sign | ((rest << 13) + 0x38000000u));
    float tiny = (float)rest * 0x1p-24f; /* subnormal: exact */
    return sign ? -tiny : tiny;
}

uint16_t f32_to_f16(float value)
{
    uint32_t bits = bits_of_float(value);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (rest >= 0x38800000u) {
        uint32_t rounded = rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u);
        return (uint16_t)(sign | (rounded >> 13));
    }
    /* Subnormal: adding 0.5 lets the hardware round to a multiple of 2^-24. */
    uint32_t half = bits_of_float(float_of_bits(rest) + 0.5f) - 0x3f000000u;
    return (uint16_t)(sign | half);
}
