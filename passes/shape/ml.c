/* What the rules of ai.onnx.ml make: lpc.Trees, lpc.Lookup, lpc.Coupling. */
#include "passes/shape/shape.h"

int shape_ml_trees(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_rank(g, n, 0, 2));
    Dims out = {.rank = 2, .at = {x->dims[0], size_const(g->sizes, node_int(n, "targets"))}};
    return shape_set(g, n, 0, x->dtype, &out);
}

/* input, keys in ascending order, their values; then the value of any other, then that of a NaN */
int shape_ml_lookup(Graph *g, Node *n)
{
    TRY(need_same_type(g, n, 0, 1));
    TRY(need_rank(g, n, 1, 1));
    TRY(need_rank(g, n, 2, 1));
    return shape_set_like(g, n, 0, n->in[2]->dtype, n->in[0]);
}

int shape_ml_coupling(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_rank(g, n, 0, 2));
    Dims out = {.rank = 2, .at = {x->dims[0], size_const(g->sizes, node_int(n, "classes"))}};
    return shape_set(g, n, 0, x->dtype, &out);
}
