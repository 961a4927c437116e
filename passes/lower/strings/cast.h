/* Casts between strings and numbers. */
#ifndef LPC_PASSES_LOWER_CAST_H
#define LPC_PASSES_LOWER_CAST_H

#include "passes/lower/strings/strings.h"

/* A number as a string. (format.c) */
void cast_format(Lower *lw, Str to, Inst *x);
/* The number that a string begins with, in the type, after spaces; a string without one ends the run with
 * LPC_RUN_VALUE, as does an integer that 64 bits do not hold. (parse.c) */
Inst *cast_parse(Lower *lw, Str from, DType type);

#endif
