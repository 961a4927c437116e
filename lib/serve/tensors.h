/* Tensors of KServe's v2 protocol: names of types, elements as JSON, elements as bytes. */
#ifndef LPC_LIB_SERVE_TENSORS_H
#define LPC_LIB_SERVE_TENSORS_H

#include "lib/files/tensor_io.h"
#include "lib/serve/json.h"

/* "FP32"; types that KServe lacks have names of their own ("COMPLEX64"), those of less than a byte and small floats
 * that of the byte that holds them. */
const char *kserve_type(DType type);

/* Elements at the cursor, a list or lists in lists, into a tensor whose type, shape and memory stand. Reports with the
 * tensor's name. */
int kserve_from_json(HostTensor *tensor, Cursor *c);
int kserve_from_bytes(HostTensor *tensor, Diag *diag, const uint8_t *bytes, size_t size);

/* A flat list. What JSON has no number for (NaN, infinity) is null. */
void kserve_to_json(const HostTensor *tensor, Text *text);
/* Appends the bytes; returns how many. */
size_t kserve_to_bytes(const HostTensor *tensor, Text *text);

#endif
