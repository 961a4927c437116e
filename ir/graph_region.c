/* Regions: where nodes run more or less often than once. */
#include "ir/graph.h"

Region *graph_branch(Graph *graph, Region *parent, Tensor *cond, bool when)
{
    Region wanted = {.kind = REGION_BRANCH, .parent = parent, .cond = cond, .when = when};
    for (int i = 0; i < graph->region_count; i++) {
        if (region_same(graph->regions[i], &wanted)) return graph->regions[i];
    }
    Region *region = arena_alloc(graph->arena, sizeof *region);
    *region = wanted;
    arena_push(graph->arena, graph->regions, graph->region_count) = region;
    return region;
}

Region *graph_body(Graph *graph, Region *parent)
{
    Region *region = arena_alloc(graph->arena, sizeof *region);
    *region = (Region){.kind = REGION_BODY, .parent = parent};
    arena_push(graph->arena, graph->regions, graph->region_count) = region;
    return region;
}

bool region_same(const Region *a, const Region *b)
{
    while (a != b) {
        if (!a || !b || a->kind != REGION_BRANCH || b->kind != REGION_BRANCH) return false;
        if (a->cond != b->cond || a->when != b->when) return false;
        a = a->parent;
        b = b->parent;
    }
    return true;
}

bool region_within(const Region *inner, const Region *outer)
{
    while (!region_same(inner, outer)) {
        if (!inner) return false;
        inner = inner->parent;
    }
    return true;
}

Region *region_body(const Region *region)
{
    while (region && region->kind != REGION_BODY) region = region->parent;
    return (Region *)(uintptr_t)region;
}

Region *tensor_region(const Tensor *tensor)
{
    const Node *maker = tensor->producer;
    if (!maker || maker->op == OP_DELETED) return NULL;
    return maker->op == OP_LOOP_ENTER ? maker->body : maker->region;
}
