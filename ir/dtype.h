/* Element types, declared once. */
#ifndef LPC_IR_DTYPE_H
#define LPC_IR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enumerator, text name, ONNX TensorProto.DataType, bytes, C type in emitted code) */
#define LPC_DTYPES(X)                                                                              \
    X(BOOL, "bool", 9, 1, "uint8_t")                                                               \
    X(I8, "i8", 3, 1, "int8_t")                                                                    \
    X(U8, "u8", 2, 1, "uint8_t")                                                                   \
    X(I16, "i16", 5, 2, "int16_t")                                                                 \
    X(U16, "u16", 4, 2, "uint16_t")                                                                \
    X(I32, "i32", 6, 4, "int32_t")                                                                 \
    X(U32, "u32", 12, 4, "uint32_t")                                                               \
    X(I64, "i64", 7, 8, "int64_t")                                                                 \
    X(U64, "u64", 13, 8, "uint64_t")                                                               \
    X(F16, "f16", 10, 2, "uint16_t")                                                               \
    X(BF16, "bf16", 16, 2, "uint16_t")                                                             \
    X(F32, "f32", 1, 4, "float")                                                                   \
    X(F64, "f64", 11, 8, "double")

/* Strings of up to N bytes, one type for each bound: an element is its length, two bytes, the lower one
 * first, then N bytes of UTF-8, of which those behind its end are 0. So equal strings are equal bytes.
 * They are moved and compared as they are; loops know bytes only (dtype_stored). */
#define LPC_STRINGS(X) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096)

typedef enum DType {
    DT_NONE,
#define X(id, name, onnx, bytes, ctype) DT_##id,
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
size_t dtype_size(DType type);       /* bytes of one element */
DType dtype_from_onnx(
    int64_t number); /* DT_NONE when there is none or many: strings (graph_dtype) */
int dtype_to_onnx(DType type);
DType dtype_from_name(const char *name, size_t length); /* DT_NONE when unknown */
bool dtype_is_string(DType type);
DType dtype_string(int64_t bytes);    /* the narrowest one for so many bytes; DT_NONE: none is */
int64_t dtype_string_max(DType type); /* bytes of the longest string of a string type */
DType dtype_stored(DType type);       /* what an element is in memory: bytes of strings */
int64_t dtype_cells(DType type);      /* how many of those one element is: 1 but for strings */
/* Writes a string as an element; false, and nothing is written: it is too long. */
bool string_put(DType type, void *element, const void *text, size_t length);
size_t string_length(DType type, const void *element);
const char *string_text(const void *element); /* its bytes; no 0 ends them */
bool dtype_is_float(DType type);              /* f16, bf16, f32, f64 */
bool dtype_is_int(DType type);                /* i8..u64, without bool */
bool dtype_is_signed(DType type);             /* i8, i16, i32, i64 and the floats */
/* Smallest and largest value of an integer type (u64's largest saturates at INT64_MAX). */
int64_t dtype_min(DType type);
int64_t dtype_max(DType type);

/* Half precision, converted with round to nearest, ties to even. */
float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value);
float bf16_to_f32(uint16_t value);
uint16_t f32_to_bf16(float value);

#endif
