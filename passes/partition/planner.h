/* The planner: from a profile, a cluster and options to a plan with its figures and its bound. */
#ifndef LPC_PARTITION_PLANNER_H
#define LPC_PARTITION_PLANNER_H

#include "passes/partition/cost.h"

typedef struct PlanStage {
    const char *device, *target;
    int device_index; /* in the expanded cluster */
    int cores;        /* that compute_s is for; 0: not told */
    int first, end;   /* layers [first, end) */
    const char *first_name, *last_name;
    int tensors;
    StageBytes bytes;
    int64_t memory, budget;      /* memory: all of them */
    bool compact;                /* it fits only without weights that are transformed for speed */
    int64_t device_memory;       /* of which the budget is the usable part */
    int64_t in_bytes, out_bytes; /* over the cuts before and after */
    double compute_s, send_s, period_s;
} PlanStage;

typedef struct Plan {
    PlanOptions options;
    PlanStage *stages;
    int count;
    int limiting; /* the stage that decides the objective's value */
    double bottleneck_s, latency_s, throughput, fraction;
    double client_in_s, client_out_s; /* of a frame over the client's link, and of its results */
    bool client_limits;               /* that link decides the period */
    int64_t largest;                  /* bytes of the largest stage */
    double value, bound, gap;         /* of the objective; gap: value / bound - 1 */
    double period_bound_s; /* no partition has a shorter period, whatever the objective */
    bool exact;            /* the value is the best there is */
    bool ties;             /* and so is everything that ties go by */
    const char *method;    /* the algorithm, in words */
} Plan;

/* Finds the best plan. What fits nowhere is reported to diag, with what would help. The plan has
 * been checked. cluster: expanded, in the order of use. */
int plan_make(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
              const PlanOptions *options, Plan *plan);
/* The figures of a partition that somebody else made; reports what is wrong with it. */
int plan_given(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
               const PlanOptions *options, const Partition *partition, Plan *plan);
/* Sets what a stage needs; after the last of them plan_sum_up makes the plan's figures of memory.
 */
void plan_set_bytes(PlanStage *stage, const StageBytes *bytes);
void plan_sum_up(Plan *plan);
void plan_set_bound(Plan *plan, double bound);
/* A lower bound of the objective's value over all partitions and orders, without search (bound.c).
 */
double plan_bound(const Cost *cost);
/* Of the objective. */
double plan_value(const Cost *cost, const Score *score);

/* --- diagnose.c --- */

/* Says why nothing fits: one error, with measures. Returns LPC_ERROR. */
int plan_diagnose(Diag *diag, const Cost *cost);

/* --- checker.c: independent of the algorithms and of cost.c --- */

/* Each layer once and in order, devices used at most once and in the given order unless free,
 * within budget, every tensor delivered, figures as the model says. All that is wrong is reported.
 */
int plan_check(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
               const Plan *plan);

/* Reports how many bytes the stage is short of its budget. Returns LPC_ERROR. */
int plan_short(Diag *diag, int index, const PlanStage *stage);

/* --- plan_json.c --- */

/* The figures that a plan's file has, of a PlanStage `s` and of a Plan `p`: written, and known to
 * those who read only which layers run where. */
/* clang-format off */
#define PLAN_STAGE_FIGURES(X)           \
    X(cores, s->cores)                  \
    X(tensors, s->tensors)              \
    X(weights, s->bytes.weights)        \
    X(activations, s->bytes.activations) \
    X(buffers, s->bytes.buffers)        \
    X(state, s->bytes.state)            \
    X(queues, s->bytes.queues)          \
    X(code, s->bytes.code)              \
    X(memory, s->memory)                \
    X(budget, s->budget)                \
    X(device_memory, s->device_memory)  \
    X(in_bytes, s->in_bytes)            \
    X(out_bytes, s->out_bytes)
#define PLAN_FIGURES(X)                 \
    X(bottleneck_s, p->bottleneck_s)    \
    X(latency_s, p->latency_s)          \
    X(client_in_s, p->client_in_s)      \
    X(client_out_s, p->client_out_s)    \
    X(throughput, p->throughput)        \
    X(fraction, p->fraction)            \
    X(largest, p->largest)              \
    X(value, p->value)                  \
    X(bound, p->bound)                  \
    X(gap, p->gap)
/* clang-format on */

char *plan_json(const Plan *plan); /* cJSON_free */
/* Reads which layers run where; refuses a file that leaves out, repeats or reorders layers. */
int plan_read(Diag *diag, Arena *arena, const char *path, const Profile *profile,
              const Cluster *cluster, Partition *partition);

#endif
