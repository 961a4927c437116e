/* The attributes of TreeEnsembleClassifier and TreeEnsembleRegressor: nodes and weights are found by the
 * numbers of their tree and node. */
#include "passes/expand/ml/trees.h"

#include <stdlib.h>
#include <string.h>

/* ---- Nodes by number ---- */

typedef struct NodeId {
    int64_t tree, node, index;
} NodeId;

static int by_id(const void *a, const void *b)
{
    const NodeId *one = a, *other = b;
    if (one->tree != other->tree) return one->tree < other->tree ? -1 : 1;
    return one->node < other->node ? -1 : one->node > other->node;
}

typedef struct Reader {
    Expand *x;
    Forest *f;
    Ints trees, nodes;
    NodeId *ids; /* sorted */
} Reader;

static int64_t find(const Reader *r, int64_t tree, int64_t node)
{
    const NodeId key = {tree, node, 0};
    const NodeId *found = bsearch(&key, r->ids, (size_t)r->f->node_count, sizeof key, by_id);
    return found ? found->index : -1;
}

static int sort_ids(Reader *r)
{
    int64_t count = r->f->node_count;
    r->ids = arena_array(r->x->g->arena, (size_t)count + 1, sizeof *r->ids);
    for (int64_t i = 0; i < count; i++) r->ids[i] = (NodeId){r->trees.at[i], r->nodes.at[i], i};
    qsort(r->ids, (size_t)count, sizeof *r->ids, by_id);
    for (int64_t i = 1; i < count; i++) {
        if (by_id(&r->ids[i - 1], &r->ids[i]) == 0)
            return x_fail(r->x, "node %lld of tree %lld stands twice", (long long)r->ids[i].node,
                          (long long)r->ids[i].tree);
    }
    return 0;
}

/* ---- Nodes ---- */

static int read_mode(Expand *x, const char *word, TreeMode *mode)
{
    static const char *const words[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
    for (int i = 0; i < 8; i++) {
        if (i != TREE_MEMBER && !strcmp(words[i], word)) {
            *mode = (TreeMode)i;
            return 0;
        }
    }
    return x_fail(x, "nodes_modes: '%s' is not known", word);
}

static int find_child(const Reader *r, int64_t i, const char *name, int64_t node, int64_t *child)
{
    *child = find(r, r->trees.at[i], node);
    if (*child >= 0) return 0;
    return x_fail(r->x, "%s: tree %lld has no node %lld", name, (long long)r->trees.at[i],
                  (long long)node);
}

static int read_nodes(Reader *r)
{
    Expand *x = r->x;
    int64_t count = r->f->node_count;
    Ints features = ml_ints(x, "nodes_featureids"), no = ml_ints(x, "nodes_falsenodeids");
    Ints yes = ml_ints(x, "nodes_truenodeids");
    Ints missing = ml_ints(x, "nodes_missing_value_tracks_true");
    Floats values = ml_floats_or_tensor(x, "nodes_values");
    const Attr *modes = node_attr(x->n, "nodes_modes");
    TRY(ml_need_count(x, "nodes_featureids", features.count, count));
    TRY(ml_need_count(x, "nodes_truenodeids", yes.count, count));
    TRY(ml_need_count(x, "nodes_falsenodeids", no.count, count));
    TRY(ml_need_count(x, "nodes_values", values.count, count));
    TRY(ml_need_count(x, "nodes_modes", modes ? modes->count : 0, count));
    if (missing.count)
        TRY(ml_need_count(x, "nodes_missing_value_tracks_true", missing.count, count));
    for (int64_t i = 0; i < count; i++) {
        TreeNode *node = &r->f->nodes[i];
        *node = (TreeNode){.feature = features.at[i], .value = values.at[i]};
        node->missing_is_true = missing.count && missing.at[i] != 0;
        TRY(read_mode(x, modes->strings[i], &node->mode));
        if (node->mode == TREE_LEAF) continue;
        TRY(find_child(r, i, "nodes_truenodeids", yes.at[i], &node->yes));
        TRY(find_child(r, i, "nodes_falsenodeids", no.at[i], &node->no));
    }
    return 0;
}

/* A tree's first node is its root. */
static void read_roots(Reader *r)
{
    Forest *f = r->f;
    f->roots = arena_array(r->x->g->arena, (size_t)f->node_count + 1, sizeof *f->roots);
    for (int64_t i = 0; i < f->node_count; i++) {
        if (i == 0 || r->trees.at[i] != r->trees.at[i - 1]) f->roots[f->root_count++] = i;
    }
}

/* ---- Weights ---- */

/* Weights of leaves, put together by leaf, each leaf's in the order given. What belongs to a branch is
 * left out, as in ONNX Runtime: old converters wrote such. */
static int read_weights(Reader *r, const char *prefix)
{
    Expand *x = r->x;
    Forest *f = r->f;
    Arena *arena = x->g->arena;
    Ints ids = ml_ints(x, arena_printf(arena, "%s_ids", prefix));
    Ints nodes = ml_ints(x, arena_printf(arena, "%s_nodeids", prefix));
    Ints trees = ml_ints(x, arena_printf(arena, "%s_treeids", prefix));
    const char *name = arena_printf(arena, "%s_weights", prefix);
    Floats values = ml_floats_or_tensor(x, name);
    int count = ids.count;
    TRY(ml_need_count(x, name, values.count, count));
    TRY(ml_need_count(x, arena_printf(arena, "%s_nodeids", prefix), nodes.count, count));
    TRY(ml_need_count(x, arena_printf(arena, "%s_treeids", prefix), trees.count, count));
    int64_t *leaf = arena_array(arena, (size_t)count + 1, sizeof *leaf);
    for (int i = 0; i < count; i++) {
        leaf[i] = find(r, trees.at[i], nodes.at[i]);
        if (leaf[i] < 0)
            return x_fail(x, "%s: tree %lld has no node %lld", name, (long long)trees.at[i],
                          (long long)nodes.at[i]);
        if (ids.at[i] < 0 || ids.at[i] >= f->targets)
            return x_fail(x, "%s_ids: expected values in [0, %lld], got %lld", prefix,
                          (long long)f->targets - 1, (long long)ids.at[i]);
        if (f->nodes[leaf[i]].mode != TREE_LEAF)
            leaf[i] = -1;
        else
            f->nodes[leaf[i]].count++;
    }
    for (int64_t i = 0; i < f->node_count; i++) {
        f->nodes[i].first = f->weight_count;
        f->weight_count += f->nodes[i].count;
        f->nodes[i].count = 0;
    }
    f->weights = arena_array(arena, (size_t)f->weight_count + 1, sizeof *f->weights);
    for (int i = 0; i < count; i++) {
        TreeNode *node = leaf[i] < 0 ? NULL : &f->nodes[leaf[i]];
        if (node) f->weights[node->first + node->count++] = (TreeWeight){ids.at[i], values.at[i]};
    }
    return 0;
}

int forest_read(Expand *x, Forest *f, const char *weights)
{
    Reader r = {.x = x, .f = f, .trees = ml_ints(x, "nodes_treeids")};
    r.nodes = ml_ints(x, "nodes_nodeids");
    f->node_count = r.trees.count;
    if (!f->node_count) return x_fail(x, "nodes_treeids: expected a node or more");
    TRY(ml_need_count(x, "nodes_nodeids", r.nodes.count, f->node_count));
    f->nodes = arena_array(x->g->arena, (size_t)f->node_count, sizeof *f->nodes);
    TRY(sort_ids(&r));
    TRY(read_nodes(&r));
    read_roots(&r);
    return read_weights(&r, weights);
}

int64_t forest_only_target(const Forest *f)
{
    if (!f->weight_count) return -1;
    for (int64_t i = 1; i < f->weight_count; i++) {
        if (f->weights[i].target != f->weights[0].target) return -1;
    }
    return f->weights[0].target;
}
