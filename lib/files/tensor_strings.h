/* Strings in tensors of the host. */
#ifndef LPC_LIB_TENSOR_STRINGS_H
#define LPC_LIB_TENSOR_STRINGS_H

#include "lib/files/tensor_io.h"

/* String i and its length in bytes. */
const char *host_string(const HostTensor *tensor, int64_t i, size_t *length);

/* ---- NumPy's types 'S' and 'U', by the text of `descr` ---- */

/* Bytes of one element in the file; 0 and DT_NONE: it is none of these types, or longer than any
 * string here. */
size_t npy_string_bytes(const char *descr);
DType npy_string_type(const char *descr);
/* Elements of a file into a tensor of that type; a tensor's elements as type 'S' of its bound. */
void npy_get_strings(HostTensor *tensor, const char *descr, const uint8_t *from);
void npy_put_strings(const HostTensor *tensor, uint8_t *to);

#endif
