/* The exact algorithm for devices in a given order. */
#ifndef LPC_PARTITION_FIXED_H
#define LPC_PARTITION_FIXED_H

#include "passes/partition/line.h"

/* The best partition for the cost's objective, all ties resolved; false: none fits. */
bool fixed_solve(const Cost *cost, const int *order, int m, Partition *best);
/* How many layers from the first on can be placed: all of them when a partition exists. */
int fixed_furthest(const Cost *cost, const int *order, int m);

#endif
