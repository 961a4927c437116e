/* Loops that are none. */
#include "passes/graph/simplify.h"
#include "passes/shape/facts.h"

/* A value that the body hands on as it came is the first one, everywhere. */
static bool drop_constant(Graph *g, Node *leave)
{
    const Node *enter = leave->body->enter;
    bool changed = false;
    for (int i = 0; i < enter->in_count - 2; i++) {
        Tensor *first = enter->in[2 + i], *now = enter->out[2 + i], *after = leave->out[i];
        bool same = now && leave->in[1 + i] == now && rewrite_same_shape(now, first);
        if (!same && leave->in[1 + i] != first) continue;
        if (same && graph_uses(g, now) > 1) { /* the leave node itself is one */
            graph_replace(g, now, first);
            changed = true;
        }
        if (!after || !rewrite_same_shape(after, first) || rewrite_is_result(g, after)) continue;
        if (!same && leave->in[1 + i] != first) continue;
        if (!graph_uses(g, after)) continue;
        graph_replace(g, after, first);
        changed = true;
    }
    return changed;
}

/* A node before position *at that makes `out` of x. */
static void make(Graph *g, int *at, Node *leave, OpCode op, Tensor *x, Tensor *out)
{
    Tensor *in[] = {x, NULL};
    if (op == OP_RESHAPE) {
        int before = g->node_count;
        in[1] = graph_sizes(g, *at, leave, out->rank, out->dims);
        *at += g->node_count - before;
    }
    Node *node =
        graph_node_at(g, (*at)++, op, NULL, &leave->origin, op == OP_RESHAPE ? 2 : 1, in, 1, &out);
    node->region = leave->region;
    if (op == OP_RESHAPE)
        node_set_int(g, node, "allowzero", 1); /* the sizes are meant as they are */
}

/* The body becomes part of what is around it. */
static void dissolve(Graph *g, Region *body)
{
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->region == body) g->nodes[i]->region = body->parent;
    }
    for (int i = 0; i < g->region_count; i++) {
        if (g->regions[i]->parent == body) g->regions[i]->parent = body->parent;
    }
}

static bool unroll(Graph *g, Node *leave, int at)
{
    Node *enter = leave->body->enter;
    int carried = enter->in_count - 2;
    LoopCount count;
    loop_count(g, enter, &count);
    if (count.has_cond || !size_is(count.trips, 1)) return false;
    if (enter->out[0]) graph_replace(g, enter->out[0], graph_scalar(g, NULL, DT_I64, 0));
    if (enter->out[1]) graph_replace(g, enter->out[1], graph_scalar(g, NULL, DT_BOOL, 1));
    for (int i = 0; i < carried; i++) {
        if (enter->out[2 + i]) graph_replace(g, enter->out[2 + i], enter->in[2 + i]);
    }
    for (int i = 0; i < leave->out_count; i++) {
        if (leave->out[i])
            make(g, &at, leave, i < carried ? OP_IDENTITY : OP_RESHAPE, leave->in[1 + i],
                 leave->out[i]);
    }
    dissolve(g, leave->body);
    enter->op = leave->op = OP_DELETED;
    enter->body = leave->body = NULL;
    enter->out_count = leave->out_count = 0;
    return true;
}

bool simplify_loop(Graph *g, Node *leave, int at)
{
    if (leave->op != OP_LOOP_LEAVE) return false;
    return unroll(g, leave, at) || drop_constant(g, leave);
}
