/* A SequenceProto of maps from keys to numbers as a tensor [maps, keys]: what ZipMap makes. */
#ifndef LPC_LIB_MAPS_H
#define LPC_LIB_MAPS_H

#include "lib/files/tensor_io.h"

/* Is the file such a sequence, and no TensorProto? */
bool maps_are_there(const void *data, size_t size);
/* A row for each map, a column for each key; keys, numbers or words, ascend. All maps must have the same
 * number of keys, and values of one type. Keys themselves are not kept. */
int maps_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size);

#endif
