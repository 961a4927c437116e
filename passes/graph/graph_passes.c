/* The list of graph passes and their default order. */
#include "passes/passes.h"

const PassInfo graph_passes[] = {
    {"shapes", pass_shapes, "types, sizes and known contents of all tensors"},
    {"expand", pass_expand, "operators that others can say become those"},
    {"simplify", pass_simplify, "no-ops, double views, common subexpressions, shape arithmetic"},
    {"patterns", pass_patterns, "spelt-out normalisations and activations become one node"},
    {"attention", pass_attention, "product, softmax, product: attention"},
    {"fold-scales", pass_fold_scales, "scales and shifts of channels into weights"},
    {"fuse-quantized", pass_fuse_quantized,
     "dequantise, operator, quantise: operators on integers"},
    {"pack-weights", pass_pack_weights, "products with weights of few bits"},
    {"tables", pass_tables, "functions of an 8-bit number become tables"},
    {"fold", pass_fold, "nodes of constants that are left"},
    {"epilogues", pass_epilogues, "element-wise chains into the heavy node before them"},
    {"inline", pass_inline, "tensors that are computed where they are read"},
    {"layout", pass_layout, "physical axis order"},
    {NULL, NULL, NULL},
};

/* Fuses loops, or chooses how memory lies. */
static bool shares_loops(const PassInfo *pass)
{
    return pass->run == pass_epilogues || pass->run == pass_inline || pass->run == pass_layout;
}

static int run_passes(Graph *graph, bool plain)
{
    for (const PassInfo *pass = graph_passes; pass->name; pass++) {
        if (plain && shares_loops(pass)) continue;
        TRY(pass->run(graph));
#ifndef NDEBUG
        TRY(graph_verify(graph));
#endif
    }
    return 0;
}

int passes_run_default(Graph *graph)
{
    return run_passes(graph, false);
}

int passes_run_plain(Graph *graph)
{
    return run_passes(graph, true);
}
