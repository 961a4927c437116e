/* What a model is made of and what it needs. */
#ifndef LPC_LIB_INSPECT_H
#define LPC_LIB_INSPECT_H

#include "lib/compile/compile.h"

typedef struct OperatorCount {
    const char *op;
    int count;
} OperatorCount;

typedef struct Inspection {
    OperatorCount *operators; /* of the model as it was read, by name */
    int operator_count;
    double parameters, parameter_bytes;
    int unknown_sizes;   /* contents that determine sizes and are not known */
    MissingList missing; /* nodes that the importer does not take */
    Graph *graph;        /* with its inputs, outputs and symbols; NULL: no shapes were found */
    bool bounded;        /* every symbol has a bound; if not, what follows is not known */
    double flops;
    int64_t memory, weights; /* bytes: most of activations in one stage; of all weights */
    Cut cut;
} Inspection;

/* Fills in what can be known: what was found before a failure stays. */
int inspect_model(Arena *arena, Diag *diag, CompileOptions *options, Inspection *inspection);

#endif
