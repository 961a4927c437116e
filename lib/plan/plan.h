/* Planning a model, or a profile alone, for devices: which layers run where.
 *
 *   plan.c      the devices, the layers, the plan
 *   by_hand.c   partitions that the user gives
 *   simulate.c  frames through the stages of a plan */
#ifndef LPC_LIB_PLAN_H
#define LPC_LIB_PLAN_H

#include "lib/compile/compile.h"
#include "passes/stage/work.h"

typedef struct PlanRequest {
    CompileOptions compile; /* the model, its options, targets and their folders */
    PlanOptions options;
    const char *profile_file; /* --profile: plans without a model */
    const char *cluster_file;
    const char *plan_file;   /* --plan: this one, checked */
    const char *split;       /* --split 8,19,1: layers per device */
    const char *profile_out; /* --write-profile */
    bool measure;            /* time the layers on each kind of device */
} PlanRequest;

/* What is planned. The work and the targets are a model's; a profile has none. */
typedef struct PlanSubject {
    Cluster cluster;
    Profile *profile;
    Work work;
    const Target **targets; /* by device; NULL: unknown */
    LowerTarget *lower;     /* by device */
    const char **names;
} PlanSubject;

/* Finds the devices and layers that the request is about; of a model also what the layers need on
 * each kind of device, and what they take there where that is to be measured. */
int plan_subject(Diag *diag, Arena *arena, PlanRequest *request, PlanSubject *subject);
/* The best plan, or the one that the request gives, checked. */
int plan_request(Diag *diag, Arena *arena, const PlanRequest *request, const PlanSubject *subject,
                 Plan *plan);

/* --split or --cut-after: stage i on device i. work: of a model; NULL: there is only its profile. */
int plan_by_hand(Diag *diag, const PlanRequest *request, const Work *work, const Profile *profile,
                 const Cluster *cluster, Partition *partition);

#endif
