/* Operators become others: for their shapes beside the graph, then in their places. */
#include "passes/expand/expand.h"

#include "ir/names.h"
#include "passes/shape/shape.h"

static int run(Expand *x)
{
    const Node *n = x->n;
    TRY(expand_rules[n->op].expand(x));
    if (x->code) return x->code;
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i] && !x->result[i]) return x_fail(x, "output %d is not supported", i);
    }
    return 0;
}

/* A rule may make nodes that have rules themselves. */
static int infer(Graph *g, Node *n)
{
    return shapes_infer_node(g, n, expand_shape);
}

static Expand start(Graph *g, const Node *n, int at)
{
    return (Expand){.g = g,
                    .n = n,
                    .at = at,
                    .result = arena_array(g->arena, (size_t)n->out_count + 1, sizeof(Tensor *)),
                    .infer = infer,
                    .rules = expand_rules};
}

int expand_shape(Graph *g, Node *n)
{
    const Graph before = *g;
    g->tensor_names = names_new(g->arena);
    g->node_names = names_new(g->arena);
    Expand x = start(g, n, g->node_count);
    int code = run(&x);
    for (int i = 0; i < n->out_count && !code; i++) {
        const Tensor *made = x.result[i];
        if (!n->out[i]) continue;
        const Dims dims = dims_of(made);
        code = shape_set(g, n, i, made->dtype, &dims);
        n->out[i]->values = made->values;
        n->out[i]->value_count = made->value_count;
    }
    *g = before; /* what was made stood behind what it has */
    return code;
}

/* The node at `at` is replaced by what its rule makes; outputs keep their tensors. */
static int expand_node(Graph *g, int at)
{
    Node *n = g->nodes[at];
    Expand x = start(g, n, at);
    TRY(run(&x));
    for (int i = 0; i < n->out_count; i++) {
        Tensor *out = n->out[i];
        if (out) x_op_many(&x, OP_IDENTITY, 1, &x.result[i], 1, &out);
    }
    n->op = OP_DELETED;
    return x.code;
}

int expand_nodes(Graph *g, bool *any)
{
    *any = false;
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->op == OP_DELETED || !op_info(g->nodes[i]->op)->expands) continue;
        TRY(expand_node(g, i));
        *any = true;
        i--; /* what stands there now may have a rule, too */
    }
    graph_sweep(g);
    return 0;
}
