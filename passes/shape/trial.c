/* Inference on approval: a loop's body is inferred under a hypothesis about what enters it, and all
 * is put back as it was. Errors of a trial are not told: the final inference will meet them again. */
#include "passes/shape/walk.h"

#include "ir/names.h"

#include <string.h>

/* A node and the contents of its arrays, which inference changes where they are. */
typedef struct SavedNode {
    Node *node, copy;
    Tensor **in, **out;
    Attr *attrs;
} SavedNode;

struct Trial {
    Arena *arena;
    SavedNode *nodes;
    int node_count;
    int from, all_nodes;     /* the first of them in the graph, and how many that had */
    Tensor **made, *tensors; /* what these nodes make, and copies of it */
    int tensor_count;
    Region *regions; /* copies */
    int region_count;
    int64_t *bounds; /* of symbols */
    int symbol_count;
    Diag *diag, quiet;
    Walk walk;
};

static void *copy_of(Arena *arena, const void *items, int count, size_t size)
{
    void *copy = arena_array(arena, (size_t)count + 1, size);
    if (count) memcpy(copy, items, (size_t)count * size);
    return copy;
}

static void save_node(Trial *t, Node *node)
{
    SavedNode saved = {.node = node, .copy = *node};
    saved.in = copy_of(t->arena, node->in, node->in_count, sizeof *node->in);
    saved.out = copy_of(t->arena, node->out, node->out_count, sizeof *node->out);
    saved.attrs = copy_of(t->arena, node->attrs, node->attr_count, sizeof *node->attrs);
    arena_push(t->arena, t->nodes, t->node_count) = saved;
    for (int i = 0; i < node->out_count; i++) {
        if (!node->out[i]) continue;
        int copies = t->tensor_count;
        arena_push(t->arena, t->made, copies) = node->out[i];
        arena_push(t->arena, t->tensors, t->tensor_count) = *node->out[i];
    }
}

static void save_rest(Trial *t, const Graph *g)
{
    t->region_count = g->region_count;
    t->regions = arena_array(t->arena, (size_t)g->region_count, sizeof *t->regions);
    for (int i = 0; i < g->region_count; i++) t->regions[i] = *g->regions[i];
    t->symbol_count = sizes_symbol_count(g->sizes);
    t->bounds = arena_array(t->arena, (size_t)t->symbol_count, sizeof *t->bounds);
    for (int i = 0; i < t->symbol_count; i++) t->bounds[i] = sizes_symbol_at(g->sizes, i)->max;
}

Trial *trial_start(Walk *walk, int from, int to)
{
    Graph *g = walk->graph;
    Arena *arena = arena_new();
    Trial *t = arena_alloc(arena, sizeof *t);
    t->arena = arena;
    t->from = from;
    t->all_nodes = g->node_count;
    for (int i = from; i < to; i++) save_node(t, g->nodes[i]);
    save_rest(t, g);
    t->walk = *walk;
    t->diag = g->diag;
    diag_init(&t->quiet, g->arena, t->diag->file);
    g->diag = &t->quiet;
    walk->trial = g->nodes[from]->body;
    return t;
}

static void restore_node(const SavedNode *saved)
{
    Node *node = saved->node;
    *node = saved->copy;
    if (node->in_count) memcpy(node->in, saved->in, (size_t)node->in_count * sizeof *node->in);
    if (node->out_count) memcpy(node->out, saved->out, (size_t)node->out_count * sizeof *node->out);
    if (node->attr_count)
        memcpy(node->attrs, saved->attrs, (size_t)node->attr_count * sizeof *node->attrs);
}

/* Takes out the nodes that inference put between them: what reads sizes at run time (measure.c). */
static void remove_new_nodes(Graph *g, const Trial *t)
{
    int more = g->node_count - t->all_nodes, kept = 0;
    if (!more) return;
    for (int i = t->from; i < t->from + t->node_count + more; i++) {
        Node *node = g->nodes[i];
        if (kept < t->node_count && node == t->nodes[kept].node)
            g->nodes[t->from + kept++] = node;
        else
            names_remove(g->node_names, node->name);
    }
    Node **behind = &g->nodes[t->from + t->node_count];
    int rest = t->all_nodes - t->from - t->node_count;
    memmove(behind, behind + more, (size_t)rest * sizeof(Node *));
    g->node_count = t->all_nodes;
}

void trial_undo(Walk *walk, Trial *t)
{
    Graph *g = walk->graph;
    remove_new_nodes(g, t);
    for (int i = 0; i < t->node_count; i++) restore_node(&t->nodes[i]);
    for (int i = 0; i < t->tensor_count; i++) *t->made[i] = t->tensors[i];
    g->region_count = t->region_count;
    for (int i = 0; i < t->region_count; i++) *g->regions[i] = t->regions[i];
    for (int i = 0; i < sizes_symbol_count(g->sizes); i++)
        sizes_symbol_at(g->sizes, i)->max = i < t->symbol_count ? t->bounds[i] : 0;
    g->diag = t->diag;
    *walk = t->walk;
    arena_free(t->arena);
}
