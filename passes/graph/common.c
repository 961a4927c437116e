/* Common subexpressions: nodes that compute the same from the same become one. */
#include "ir/custom.h"
#include "passes/graph/simplify.h"

#include <string.h>

enum { SMALL_BYTES = 512 };

/* Small constants are compared by content: every exporter writes its axes anew for each node. */
static bool same_tensor(const Tensor *a, const Tensor *b)
{
    if (a == b) return true;
    if (!a || !b || !a->data || !b->data || a->dtype != b->dtype) return false;
    if (!rewrite_same_shape(a, b) || a->data->scale || b->data->scale) return false;
    if (a->data->bytes != b->data->bytes || a->data->bytes > SMALL_BYTES) return false;
    return !memcmp(a->data->data, b->data->data, a->data->bytes);
}

static bool same_attr(const Attr *a, const Attr *b)
{
    if (strcmp(a->name, b->name) || a->kind != b->kind || a->count != b->count) return false;
    size_t count = (size_t)a->count;
    switch (a->kind) {
    case ATTR_INT: return a->ints[0] == b->ints[0];
    case ATTR_FLOAT: return !memcmp(a->floats, b->floats, sizeof *a->floats);
    case ATTR_STRING: return !strcmp(a->strings[0], b->strings[0]);
    case ATTR_INTS: return !count || !memcmp(a->ints, b->ints, count * sizeof *a->ints);
    case ATTR_FLOATS: return !count || !memcmp(a->floats, b->floats, count * sizeof *a->floats);
    case ATTR_TENSOR: return same_tensor(a->tensor, b->tensor);
    case ATTR_STRINGS:
        for (size_t i = 0; i < count; i++) {
            if (strcmp(a->strings[i], b->strings[i])) return false;
        }
        return true;
    }
    return false;
}

static bool same_attrs(const Node *a, const Node *b)
{
    if (a->attr_count != b->attr_count) return false;
    for (int i = 0; i < a->attr_count; i++) {
        const Attr *other = node_attr(b, a->attrs[i].name);
        if (!other || !same_attr(&a->attrs[i], other)) return false;
    }
    return true;
}

static bool same_values(const Tensor *a, const Tensor *b)
{
    if (a->value_count != b->value_count || a->dtype != b->dtype) return false;
    for (int i = 0; i < a->value_count; i++) {
        if (a->values[i] != b->values[i]) return false;
    }
    return rewrite_same_shape(a, b);
}

/* A user's own operators are the same when they are functions of their inputs alone. */
static bool same_custom(const CustomUse *a, const CustomUse *b)
{
    if (!a || !b) return a == b;
    return a->op == b->op && a->opset == b->opset && !a->impure && !b->impure && !a->symbol_count;
}

static bool same_node(const Node *a, const Node *b)
{
    if (a->op != b->op || a->in_count != b->in_count || a->out_count != b->out_count) return false;
    if (a->epilogue_count || b->epilogue_count) return false;
    for (int i = 0; i < a->in_count; i++) {
        if (!same_tensor(a->in[i], b->in[i])) return false;
    }
    for (int i = 0; i < a->out_count; i++) {
        if (!a->out[i] && b->out[i]) return false;
    }
    if (!same_custom(a->custom, b->custom)) return false;
    bool by_contents = a->op == OP_VALUES || a->op == OP_MEASURE;
    if (by_contents && !same_values(a->out[0], b->out[0])) return false;
    return region_within(b->region, a->region) && same_attrs(a, b);
}

static uint64_t node_hash(const Node *n)
{
    uint64_t hash = (uint64_t)n->op * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < n->in_count; i++) {
        uint64_t id = n->in[i] && !n->in[i]->data ? (uint64_t)n->in[i]->id + 1 : 0;
        hash = (hash ^ id) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 31;
    }
    return hash;
}

static bool merge_into(Graph *g, const Node *first, Node *second)
{
    for (int i = 0; i < second->out_count; i++) {
        Tensor *x = second->out[i];
        if (!x || !rewrite_is_result(g, x)) continue;
        if (rewrite_is_result(g, first->out[i]) || !region_same(first->region, second->region))
            return false;
    }
    for (int i = 0; i < second->out_count; i++) {
        if (second->out[i]) graph_replace(g, second->out[i], first->out[i]);
    }
    second->op = OP_DELETED;
    return true;
}

bool simplify_common(Graph *g)
{
    enum { BUCKETS = 1024 };
    Node *heads[BUCKETS] = {0};
    Node **next = arena_array(g->arena, (size_t)g->next_node_id + 1, sizeof *next);
    bool changed = false;
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_DELETED || n->op == OP_PHI || n->body) continue;
        Node **head = &heads[node_hash(n) % BUCKETS], *same = *head;
        while (same && !same_node(same, n)) same = next[same->id];
        if (same && merge_into(g, same, n)) {
            changed = true;
            continue;
        }
        next[n->id] = *head;
        *head = n;
    }
    if (changed) graph_sweep(g);
    return changed;
}
