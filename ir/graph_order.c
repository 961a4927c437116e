/* The graph's order: graph_sort. A loop, from its enter node to its leave node, is sorted as one thing
 * among its neighbours, and its body by itself. */
#include "ir/graph_reads.h"

int *graph_owners(const Graph *graph)
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

void graph_collect_reads(const Graph *graph, const Node *node, Reads *reads)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i]) arena_push(graph->arena, reads->items, reads->count) = node->in[i];
    }
    for (const Region *r = node->region; r; r = r->parent) {
        if (r->cond) arena_push(graph->arena, reads->items, reads->count) = r->cond;
    }
    int own = reads->count;
    for (int i = 0; i < node->epilogue_count; i++)
        graph_collect_reads(graph, node->epilogue[i], reads);
    reads->own = own;
}

typedef enum Mark { NEW, OPEN, DONE } Mark;

/* Positions of nodes. */
typedef struct Positions {
    int *items, count;
} Positions;

typedef struct Visit {
    int unit, next; /* next: position in reads */
    Reads reads;
} Visit;

/* One level: the root, or one body. */
typedef struct Sorter {
    const Graph *graph;
    const int *owner;
    int *unit; /* by position: the node's unit, which is a position; -1: not of this level */
    Positions *members; /* of a unit that is a loop */
    Mark *marks;
    Visit *stack;
    int depth;
    Node ***sorted;
    int *sorted_count;
} Sorter;

static const Node *sort_level(const Graph *graph, const int *owner, Positions items,
                              const Region *level, Node ***sorted, int *count);

static int position_of(const Graph *graph, const Node *node)
{
    int at = 0;
    while (graph->nodes[at] != node) at++;
    return at;
}

/* The enter node of the loop right under this level that the node belongs to, or the node. */
static const Node *unit_of(const Node *node, const Region *level)
{
    const Region *outer = node->op == OP_LOOP_LEAVE && node->body ? node->body : NULL;
    const Region *body = region_body(node->region);
    for (; body && !region_same(body, level); body = region_body(body->parent)) outer = body;
    return outer ? outer->enter : node;
}

static void collect_unit(const Sorter *s, int unit, Reads *reads)
{
    const Positions *members = &s->members[unit];
    for (int i = 0; i < members->count; i++)
        graph_collect_reads(s->graph, s->graph->nodes[members->items[i]], reads);
    if (members->count > 1) reads->own = reads->count;
}

static void open_unit(Sorter *s, int unit)
{
    Visit visit = {.unit = unit};
    collect_unit(s, unit, &visit.reads);
    s->marks[unit] = OPEN;
    arena_push(s->graph->arena, s->stack, s->depth) = visit;
}

static void emit(const Sorter *s, Node *node)
{
    arena_push(s->graph->arena, *s->sorted, *s->sorted_count) = node;
}

/* Returns a node on a cycle, or NULL. */
static const Node *emit_unit(const Sorter *s, int unit)
{
    Node *node = s->graph->nodes[unit], *leave = NULL;
    Positions inner = {0};
    emit(s, node);
    for (int i = 0; i < s->members[unit].count; i++) {
        int at = s->members[unit].items[i];
        if (s->graph->nodes[at] == node) continue;
        if (s->graph->nodes[at]->op == OP_LOOP_LEAVE && s->graph->nodes[at]->body == node->body)
            leave = s->graph->nodes[at];
        else
            arena_push(s->graph->arena, inner.items, inner.count) = at;
    }
    if (!leave) return NULL;
    const Node *cyclic =
        sort_level(s->graph, s->owner, inner, node->body, s->sorted, s->sorted_count);
    emit(s, leave);
    return cyclic;
}

/* Puts a unit after everything that it reads. Returns a node on a cycle, or NULL. */
static const Node *place(Sorter *s, int unit)
{
    open_unit(s, unit);
    while (s->depth) {
        Visit *visit = &s->stack[s->depth - 1];
        if (visit->next == visit->reads.count) {
            s->marks[visit->unit] = DONE;
            s->depth--;
            const Node *cyclic = emit_unit(s, visit->unit);
            if (cyclic) return cyclic;
            continue;
        }
        int maker = s->owner[visit->reads.items[visit->next++]->id];
        int from = maker < 0 ? -1 : s->unit[maker];
        if (from < 0 || s->marks[from] == DONE) continue;
        /* An epilogue reads what its own node makes, a body what its loop makes. */
        bool own =
            from == visit->unit && (visit->next > visit->reads.own || s->members[from].count > 1);
        if (own) continue;
        if (s->marks[from] == OPEN) return s->graph->nodes[from];
        open_unit(s, from);
    }
    return NULL;
}

static const Node *sort_level(const Graph *graph, const int *owner, Positions items,
                              const Region *level, Node ***sorted, int *count)
{
    size_t n = (size_t)graph->node_count;
    Arena *arena = graph->arena;
    Sorter s = {.graph = graph, .owner = owner, .sorted = sorted, .sorted_count = count};
    s.unit = arena_array(arena, n, sizeof *s.unit);
    s.members = arena_array(arena, n, sizeof *s.members);
    s.marks = arena_array(arena, n, sizeof *s.marks);
    for (size_t i = 0; i < n; i++) s.unit[i] = -1;
    for (int i = 0; i < items.count; i++) {
        int at = items.items[i];
        const Node *node = graph->nodes[at], *unit = unit_of(node, level);
        s.unit[at] = unit == node ? at : position_of(graph, unit);
        Positions *members = &s.members[s.unit[at]];
        arena_push(arena, members->items, members->count) = at;
    }
    for (int i = 0; i < items.count; i++) {
        int unit = s.unit[items.items[i]];
        const Node *cyclic = s.marks[unit] == NEW ? place(&s, unit) : NULL;
        if (cyclic) return cyclic;
    }
    return NULL;
}

int graph_sort(Graph *graph)
{
    Positions all = {0};
    Node **sorted = NULL;
    int count = 0;
    for (int n = 0; n < graph->node_count; n++) arena_push(graph->arena, all.items, all.count) = n;
    const Node *cyclic = sort_level(graph, graph_owners(graph), all, NULL, &sorted, &count);
    if (cyclic)
        return diag_node(graph->diag, &cyclic->origin,
                         "is on a cycle: its input depends on its own output");
    for (int n = 0; n < graph->node_count; n++) graph->nodes[n] = sorted[n];
    return LPC_OK;
}
