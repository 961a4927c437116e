/* The invariants of regions: loops stand together in the list, their two nodes fit each other, and
 * nothing reads from inside a body what only the body has. */
#include "ir/graph_verify.h"

/* Whether all between the two nodes lies in the body, and nothing else does. */
static void check_extent(Verifier *v, const Region *body, int enter, int leave)
{
    for (int n = 0; n < v->graph->node_count; n++) {
        const Node *node = v->graph->nodes[n];
        bool within = region_within(node->region, body);
        if (node->op == OP_DELETED || within == (n > enter && n < leave)) continue;
        BROKEN(v, node,
               within ? "is in the body of loop '%s' and does not stand in it"
                      : "stands in the body of loop '%s' and is not in it",
               body->enter->name);
    }
}

static void check_ways(Verifier *v, const Node *leave, const char *name, int scans)
{
    const int64_t *values;
    int count = node_ints(leave, name, &values);
    if (count && count != scans)
        BROKEN(v, leave, "%d %s for %d stacked outputs", count, name, scans);
}

static void check_parts(Verifier *v, const Node *enter, const Node *leave)
{
    int carried = enter->in_count - 2, scans = leave->in_count - 1 - carried;
    if (enter->in_count < 2 || enter->out_count != enter->in_count)
        BROKEN(v, enter, "%d inputs and %d outputs: expected as many, 2 or more", enter->in_count,
               enter->out_count);
    else if (scans < 0 || leave->out_count != carried + scans)
        BROKEN(v, leave, "%d inputs and %d outputs for %d carried values", leave->in_count,
               leave->out_count, carried);
    else if (leave->in[0] && !enter->out[1])
        BROKEN(v, leave, "makes a condition that node '%s' does not take", enter->name);
    for (int i = 2; i < enter->in_count; i++) {
        if (!enter->in[i]) BROKEN(v, enter, "input %d is missing", i);
    }
    for (int i = 1; i < leave->in_count; i++) {
        if (!leave->in[i]) BROKEN(v, leave, "input %d is missing", i);
    }
    check_ways(v, leave, "axes", scans);
    check_ways(v, leave, "reverse", scans);
    if (!region_same(enter->region, leave->region))
        BROKEN(v, leave, "is in another region than node '%s'", enter->name);
}

static void check_loop(Verifier *v, int at)
{
    const Node *enter = v->graph->nodes[at];
    const Region *body = enter->body;
    int leave = at + 1;
    if (!body || body->enter != enter || !body->leave || body->leave->body != body) {
        BROKEN(v, enter, "no node ends this loop");
        return;
    }
    while (leave < v->graph->node_count && v->graph->nodes[leave] != body->leave) leave++;
    if (leave == v->graph->node_count) {
        BROKEN(v, enter, "no node after it ends this loop");
        return;
    }
    if (!region_same(body->parent, enter->region))
        BROKEN(v, enter, "its body does not lie in its own region");
    check_extent(v, body, at, leave);
    check_parts(v, enter, body->leave);
}

void verify_sees(Verifier *v, const Node *node, const Tensor *tensor, const char *what)
{
    const Region *made = region_body(tensor_region(tensor)), *reads = v->owner->region;
    if (!made) return;
    if (node->op == OP_LOOP_LEAVE && node->body) reads = node->body;
    if (region_within(reads, made)) return;
    BROKEN(v, node, "%s '%s' has a value only in the body of loop '%s'", what, tensor->name,
           made->enter ? made->enter->name : "?");
}

void verify_regions(Verifier *v)
{
    for (int n = 0; n < v->graph->node_count; n++) {
        const Node *node = v->graph->nodes[n];
        if (node->op == OP_LOOP_ENTER) check_loop(v, n);
        if (node->op == OP_LOOP_LEAVE && (!node->body || node->body->leave != node))
            BROKEN(v, node, "ends no loop");
        if ((node->op == OP_LOOP_ENTER || node->op == OP_LOOP_LEAVE) && node->epilogue_count)
            BROKEN(v, node, "has an epilogue");
    }
}
