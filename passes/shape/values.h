/* Inside of values*.c: contents of small tensors as sizes (column VALUES of ir/ops.def). */
#ifndef LPC_PASSES_SHAPE_VALUES_H
#define LPC_PASSES_SHAPE_VALUES_H

#include "passes/shape/shape.h"

/* A node and the contents of its inputs; in[k] is NULL where they are not known. */
struct Values {
    Graph *g;
    Node *n;
    const Size *const **in;
    int *count;
};

/* Coordinates of a static tensor's element, and back with broadcasting from rank `rank`. */
void values_unflatten(const Tensor *x, int64_t flat, int64_t *at);
int64_t values_flatten(const Tensor *x, int rank, const int64_t *at);

#endif
