/* Gradients: how that of an operator's output becomes those of its inputs (column GRADIENT of
 * ir/ops.def).
 *
 *     %d_a, %d_b = lpc.Backward(%d_y, %y, %a, %b) {of = "Mul"}   ->   Mul(%d_y, %b), Mul(%d_y, %a)
 *
 * The frontend makes these nodes for each Gradient (frontend/gradient.c); pass_expand has the types and
 * sizes that the rules need. A rule gives what belongs to each element of the broadcast inputs: it is
 * summed or repeated to the input's shape after it. */
#ifndef LPC_PASSES_EXPAND_GRADIENT_H
#define LPC_PASSES_EXPAND_GRADIENT_H

#include "passes/expand/build/build.h"

typedef struct Backward {
    Expand *x;
    const Node *n; /* the node of the forward computation: its operator, inputs, attributes */
    Tensor *y, *g; /* its output, and the gradient of that */
    Tensor **to;   /* by input, what the rule finds; NULL: no gradient */
} Backward;

typedef int GradientRule(Backward *b);

#define OP(id, name, since, ...) __VA_ARGS__
#define GRADIENT(rule)           GradientRule gradient_##rule;
#include "ir/ops.def"

/* Is the gradient of input i asked for? */
static inline bool b_wants(const Backward *b, int i)
{
    return x_wants(b->x, i);
}

#endif
