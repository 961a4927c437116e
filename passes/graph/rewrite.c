/* What graph passes share: uses, bypassing and merging nodes, new constants. */
#include "passes/graph/rewrite.h"

#include <string.h>

static void add_use(Graph *g, Uses *uses, const Tensor *x, Node *user)
{
    if (!x) return;
    int id = x->id;
    uses->count[id]++;
    if (!user) return;
    for (int i = 0; i < uses->user_count[id]; i++) {
        if (uses->users[id][i] == user) return;
    }
    arena_push(g->arena, uses->users[id], uses->user_count[id]) = user;
}

Uses *uses_new(Graph *g)
{
    Uses *uses = arena_alloc(g->arena, sizeof *uses);
    size_t count = (size_t)g->tensor_count;
    uses->count = arena_array(g->arena, count, sizeof *uses->count);
    uses->users = arena_array(g->arena, count, sizeof *uses->users);
    uses->user_count = arena_array(g->arena, count, sizeof *uses->user_count);
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_DELETED) continue;
        for (int k = 0; k < n->in_count; k++) add_use(g, uses, n->in[k], n);
        for (const Region *r = n->region; r; r = r->parent) add_use(g, uses, r->cond, NULL);
        for (int e = 0; e < n->epilogue_count; e++) {
            const Node *step = n->epilogue[e];
            for (int k = 0; k < step->in_count; k++) add_use(g, uses, step->in[k], n);
        }
    }
    for (int i = 0; i < g->output_count; i++) add_use(g, uses, g->outputs[i], NULL);
    for (int i = 0; i < g->state_count; i++) add_use(g, uses, g->states[i].out, NULL);
    return uses;
}

Node *uses_sole(const Graph *g, const Uses *uses, const Tensor *x)
{
    if (uses->user_count[x->id] != 1 || rewrite_is_result(g, x)) return NULL;
    Node *user = uses->users[x->id][0];
    int places = 0;
    for (int k = 0; k < user->in_count; k++) places += user->in[k] == x;
    return places == uses->count[x->id] ? user : NULL;
}

bool rewrite_is_result(const Graph *g, const Tensor *x)
{
    return x->is_state_out || graph_is_output(g, x);
}

bool rewrite_is_given(const Graph *g, const Tensor *x)
{
    for (int i = 0; i < g->input_count; i++) {
        if (g->inputs[i] == x) return true;
    }
    return x->data || x->is_state;
}

bool rewrite_same_shape(const Tensor *a, const Tensor *b)
{
    if (a->rank != b->rank || a->rank < 0) return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) return false;
    }
    return true;
}

bool rewrite_bypass(Graph *g, Node *n, Tensor *to)
{
    Tensor *out = n->out[0];
    if (rewrite_is_result(g, out)) {
        if (rewrite_is_given(g, to) || rewrite_is_result(g, to)) return false;
        if (to->producer && !region_same(n->region, tensor_region(to))) return false;
    }
    graph_replace(g, out, to);
    if (to->producer) rewrite_merge(g, to->producer, n);
    n->op = OP_DELETED;
    return true;
}

void rewrite_merge(Graph *g, Node *n, const Node *gone)
{
    for (int i = 0; i < gone->merged_count; i++)
        arena_push(g->arena, n->merged, n->merged_count) = gone->merged[i];
    if (gone->origin.index >= 0) arena_push(g->arena, n->merged, n->merged_count) = gone->origin;
}

void rewrite_inputs(Graph *g, Node *n, int count, Tensor *const *in)
{
    Tensor **list = arena_array(g->arena, (size_t)count, sizeof *list);
    for (int i = 0; i < count; i++) list[i] = in[i];
    n->in = list;
    n->in_count = count;
}

int rewrite_position(const Graph *g, const Node *n)
{
    int at = 0;
    while (at < g->node_count && g->nodes[at] != n) at++;
    return at;
}

Tensor *rewrite_floats(Graph *g, const char *name, int rank, const int64_t *dims, const float *data)
{
    return graph_const(g, name, DT_F32, rank, dims, data);
}

Tensor *rewrite_view_constant(Graph *g, const char *name, const Tensor *x, DType dtype, int rank,
                              const int64_t *dims)
{
    Tensor *same = graph_const(g, name, dtype, rank, dims, x->data->data);
    same->data = x->data;
    return same;
}

bool rewrite_constant(const Tensor *x, double *value)
{
    if (!x || !x->data || !tensor_is_static(x)) return false;
    int64_t elements = tensor_static_elements(x);
    return elements > 0 && elements <= 1 << 20 && const_is_uniform(x, value);
}

bool rewrite_is_cast_of_floats(const Node *n)
{
    return n->op == OP_CAST && dtype_is_float(n->in[0]->dtype) && dtype_is_float(n->out[0]->dtype);
}

bool rewrite_swaps_last(const Node *n)
{
    const int64_t *perm;
    if (!n || n->op != OP_TRANSPOSE) return false;
    int rank = node_ints(n, "perm", &perm);
    for (int i = 0; i < rank - 2; i++) {
        if (perm[i] != i) return false;
    }
    return rank >= 2 && perm[rank - 1] == rank - 2;
}
