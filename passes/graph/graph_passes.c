/* The list of graph passes and their default order. */
#include "passes/passes.h"

const PassInfo graph_passes[] = {
    {"shapes", pass_shapes, "types, sizes and known contents of all tensors"},
    {"simplify", pass_simplify, "no-ops, double views, common subexpressions, shape arithmetic"},
    {NULL, NULL, NULL},
};

int passes_run_default(Graph *graph)
{
    for (const PassInfo *pass = graph_passes; pass->name; pass++) {
        TRY(pass->run(graph));
#ifndef NDEBUG
        TRY(graph_verify(graph));
#endif
    }
    return 0;
}
