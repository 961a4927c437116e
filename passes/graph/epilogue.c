/* Element-wise chains become epilogues of the node that makes their input.
 *
 *     before   %a = Conv(%x, %w)                after   %y = Conv(%x, %w)
 *              %b = Add(%a, %skip)                        epilogue Add(%a, %skip), Relu(%b)
 *              %y = Relu(%b)
 *
 * A heavy node's result is then finished while it is in a register. The heavy node moves down to
 * where the last of its epilogue stood: nothing between reads its result, and everything that the
 * epilogue reads is there. */
#include "passes/graph/rewrite.h"

enum { MAX_EPILOGUE = 16 };

static bool is_heavy(const Node *n)
{
    if (!(op_info(n->op)->traits & T_HEAVY)) return false;
    for (int i = 1; i < n->out_count; i++) {
        if (n->out[i]) return false;
    }
    return n->out_count > 0 && n->out[0];
}

/* Per-tensor quantisation counts as element-wise. */
static bool is_step(const Node *n)
{
    unsigned traits = op_info(n->op)->traits;
    if (n->epilogue_count || n->out_count != 1 || node_has_strings(n)) return false;
    if (traits & T_PER_TENSOR) {
        const Tensor *scale = n->in[1];
        return scale->rank == 0 || (scale->rank == 1 && size_is(scale->dims[0], 1));
    }
    return (traits & T_ELEMENTWISE) && n->in_count <= MAX_EPILOGUE;
}

/* Whether another heavy node, later than n, will take this one as its own epilogue. */
static bool belongs_to_later(const Graph *g, const Uses *uses, const Node *n, const Node *step,
                             const Tensor *x)
{
    for (int k = 0; k < step->in_count; k++) {
        const Tensor *other = step->in[k];
        if (!other || other == x || !other->producer || !is_heavy(other->producer)) continue;
        if (!rewrite_same_shape(other, x) || uses_sole(g, uses, other) != step) continue;
        if (!region_same(other->producer->region, step->region)) continue;
        int at = rewrite_position(g, other->producer);
        if (at < g->node_count && at > rewrite_position(g, n)) return true;
    }
    return false;
}

/* The node that can follow n's result x in its epilogue. */
static Node *next_step(const Graph *g, const Uses *uses, const Node *n, const Tensor *x)
{
    Node *step = uses_sole(g, uses, x);
    if (!step || step == n || rewrite_position(g, step) == g->node_count) return NULL;
    if (!is_step(step) || !region_same(step->region, n->region)) return NULL;
    if (!rewrite_same_shape(step->out[0], x) || n->epilogue_count >= MAX_EPILOGUE) return NULL;
    if ((op_info(step->op)->traits & T_PER_TENSOR) && step->in[0] != x) return NULL;
    if (belongs_to_later(g, uses, n, step, x)) return NULL;
    return step;
}

/* Moves nodes[from] to where nodes[to] stands, which goes. */
static void move_down(Graph *g, int from, int to)
{
    Node *n = g->nodes[from];
    for (int i = from; i < to; i++) g->nodes[i] = g->nodes[i + 1];
    g->nodes[to] = n;
}

static void remove_node(Graph *g, int at)
{
    for (int i = at; i + 1 < g->node_count; i++) g->nodes[i] = g->nodes[i + 1];
    g->node_count--;
}

static bool take_step(Graph *g, const Uses *uses, Node *n)
{
    Node *step = next_step(g, uses, n, node_result(n));
    if (!step) return false;
    int at = rewrite_position(g, step);
    move_down(g, rewrite_position(g, n), at); /* the step is now just before n */
    remove_node(g, at - 1);
    step->region = NULL;
    arena_push(g->arena, n->epilogue, n->epilogue_count) = step;
    return true;
}

/* Requires shapes. Nodes are visited from the last one, so that a sum of two heavy results goes to
 * the later one. */
int pass_epilogues(Graph *g)
{
    const Uses *uses = uses_new(g);
    for (int i = g->node_count - 1; i >= 0; i--) {
        Node *n = g->nodes[i];
        if (n->op == OP_DELETED || !is_heavy(n)) continue;
        while (take_step(g, uses, n)) continue; /* what moves up to i has been visited */
    }
    return 0;
}
