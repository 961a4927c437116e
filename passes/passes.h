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
/* Nodes whose operators are written out as others become those. Requires shapes. */
int pass_expand(Graph *graph);
/* Removes what does nothing, merges what is double, turns known contents into constants. Requires
 * shapes. */
int pass_simplify(Graph *graph);
/* Sub-graphs that spell out a normalisation become one node. Requires shapes. */
int pass_patterns(Graph *graph);
/* Attention that is spelt out becomes one node. Requires shapes. */
int pass_attention(Graph *graph);
/* Constant scales and shifts of channels go into the weights before them. Requires shapes. */
int pass_fold_scales(Graph *graph);
/* DequantizeLinear, operator, QuantizeLinear become the operator on integers. */
int pass_fuse_quantized(Graph *graph);
/* Constant weights of few bits stay so in products. Run behind pass_fuse_quantized, which needs them as they are. */
int pass_pack_weights(Graph *graph);
/* Functions of one 8-bit number become tables. Run before pass_fold, which computes these. */
int pass_tables(Graph *graph);
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

#endif
