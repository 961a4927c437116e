/* The protobuf wire format, checked and shortened before anything is unpacked. */
#ifndef LPC_FRONTEND_WIRE_H
#define LPC_FRONTEND_WIRE_H

#include "ir/arena.h"
#include "ir/diag.h"

#include <stdbool.h>
#include <stdint.h>

/* Walks the ModelProto in bytes[0, size) and appends to out a copy of it that holds only the fields
 * of frontend/onnx.proto and none of the large element data: that is named by position
 * (TensorProto.mapped_*). Lengths, wire types and nesting are checked, so that the copy always
 * unpacks in bounded depth. */
int wire_shorten(Diag *diag, const uint8_t *bytes, size_t size, Text *out);

/* Reads a varint at bytes[*at]; false when it passes `end` or is longer than ten bytes. */
bool wire_varint(const uint8_t *bytes, size_t end, size_t *at, uint64_t *value);

#endif
