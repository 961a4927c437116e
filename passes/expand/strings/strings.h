/* What rules that write operators out make of strings. */
#ifndef LPC_PASSES_EXPAND_STRINGS_H
#define LPC_PASSES_EXPAND_STRINGS_H

#include "passes/expand/build/build.h"

/* A constant of words, of rank 1; NULL and a report: one is longer than --max-string says. */
Tensor *x_words(Expand *x, int64_t count, const char *const *words);
/* Which element of a constant of strings each string of `in` is, i64; of equal ones the first, or the
 * last; -1: none. */
Tensor *x_string_index(Expand *x, Tensor *in, const Tensor *keys, bool last);
/* By element of a constant of strings the index of the first one that is equal. */
const int64_t *x_first_equal(Expand *x, const Tensor *keys);
/* MurmurHash3_x86_32 of a string's bytes, u32. */
Tensor *x_string_hash(Expand *x, Tensor *in, uint32_t seed);

#endif
