/* Inside of graph_order.c and graph_sweep.c: who makes what, and what nodes read.
 *
 * An epilogue's nodes are not in graph->nodes; what they read and make counts for the node that
 * carries them, its owner. */
#ifndef LPC_IR_GRAPH_READS_H
#define LPC_IR_GRAPH_READS_H

#include "ir/graph.h"

/* All tensors that a node reads: inputs, conditions of its branches and its epilogue's. */
typedef struct Reads {
    Tensor **items;
    int count;
    int own; /* the first ones: its own inputs and conditions, not its epilogue's */
} Reads;

/* owner[tensor id]: the node in graph->nodes that makes the tensor, by position, or -1. */
int *graph_owners(const Graph *graph);
void graph_collect_reads(const Graph *graph, const Node *node, Reads *reads);

#endif
