/* Tensors in files: NumPy's .npy and ONNX's TensorProto (.pb), told apart by content. */
#ifndef LPC_LIB_TENSOR_IO_H
#define LPC_LIB_TENSOR_IO_H

#include "ir/arena.h"
#include "ir/diag.h"
#include "ir/dtype.h"

enum { TENSOR_RANK_MAX = 8 };

/* A tensor in memory, row-major. Name and data belong to an arena. A scalar has rank 0. An element of a
 * narrow type (ir/dtype.h) has a byte of its own, as in a program's inputs and outputs. */
typedef struct HostTensor {
    char *name; /* "" when the file has none */
    DType type;
    int rank;
    int64_t dims[TENSOR_RANK_MAX];
    void *data; /* 64-byte aligned when made here */
    size_t bytes;
} HostTensor;

/* Fills in data (zeroed) and bytes for the type, rank and dims that stand in it. Nonzero when the
 * size overflows or a dimension is negative; nothing is reported. */
int host_alloc(HostTensor *tensor, Arena *arena);
int64_t host_elements(const HostTensor *tensor);

/* An error about one file: "PATH: MESSAGE". */
int host_file_error(Diag *diag, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads a file; a sequence of maps with the same keys is a tensor, too (maps.h). Reports what is wrong
 * with the file's path in front. Limits: rank 8, numeric and bool types and strings of up to 4096 bytes,
 * which get the type with room for the longest; data within the file; sequences of anything else and
 * Fortran order are refused. */
int host_read(HostTensor *tensor, Arena *arena, Diag *diag, const char *path);
/* The same from memory; path is for messages. */
int host_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size);

/* The bytes of a regular file, in the arena. */
int host_read_file(Arena *arena, Diag *diag, const char *path, uint8_t **data, size_t *size);

/* Writes a file whole. NumPy lacks some types: in .npy bf16 and small floats become f32, integers of less
 * than a byte i8 or u8, strings bytes (S). A .npy file is read as the type that it has. */
int host_write_npy(const HostTensor *tensor, Diag *diag, const char *path);
int host_write_pb(const HostTensor *tensor, Diag *diag, const char *path);

/* Strings of another bound, into new memory; others and those of the same stay. Nonzero: one is too
 * long, and its length in bytes is in *length. */
int host_strings_as(HostTensor *tensor, DType type, Arena *arena, size_t *length);
/* "f32[1,3,224,224]" */
const char *host_shape_text(const HostTensor *tensor, Arena *arena);
/* Element i as a double (i64 and u64 beyond 2^53 are rounded); the real part of a complex number. */
double host_value(const HostTensor *tensor, int64_t i);

#endif
