/* Stages: a run of layers on one device, from the cut graph to the program that backends emit. */
#ifndef LPC_PASSES_STAGE_H
#define LPC_PASSES_STAGE_H

#include "ir/graph.h"
#include "ir/loops.h"
#include "ir/target.h"
#include "passes/lower/frame/lower.h"
#include "passes/memory/memory.h"
#include "passes/partition/planner.h"

/* What a stage program needs beside what is counted: a static program with its runtime and C library, its stacks, but no
 * sessions of TLS; and the emitted instructions of one layer. Estimates (docs/planning.md). */
enum { STAGE_RUNTIME_BYTES = 5 << 19, STAGE_LAYER_CODE_BYTES = 1 << 13 };

typedef struct Stage {
    const char *name;   /* the package folder: the target's name, "-2" ... appended when taken */
    const char *prefix; /* of the emitted function */
    const Target *target;
    LowerTarget lower; /* how it is to be lowered; `compact` by stage_lower */
    Node **nodes;      /* those that run here, in order; inlined producers are not listed */
    int node_count;
    Tensor **in, **out; /* contracts: what arrives, what leaves */
    int in_count, out_count;
    double flops;                /* of its program's kernels, after stage_lower */
    int64_t in_bytes, out_bytes; /* bounds of a frame's payload */
    int64_t budget, runtime;     /* of its device: usable bytes, and those of the runtime */
    int queue;                   /* frames in each of its two queues */
    Program *program;            /* NULL before stage_lower */
    MemoryFigures memory;        /* of the workspace, after stage_lower */
} Stage;

typedef struct Cut {
    Stage *stages;
    int count;
    Profile *profile;       /* the planner's view of the model, with footprints of the targets */
    const Cluster *cluster; /* the devices that there were to choose from, expanded */
    const Plan *plan;       /* whoever made it; stage i is its stage i. NULL: there are no layers */
} Cut;

/* Tensors with memory of their own that a node reads: its inputs, epilogue operands and conditions,
 * and those that inlined producers read. Each once; constants excluded. The list is the arena's. */
typedef struct Reads {
    Tensor **items;
    int count;
} Reads;
Reads node_reads(Arena *arena, const Node *node);

/* How a graph is to be split. */
typedef struct CutRequest {
    const Target *const *targets; /* devices */
    const char *const *names;     /* of the stages on them; "-2", ... for one that is taken */
    int count;
    bool at_most; /* fewer stages, on the first targets, where the model has fewer layers */
    const char *const *cut_after; /* nodes after which to cut, count - 1 of them; or none */
    int cut_count;
    const PlanOptions *options; /* of the planner; NULL: the defaults, all devices used */
    const char *plan_file;      /* a plan to obey; NULL: the planner's best */
    const LowerTarget *lower;   /* by target: how its stages are lowered */
} CutRequest;

/* Splits the graph's nodes into stages, by hand or by the planner, and lowers the stages. Each is
 * within its target's memory, or it is refused with the bytes that it is short. work.h has
 * cut_proven for other devices than the targets' own. */
int cut_graph(Graph *graph, const CutRequest *request, Cut *cut);

/* Gives every tensor of a stage its place: contracts, state, views, concat inputs, workspace. Sets
 * lw->viewed: a node that has views and others for outputs (a Split, part of which leaves) stores the
 * others only. */
void stage_places(Lower *lw, const Stage *stage);

/* Is what the node reads made in its result's memory when that leaves the stage? */
bool place_sends_source(const Node *node);

/* A stage as calls of kernels, before the loop passes and the memory plan. */
typedef struct Lowered {
    Lower lw;
    int *kernels; /* [node_count] how many the program has after each of the nodes */
} Lowered;

/* Lowers the nodes by stage->lower. */
int stage_calls(Graph *graph, const Stage *stage, Lowered *lowered);
/* Frees its code. */
void lowered_drop(Lowered *lowered);

/* Lowers a stage to a program by stage->lower: kernels, loop passes, memory plan. Over its budget it
 * is lowered once more without weights that are transformed for speed; that it then fits is for the caller to
 * see to. One that is within its budget and more than a program of the target addresses is refused. */
int stage_lower(Graph *graph, Stage *stage);
/* What the lowered stage needs of its device. */
StageBytes stage_bytes(const Stage *stage);
/* Is that within its budget? */
bool stage_fits(const Stage *stage);

/* What LowerTarget a target means; portable: scalar. */
LowerTarget stage_lower_target(const Target *target, bool portable);

#endif
