/* Values in files that are no tensors: ONNX's SequenceProto, MapProto and OptionalProto. A file does not say
 * which of them it holds: the model's types do. */
#ifndef LPC_LIB_VALUE_IO_H
#define LPC_LIB_VALUE_IO_H

#include "lib/files/tensor_io.h"

#include <stdbool.h>

typedef enum HostKind { HOST_TENSOR, HOST_SEQUENCE, HOST_MAP, HOST_OPTIONAL } HostKind;

typedef struct HostText {
    const char *bytes;
    size_t length;
} HostText;

typedef struct HostValue HostValue;
struct HostValue {
    HostKind kind;
    HostTensor tensor;
    HostValue *items; /* of a sequence; of a map its values; of an optional one or none */
    int count;
    int64_t *keys;         /* of a map, or */
    HostText *string_keys; /* these */
};

/* Reads a file that holds a value of that kind. Limits: those of host_read, and values within each other
 * at most 8 deep; sparse tensors are refused. */
int host_read_value(HostValue *value, HostKind kind, Arena *arena, Diag *diag, const char *path);
/* The same from memory, which must outlive the value; path is for messages. */
int host_parse_value(HostValue *value, HostKind kind, Arena *arena, Diag *diag, const char *path,
                     const void *data, size_t size);

#endif
