/* Inside of the shape pass: the walk over the nodes, and how it goes through loops. */
#ifndef LPC_PASSES_SHAPE_WALK_H
#define LPC_PASSES_SHAPE_WALK_H

#include "passes/shape/shape.h"

/* A side of an If in which a node can not work with the sizes there are: taking it fails at run
 * time, as it would in any runtime. */
typedef struct Branch {
    const Tensor *cond;
    bool when;
} Branch;

typedef struct Walk Walk;
struct Walk {
    Graph *graph;
    FoldNode *fold;
    ExpandNode *expand;
    /* Infers nodes [from, to) of the graph. Every wrong node is reported. */
    int (*range)(Walk *walk, int from, int to);
    Branch *failed;
    int failed_count;
    int copies;          /* nodes that were put into branches (ranks.c) */
    const Region *trial; /* the body that is only tried: what lies outside is left alone */
};

/* ---- loop.c ---- */

/* What enters the body, found by trying it: sizes that stay, sizes that grow evenly, others. `at` is
 * the enter node's position. May unroll the loop. */
int walk_enter(Walk *walk, int at);
/* What the loop makes. */
int walk_leave(Walk *walk, Node *leave);

/* ---- ranks.c ---- */

/* Where the branches that the Phi at `at` joins have different ranks: puts what reads it, behind it, into both
 * branches, and deletes it. false, and nothing is changed: they have not, or one rank is needed. */
bool walk_split_ranks(Walk *walk, int at);

/* ---- trial.c ---- */

/* All that inference may change, to be put back. */
typedef struct Trial Trial;
/* Saves nodes [from, to), a loop from its enter node on, and makes errors silent. */
Trial *trial_start(Walk *walk, int from, int to);
void trial_undo(Walk *walk, Trial *trial);

#endif
