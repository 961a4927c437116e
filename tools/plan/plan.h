/* `lpc plan` and `lpc simulate`: the planner's commands. */
#ifndef LPC_TOOLS_PLAN_H
#define LPC_TOOLS_PLAN_H

#include "passes/stage/work.h"
#include "tools/compile/compile.h"

#include <stdio.h>

typedef struct PlanCommand {
    CompileOptions compile;    /* the model, its options, targets and their folders */
    PlanOptions options;
    const char *profile_file;  /* --profile: plans without a model */
    const char *cluster_file;
    const char *plan_file;     /* --plan: this one, checked */
    const char *split;         /* --split 8,19,1: layers per device */
    const char *profile_out;   /* --write-profile */
    bool json, compare, measure;
} PlanCommand;

/* --split or --cut-after: stage i on device i. work: of a model; NULL: there is only its profile. */
int plan_by_hand(Diag *diag, const PlanCommand *command, const Work *work,
                 const Profile *profile, const Cluster *cluster, Partition *partition);

void plan_table(FILE *out, const Plan *plan);
/* Plans side by side: the objectives, with and without --use-all. */
int plan_compare(FILE *out, Diag *diag, Arena *arena, const Profile *profile,
                 const Cluster *cluster, const PlanOptions *options);
/* "840.0 MB" */
const char *plan_bytes(Arena *arena, double bytes);
const char *plan_seconds(Arena *arena, double seconds);

int command_plan(int argc, char **argv);
int command_simulate(int argc, char **argv);

#endif
