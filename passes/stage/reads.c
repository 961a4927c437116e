/* What a node reads, seen through its epilogue and its inlined producers. */
#include "passes/stage/stage.h"

typedef struct Reads {
    Tensor **items;
    int count, max;
} Reads;

static void add_read(Reads *reads, Tensor *tensor, int depth)
{
    if (!tensor || tensor->data || (tensor->values && !tensor->producer)) return;
    if (tensor->is_inlined && tensor->producer) {
        const Node *node = tensor->producer;
        if (depth > 64) return;
        for (int i = 0; i < node->in_count; i++) add_read(reads, node->in[i], depth + 1);
        return;
    }
    for (int i = 0; i < reads->count; i++) {
        if (reads->items[i] == tensor) return;
    }
    if (reads->count < reads->max) reads->items[reads->count++] = tensor;
}

static bool made_inside(const Node *node, const Tensor *tensor)
{
    if (tensor == node->out[0]) return true;
    for (int i = 0; i < node->epilogue_count; i++) {
        if (node->epilogue[i]->out[0] == tensor) return true;
    }
    return false;
}

int node_reads(const Node *node, Tensor **items, int max)
{
    Reads reads = {items, 0, max};
    for (int i = 0; i < node->in_count; i++) add_read(&reads, node->in[i], 0);
    for (int k = 0; k < node->epilogue_count; k++) {
        const Node *step = node->epilogue[k];
        for (int i = 0; i < step->in_count; i++) {
            if (step->in[i] && !made_inside(node, step->in[i])) add_read(&reads, step->in[i], 0);
        }
    }
    for (const Region *r = node->region; r; r = r->parent) add_read(&reads, r->cond, 0);
    return reads.count;
}
