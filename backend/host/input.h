/* Files of text that are read whole, to be put elsewhere. */
#ifndef LPC_BACKEND_HOST_INPUT_H
#define LPC_BACKEND_HOST_INPUT_H

#include "ir/arena.h"

/* Reads a file, into the arena; an errno value. */
int input_read(Arena *arena, const char *path, const char **data, size_t *length);

#endif
