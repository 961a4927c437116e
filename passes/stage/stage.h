/* Stages: a run of layers on one device, from the cut graph to the program that backends emit. */
#ifndef LPC_PASSES_STAGE_H
#define LPC_PASSES_STAGE_H

#include "ir/graph.h"
#include "ir/loops.h"
#include "ir/target.h"
#include "passes/lower/lower.h"
#include "passes/memory/memory.h"

typedef struct Stage {
    const char *name;      /* the package folder: the target's name, "-2" ... appended when taken */
    const Target *target;
    LowerTarget lower;     /* derived from the target */
    bool plain;            /* before stage_lower: plain loops, every buffer apart (--no-plan) */
    Tuning *tuning;        /* before stage_lower: measured tilings, or NULL */
    Node **nodes;          /* those that run here, in order; inlined producers are not listed */
    int node_count;
    Tensor **in, **out;    /* contracts: what arrives, what leaves */
    int in_count, out_count;
    double flops;
    int64_t weight_bytes;  /* estimate from the model; the program knows better */
    int64_t in_bytes, out_bytes; /* payload bounds */
    Program *program;      /* NULL before stage_lower */
    MemoryFigures memory;  /* of the workspace, after stage_lower */
} Stage;

typedef struct Cut {
    Stage *stages;
    int count;
} Cut;

/* Tensors with memory of their own that a node reads: its inputs, epilogue operands and guards, and
 * those that inlined producers read. Each once; constants excluded. Count returned, at most max. */
int node_reads(const Node *node, Tensor **reads, int max);

/* Operations of one run of a node with its epilogue and inlined producers, at the bounds. */
double node_flops(SizeTable *sizes, const Node *node);

/* Splits the graph's nodes. target_count stages in that order, called names[i] ("-2", ... is appended
 * to a name that is taken); cut_after: names of nodes after which
 * to cut (target_count - 1 of them, or none: then the planner's best, for throughput, under the
 * targets' memory budgets). work.h has cut_planned for other options. */
int cut_graph(Graph *graph, const Target *const *targets, const char *const *names,
              int target_count, const char *const *cut_after, int cut_count, Cut *cut);

/* Gives every tensor of a stage its place: contracts, state, views, concat inputs, workspace. */
int stage_places(Lower *lw, const Stage *stage);

/* Lowers a stage to a program: kernels, loop passes, memory plan. prefix: the emitted function's
 * prefix. The target's memory is a hard limit: a stage over it is lowered once more without weights
 * that are transformed for speed, and refused, with the bytes it is short, when that does not fit. */
int stage_lower(Graph *graph, Stage *stage, const char *prefix, bool portable);

/* What LowerTarget a target means; portable: scalar. */
LowerTarget stage_lower_target(const Target *target, bool portable);

#endif
