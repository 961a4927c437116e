/* Equations of Einsum as pass_shapes leaves them: no spaces, no ellipsis, an output: "bij,bjk->bik". */
#ifndef LPC_IR_EINSUM_H
#define LPC_IR_EINSUM_H

#include "ir/graph.h"

/* An axis for each letter. */
typedef struct EinsumTerm {
    const char *letters;
    int count;
} EinsumTerm;

/* The axis with that letter, -1: none. */
int einsum_axis(const EinsumTerm *term, char letter);
/* The node's terms, in has room for its inputs; returns the output's. */
EinsumTerm einsum_terms(const Node *node, EinsumTerm *in);

/* A product of matrices: depth is summed, row is left's alone and column right's, 0 where there is none, all other
 * letters are in both and in the output. */
typedef struct EinsumProduct {
    EinsumTerm left, right, out;
    char row, column, depth;
} EinsumProduct;

/* Is it one? */
bool einsum_product(const Node *node, EinsumProduct *product);

#endif
