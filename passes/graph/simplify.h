/* Inside of the simplification pass. */
#ifndef LPC_PASSES_GRAPH_SIMPLIFY_H
#define LPC_PASSES_GRAPH_SIMPLIFY_H

#include "passes/graph/rewrite.h"

/* Common subexpressions: the later of two equal nodes goes. True when some did. */
bool simplify_common(Graph *g);

#endif
