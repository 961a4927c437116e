/* What is dead in the graph: graph_sweep. Of a loop, carried values and stacked outputs that nobody
 * reads go one by one. */
#include "ir/graph_reads.h"

typedef struct Sweeper {
    Graph *graph;
    const int *owner;
    bool *live;    /* by node position */
    bool *symbols; /* by symbol: a live size reads it */
    int *definer;  /* by symbol: the node that stores it, or -1 */
    int *work;     /* nodes found live, their reads not yet followed */
    int work_count;
    bool *wanted;   /* by tensor id: some live node reads it; of what loops make */
    Tensor **parts; /* wanted ones that loops make, not yet followed */
    int part_count;
} Sweeper;

static void mark_node(Sweeper *sweeper, int n)
{
    if (n < 0 || sweeper->live[n] || sweeper->graph->nodes[n]->op == OP_DELETED) return;
    sweeper->live[n] = true;
    sweeper->work[sweeper->work_count++] = n;
}

static void mark_size(Sweeper *sweeper, const Size *size)
{
    if (!size || size->kind == SIZE_CONST) return;
    if (size->kind != SIZE_SYM) {
        mark_size(sweeper, size->a);
        mark_size(sweeper, size->b);
    } else if (!sweeper->symbols[size->sym]) {
        sweeper->symbols[size->sym] = true;
        mark_node(sweeper, sweeper->definer[size->sym]);
    }
}

static void mark_tensor(Sweeper *sweeper, const Tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++) mark_size(sweeper, tensor->dims[i]);
    for (int i = 0; tensor->values && i < tensor->value_count; i++)
        mark_size(sweeper, tensor->values[i]);
    if (tensor->data) return;
    mark_node(sweeper, sweeper->owner[tensor->id]);
    if (!tensor->producer || !tensor->producer->body || sweeper->wanted[tensor->id]) return;
    sweeper->wanted[tensor->id] = true;
    arena_push(sweeper->graph->arena, sweeper->parts, sweeper->part_count) = (Tensor *)tensor;
}

static void mark_input(Sweeper *sweeper, const Node *node, int i)
{
    if (i < node->in_count && node->in[i]) mark_tensor(sweeper, node->in[i]);
}

/* What a part of a loop is made of: a carried value of what enters and of what the body makes, a
 * stacked output of what is stacked. */
static void mark_part(Sweeper *sweeper, const Tensor *part)
{
    const Node *node = part->producer, *enter = node->body->enter, *leave = node->body->leave;
    int i = 0, carried = enter->in_count - 2;
    while (node->out[i] != part) i++;
    if (node == enter) i -= 2;
    if (i < 0) return; /* what all loops need */
    if (i < carried) mark_input(sweeper, enter, 2 + i);
    mark_input(sweeper, leave, 1 + i);
}

/* A loop that runs needs both its nodes, the number of iterations and the condition. */
static void mark_loop(Sweeper *sweeper, const Node *node)
{
    const Graph *graph = sweeper->graph;
    const Node *other = node == node->body->enter ? node->body->leave : node->body->enter;
    int at = 0;
    while (at < graph->node_count && graph->nodes[at] != other) at++;
    mark_node(sweeper, at < graph->node_count ? at : -1);
    mark_input(sweeper, node, 0);
    if (node->op == OP_LOOP_ENTER) mark_input(sweeper, node, 1);
    for (const Region *r = node->region; r; r = r->parent) {
        if (r->cond) mark_tensor(sweeper, r->cond);
    }
}

static void note_definer(const Graph *graph, int *definer, const Size *size, int n)
{
    if (!size || size->kind == SIZE_CONST) return;
    if (size->kind != SIZE_SYM) {
        note_definer(graph, definer, size->a, n);
        note_definer(graph, definer, size->b, n);
    } else if (definer[size->sym] < 0 &&
               sizes_symbol_at(graph->sizes, size->sym)->source == SYM_NODE) {
        definer[size->sym] = n;
    }
}

/* A symbol that is known only at run time is stored by the first node with it in an output's shape.
 * That node must stay while any size needs the symbol, even when nobody reads its output. */
static int *find_definers(const Graph *graph)
{
    int count = sizes_symbol_count(graph->sizes);
    int *definer = arena_array(graph->arena, (size_t)count, sizeof *definer);
    for (int i = 0; i < count; i++) definer[i] = -1;
    for (int n = 0; n < graph->node_count; n++) {
        const Node *node = graph->nodes[n];
        if (node->op == OP_DELETED) continue;
        for (int i = 0; i < node->out_count; i++) {
            const Tensor *out = node->out[i];
            for (int k = 0; out && k < out->rank; k++)
                note_definer(graph, definer, out->dims[k], n);
            bool by_contents = node->body || node->op == OP_MEASURE;
            for (int k = 0; out && by_contents && out->values && k < out->value_count; k++)
                note_definer(graph, definer, out->values[k], n);
        }
    }
    return definer;
}

static void mark_reads(Sweeper *sweeper, const Node *node)
{
    Reads reads = {0};
    graph_collect_reads(sweeper->graph, node, &reads);
    for (int i = 0; i < reads.count; i++) mark_tensor(sweeper, reads.items[i]);
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i]) mark_tensor(sweeper, node->out[i]);
    }
}

static void mark_all(Sweeper *sweeper)
{
    const Graph *graph = sweeper->graph;
    for (int i = 0; i < graph->output_count; i++) mark_tensor(sweeper, graph->outputs[i]);
    for (int i = 0; i < graph->state_count; i++) mark_tensor(sweeper, graph->states[i].out);
    while (sweeper->work_count || sweeper->part_count) {
        if (sweeper->part_count) {
            mark_part(sweeper, sweeper->parts[--sweeper->part_count]);
            continue;
        }
        const Node *node = graph->nodes[sweeper->work[--sweeper->work_count]];
        if (node->body)
            mark_loop(sweeper, node);
        else
            mark_reads(sweeper, node);
    }
}

/* ---- What goes ---- */

static void drop_output(Node *node, int i)
{
    if (node->out[i] && node->out[i]->producer == node) node->out[i]->producer = NULL;
    node->out[i] = NULL;
}

/* Attributes of stacked outputs stand in their order. */
static void drop_way(Graph *graph, Node *leave, const char *name, int scan)
{
    const int64_t *old;
    int count = node_ints(leave, name, &old), kept = 0;
    int64_t *left = arena_array(graph->arena, (size_t)count + 1, sizeof *left);
    for (int i = 0; i < count; i++) {
        if (i != scan) left[kept++] = old[i];
    }
    if (count) node_set_ints(graph, leave, name, kept, left);
}

static void remove_at(Tensor **items, int *count, int at)
{
    for (int i = at; i + 1 < *count; i++) items[i] = items[i + 1];
    (*count)--;
}

/* Takes the parts that nobody wants out of a loop that stays. */
static void shrink_loop(const Sweeper *sweeper, Node *leave)
{
    Node *enter = leave->body->enter;
    for (int i = leave->out_count - 1; i >= 0; i--) {
        int carried = enter->in_count - 2;
        Tensor *out = leave->out[i], *in = i < carried ? enter->out[2 + i] : NULL;
        bool wanted = out && sweeper->wanted[out->id];
        if (!wanted) drop_output(leave, i);
        if (wanted || (in && sweeper->wanted[in->id])) continue;
        if (i >= carried) {
            drop_way(sweeper->graph, leave, "axes", i - carried);
            drop_way(sweeper->graph, leave, "reverse", i - carried);
        } else {
            drop_output(enter, 2 + i);
            remove_at(enter->in, &enter->in_count, 2 + i);
            remove_at(enter->out, &enter->out_count, 2 + i);
        }
        remove_at(leave->in, &leave->in_count, 1 + i);
        remove_at(leave->out, &leave->out_count, i);
    }
}

static void forget_outputs(const Node *node)
{
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && node->out[i]->producer == node) node->out[i]->producer = NULL;
    }
    for (int i = 0; i < node->epilogue_count; i++) forget_outputs(node->epilogue[i]);
}

int graph_sweep(Graph *graph)
{
    size_t count = (size_t)graph->node_count;
    Sweeper sweeper = {.graph = graph, .owner = graph_owners(graph)};
    sweeper.live = arena_array(graph->arena, count, sizeof(bool));
    sweeper.work = arena_array(graph->arena, count, sizeof(int));
    sweeper.wanted = arena_array(graph->arena, (size_t)graph->tensor_count, sizeof(bool));
    sweeper.definer = find_definers(graph);
    sweeper.symbols =
        arena_array(graph->arena, (size_t)sizes_symbol_count(graph->sizes), sizeof(bool));
    mark_all(&sweeper);
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++) {
        Node *node = graph->nodes[n];
        if (sweeper.live[n] && node->op == OP_LOOP_LEAVE) shrink_loop(&sweeper, node);
        if (sweeper.live[n])
            graph->nodes[kept++] = graph->nodes[n];
        else
            forget_outputs(graph->nodes[n]);
    }
    int gone = graph->node_count - kept;
    graph->node_count = kept;
    return gone;
}
