/* Lists of words that are known at compile time, found by a perfect hash. */
#ifndef LPC_PASSES_LOWER_WORDS_H
#define LPC_PASSES_LOWER_WORDS_H

#include "passes/lower/strings/perfect.h"
#include "passes/lower/strings/strings.h"

#include <string.h>

typedef struct Word {
    const char *text;
    size_t length;
} Word;

typedef struct Words {
    int64_t count;
    int32_t *starts; /* of each word in `bytes`, and their end */
    char *bytes;
    uint64_t seed;
    Perfect perfect;
} Words;

/* The words must differ. Reports what is wrong about lw->node. */
int words_build(Lower *lw, int64_t count, const Word *given, Words *words);
/* Emits the search: the word's index, -1: it is none of them. */
Inst *words_find(Lower *lw, const Words *words, const Str *s);

#endif
