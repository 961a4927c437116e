/* Branches of If whose results have different ranks: what reads the result is done in both branches, until they agree.
 *
 *     before   %y = lpc.Phi(%c, %a: f32[4], %b: f32[2, 3])
 *              %n = ReduceSum(%y)
 *     after    %n.1 = ReduceSum(%a) in(%c);  %n.2 = ReduceSum(%b) in(!%c)
 *              %n = lpc.Phi(%c, %n.1, %n.2)
 *
 * A result of the model, what a loop carries and a condition have one rank: where they would have two, nothing is
 * changed. */
#include "passes/shape/walk.h"

enum { MOST_COPIES = 400 }; /* of nodes: one choice after the other doubles them each time */

static bool reads(const Node *n, const Tensor *x)
{
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i] == x) return true;
    }
    return false;
}

static bool decides(const Node *n, const Tensor *x)
{
    for (const Region *r = n->region; r; r = r->parent) {
        if (r->kind == REGION_BRANCH && r->cond == x) return true;
    }
    return false;
}

static bool can_split(const Walk *w, const Node *phi)
{
    const Graph *g = w->graph;
    const Tensor *y = phi->out[0];
    if (phi->in_count != 3 || node_attr(phi, "fails")) return false;
    if (graph_is_output(g, y) || y->is_state_out || w->copies > MOST_COPIES) return false;
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        if (n->op == OP_DELETED) continue;
        if (decides(n, y) || (n->body && reads(n, y))) return false;
    }
    return true;
}

/* 1 and 0: the node only runs in that branch of the condition; -1: whichever is taken. */
static int side_of(const Node *n, const Tensor *cond)
{
    for (const Region *r = n->region; r; r = r->parent) {
        if (r->kind == REGION_BRANCH && r->cond == cond) return r->when;
    }
    return -1;
}

static void put_in_place(Node *n, const Tensor *x, Tensor *other)
{
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i] == x) n->in[i] = other;
    }
}

/* The node as one branch has it. */
static Node *copy_in(Graph *g, int at, const Node *n, const Node *phi, bool when)
{
    Tensor **out = arena_array(g->arena, (size_t)n->out_count + 1, sizeof *out);
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) out[i] = graph_tensor(g, n->out[i]->name, DT_NONE, -1, NULL);
    Node *copy =
        graph_node_at(g, at, n->op, n->name, &n->origin, n->in_count, n->in, n->out_count, out);
    copy->region = graph_branch(g, n->region, phi->in[0], when);
    node_copy_attrs(g, copy, n);
    put_in_place(copy, phi->out[0], phi->in[when ? 1 : 2]);
    return copy;
}

/* The node at `at` becomes one in each branch, and its results again those of the branch that is taken. Returns how
 * many nodes there are in its place. */
static int split_reader(Graph *g, int at, const Node *phi)
{
    Node *n = g->nodes[at];
    int before = g->node_count, side = side_of(n, phi->in[0]);
    if (side >= 0) {
        put_in_place(n, phi->out[0], phi->in[side ? 1 : 2]);
        return 0;
    }
    const Node *taken = copy_in(g, at, n, phi, true);
    const Node *other = copy_in(g, at + 1, n, phi, false);
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        Tensor *in[] = {phi->in[0], taken->out[i], other->out[i]};
        int place = at + g->node_count - before;
        Node *joined =
            graph_node_at(g, place, OP_PHI, phi->name, &phi->origin, 3, in, 1, &n->out[i]);
        joined->region = n->region;
    }
    n->op = OP_DELETED;
    return g->node_count - before;
}

bool walk_split_ranks(Walk *w, int at)
{
    Graph *g = w->graph;
    Node *phi = g->nodes[at];
    if (phi->op != OP_PHI || !can_split(w, phi)) return false;
    if (phi->in[1]->rank == phi->in[2]->rank) return false;
    int before = g->node_count;
    for (int i = at + 1; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op != OP_DELETED && reads(n, phi->out[0])) i += split_reader(g, i, phi);
    }
    phi->op = OP_DELETED;
    w->copies += g->node_count - before;
    return true;
}
