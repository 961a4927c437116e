/* The attributes of TreeEnsemble (opset 5): nodes and leaves are found by their place in the lists. */
#include "passes/expand/ml/trees.h"

#include <math.h>

typedef struct Reader {
    Expand *x;
    Forest *f;
    int64_t branches, leaves; /* as the model has them; leaf i is node branches + i */
    Floats members;
    int64_t member; /* the next one to be read */
} Reader;

static Floats tensor_list(Expand *x, const char *name)
{
    const Attr *attr = node_attr(x->n, name);
    return attr && attr->kind == ATTR_TENSOR ? ml_elements(x, attr->tensor) : (Floats){0, NULL};
}

/* Where a branch leads to: list `ids` numbers branches, or leaves where `is_leaf` is set. */
static int read_child(Reader *r, const char *name, int64_t id, int64_t is_leaf, int64_t *child)
{
    int64_t count = is_leaf ? r->leaves : r->branches;
    *child = is_leaf ? r->branches + id : id;
    if (id >= 0 && id < count) return 0;
    return x_fail(r->x, "%s: expected values in [0, %lld], got %lld", name, (long long)count - 1,
                  (long long)id);
}

static int read_branches(Reader *r)
{
    Expand *x = r->x;
    int64_t count = r->branches;
    Ints features = ml_ints(x, "nodes_featureids");
    Ints yes = ml_ints(x, "nodes_truenodeids"), yes_leaf = ml_ints(x, "nodes_trueleafs");
    Ints no = ml_ints(x, "nodes_falsenodeids"), no_leaf = ml_ints(x, "nodes_falseleafs");
    Ints missing = ml_ints(x, "nodes_missing_value_tracks_true");
    Floats modes = tensor_list(x, "nodes_modes"), values = tensor_list(x, "nodes_splits");
    TRY(ml_need_count(x, "nodes_truenodeids", yes.count, count));
    TRY(ml_need_count(x, "nodes_trueleafs", yes_leaf.count, count));
    TRY(ml_need_count(x, "nodes_falsenodeids", no.count, count));
    TRY(ml_need_count(x, "nodes_falseleafs", no_leaf.count, count));
    TRY(ml_need_count(x, "nodes_modes", modes.count, count));
    TRY(ml_need_count(x, "nodes_splits", values.count, count));
    if (missing.count)
        TRY(ml_need_count(x, "nodes_missing_value_tracks_true", missing.count, count));
    for (int64_t i = 0; i < count; i++) {
        TreeNode *node = &r->f->nodes[i];
        if (!(modes.at[i] >= TREE_LEQ && modes.at[i] <= TREE_MEMBER))
            return x_fail(x, "nodes_modes: expected values in [0, 6], got %g", modes.at[i]);
        *node = (TreeNode){.mode = (TreeMode)modes.at[i],
                           .feature = features.at[i],
                           .value = values.at[i],
                           .missing_is_true = missing.count && missing.at[i] != 0};
        TRY(read_child(r, "nodes_truenodeids", yes.at[i], yes_leaf.at[i], &node->yes));
        TRY(read_child(r, "nodes_falsenodeids", no.at[i], no_leaf.at[i], &node->no));
    }
    return 0;
}

static int read_leaves(Reader *r)
{
    Expand *x = r->x;
    Forest *f = r->f;
    Ints targets = ml_ints(x, "leaf_targetids");
    Floats weights = tensor_list(x, "leaf_weights");
    TRY(ml_need_count(x, "leaf_weights", weights.count, r->leaves));
    f->weight_count = r->leaves;
    f->weights = arena_array(x->g->arena, (size_t)r->leaves + 1, sizeof *f->weights);
    for (int64_t i = 0; i < r->leaves; i++) {
        if (targets.at[i] < 0 || targets.at[i] >= f->targets)
            return x_fail(x, "leaf_targetids: expected values in [0, %lld], got %lld",
                          (long long)f->targets - 1, (long long)targets.at[i]);
        f->weights[i] = (TreeWeight){targets.at[i], weights.at[i]};
        f->nodes[r->branches + i] = (TreeNode){.mode = TREE_LEAF, .first = i, .count = 1};
    }
    return 0;
}

/* A branch by membership asks for one value after the other; new nodes stand behind the leaves. Values of
 * different branches are separated by a NaN. */
static void write_chain(Reader *r, TreeNode *node)
{
    Forest *f = r->f;
    const TreeNode first = *node;
    node->mode = TREE_EQ;
    node->value = NAN; /* of no values: never */
    for (bool chained = false; r->member < r->members.count; chained = true) {
        double value = r->members.at[r->member++];
        if (isnan(value)) break;
        if (chained) {
            node->no = f->node_count;
            node = &f->nodes[f->node_count++];
            *node = first;
            node->mode = TREE_EQ;
        }
        node->value = value;
    }
}

static int read_tree_roots(Reader *r)
{
    Ints roots = ml_ints(r->x, "tree_roots");
    Forest *f = r->f;
    f->root_count = roots.count;
    f->roots = arena_array(r->x->g->arena, (size_t)roots.count + 1, sizeof *f->roots);
    for (int i = 0; i < roots.count; i++)
        TRY(read_child(r, "tree_roots", roots.at[i], 0, &f->roots[i]));
    return roots.count ? 0 : x_fail(r->x, "tree_roots: expected a tree or more");
}

int forest_read_nodes(Expand *x, Forest *f)
{
    Reader r = {.x = x, .f = f, .members = tensor_list(x, "membership_values")};
    r.branches = ml_ints(x, "nodes_featureids").count;
    r.leaves = ml_ints(x, "leaf_targetids").count;
    f->node_count = r.branches + r.leaves;
    size_t room = (size_t)(f->node_count + r.members.count) + 1;
    f->nodes = arena_array(x->g->arena, room, sizeof *f->nodes);
    TRY(read_branches(&r));
    TRY(read_leaves(&r));
    for (int64_t i = 0; i < r.branches; i++) {
        if (f->nodes[i].mode == TREE_MEMBER) write_chain(&r, &f->nodes[i]);
    }
    return read_tree_roots(&r);
}
