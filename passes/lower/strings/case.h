/* Strings in upper or lower case, character by character. */
#ifndef LPC_PASSES_LOWER_CASE_H
#define LPC_PASSES_LOWER_CASE_H

#include "passes/lower/strings/regex.h"
#include "passes/lower/strings/words.h"

/* Emits the change of a whole string; a result without room ends the run with LPC_RUN_BOUND. */
void case_change(Lower *lw, const Str *to, const Str *from, bool upper);
/* The same at compile time. */
Word case_word(Arena *arena, const char *text, bool upper);

#endif
