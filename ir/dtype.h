/* Element types, declared once. */
#ifndef LPC_IR_DTYPE_H
#define LPC_IR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enumerator, text name, ONNX TensorProto.DataType, bytes while computed with, bits in a constant,
 * the type that loops have it in, C type in emitted code).
 *
 * Narrow types, of less than a byte and floats of 8 bits, are forms of stored tensors: loops hold each of
 * their elements in a byte, small integers as their value and small floats as their code.
 *
 * Complex numbers are moved, never computed with: loops see the bits of two cells, of the real part and of the
 * imaginary part. */
#define LPC_DTYPES(X)                                                                              \
    X(BOOL, "bool", 9, 1, 8, BOOL, "uint8_t")                                                      \
    X(I8, "i8", 3, 1, 8, I8, "int8_t")                                                             \
    X(U8, "u8", 2, 1, 8, U8, "uint8_t")                                                            \
    X(I16, "i16", 5, 2, 16, I16, "int16_t")                                                        \
    X(U16, "u16", 4, 2, 16, U16, "uint16_t")                                                       \
    X(I32, "i32", 6, 4, 32, I32, "int32_t")                                                        \
    X(U32, "u32", 12, 4, 32, U32, "uint32_t")                                                      \
    X(I64, "i64", 7, 8, 64, I64, "int64_t")                                                        \
    X(U64, "u64", 13, 8, 64, U64, "uint64_t")                                                      \
    X(I4, "i4", 22, 1, 4, I8, "int8_t")                                                            \
    X(U4, "u4", 21, 1, 4, U8, "uint8_t")                                                           \
    X(I2, "i2", 26, 1, 2, I8, "int8_t")                                                            \
    X(U2, "u2", 25, 1, 2, U8, "uint8_t")                                                           \
    X(F16, "f16", 10, 2, 16, F16, "uint16_t")                                                      \
    X(BF16, "bf16", 16, 2, 16, BF16, "uint16_t")                                                   \
    X(F32, "f32", 1, 4, 32, F32, "float")                                                          \
    X(F64, "f64", 11, 8, 64, F64, "double")                                                        \
    X(F8E4M3FN, "f8e4m3fn", 17, 1, 8, U8, "uint8_t")                                               \
    X(F8E4M3FNUZ, "f8e4m3fnuz", 18, 1, 8, U8, "uint8_t")                                           \
    X(F8E5M2, "f8e5m2", 19, 1, 8, U8, "uint8_t")                                                   \
    X(F8E5M2FNUZ, "f8e5m2fnuz", 20, 1, 8, U8, "uint8_t")                                           \
    X(F8E8M0, "f8e8m0", 24, 1, 8, U8, "uint8_t")                                                   \
    X(F4E2M1, "f4e2m1", 23, 1, 4, U8, "uint8_t")                                                   \
    X(C64, "c64", 14, 8, 64, U32, "float")                                                         \
    X(C128, "c128", 15, 16, 128, U64, "double")

/* Strings of up to N bytes, one type for each bound: an element is its length, two bytes, the lower one
 * first, then N bytes of UTF-8, of which those behind its end are 0. So equal strings are equal bytes.
 * They are moved and compared as they are; loops know bytes only (dtype_held). */
#define LPC_STRINGS(X) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096)

typedef enum DType {
    DT_NONE,
#define X(id, name, onnx, bytes, bits, held, ctype) DT_##id,
    LPC_DTYPES(X)
#undef X
#define X(most) DT_STR##most,
        LPC_STRINGS(X)
#undef X
            DT_COUNT
} DType;

enum { STRING_HEAD = 2 /* bytes of the length */ };

const char *dtype_name(DType type);  /* "f32" */
const char *dtype_ctype(DType type); /* "float" */
size_t dtype_size(DType type);       /* bytes of one element, but see dtype_const_bytes */
DType dtype_from_onnx(
    int64_t number); /* DT_NONE when there is none or many: strings (graph_dtype) */
int dtype_to_onnx(DType type);
DType dtype_from_name(const char *name, size_t length); /* DT_NONE when unknown */
bool dtype_is_float(DType type);                        /* f16 .. f4e2m1 */
bool dtype_is_int(DType type);                          /* i8..u64, i4..u2, without bool */
bool dtype_is_signed(DType type);                       /* i8, i16, i32, i64, i4, i2, the floats */
bool dtype_is_string(DType type);
bool dtype_is_complex(DType type);
bool dtype_is_opaque(DType type);  /* a string or a complex number: moved whole, in several cells */
DType dtype_part(DType type);      /* of the parts of a complex number; other types are one part */
DType dtype_string(int64_t bytes); /* the narrowest one for so many bytes; DT_NONE: none is */
int64_t dtype_string_max(DType type); /* bytes of the longest string of a string type */
int64_t dtype_cells(DType type); /* of type dtype_held, in one element: 1 but for opaque ones */
/* Writes a string as an element; false, and nothing is written: it is too long. */
bool string_put(DType type, void *element, const void *text, size_t length);
size_t string_length(DType type, const void *element);
const char *string_text(const void *element); /* its bytes; no 0 ends them */
/* Smallest and largest value of an integer type (u64's largest saturates at INT64_MAX). */
int64_t dtype_min(DType type);
int64_t dtype_max(DType type);

/* ---- Narrow types (dtype_narrow.c) ---- */

int dtype_bits(DType type);        /* of an element in a constant */
DType dtype_held(DType type);      /* in loops; other types are held as they are */
bool dtype_is_narrow(DType type);  /* i4, u4, i2, u2, f8..., f4e2m1 */
bool dtype_is_code(DType type);    /* narrow floats: in loops a byte is a code, not a number */
bool dtype_is_subbyte(DType type); /* 4 or 2 bits: several elements in a byte of a constant */
/* Bytes of a constant, at most INT64_MAX: elements of less than a byte lie packed, the first in the
 * lowest bits. */
int64_t dtype_const_bytes(DType type, int64_t count);

/* Element i of a constant of a narrow type, as it is held: sign-extended in the byte, or the code. */
uint8_t narrow_at(DType type, const void *packed, int64_t i);
/* Between the forms; packing may be done in place. Other types are copied. */
void narrow_pack(DType type, int64_t count, const void *held, void *packed);
void narrow_unpack(DType type, int64_t count, const void *packed, void *held);
/* The number of a code. The nearest code of a number, ties to even, where it is too large the largest (but
 * infinity of infinity): a search, for constants; what runs is made by passes/lower/frame/narrow.c. */
float narrow_to_f32(DType type, uint8_t code);
uint8_t f32_to_narrow(DType type, float value);

/* Half precision, converted with round to nearest, ties to even. */
float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value);
float bf16_to_f32(uint16_t value);
uint16_t f32_to_bf16(float value);

#endif
