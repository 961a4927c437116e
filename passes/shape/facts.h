/* What others ask of shapes once they are known: lowering, other passes, shape arithmetic. */
#ifndef LPC_PASSES_SHAPE_FACTS_H
#define LPC_PASSES_SHAPE_FACTS_H

#include "ir/graph.h"

/* Slice: for every axis of in[0] the first element taken and the step; shapes must have run. Returns
 * 0, or LPC_ERROR after it has reported why. (slice.c) */
int slice_params(Graph *graph, const Node *node, const Size **start, int64_t *step);
/* Split: where part k begins along the axis, whichever of the outputs are there; shapes must have
 * run. (view.c) */
const Size *split_start(Graph *graph, const Node *node, int k);

/* How often a loop runs; shapes must have run up to its enter node.
 * (loop.c) */
typedef struct LoopCount {
    const Size *iteration; /* the symbol that counts, from 0 on; 0 where it runs once */
    const Size *limit;     /* iterations at most */
    bool limit_is_read; /* the limit is a symbol that the enter node sets from in[0]'s contents */
    bool has_cond;      /* it can end before that */
    int counter;        /* the symbol of main's loop: iterations done */
    const Size *trips;  /* iterations that it ran, known after it */
} LoopCount;
void loop_count(Graph *graph, const Node *enter, LoopCount *count);

#endif
