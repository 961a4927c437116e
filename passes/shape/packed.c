/* Shape rule of lpc.PackedProduct: products with weights of few bits, and with one of many matrices. */
#include "passes/shape/shape.h"

static int need_depth(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_rank_min(g, n, 0, 1));
    const Size *depth = x->dims[x->rank - 1];
    if (size_is_const(depth) && depth->value > 0) return 0;
    return diag_node(g->diag, &n->origin,
                     "input 0: the last size must be known and at least 1, it is %s",
                     size_text(g->sizes, depth));
}

/* Weights with the axes [columns, blocks, bytes of a block], after one of matrices where there are many. */
static int need_blocks(Graph *g, Node *n, int64_t depth, int first)
{
    int64_t bits = node_int(n, "bits"), size = node_int(n, "block_size");
    const Tensor *w = n->in[1];
    TRY(need_rank(g, n, 1, first + 3));
    if (size < 1)
        return diag_node(g->diag, &n->origin, "block_size: expected at least 1, got %lld",
                         (long long)size);
    if (w->dtype != DT_U8)
        return diag_node(g->diag, &n->origin, "weights: expected type u8, got %s",
                         dtype_name(w->dtype));
    const Size *blocks = size_const(g->sizes, (depth + size - 1) / size), *both;
    TRY(dims_unify(g, n, "blocks of the weights", w->dims[first + 1], blocks, &both));
    const Size *bytes = size_const(g->sizes, size * bits / 8);
    TRY(dims_unify(g, n, "bytes of a block", w->dims[first + 2], bytes, &both));
    Dims like = dims_of(w);
    like.rank--;
    if (!node_in(n, 2)) return diag_node(g->diag, &n->origin, "scales are missing");
    TRY(need_dims(g, n, 2, "scales", &like));
    return need_dims(g, n, 3, "zero points", &like);
}

/* A table of codes of 4 bits, known at compile time. */
static int need_table(Graph *g, Node *n)
{
    const Tensor *table = node_in(n, 5);
    if (!table) return 0;
    if (table->data && tensor_static_elements(table) == 16 && node_int(n, "bits") == 4) return 0;
    return diag_node(g->diag, &n->origin, "table: expected 16 constants, for codes of 4 bits");
}

int shape_packed_product(Graph *g, Node *n)
{
    TRY(need_depth(g, n));
    TRY(need_table(g, n));
    const Tensor *x = n->in[0], *experts = node_in(n, 4);
    const Size *depth = x->dims[x->rank - 1], *both;
    int first = experts != NULL;
    if (node_int(n, "bits")) {
        TRY(need_blocks(g, n, depth->value, first));
    } else {
        TRY(need_rank(g, n, 1, first + 2));
        TRY(dims_unify(g, n, "inner sizes", depth, n->in[1]->dims[first + 1], &both));
    }
    Dims out = dims_of(x), chosen;
    out.rank--;
    if (experts) {
        chosen = dims_of(experts);
        TRY(dims_broadcast(g, n, &out, &chosen));
    }
    dims_push(&out, n->in[1]->dims[first]);
    return shape_set(g, n, 0, x->dtype, &out);
}
