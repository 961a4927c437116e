/* The graph's order and what is dead in it: graph_sort, graph_sweep.
 *
 * An epilogue's nodes are not in graph->nodes; what they read and make counts for the node that
 * carries them, its owner. */
#include "ir/graph.h"

/* owner[tensor id]: the node in graph->nodes that makes the tensor, by position, or -1. */
static int *find_owners(const Graph *graph)
{
    int *owner = arena_array(graph->arena, (size_t)graph->tensor_count, sizeof *owner);
    for (int i = 0; i < graph->tensor_count; i++) owner[i] = -1;
    for (int n = 0; n < graph->node_count; n++) {
        const Node *node = graph->nodes[n];
        for (int e = -1; e < node->epilogue_count; e++) {
            const Node *part = e < 0 ? node : node->epilogue[e];
            for (int i = 0; i < part->out_count; i++) {
                if (part->out[i] && node->op != OP_DELETED) owner[part->out[i]->id] = n;
            }
        }
    }
    return owner;
}

/* All tensors that a node reads: inputs, conditions of its branches and its epilogue's. */
typedef struct Reads {
    Tensor **items;
    int count;
    int own; /* the first ones: its own inputs and conditions, not its epilogue's */
} Reads;

static void collect_reads(const Graph *graph, const Node *node, Reads *reads)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i]) arena_push(graph->arena, reads->items, reads->count) = node->in[i];
    }
    for (const Region *r = node->region; r; r = r->parent) {
        if (r->cond) arena_push(graph->arena, reads->items, reads->count) = r->cond;
    }
    int own = reads->count;
    for (int i = 0; i < node->epilogue_count; i++) collect_reads(graph, node->epilogue[i], reads);
    reads->own = own;
}

/* ---- Sorting ---- */

typedef enum Mark { NEW, OPEN, DONE } Mark;

typedef struct Visit {
    int node, next; /* next: position in reads */
    Reads reads;
} Visit;

typedef struct Sorter {
    const Graph *graph;
    const int *owner;
    Mark *marks;
    Visit *stack;
    int depth;
    Node **sorted;
    int count;
} Sorter;

static void open_node(Sorter *sorter, int n)
{
    Visit visit = {.node = n};
    collect_reads(sorter->graph, sorter->graph->nodes[n], &visit.reads);
    sorter->marks[n] = OPEN;
    arena_push(sorter->graph->arena, sorter->stack, sorter->depth) = visit;
}

/* Puts node n after everything that it reads. Returns a node on a cycle, or NULL. */
static const Node *place(Sorter *sorter, int n)
{
    const Graph *graph = sorter->graph;
    open_node(sorter, n);
    while (sorter->depth) {
        Visit *visit = &sorter->stack[sorter->depth - 1];
        if (visit->next == visit->reads.count) {
            sorter->marks[visit->node] = DONE;
            sorter->sorted[sorter->count++] = graph->nodes[visit->node];
            sorter->depth--;
            continue;
        }
        int from = sorter->owner[visit->reads.items[visit->next++]->id];
        if (from < 0 || sorter->marks[from] == DONE) continue;
        /* An epilogue reads what its own node makes. */
        if (from == visit->node && visit->next > visit->reads.own) continue;
        if (sorter->marks[from] == OPEN) return graph->nodes[from];
        open_node(sorter, from);
    }
    return NULL;
}

int graph_sort(Graph *graph)
{
    size_t count = (size_t)graph->node_count;
    Sorter sorter = {.graph = graph, .owner = find_owners(graph)};
    sorter.marks = arena_array(graph->arena, count, sizeof *sorter.marks);
    sorter.sorted = arena_array(graph->arena, count, sizeof(Node *));
    for (int n = 0; n < graph->node_count; n++) {
        const Node *cyclic = sorter.marks[n] == NEW ? place(&sorter, n) : NULL;
        if (cyclic)
            return diag_node(graph->diag, &cyclic->origin,
                             "is on a cycle: its input depends on its own output");
    }
    for (int n = 0; n < graph->node_count; n++) graph->nodes[n] = sorter.sorted[n];
    return LPC_OK;
}

/* ---- Sweeping ---- */

typedef struct Sweeper {
    Graph *graph;
    const int *owner;
    bool *live;    /* by node position */
    bool *symbols; /* by symbol: a live size reads it */
    int *definer;  /* by symbol: the node that stores it, or -1 */
    int *work;     /* nodes found live, their reads not yet followed */
    int work_count;
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
    if (!tensor->data) mark_node(sweeper, sweeper->owner[tensor->id]);
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
        }
    }
    return definer;
}

static void mark_all(Sweeper *sweeper)
{
    const Graph *graph = sweeper->graph;
    for (int i = 0; i < graph->output_count; i++) mark_tensor(sweeper, graph->outputs[i]);
    for (int i = 0; i < graph->state_count; i++) mark_tensor(sweeper, graph->states[i].out);
    while (sweeper->work_count) {
        const Node *node = graph->nodes[sweeper->work[--sweeper->work_count]];
        Reads reads = {0};
        collect_reads(graph, node, &reads);
        for (int i = 0; i < reads.count; i++) mark_tensor(sweeper, reads.items[i]);
        for (int i = 0; i < node->out_count; i++) {
            if (node->out[i]) mark_tensor(sweeper, node->out[i]);
        }
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
    Sweeper sweeper = {.graph = graph, .owner = find_owners(graph)};
    sweeper.live = arena_array(graph->arena, count, sizeof(bool));
    sweeper.work = arena_array(graph->arena, count, sizeof(int));
    sweeper.definer = find_definers(graph);
    sweeper.symbols =
        arena_array(graph->arena, (size_t)sizes_symbol_count(graph->sizes), sizeof(bool));
    mark_all(&sweeper);
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++) {
        if (sweeper.live[n])
            graph->nodes[kept++] = graph->nodes[n];
        else
            forget_outputs(graph->nodes[n]);
    }
    int gone = graph->node_count - kept;
    graph->node_count = kept;
    return gone;
}
