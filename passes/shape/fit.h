/* A size as an expression, of what it is for some values of the symbols (fit.c). */
#ifndef LPC_PASSES_SHAPE_FIT_H
#define LPC_PASSES_SHAPE_FIT_H

#include "ir/sym.h"

enum { FIT_POINTS = 96 };

typedef struct Fit {
    SizeTable *sizes;
    const Size **terms; /* what it may be made of: the inputs' sizes, none a constant, each once */
    int term_count;
    const int *symbols; /* that occur in them */
    int symbol_count;
    int64_t *points[FIT_POINTS]; /* values, by symbol */
    int64_t values[FIT_POINTS];  /* of the size that is looked for */
    int count;
} Fit;

/* The simplest expression that has these values at these points; NULL: none that is tried has. */
const Size *fit_size(const Fit *fit);

#endif
