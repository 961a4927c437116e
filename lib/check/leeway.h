/* How far results may be from what is expected, as the model's graph says. */
#ifndef LPC_LIB_CHECK_LEEWAY_H
#define LPC_LIB_CHECK_LEEWAY_H

#include "lib/compile/compile.h"

typedef struct Leeway {
    bool quantises;     /* integers may be off by a step of quantisation */
    const char **drawn; /* outputs that depend on random numbers: another generator draws others */
    int drawn_count;
} Leeway;

/* Of a model that compiles with these options. */
int leeway_read(Arena *arena, Diag *diag, const CompileOptions *options, Leeway *leeway);
bool leeway_is_drawn(const Leeway *leeway, const char *output);

#endif
