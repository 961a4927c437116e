/* Costs and sizes of stages, computed once for all algorithms (docs/planning.md has the model).
 *
 * Times are whole ticks, so that sums are exact and equal layers cost equally wherever they lie:
 * without that, ties would be decided by rounding. A tick is 2^-58 of the longest time in question.
 */
#ifndef LPC_PARTITION_COST_H
#define LPC_PARTITION_COST_H

#include "passes/partition/needs.h"

#define TICKS_NEVER (INT64_MAX / 4)

typedef struct Cost {
    Arena *arena;
    const Profile *profile;
    const Cluster *cluster; /* expanded */
    PlanOptions options;
    int n, m;                         /* layers, devices */
    double tick;                      /* seconds */
    int64_t *cut;                     /* [n + 1] bytes over each cut */
    bool *allowed;                    /* [n + 1] a stage may end there */
    const Needs *own;                 /* by the layers' own figures */
    const Needs *needs[PLAN_DEVICES]; /* by device; equal ones share theirs */
    const Needs *kinds[PLAN_DEVICES]; /* the different ones */
    int kind_count;
    int64_t base[PLAN_DEVICES];    /* bytes that any stage on the device needs: runtime, slack */
    int64_t *prefix[PLAN_DEVICES]; /* [n + 1] compute ticks, by device; equal ones share theirs */
    int64_t cap[PLAN_DEVICES];     /* usable bytes */
    int64_t speed[PLAN_DEVICES];   /* for ties: 2^40 is the fastest */
    int link[PLAN_DEVICES][PLAN_DEVICES]; /* class of the link of an ordered pair */
    Link *links;                          /* classes */
    int link_count;
    int64_t client_in, client_out; /* ticks of the client's link, for a frame and its results */
} Cost;

/* A partition: stages in order, each a device and the layer after its last. */
typedef struct Partition {
    int count;
    int device[PLAN_DEVICES];
    int end[PLAN_DEVICES];
} Partition;

/* What a partition is judged by. */
typedef struct Score {
    double fraction;         /* largest used part of a budget */
    int64_t largest;         /* bytes of the largest stage */
    int64_t period, latency; /* ticks */
    int devices;
    int64_t speed; /* sum over the devices used */
} Score;

void cost_init(Cost *cost, Arena *arena, const Profile *profile, const Cluster *cluster,
               const PlanOptions *options);
int64_t cost_compute(const Cost *cost, int device, int first, int end);
/* Sending what crosses cut `at` over a link of that class. */
int64_t cost_send(const Cost *cost, int link, int at);
/* All that a stage needs on the device. */
int64_t cost_memory(const Cost *cost, int device, int first, int end);
/* The same by kind of use. */
StageBytes cost_bytes(const Cost *cost, int device, int first, int end);
/* A lower bound of what layers [first, end) add to stages, on whichever devices; shared weights
 * count when it is all layers and there is one kind of needs. */
int64_t cost_least(const Cost *cost, int first, int end);
/* The largest number of bytes whose fraction of the budget is at most `fraction`. */
int64_t cost_cap(const Cost *cost, int device, double fraction);
double cost_fraction(const Cost *cost, int device, int64_t memory);
double cost_seconds(const Cost *cost, int64_t ticks);
Score cost_score(const Cost *cost, const Partition *partition);
/* < 0 when a is better than b for the objective, with all ties in their order; 0: equal. */
int score_compare(Objective objective, const Score *a, const Score *b);

/* For every end, the first layers from which a stage fits a capacity: all of [first[i], i), and
 * more[more_at[i]] .. before more[more_at[i + 1]], descending, below first[i]. The latter are there
 * because queues make a stage's size non-monotone. */
typedef struct Fit {
    const Needs *needs;
    int *first;
    int *more_at, *more;
    size_t room;
    int64_t capacity; /* without the device's base */
    int64_t next;     /* no stage's size lies in (capacity, next) */
} Fit;

void fit_build(const Cost *cost, const Needs *needs, int64_t capacity, Fit *fit);
/* Fits of all devices; those with equal needs and capacities share theirs. */
void fit_devices(const Cost *cost, const int64_t *capacity, Fit *store, Fit **fits);
/* Is a stage from `first` to `end` in the fit? */
bool fit_has(const Fit *fit, int first, int end);

#endif
