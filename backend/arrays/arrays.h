/* Weights as C: constant arrays that any C11 compiler takes.
 *
 * weights_1.c, weights_2.c, ... define one object for each constant buffer, NAME_weights_N: a union of the
 * elements' bits, which are what is written, and of `values` of the buffer's C type. Bits are unsigned
 * integers as wide as the elements, so that the compiler gives each of them the target's byte order and every
 * value is exact, a NaN's payload too. They are written as string literals, \x escapes only:
 *
 *     const union NAME_weights_7 {
 *         struct { uint_least32_t rows[2][1024], rest[3]; } bits;
 *         float values[2051];
 *     } NAME_weights_7 = {{{U"\x3f800000\xbf000000..." ..., U"..."}, U"\x0\x1\x2"}};
 *
 * A compiler reads them 15 to 30 times faster than a list of numbers, which it keeps as one expression each
 * (docs/package.md has figures). C11 takes a char16_t literal for uint_least16_t, a char32_t literal for
 * uint_least32_t, and up to 4095 characters in a literal (5.2.4.1): hence rows. There is none for elements
 * of 8 bytes: these are lists. A file holds about a megabyte of text; a buffer that is larger has a file
 * of its own, as C cannot cut an object. Streamed: what is in memory is a chunk. */
#ifndef LPC_BACKEND_ARRAYS_ARRAYS_H
#define LPC_BACKEND_ARRAYS_ARRAYS_H

#include "ir/diag.h"
#include "ir/loops.h"

/* The number of the array that holds a constant buffer: buffers of one place and type share one. */
int arrays_number(const Program *program, const Buffer *buffer);
/* Its declaration, "extern const union ...;", the same in the code and in the file that defines it. */
const char *arrays_declaration(Arena *arena, const Program *program, const Buffer *buffer);
/* How many files there are. */
int arrays_files(const Program *program);
/* Writes them into the folder. `title` is for their first comment. On failure the error is in diag and
 * the file that failed is removed. */
int arrays_write(const Program *program, const char *title, Diag *diag, const char *folder);

#endif
