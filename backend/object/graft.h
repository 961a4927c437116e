/* Weights into a program without the linker reading them.
 *
 * GNU ld and lld hold the largest input section in memory and copy it once more. So a stage with many
 * weights is linked against an object that only reserves their place (graft_reserve), and their bytes
 * are appended to the linked file as a segment of its own (graft_weights): nothing is ever in memory
 * whole, and nothing depends on a linker's script. */
#ifndef LPC_BACKEND_OBJECT_GRAFT_H
#define LPC_BACKEND_OBJECT_GRAFT_H

#include "ir/diag.h"
#include <stdbool.h>

/* Writes an object that defines NAME_weights, as large as in the object that weights_object_write
 * made, but without contents. */
int graft_reserve(const char *name, const char *weights, Diag *diag, const char *path);

/* A copy of weights that is under way. */
typedef struct Graft Graft;

/* Puts the weights of an object that weights_object_write made into a program that was linked with
 * graft_reserve's. The copy runs beside the caller until graft_finish. *graft is NULL, and the program
 * is as it was, when the linker did not lay the reserved section at the end of memory or left no
 * program header for it. */
int graft_start(const char *program, const char *weights, Arena *arena, Diag *diag, Graft **graft);
/* Waits for the copy. LPC_ERROR when reading or writing failed. */
int graft_finish(Graft *graft, Diag *diag);

#endif
