/* Devices in a row: reachability and best paths, from which fixed.c makes the objectives. */
#ifndef LPC_PARTITION_LINE_H
#define LPC_PARTITION_LINE_H

#include "passes/partition/cost.h"

/* A device's later ones that are linked to it alike. */
typedef struct LinkGroup {
    int link;
    int *members; /* positions in the row, ascending */
    int member_count;
    bool all_later; /* all of the later ones: what is pushed to them is kept once, in Line's common
                     */
} LinkGroup;

/* What a partition must keep. */
typedef struct Limits {
    int64_t period;
    int64_t compute;                /* of one stage, without sending */
    int devices;                    /* at most; 0: any number */
    int64_t capacity[PLAN_DEVICES]; /* by device, at most Cost's cap */
} Limits;

typedef struct Line {
    const Cost *cost;
    Arena *arena;
    int m;
    int order[PLAN_DEVICES]; /* devices */
    LinkGroup *groups[PLAN_DEVICES];
    int group_count[PLAN_DEVICES];
    int *cuts; /* where a cut is allowed, by the bytes over it */
    int cut_count;
    int *rank; /* [n + 1] a cut's place in cuts */
    Fit store[PLAN_DEVICES];
    Fit *fits[PLAN_DEVICES]; /* by device */
    uint8_t *reach;          /* [m][n + 1] fewest stages before one that starts there, or NONE */
    uint8_t *done;           /* [n + 1] */
    uint8_t *common;         /* [n + 1] reach of all positions that are still to come */
} Line;

void line_init(Line *line, Arena *arena, const Cost *cost, const int *order, int m);
/* Prepares for limits->capacity. */
void line_fit(Line *line, const Limits *limits);
/* Is there a partition within the limits? When counting, one with the fewest stages. *next: with a
 * period below that the answer is the same. */
bool line_feasible(Line *line, const Limits *limits, bool counting, Partition *found,
                   int64_t *next);
/* The furthest layer that stages within the limits reach; after line_feasible. */
int line_furthest(const Line *line);
/* Best by latency, then fewest devices, then their speed; or by devices first. *next as above; it
 * may be NULL. */
bool line_best(Line *line, const Limits *limits, bool devices_first, Partition *best,
               int64_t *next);

#endif
