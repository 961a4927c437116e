/* Physical axis order of every tensor.
 *
 * Convolutions and pooling read all channels of a place together, so that what flows between them
 * lies channels-last: [N, C, H, W] in the order {0, 2, 3, 1}. The order spreads from those nodes
 * over element-wise nodes, Concat and the like, forwards and backwards, as far as the tensors are
 * lpc's own: inputs, outputs, state and constants keep the order that the user sees. What attention
 * makes lies in the order that joins its heads. Views follow the tensor they look at. An order is a
 * preference of memory only: all lowering goes through strides. */
#include "passes/graph/rewrite.h"

typedef struct Layout {
    Graph *g;
    bool *last;  /* by tensor id: channels-last */
    bool *fixed; /* by tensor id: keeps the identity */
} Layout;

static bool has_trait(const Node *n, unsigned traits)
{
    return (op_info(n->op)->traits & traits) != 0;
}

/* The result has the rank and the axes' meaning of its inputs. */
static bool keeps_axes(const Node *n)
{
    return has_trait(n, T_KEEPS_AXES | T_ELEMENTWISE);
}

static bool can_be_last(const Layout *l, const Tensor *x)
{
    return x && x->rank >= 3 && x->rank <= 5 && !l->fixed[x->id];
}

static bool mark(Layout *l, const Tensor *x)
{
    if (!can_be_last(l, x) || l->last[x->id]) return false;
    l->last[x->id] = true;
    return true;
}

static bool spread_forwards(Layout *l, const Node *n)
{
    Tensor *y = node_result(n);
    bool from = false, changed = false;
    for (int k = 0; k < n->in_count; k++) {
        const Tensor *x = n->in[k];
        from |= x && y && x->rank == y->rank && l->last[x->id];
    }
    for (int e = 0; e < n->epilogue_count; e++) {
        for (int k = 0; k < n->epilogue[e]->in_count; k++) {
            const Tensor *x = n->epilogue[e]->in[k];
            from |= x && x->rank == y->rank && l->last[x->id];
        }
    }
    if (!from || !y) return false;
    if (!keeps_axes(n)) return false;
    for (int k = 0; k < n->out_count; k++) changed |= mark(l, k ? n->out[k] : y);
    return changed;
}

/* What a channels-last result is made of by element-wise work is best channels-last, too. */
static bool spread_backwards(Layout *l, const Node *n)
{
    const Tensor *y = node_result(n);
    bool changed = false;
    if (!y || !l->last[y->id] || !keeps_axes(n)) return false;
    for (int k = 0; k < n->in_count; k++) {
        const Tensor *x = n->in[k];
        if (!x || !x->producer || x->rank != y->rank) continue;
        if (keeps_axes(x->producer)) changed |= mark(l, x);
    }
    return changed;
}

static bool reads_wide(const Node *n, const Tensor *x)
{
    const Tensor *w = node_in(n, 1);
    if (n->op != OP_CONV || n->in[0] != x || !w || n->region) return false;
    return node_int(n, "group") == 1 &&
           !(size_is(w->dims[w->rank - 2], 1) && size_is(w->dims[w->rank - 1], 1));
}

/* A picture comes with its channels apart, and a first convolution reads every place of it many
 * times: one copy into channels-last costs less (ResNet18's stem runs 1.25 times as fast). */
static void copy_pictures(Graph *g)
{
    enum { FEW = 16 };
    for (int i = 0; i < g->input_count; i++) {
        Tensor *x = g->inputs[i], *y = NULL;
        if (x->rank != 4 || x->is_state || size_upper(g->sizes, x->dims[1]) > FEW ||
            size_is(x->dims[1], 1))
            continue;
        for (int k = 0; k < g->node_count; k++) {
            Node *n = g->nodes[k];
            if (!reads_wide(n, x)) continue;
            if (!y) {
                y = graph_tensor(g, arena_printf(g->arena, "%s.channels_last", x->name), x->dtype,
                                 x->rank, x->dims);
                Origin origin = {n->origin.file, x->name, "lpc.Copy", -1};
                graph_node_at(g, k++, OP_COPY, y->name, &origin, 1, &x, 1, &y);
            }
            n->in[0] = y;
        }
    }
}

/* What is computed where it is read lies as its source does, which may be the user's. */
static bool is_given(const Layout *l, const Tensor *x)
{
    while (x->is_inlined && x->producer->in_count && x->producer->in[0]) x = x->producer->in[0];
    return l->fixed[x->id];
}

static void seed(Layout *l)
{
    for (int i = 0; i < l->g->node_count; i++) {
        const Node *n = l->g->nodes[i];
        if (!has_trait(n, T_SPATIAL) || !n->out_count) continue;
        mark(l, node_result(n));
        mark(l, node_has_output(n, 1) ? n->out[1] : NULL);
        const Tensor *x = n->in[0];
        /* a view lies as its source does; what is read once in any case is read as it lies */
        const Node *from = x->producer;
        bool as_given = op_loads_once(n->op, 0) && is_given(l, x);
        if (from && keeps_axes(from) && !op_info(from->op)->is_view && !as_given) mark(l, x);
    }
}

static void set_order(Tensor *x)
{
    x->has_order = true;
    x->order[0] = 0;
    for (int i = 1; i < x->rank - 1; i++) x->order[i] = (uint8_t)(i + 1);
    x->order[x->rank - 1] = 1;
}

/* A Transpose whose input is channels-last lies where its input does: order permuted alike. */
static void follow_transpose(const Layout *l, const Node *n)
{
    const Tensor *x = n->in[0];
    Tensor *y = n->out[0];
    const int64_t *perm;
    int rank = node_ints(n, "perm", &perm);
    if (!x->has_order || l->fixed[y->id] || rank != x->rank) return;
    for (int i = 0; i < rank; i++) {
        for (int k = 0; k < rank; k++) {
            if (perm[k] == x->order[i]) y->order[i] = (uint8_t)k;
        }
    }
    for (int i = 0; i < rank; i++) y->has_order |= y->order[i] != i;
}

/* Reshape(Transpose(x)) of attention or a product is a view where x lies in the transpose's order. */
static void join_heads(const Layout *l, const Uses *uses, const Node *n)
{
    const int64_t *perm;
    Tensor *x = n->in[0];
    const Node *from = x->producer, *user = uses_sole(l->g, uses, n->out[0]);
    int rank = node_ints(n, "perm", &perm);
    if (!from || x->has_order || x->is_inlined || l->fixed[x->id] || rank != x->rank) return;
    if (from->op != OP_ATTENTION && from->op != OP_ATTEND && from->op != OP_MAT_MUL) return;
    if (!user || user->op != OP_RESHAPE || !uses_sole(l->g, uses, x) || perm[rank - 1] != rank - 1)
        return;
    x->has_order = true;
    for (int i = 0; i < rank; i++) x->order[i] = (uint8_t)perm[i];
}

static void fix_interface(Layout *l)
{
    Graph *g = l->g;
    for (int i = 0; i < g->input_count; i++) l->fixed[g->inputs[i]->id] = true;
    for (int i = 0; i < g->output_count; i++) l->fixed[g->outputs[i]->id] = true;
    for (int i = 0; i < g->state_count; i++) {
        l->fixed[g->states[i].in->id] = true;
        l->fixed[g->states[i].out->id] = true;
    }
    for (int i = 0; i < g->tensor_count; i++) {
        const Tensor *x = g->tensors[i];
        if (x->data) l->fixed[i] = true;
    }
}

int pass_layout(Graph *g)
{
    copy_pictures(g);
    size_t count = (size_t)g->tensor_count;
    Layout layout = {.g = g}, *l = &layout;
    l->last = arena_array(g->arena, count, sizeof *l->last);
    l->fixed = arena_array(g->arena, count, sizeof *l->fixed);
    fix_interface(l);
    seed(l);
    bool changed = true;
    for (int round = 0; changed && round < 8; round++) {
        changed = false;
        for (int i = 0; i < g->node_count; i++) changed |= spread_forwards(l, g->nodes[i]);
        for (int i = g->node_count - 1; i >= 0; i--) changed |= spread_backwards(l, g->nodes[i]);
    }
    for (int i = 0; i < g->tensor_count; i++) {
        Tensor *x = g->tensors[i];
        x->has_order = false;
        if (l->last[i]) set_order(x);
    }
    const Uses *uses = uses_new(g);
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        if (n->op != OP_TRANSPOSE) continue;
        join_heads(l, uses, n);
        follow_transpose(l, n);
    }
    return 0;
}
