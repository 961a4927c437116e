/* Least maxima by bisection, over a row of devices or over all orders. */
#ifndef LPC_PARTITION_MAXIMA_H
#define LPC_PARTITION_MAXIMA_H

#include "passes/partition/line.h"

/* Something that answers whether a partition within limits exists. */
typedef struct Space {
    const Cost *cost;
    void *self;
    Fit *const *fits; /* by device */
    void (*fit)(void *self, const Limits *limits);
    bool (*feasible)(void *self, const Limits *limits, bool fewest, Partition *found,
                     int64_t *next);
} Space;

/* Lower bounds without search (bound.c), in ticks and of a budget. */
int64_t bound_period(const Cost *cost);
double bound_fraction(const Cost *cost);

void limits_init(const Cost *cost, Limits *limits);

/* Each sets the limit to the least value with which a partition exists and leaves the space fitted
 * to it. `found` is any partition within the present limits. */
void least_fraction(const Space *space, Limits *limits, const Partition *found);
void least_size(const Space *space, Limits *limits, const Partition *found);
void least_period(const Space *space, Limits *limits, Partition *found);

#endif
