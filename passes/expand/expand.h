/* Operators written out as others: the pass, and what shapes ask of it. Rules: build/build.h. */
#ifndef LPC_PASSES_EXPAND_H
#define LPC_PASSES_EXPAND_H

#include "passes/expand/build/gradient.h"

typedef struct ExpandRules {
    OpCode op;
    ExpandRule *expand;     /* NULL: the operator is not written out */
    GradientRule *gradient; /* NULL: it has none */
} ExpandRules;
extern const ExpandRules expand_rules[OP_COUNT];

/* Nodes whose operators are written out become those; any: there were some. */
int expand_nodes(Graph *g, bool *any);
/* Runs the rule of n beside the graph and sets types and sizes of its outputs. */
int expand_shape(Graph *g, Node *n);

#endif
