/* What a node reads, seen through its epilogue and its inlined producers. */
#include "passes/stage/stage.h"

static void add_read(Arena *arena, Reads *reads, Tensor *tensor)
{
    if (!tensor || tensor->data || (tensor->values && !tensor->producer)) return;
    if (tensor->is_inlined && tensor->producer) {
        const Node *node = tensor->producer;
        for (int i = 0; i < node->in_count; i++) add_read(arena, reads, node->in[i]);
        return;
    }
    for (int i = 0; i < reads->count; i++) {
        if (reads->items[i] == tensor) return;
    }
    arena_push(arena, reads->items, reads->count) = tensor;
}

static bool made_inside(const Node *node, const Tensor *tensor)
{
    if (tensor == node->out[0]) return true;
    for (int i = 0; i < node->epilogue_count; i++) {
        if (node->epilogue[i]->out[0] == tensor) return true;
    }
    return false;
}

Reads node_reads(Arena *arena, const Node *node)
{
    Reads reads = {NULL, 0};
    for (int i = 0; i < node->in_count; i++) add_read(arena, &reads, node->in[i]);
    for (int k = 0; k < node->epilogue_count; k++) {
        const Node *step = node->epilogue[k];
        for (int i = 0; i < step->in_count; i++) {
            if (!made_inside(node, step->in[i])) add_read(arena, &reads, step->in[i]);
        }
    }
    for (const Region *r = node->region; r; r = r->parent) add_read(arena, &reads, r->cond);
    return reads;
}
