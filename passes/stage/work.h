/* The nodes that need code, in the order in which stages take them, and what the cut and the
 * planner want to know of them. */
#ifndef LPC_PASSES_STAGE_WORK_H
#define LPC_PASSES_STAGE_WORK_H

#include "passes/stage/stage.h"

typedef struct Work {
    Graph *graph;
    Node **nodes;
    int count;
    Reads *reads;      /* of each node, by its id */
    int *first, *last; /* of each tensor: the positions that make it and last need it; -1: made
                        * outside, -2: not needed, count: an output */
    int *state_first;  /* of each state pair: the first position of those that stay together */
    bool *allowed;     /* [count + 1] a cut may be before position i */
} Work;

void work_init(Work *work, Graph *graph);
/* Does the tensor have to be sent over a cut before position `at`? */
bool work_crosses(const Work *work, const Tensor *tensor, int at);
/* The tensors of a frame over the cut before position `at`, and the bound of its payload: each
 * tensor at a multiple of 64 bytes, after the values of the size symbols. */
void work_contract(const Work *work, int at, Tensor ***list, int *count, int64_t *bytes);
int64_t work_sizes_bytes(const Work *work);
/* A constant under another shape that the next layer alone uses: it has no memory of its own, and no
 * cut is before that layer. */
bool work_is_constant_view(const Work *work, const Tensor *tensor);
/* Bytes at the bounds. */
int64_t work_tensor_bytes(const Work *work, const Tensor *tensor);
/* The planner's view: a layer for each node; what each of them does is in its footprints. */
Profile *work_profile(const Work *work);

/* What the layers need as they are lowered for a target. *transforms: some weights are transformed for
 * speed, which compact lowering leaves out; else both footprints are the same. */
int work_footprint(const Work *work, const Target *target, const LowerTarget *lower, bool compact,
                   Footprint *footprint, bool *transforms);
/* Adds footprints of the targets, lowered by `lower`, to the profile, each once; compact ones where
 * they differ. Unknown targets (NULL) have none. The layers' own work is that of the first known target,
 * or of portable code. */
int work_footprints(Work *work, Profile *profile, const Target *const *targets,
                    const LowerTarget *lower, int count);

/* What links without a description are taken for: Gigabit Ethernet, bytes per second. */
#define LINK_BANDWIDTH 110e6

/* The targets as devices for the planner, in that order. */
int cut_devices(Diag *diag, Arena *arena, const Target *const *targets, const char *const *names,
                int count, Cluster *cluster);
/* Where stages end that are cut after the named nodes: count + 1 positions, the last that of the
 * model's end. */
int work_cut_after(const Work *work, const char *const *names, int count, int *ends);
/* What is planned, and for what. */
typedef struct Planning {
    const Work *work;
    Profile *profile;
    const Cluster *cluster;       /* expanded */
    const Target *const *targets; /* by device; NULL: unknown, its stages are not lowered */
    const char *const *names;     /* of stages, by device */
    const LowerTarget *lower;     /* by device: how its stages are lowered */
} Planning;

/* Plans, or takes the partition that is given, and lowers the stages: the plan's bytes are theirs.
 * When one is over its budget although the footprints said that it fits, that many bytes are kept
 * free and the model is planned again. The cut's stages are the plan's. */
int cut_proven(const Planning *planning, const PlanOptions *options, const Partition *given,
               Cut *cut, Plan *plan);

#endif
