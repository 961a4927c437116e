/* Graph to graph passes, in the order in which they run.
 *
 * Every pass takes a graph that graph_verify accepts and leaves one that it accepts. A pass returns
 * 0, or LPC_ERROR after it has reported why. */
#ifndef LPC_PASSES_H
#define LPC_PASSES_H

#include "ir/graph.h"

typedef struct PassInfo {
    const char *name; /* as lpc-opt takes it */
    int (*run)(Graph *graph);
    const char *help;
} PassInfo;

/* All graph passes, ended by a row without a name. */
extern const PassInfo graph_passes[];
/* The default order. In builds without NDEBUG the graph is verified after every pass. */
int passes_run_default(Graph *graph);
/* The same for --no-plan: every node keeps its own loops and results, in the model's axis order. */
int passes_run_plain(Graph *graph);

/* Types and sizes of all tensors, known contents of small integer tensors, attributes made
 * explicit; folds nodes whose inputs are constants and removes branches that are not taken. Reports
 * every node that is wrong or whose sizes can not be known. Can be run again after other passes. */
int pass_shapes(Graph *graph);
/* Removes what does nothing, merges what is double, turns known contents into constants. Requires
 * shapes. */
int pass_simplify(Graph *graph);
/* Sub-graphs that spell out a normalisation become one node. Requires shapes. */
int pass_patterns(Graph *graph);
/* Constant scales and shifts of channels go into the weights before them. Requires shapes. */
int pass_fold_scales(Graph *graph);
/* DequantizeLinear, operator, QuantizeLinear become the operator on integers. */
int pass_fuse_quantized(Graph *graph);
/* Computes what depends on constants only, DequantizeLinear of weights included (which pass_shapes
 * leaves alone for pass_fuse_quantized). */
int pass_fold(Graph *graph);
/* Element-wise chains become epilogues of the node that makes their input. */
int pass_epilogues(Graph *graph);
/* Tensors that are cheaper computed at their use than stored are marked is_inlined. Run last of the
 * passes that change nodes. */
int pass_inline(Graph *graph);
/* Physical axis order of every tensor. */
int pass_layout(Graph *graph);

/* Computes a node whose inputs are all constants: sets data of its outputs. 0 also when it is not
 * able to; nothing is changed then. (passes/fold.c) */
int fold_node(Graph *graph, Node *node);

/* ---- What lowering asks of shapes ---- */

/* So many iterations are as good as endless. */
#define LOOP_UNBOUNDED (INT64_C(1) << 50)

/* How often a loop runs; shapes must have run up to its enter node. */
typedef struct LoopCount {
    const Size *iteration; /* the symbol that counts, from 0 on; 0 where it runs once */
    const Size *limit;     /* iterations at most */
    bool limit_is_read;    /* the limit is a symbol that the enter node sets from in[0]'s contents */
    bool has_cond;         /* it can end before that */
    int counter;           /* the symbol of main's loop: iterations done */
    const Size *trips;     /* iterations that it ran, known after it */
} LoopCount;
void loop_count(Graph *graph, const Node *enter, LoopCount *count);

/* The contents of a small (at most 64 elements) integer tensor as sizes, row-major; NULL when they
 * are not known. *count may be NULL. */
const Size *const *tensor_values(Graph *graph, Tensor *tensor, int *count);
/* Slice: for every axis of in[0] the first element taken and the step; shapes must have run. */
int slice_params(Graph *graph, const Node *node, const Size **start, int64_t *step);
/* Split: where part k begins along the axis, whichever of the outputs are there; shapes must have
 * run. */
const Size *split_start(Graph *graph, const Node *node, int k);

#endif
