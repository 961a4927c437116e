/* Inside of the lowering of stages: loops. */
#ifndef LPC_PASSES_STAGE_LOOP_H
#define LPC_PASSES_STAGE_LOOP_H

#include "passes/shape/facts.h"
#include "passes/stage/stage.h"

/* What stands before the body, and the main program's loop: *inside is its block, where lw->main is
 * from now on. reads_iteration: some node reads the iteration number from memory. */
int loop_open(Lower *lw, Node *enter, bool reads_iteration, Block **inside);
/* What stands at the end of the body, in lw->main, and then after the loop, in `outside`. */
int loop_close(Lower *lw, Node *leave, Block *outside);

/* ---- loop_sizes.c ---- */

/* The symbols that stand for sizes of carried values get the sizes of from[i], by carried value:
 * all at once, so that these may be sizes of other carried values. In lw->main. */
int loop_set_sizes(Lower *lw, const Node *enter, Tensor *const *from);

/* ---- place_memory.c ---- */

/* Strides for elements laid out densely in the tensor's own axis order. */
void place_dense(Lower *lw, const Tensor *tensor, const Size **stride);
/* A buffer of its own, dense in the tensor's axis order. */
void place_whole(Lower *lw, const Tensor *tensor, BufferClass class, int index);
/* A tensor that is not part of the graph, of the type and sizes of `like`, at a place. */
Tensor *place_alias(Lower *lw, const Tensor *like, const char *name, const Place *place);
/* The same elements at the same places of memory? */
bool place_same(const Place *a, const Place *c, const Tensor *tensor);
/* ---- place_loop.c ---- */

/* Where this iteration's slice of stacked output `scan` lies. */
void place_of_slice(Lower *lw, const Node *leave, int scan, Place *place);

/* Backwards: a loop that leaves gives its sources the memory of what it makes. here, leaves: by
 * tensor id, as place.c has them. */
void place_loop_sources(Lower *lw, const Node *leave, const bool *here, const bool *leaves);
/* Forwards: what has no place yet. */
void place_loop_outputs(Lower *lw, const Node *node);

#endif
