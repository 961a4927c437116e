/* Maps in files as tensors: one map as its keys and its values; a sequence of maps from the same keys to
 * numbers as a tensor [maps, keys], which is what ZipMap makes. */
#ifndef LPC_LIB_MAPS_H
#define LPC_LIB_MAPS_H

#include "lib/files/value_io.h"

/* Is the file such a sequence, and no TensorProto? */
bool maps_are_there(const void *data, size_t size);
/* A row for each map, a column for each key; keys, numbers or words, ascend. All maps must have the same
 * number of keys, and values of one type. Keys themselves are not kept. */
int maps_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size);

/* A map as two tensors [n], keys ascending. An empty one leaves them the types that they have. */
int map_tensors(const HostValue *map, Arena *arena, Diag *diag, const char *path, HostTensor *keys,
                HostTensor *values);

#endif
