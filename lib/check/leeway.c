/* See leeway.h. */
#include "lib/check/leeway.h"

#include "frontend/frontend.h"
#include "passes/passes.h"

#include <string.h>

/* Tensors by id. */
typedef struct Drawn {
    bool *is;
    bool changed;
} Drawn;

static void mark(Drawn *d, Tensor *const *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (!list[i] || d->is[list[i]->id]) continue;
        d->is[list[i]->id] = d->changed = true;
    }
}

static bool any(const Drawn *d, Tensor *const *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (list[i] && d->is[list[i]->id]) return true;
    }
    return false;
}

/* What a loop's iteration makes is what the next one has. */
static void follow(Drawn *d, const Node *n)
{
    if (n->op != OP_RANDOM && !any(d, n->in, n->in_count)) return;
    mark(d, n->out, n->out_count);
    if (n->op == OP_LOOP_LEAVE) mark(d, n->body->enter->out, n->body->enter->out_count);
}

static int find_drawn(Graph *graph, Leeway *leeway)
{
    Drawn d = {.changed = true};
    TRY(pass_shapes(graph));
    TRY(pass_expand(graph));
    d.is = arena_array(graph->arena, (size_t)graph->tensor_count + 1, sizeof *d.is);
    while (d.changed) {
        d.changed = false;
        for (int i = 0; i < graph->node_count; i++) follow(&d, graph->nodes[i]);
    }
    for (int i = 0; i < graph->output_count; i++) {
        const Tensor *out = graph->outputs[i];
        if (d.is[out->id]) arena_push(graph->arena, leeway->drawn, leeway->drawn_count) = out->name;
    }
    return 0;
}

int leeway_read(Arena *arena, Diag *diag, const CompileOptions *options, Leeway *leeway)
{
    Graph *graph;
    CompileOptions own = *options;
    if (!own.random_input) own.random_input = "lpc.random"; /* or numbers would be constants */
    *leeway = (Leeway){0};
    TRY(compile_import(arena, diag, &own, NULL, &graph));
    for (int i = 0; i < graph->node_count; i++)
        leeway->quantises |= (op_info(graph->nodes[i]->op)->traits & T_QUANTISES) != 0;
    return find_drawn(graph, leeway);
}

bool leeway_is_drawn(const Leeway *leeway, const char *output)
{
    for (int i = 0; i < leeway->drawn_count; i++) {
        if (!strcmp(leeway->drawn[i], output)) return true;
    }
    return false;
}
