/* Inside of the simplification pass. */
#ifndef LPC_PASSES_GRAPH_SIMPLIFY_H
#define LPC_PASSES_GRAPH_SIMPLIFY_H

#include "passes/graph/rewrite.h"

/* Common subexpressions: the later of two equal nodes goes. True when some did. */
bool simplify_common(Graph *g);
/* The leave node of a loop, at position `at`: a loop that runs once is no loop, a value that it only
 * carries is none of its own. True when something changed. */
bool simplify_loop(Graph *g, Node *leave, int at);

#endif
