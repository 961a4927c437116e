/* What a node reads and what it costs, seen through its epilogue and its inlined producers. */
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

static double elements(SizeTable *sizes, const Tensor *tensor)
{
    double count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= (double)size_upper(sizes, tensor->dims[i]);
    return count;
}

static double upper(SizeTable *sizes, const Tensor *tensor, int axis)
{
    return (double)size_upper(sizes, tensor->dims[axis]);
}

/* Multiply-adds that one output element takes, for the operators where that is more than one. */
static double terms(SizeTable *sizes, const Node *node)
{
    const Tensor *x = node_in(node, 0), *w = node_in(node, 1);
    switch (node->op) {
    case OP_CONV:
    case OP_CONV_INTEGER: return elements(sizes, w) / upper(sizes, w, 0);
    case OP_QLINEAR_CONV: return elements(sizes, node->in[3]) / upper(sizes, node->in[3], 0);
    case OP_CONV_TRANSPOSE:
        return elements(sizes, w) / upper(sizes, w, 0) / upper(sizes, w, 1) * upper(sizes, x, 1);
    case OP_MAT_MUL:
    case OP_MAT_MUL_INTEGER:
    case OP_QLINEAR_MAT_MUL: return x->rank ? upper(sizes, x, x->rank - 1) : 1;
    case OP_GEMM: return upper(sizes, x, node_int(node, "transA") ? 0 : 1);
    case OP_LSTM:
    case OP_GRU:
    case OP_RNN:
        return (elements(sizes, w) + elements(sizes, node->in[2])) /
               upper(sizes, node->in[2], node->in[2]->rank - 1);
    default: return 0;
    }
}

static double own_flops(SizeTable *sizes, const Node *node)
{
    const Tensor *out = NULL;
    for (int i = 0; i < node->out_count && !out; i++) out = node->out[i];
    if (!out || out->rank < 0) return 0;
    double count = elements(sizes, out), each = terms(sizes, node);
    if (each > 0) return 2 * each * count;
    unsigned traits = op_info(node->op)->traits;
    if (traits & (T_VIEW | T_MOVES)) return 0;
    if (node->in_count && node->in[0] && !op_info(node->op)->has_point) {
        double read = elements(sizes, node->in[0]);
        if (read > count) count = read;
    }
    return count * (traits & T_CHEAP ? 1 : 4);
}

double node_flops(SizeTable *sizes, const Node *node)
{
    double flops = own_flops(sizes, node);
    for (int i = 0; i < node->epilogue_count; i++) flops += own_flops(sizes, node->epilogue[i]);
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (in && in->is_inlined && in->producer) flops += node_flops(sizes, in->producer);
    }
    return flops;
}
