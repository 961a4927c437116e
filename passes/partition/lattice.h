/* Devices in any order: how many of each type are used is a point of a lattice. free.c makes the
 * objectives from it. */
#ifndef LPC_PARTITION_LATTICE_H
#define LPC_PARTITION_LATTICE_H

#include "passes/partition/line.h"

enum { LATTICE_MOST = 1 << 17 }; /* points: 16 distinct devices, or 4 types of 17 */

typedef struct Front {
    int at, count; /* in the pool */
} Front;

/* First layers of stages that end at one, that no other of them makes superfluous. */
typedef struct Starts {
    int *at; /* [n + 1] into the pool, -1: not made yet */
    int *count;
} Starts;

typedef struct Lattice {
    const Cost *cost;
    Arena *arena;
    int types;
    int first[PLAN_DEVICES]; /* a device of each type */
    int count[PLAN_DEVICES];
    int *devices[PLAN_DEVICES];
    int stride[PLAN_DEVICES];
    int points;
    int groups; /* of types that all types send to alike */
    int group[PLAN_DEVICES];
    int link[PLAN_DEVICES][PLAN_DEVICES]; /* from type to group */
    uint8_t *used;                        /* [points] how many devices */
    int *covers;   /* [n + 1] the first later position that one does not make superfluous */
    bool keep_all; /* no position makes another superfluous */
    Fit store[PLAN_DEVICES];
    Fit *fits[PLAN_DEVICES]; /* by device */

    /* Of one question. */
    const Limits *limits;
    int *lo[PLAN_DEVICES];       /* [n + 1] by type: first layer that is fast enough */
    int64_t easy;                /* a cut of that many bytes can be sent everywhere in time */
    bool *sent_to[PLAN_DEVICES]; /* [n + 1] by group: can any type send this cut to it in time? */
    int *pool;
    size_t pool_count, pool_room;
    Front *fronts;  /* [points][groups] */
    Starts *starts; /* [types][groups] */
    int *buffer;
    size_t buffer_room;
    bool single; /* fronts hold the furthest position only */
} Lattice;

/* False when there are more than LATTICE_MOST points: too many for the exact algorithm. */
bool lattice_init(Lattice *lattice, Arena *arena, const Cost *cost);
void lattice_fit(Lattice *lattice, const Limits *limits);
/* Steps of one question that keeps all positions. */
double lattice_work(const Lattice *lattice);
/* As line_feasible, over all orders. fewest: the partition with the fewest stages. */
bool lattice_feasible(Lattice *lattice, const Limits *limits, bool fewest, Partition *found,
                      int64_t *next);
/* Best within the limits by latency, devices, speed (or devices first), if that takes at most
 * `work` steps. 1: found, 0: there is none, -1: too much work. */
int lattice_best(Lattice *lattice, const Limits *limits, bool devices_first, double work,
                 Partition *best);

#endif
