/* An ensemble as tables that the kernel of lpc.Trees walks (passes/lower/ml/trees.c).
 *
 * A node is four words, i32 beside f32 and i64 beside f64, next to each other in memory:
 *
 *     feature    which one its branch asks for
 *     value      bits of what it is compared with
 *     next       the word where the false branch's node begins; the true branch's follows it at once
 *     payload    of a leaf: bits of its weight, or where its weights begin
 *
 * Trees follow each other, each level by level from its root: the two nodes that a step chooses from lie
 * side by side, and the levels that every walk goes through are together. A leaf is a branch that is
 * never true and whose false branch is itself: a walk takes as many steps as the deepest leaf needs, for
 * all leaves alike. Where two branches lead to one node, that stands in one place, and a node that is
 * always false leads there from the other.
 *
 * When all branches compare in the same way, the kernel does this comparison. Else, and where some tell a
 * NaN apart, word 0 is feature * 16 + the outcomes that go to the true branch: less 1, equal 2, greater 4,
 * unordered 8. */
#include "passes/expand/ml/trees.h"

#include <math.h>
#include <string.h>

enum { WORDS = 4, LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8 };

typedef struct Layout {
    Expand *x;
    const Forest *f;
    bool is_wide; /* words of i64 */
    bool any;     /* branches compare in different ways */
    bool tracks;  /* a NaN goes where its branch says */
    TreeMode mode;
    const char *leaves; /* attribute of lpc.Trees */
    int64_t *words;
    int64_t count, room; /* of nodes in words */
    int64_t *placed;     /* by node of the forest: its word, -1 */
    int64_t *source;     /* by node in words: of the forest, -1: leads elsewhere */
    int32_t *depth;      /* by node in words: steps to the deepest leaf, -1: not known */
    double *weights;     /* table, and beside it which targets they are of */
    int64_t *targets, table_count;
} Layout;

/* ---- Nodes ---- */

/* A leaf stays where it is, and a node that only leads elsewhere is never true either: the value is a
 * NaN, which differs from everything, so that TREE_NEQ is always true. */
static int64_t never_true(const Layout *l, int64_t word)
{
    return !l->any && l->mode == TREE_NEQ ? word - WORDS : word;
}

static int64_t bits(const Layout *l, double value)
{
    int64_t wide;
    int32_t narrow;
    float single = (float)value;
    memcpy(&wide, &value, sizeof wide);
    memcpy(&narrow, &single, sizeof narrow);
    return l->is_wide ? wide : narrow;
}

static int64_t outcomes(const TreeNode *node)
{
    static const int64_t of[] = {
        [TREE_LEQ] = LESS | EQUAL, [TREE_LT] = LESS,  [TREE_GTE] = GREATER | EQUAL,
        [TREE_GT] = GREATER,       [TREE_EQ] = EQUAL, [TREE_NEQ] = LESS | GREATER | UNORDERED};
    return of[node->mode] | (node->missing_is_true ? UNORDERED : 0);
}

/* A place for one more node. */
static int64_t add_node(Layout *l, int64_t source)
{
    Arena *arena = l->f->arena;
    if (l->count == l->room) {
        int64_t room = l->room ? l->room * 2 : 1024;
        size_t old = (size_t)l->count, more = (size_t)room;
        l->words = arena_grow(arena, l->words, old * WORDS, more * WORDS, sizeof *l->words);
        l->source = arena_grow(arena, l->source, old, more, sizeof *l->source);
        l->room = room;
    }
    int64_t word = l->count * WORDS;
    l->source[l->count++] = source;
    if (source >= 0) l->placed[source] = word;
    return word;
}

/* The place of a branch's child: its own, or one that leads there. */
static void place_child(Layout *l, int64_t child)
{
    bool again = l->placed[child] >= 0;
    int64_t to = again ? l->placed[child] : 0, word = add_node(l, again ? -1 : child);
    int64_t *at = &l->words[word];
    if (again) memcpy(at, (int64_t[]){0, bits(l, NAN), never_true(l, to), 0}, WORDS * sizeof *at);
}

static int64_t leaf_payload(Layout *l, const TreeNode *leaf);

static void write_node(Layout *l, int64_t word)
{
    const TreeNode *node = &l->f->nodes[l->source[word / WORDS]];
    if (node->mode == TREE_LEAF) {
        const int64_t leaf[] = {0, bits(l, NAN), never_true(l, word), leaf_payload(l, node)};
        memcpy(&l->words[word], leaf, sizeof leaf);
        return;
    }
    int64_t next = l->count * WORDS;
    place_child(l, node->no);
    place_child(l, node->yes);
    int64_t feature = l->any || l->tracks ? node->feature * 16 + outcomes(node) : node->feature;
    const int64_t branch[] = {feature, bits(l, node->value), next, 0};
    memcpy(&l->words[word], branch, sizeof branch);
}

/* Level by level: what was placed is written in its turn, and places its children behind. */
static int64_t write_tree(Layout *l, int64_t root)
{
    if (l->placed[root] >= 0) return l->placed[root];
    int64_t first = add_node(l, root);
    for (int64_t at = first / WORDS; at < l->count; at++) {
        if (l->source[at] >= 0) write_node(l, at * WORDS);
    }
    return first;
}

/* ---- Leaves ---- */

/* Does each leaf have one weight for each target? */
static bool leaves_are_full(const Forest *f)
{
    int64_t *seen = arena_array(f->arena, (size_t)f->targets, sizeof *seen); /* by leaf i: i + 1 */
    for (int64_t i = 0; i < f->node_count; i++) {
        const TreeNode *node = &f->nodes[i];
        if (node->mode != TREE_LEAF) continue;
        if (node->count != f->targets) return false;
        for (int64_t k = node->first; k < node->first + node->count; k++) {
            int64_t *target = &seen[f->weights[k].target];
            if (*target == i + 1) return false;
            *target = i + 1;
        }
    }
    return true;
}

static const char *kind_of_leaves(const Forest *f)
{
    bool single = true;
    for (int64_t i = 0; i < f->node_count; i++)
        single = single && (f->nodes[i].mode != TREE_LEAF || f->nodes[i].count == 1);
    if (f->targets == 1 || forest_only_target(f) >= 0) return "value";
    if (single) return "single";
    return leaves_are_full(f) ? "full" : "list";
}

/* What no weight changes. */
static double identity(const Forest *f)
{
    if (f->aggregate == TREE_MIN) return INFINITY;
    return f->aggregate == TREE_MAX ? -INFINITY : 0;
}

static void put(Layout *l, int64_t at, const TreeWeight *w)
{
    double value = l->is_wide ? w->value : (double)(float)w->value;
    l->weights[at] = value + 0.0; /* never -0.0: that is a target without weights */
    l->targets[at] = w->target;
}

/* A leaf of the only target: the sum of its weights, the least or the greatest. With one target from the
 * start ONNX Runtime takes the first weight and no other. */
static double leaf_value(const Forest *f, const TreeNode *leaf)
{
    const TreeWeight *w = f->weights + leaf->first;
    double value = identity(f);
    for (int64_t i = 0; i < leaf->count; i++) {
        if (f->targets == 1) return w[0].value + 0.0;
        if (f->aggregate == TREE_MIN)
            value = w[i].value < value ? w[i].value : value;
        else if (f->aggregate == TREE_MAX)
            value = w[i].value > value ? w[i].value : value;
        else
            value += w[i].value;
    }
    return value;
}

static int64_t leaf_payload(Layout *l, const TreeNode *leaf)
{
    const TreeWeight *w = l->f->weights + leaf->first;
    int64_t at = l->table_count, count = leaf->count;
    if (!strcmp(l->leaves, "value")) return bits(l, leaf_value(l->f, leaf));
    l->table_count += count;
    if (!strcmp(l->leaves, "full")) {
        for (int64_t i = 0; i < count; i++) put(l, at + w[i].target, &w[i]);
        return at;
    }
    if (!strcmp(l->leaves, "list")) {
        l->targets[at] = count; /* stands before them */
        l->table_count++;
    }
    for (int64_t i = 0; i < count; i++) put(l, l->table_count - count + i, &w[i]);
    return at;
}

/* ---- Depths ---- */

/* Known when both of a branch's children's are; else they come first. */
static int visit(Layout *l, int64_t at, int64_t *stack, int64_t *top)
{
    enum { OPEN = -2 };
    int64_t next = l->words[at * WORDS + 2] / WORDS, source = l->source[at];
    if (source < 0 && !l->any && l->mode == TREE_NEQ) next++;
    bool is_leaf = source >= 0 && l->f->nodes[source].mode == TREE_LEAF;
    int kids = is_leaf ? 0 : source < 0 ? 1 : 2;
    int32_t deepest = -1;
    bool waits = false;
    for (int k = 0; k < kids; k++) {
        int32_t depth = l->depth[next + k];
        if (depth == OPEN) return x_fail(l->x, "a tree's branches lead in a circle");
        if (depth > deepest) deepest = depth;
        if (depth != -1) continue;
        waits = true;
        stack[(*top)++] = next + k;
    }
    l->depth[at] = waits ? OPEN : deepest + 1;
    return 0;
}

static int find_depth(Layout *l, int64_t root, int64_t *stack)
{
    int64_t top = 0;
    stack[top++] = root;
    while (top > 0) {
        int64_t at = stack[top - 1], before = top;
        if (l->depth[at] == -1)
            TRY(visit(l, at, stack, &top));
        else if (l->depth[at] < -1) {
            l->depth[at] = -1; /* all below is known now */
            TRY(visit(l, at, stack, &top));
        }
        if (top == before) top--;
    }
    return 0;
}

/* [trees, 2]: a tree's first word and how many steps it takes. */
static int64_t *tree_table(Layout *l)
{
    const Forest *f = l->f;
    Arena *arena = f->arena;
    int64_t *table = arena_array(arena, (size_t)f->root_count * 2, sizeof *table);
    for (int64_t i = 0; i < f->root_count; i++) table[2 * i] = write_tree(l, f->roots[i]);
    l->depth = arena_array(arena, (size_t)l->count, sizeof *l->depth);
    int64_t *stack = arena_array(arena, (size_t)l->count * 2 + 1, sizeof *stack);
    for (int64_t i = 0; i < l->count; i++) l->depth[i] = -1;
    for (int64_t i = 0; i < f->root_count; i++) {
        if (find_depth(l, table[2 * i] / WORDS, stack)) return NULL;
        table[2 * i + 1] = l->depth[table[2 * i] / WORDS];
    }
    return table;
}

/* ---- The node ---- */

static int check_features(Expand *x, const Forest *f, int64_t features)
{
    const int64_t most = INT32_MAX / 16;
    for (int64_t i = 0; i < f->node_count; i++) {
        const TreeNode *node = &f->nodes[i];
        if (node->mode == TREE_LEAF) continue;
        if (node->feature < 0 || node->feature >= features || node->feature > most)
            return x_fail(x, "nodes_featureids: expected values in [0, %lld], got %lld",
                          (long long)features - 1, (long long)node->feature);
    }
    return 0;
}

/* Whether branches differ in how they compare, or tell a NaN apart: that differs from all numbers, too. */
static void find_mode(Layout *l)
{
    const Forest *f = l->f;
    bool found = false;
    for (int64_t i = 0; i < f->node_count; i++) {
        const TreeNode *node = &f->nodes[i];
        if (node->mode == TREE_LEAF) continue;
        l->any = l->any || (found && node->mode != l->mode);
        l->tracks = l->tracks || (node->missing_is_true && node->mode != TREE_NEQ);
        l->mode = node->mode;
        found = true;
    }
}

/* A table of i64 as one of i32 where words are that. */
static Tensor *word_table(Layout *l, const int64_t *values, int64_t count)
{
    Graph *g = l->x->g;
    if (l->is_wide) return x_constant(l->x, DT_I64, 1, &count, values);
    int32_t *narrow = arena_array(g->arena, (size_t)count + 1, sizeof *narrow);
    for (int64_t i = 0; i < count; i++) narrow[i] = (int32_t)values[i];
    return graph_const(g, NULL, DT_I32, 1, &count, narrow);
}

static Tensor *trees_node(Layout *l, Tensor *rows, const int64_t *trees)
{
    static const char *const compare[] = {"leq", "lt", "gte", "gt", "eq", "neq"};
    static const char *const aggregate[] = {"sum", "sum", "min", "max"};
    Expand *x = l->x;
    const Forest *f = l->f;
    const int64_t dims[] = {f->root_count, 2};
    bool value = !strcmp(l->leaves, "value");
    /* A table is never empty. */
    const Floats weights = {l->table_count ? l->table_count : 1, l->weights};
    x_int(x, "targets", value ? 1 : f->targets);
    x_string(x, "compare", l->any ? "any" : compare[l->mode]);
    x_int(x, "tracks", l->tracks);
    x_string(x, "aggregate", aggregate[f->aggregate]);
    x_string(x, "leaves", l->leaves);
    Tensor *words = word_table(l, l->words, l->count * WORDS);
    Tensor *roots = x_constant(x, DT_I64, 2, dims, trees);
    Tensor *leaves = ml_vector(x, l->is_wide ? DT_F64 : DT_F32, weights);
    Tensor *targets = word_table(l, l->targets, weights.count);
    Tensor *in[] = {rows, words, roots, leaves, targets};
    return x_op(x, OP_ML_TREES, 5, in);
}

Tensor *forest_scores(Expand *x, const Forest *f, Tensor *rows)
{
    Arena *arena = f->arena;
    int64_t features = x_static(x, rows, 1, "the number of features");
    if (!x_ok(x) || check_features(x, f, features)) return NULL;
    Layout l = {.x = x, .f = f, .is_wide = rows->dtype == DT_F64, .leaves = kind_of_leaves(f)};
    size_t table = (size_t)(f->weight_count + f->node_count) + 1;
    find_mode(&l);
    l.placed = arena_array(arena, (size_t)f->node_count, sizeof *l.placed);
    for (int64_t i = 0; i < f->node_count; i++) l.placed[i] = -1;
    l.weights = arena_array(arena, table, sizeof *l.weights);
    l.targets = arena_array(arena, table, sizeof *l.targets);
    const int64_t *trees = tree_table(&l);
    if (!trees) return NULL;
    if (!l.is_wide && l.count > INT32_MAX / WORDS) {
        x_fail(x, "%lld nodes are too many", (long long)l.count);
        return NULL;
    }
    Tensor *scores = trees_node(&l, rows, trees);
    if (f->aggregate == TREE_AVERAGE)
        scores = x_div(x, scores, x_like(x, scores, (double)f->root_count));
    return scores;
}
