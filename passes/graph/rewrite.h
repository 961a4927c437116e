/* What graph passes share: who uses a tensor, and safe ways to take nodes out. */
#ifndef LPC_PASSES_GRAPH_REWRITE_H
#define LPC_PASSES_GRAPH_REWRITE_H

#include "passes/passes.h"

/* Who reads each tensor: inputs of nodes and of their epilogues, and conditions of branches. Made
 * for the graph as it is; nodes that are added later are not in it. */
typedef struct Uses {
    int *count;    /* by tensor id: reading places, model outputs and state included */
    Node ***users; /* by tensor id: the nodes, each once */
    int *user_count;
} Uses;

Uses *uses_new(Graph *g);
/* The only node that reads x, when nothing else does; NULL otherwise. */
Node *uses_sole(const Graph *g, const Uses *uses, const Tensor *x);

/* x is a model output or new state: it keeps its tensor. */
bool rewrite_is_result(const Graph *g, const Tensor *x);
/* x is an input, a constant or state. */
bool rewrite_is_given(const Graph *g, const Tensor *x);
bool rewrite_same_shape(const Tensor *a, const Tensor *b);
/* All uses of the node's only output become `to`, and the node goes. False when the output is a
 * result and `to` can not take its place. */
bool rewrite_bypass(Graph *g, Node *n, Tensor *to);
/* n remembers the origin of `gone`, which was merged into it. */
void rewrite_merge(Graph *g, Node *n, const Node *gone);
/* The node's inputs, replaced. */
void rewrite_inputs(Graph *g, Node *n, int count, Tensor *const *in);
int rewrite_position(const Graph *g, const Node *n);
/* A new float constant of the given static shape. */
Tensor *rewrite_floats(Graph *g, const char *name, int rank, const int64_t *dims,
                       const float *data);
/* The bytes of a constant without factors, where they are, as one of another type or shape. */
Tensor *rewrite_view_constant(Graph *g, const char *name, const Tensor *x, DType dtype, int rank,
                              const int64_t *dims);
/* Uniform value of a constant. */
bool rewrite_constant(const Tensor *x, double *value);
bool rewrite_is_cast_of_floats(const Node *n);
/* Einsums that are products of batches beside a Softmax become MatMul between transposes; `uses` no longer holds then.
 * True when there was one. (einsum.c) */
bool rewrite_einsums(Graph *g, const Uses *uses);
/* n, which may be NULL, is a Transpose of the last two axes. */
bool rewrite_swaps_last(const Node *n);

#endif
