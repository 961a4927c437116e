/* Rules of operators that graph passes ask: columns BYPASS and SCALES of ir/ops.def. */
#ifndef LPC_PASSES_GRAPH_RULES_H
#define LPC_PASSES_GRAPH_RULES_H

#include "ir/graph.h"

/* The input that the only output equals, because the node does nothing; NULL: it does something.
 * There are an input 0 and an output 0, and shapes are known. (bypass.c) */
typedef Tensor *BypassRule(Graph *g, const Node *n);

/* y = x * mul + add for each channel. */
typedef struct Affine {
    int64_t channels;
    double *mul, *add;
} Affine;

/* The weights, in[1], with their output channels times a->mul; NULL when that can not be. They are
 * static f32 constants. (scales_weights.c) */
typedef Tensor *ScalesRule(Graph *g, const Node *n, const Affine *a);

#define OP(id, name, since, ...) __VA_ARGS__
#define BYPASS(rule)             BypassRule bypass_##rule;
#define SCALES(rule)             ScalesRule scales_##rule;
#include "ir/ops.def"

typedef struct GraphRules {
    OpCode op;
    BypassRule *bypass; /* NULL: the node always does something */
    ScalesRule *scales; /* NULL: scales after it do not go into its weights */
} GraphRules;

extern const GraphRules graph_rules[OP_COUNT];

#endif
