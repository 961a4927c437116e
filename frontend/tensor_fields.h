/* Numbers of TensorProto's fields, as onnx.proto gives them. */
#ifndef LPC_FRONTEND_TENSOR_FIELDS_H
#define LPC_FRONTEND_TENSOR_FIELDS_H

#include "ir/dtype.h"

#include <stdint.h>

enum {
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_SEGMENT = 3,
    TENSOR_FLOAT = 4,
    TENSOR_INT32 = 5,
    TENSOR_STRING = 6,
    TENSOR_INT64 = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_DOUBLE = 10,
    TENSOR_UINT64 = 11,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14
};

/* The list that holds the elements of a type where raw_data does not. */
static inline uint32_t tensor_list_field(DType type)
{
    switch (type) {
    case DT_C64: /* its parts */
    case DT_F32: return TENSOR_FLOAT;
    case DT_C128:
    case DT_F64: return TENSOR_DOUBLE;
    case DT_I64: return TENSOR_INT64;
    case DT_U32:
    case DT_U64: return TENSOR_UINT64;
    default: return TENSOR_INT32;
    }
}

#endif
