/* Weights as C: constant arrays that any compiler takes.
 *
 * weights_1.c, weights_2.c, ... define one array for each constant buffer, NAME_weights_N of the
 * buffer's C type, so that the compiler gives every element the target's byte order. A file holds about
 * a megabyte of text; a buffer that is larger has a file of its own, as C cannot cut an array. Floats are
 * hexadecimal and exact; a NaN keeps neither sign nor payload. Streamed: what is in memory is a chunk. */
#ifndef LPC_BACKEND_ARRAYS_ARRAYS_H
#define LPC_BACKEND_ARRAYS_ARRAYS_H

#include "ir/diag.h"
#include "ir/loops.h"

/* The number of the array that holds a constant buffer: buffers of one place and type share one. */
int arrays_number(const Program *program, const Buffer *buffer);
/* How many files there are. */
int arrays_files(const Program *program);
/* Writes them into the folder. `title` is for their first comment. On failure the error is in diag and
 * the file that failed is removed. */
int arrays_write(const Program *program, const char *title, Diag *diag, const char *folder);

#endif
