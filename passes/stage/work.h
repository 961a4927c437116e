/* The nodes that need code, in the order in which stages take them, and what the cut and the
 * planner want to know of them. */
#ifndef LPC_PASSES_STAGE_WORK_H
#define LPC_PASSES_STAGE_WORK_H

#include "passes/partition/planner.h"
#include "passes/stage/stage.h"

enum { MAX_READS = 256 };

typedef struct Work {
    Graph *graph;
    Node **nodes;
    int count;
    int *first, *last; /* of each tensor: the positions that make it and last need it; -1: made
                        * outside, -2: not needed, count: an output */
    int *state_first;  /* of each state pair: the first position of those that stay together */
    bool *allowed;     /* [count + 1] a cut may be before position i */
} Work;

void work_init(Work *work, Graph *graph);
/* Does the tensor have to be sent over a cut before position `at`? */
bool work_crosses(const Work *work, const Tensor *tensor, int at);
/* A constant under another shape that the next layer alone uses: it has no memory of its own, and no
 * cut is before that layer. */
bool work_is_constant_view(const Work *work, const Tensor *tensor);
/* Bytes at the bounds. */
int64_t work_tensor_bytes(const Work *work, const Tensor *tensor);
/* The planner's view: a layer for each node. */
Profile *work_profile(const Work *work);

/* The same from a graph. */
Profile *graph_profile(Graph *graph);

/* What a stage program needs beside what is counted: a static program with its runtime and C
 * library, its stacks, and the emitted instructions of one layer. Estimates (docs/planning.md). */
enum { STAGE_RUNTIME_BYTES = 1 << 21, STAGE_LAYER_CODE_BYTES = 1 << 13 };

/* What links without a description are taken for: Gigabit Ethernet, bytes per second. */
#define LINK_BANDWIDTH 110e6

/* The targets as devices for the planner, in that order. */
int cut_devices(Diag *diag, Arena *arena, const Target *const *targets, const char *const *names,
                int count, Cluster *cluster);
/* Where stages end that are cut after the named nodes: count + 1 positions, the last that of the
 * model's end. */
int work_cut_after(const Work *work, const char *const *names, int count, int *ends);
/* As cut_graph, by the planner with options, or by a plan file that is checked (NULL: none).
 * Devices may be left out and reordered: the cut's stages are the plan's, each with the target of
 * its device. cluster: expanded, device i being targets[i], called names[i]; NULL: cut_devices. */
int cut_planned(Graph *graph, const Cluster *cluster, const Target *const *targets,
                const char *const *names, int count, const PlanOptions *options,
                const char *plan_file, Cut *cut, Plan *plan);

#endif
