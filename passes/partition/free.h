/* The algorithms for devices in any order. */
#ifndef LPC_PARTITION_FREE_H
#define LPC_PARTITION_FREE_H

#include "passes/partition/cost.h"

typedef enum FreeResult {
    FREE_NONE,    /* proven: nothing fits */
    FREE_EXACT,   /* the objective's value is the best there is */
    FREE_TOO_MUCH /* too many devices or layers for the exact algorithm */
} FreeResult;

/* *ties: whether all ties are resolved exactly too. */
FreeResult free_solve(const Cost *cost, Partition *best, bool *ties);

/* Search over orders, each solved exactly; best is what to start from (its count may be 0) and is
 * only ever improved. False: nothing was found. */
bool search_solve(const Cost *cost, Partition *best);

#endif
