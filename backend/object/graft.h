/* Weights into a program without the linker reading them.
 *
 * GNU ld and lld hold the largest input section in memory and copy it once more. So a stage with many
 * weights is linked against an object that only reserves their place (graft_reserve), and their bytes
 * are streamed to the end of the linked file as a segment of their own (graft_weights): nothing is ever
 * in memory whole, every weight is written once, and nothing depends on a linker's script. */
#ifndef LPC_BACKEND_OBJECT_GRAFT_H
#define LPC_BACKEND_OBJECT_GRAFT_H

#include "ir/diag.h"
#include "ir/loops.h"

#include <stdbool.h>

/* Writes an object that defines the program's NAME_weights at their size, but without contents. */
int graft_reserve(const Program *program, const char *triple, Diag *diag, const char *path);

/* Puts the weights into a file that was linked with graft_reserve's object. *done is false, and the
 * file is as it was, when the linker did not lay the reserved section at the end of memory or left no
 * program header for it. */
int graft_weights(const Program *program, Diag *diag, const char *path, bool *done);

#endif
