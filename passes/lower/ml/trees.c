/* lpc.Trees: walks through the trees of an ensemble. passes/expand/ml/trees_layout.c says what the tables
 * are.
 *
 * A step is an address that depends on the one before: feature, value, comparison, next node, each waiting
 * for memory. So LANES walks go side by side, none of which has branches. With many rows a walk is a row's
 * and a block of rows goes through one tree while that is in the first cache; with one row, a walk is a
 * tree's. Walks end after the tree's depth, or when the last of a group of steps moved nowhere: all are at
 * leaves then, which lead to themselves. Each row's sum is in the order of the trees either way. */
#include "passes/lower/frame/lower.h"

#include <math.h>
#include <string.h>

enum { WORDS = 4, LANES = 8, MOST_STEPS = 6, BLOCK = 64 };
enum { MOST_SUMS = 4096, MANY_TARGETS = 512 }; /* on the stack; of a row there */

typedef struct Trees {
    Lower *lw;
    const Node *node;
    const Tensor *x, *out;
    DType type, word;
    int64_t targets, count;
    int steps;   /* in a group */
    bool tracks; /* branches say where a NaN goes */
    const char *compare, *leaves;
    InstOp aggregate; /* LI_ADD, LI_MIN, LI_MAX */
    Param *nodes, *trees, *weights, *ids, *features, *sums;
    Inst *base; /* in sums, of a block's first row */
    Cell *at[LANES];
} Trees;

/* ---- A step ---- */

static Inst *word(const Trees *t, Inst *node, int64_t which)
{
    Builder *b = &t->lw->b;
    return kb_load(b, t->nodes, kb_addi(b, node, which));
}

/* Of less 1, equal 2, greater 4, unordered 8, the outcome's bit. */
static Inst *outcome(Builder *b, Inst *x, Inst *value, DType type)
{
    Inst *greater = kb_op(b, LI_GT, x, value);
    Inst *bit = kb_select(b, greater, kb_int(b, type, 4), kb_int(b, type, 8));
    bit = kb_select(b, kb_op(b, LI_EQ, x, value), kb_int(b, type, 2), bit);
    return kb_select(b, kb_op(b, LI_LT, x, value), kb_int(b, type, 1), bit);
}

static bool is_any(const Trees *t)
{
    return !strcmp(t->compare, "any");
}

/* first: a branch's word 0. */
static Inst *is_true(const Trees *t, Inst *x, Inst *value, Inst *first)
{
    static const struct {
        const char *name;
        InstOp op;
    } known[] = {{"leq", LI_LE}, {"lt", LI_LT}, {"gte", LI_GE},
                 {"gt", LI_GT},  {"eq", LI_EQ}, {"neq", LI_NE}};
    Builder *b = &t->lw->b;
    Inst *none = kb_int(b, t->word, 0), *truth = NULL;
    if (is_any(t))
        return kb_op(b, LI_NE, kb_op(b, LI_AND, first, outcome(b, x, value, t->word)), none);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(known[i].name, t->compare)) truth = kb_op(b, known[i].op, x, value);
    }
    if (!t->tracks) return truth;
    Inst *tracked = kb_op(b, LI_NE, kb_op(b, LI_AND, first, kb_int(b, t->word, 8)), none);
    return kb_op(b, LI_OR, truth, kb_op(b, LI_AND, kb_op(b, LI_NE, x, x), tracked));
}

static Inst *step(const Trees *t, Inst *node, Inst *row)
{
    Builder *b = &t->lw->b;
    Inst *first = word(t, node, 0);
    Inst *feature = is_any(t) || t->tracks ? kb_op(b, LI_SHR, first, kb_int(b, t->word, 4)) : first;
    Inst *idx[] = {NULL, kb_cast(b, DT_I64, feature)};
    Inst *x = kb_load(b, t->features, kb_add(b, row, lower_index(t->lw, t->x, idx)));
    Inst *value = kb_bitcast(b, t->type, word(t, node, 1));
    Inst *next = kb_cast(b, DT_I64, word(t, node, 2));
    Inst *truth = is_true(t, x, value, first);
    return kb_add(b, next, kb_select(b, truth, kb_i64(b, WORDS), kb_i64(b, 0)));
}

/* From roots to leaves, `lanes` of them: t->at are the leaves' words. row: where a row's features begin. */
static void walk(Trees *t, int lanes, Inst *const *roots, Inst *const *rows, Inst *depth)
{
    Builder *b = &t->lw->b;
    for (int k = 0; k < lanes; k++) t->at[k] = kb_cell(b, "at", (LType){DT_I64, 1}, roots[k]);
    kb_for(b, LOOP_SERIAL, kb_i64(b, 0), depth, t->steps);
    Inst *moved = NULL, *at[LANES];
    for (int k = 0; k < lanes; k++) at[k] = kb_get(b, t->at[k]);
    for (int s = 0; s < t->steps; s++) {
        for (int k = 0; k < lanes; k++) {
            Inst *next = step(t, at[k], rows[k]);
            Inst *differs = s == t->steps - 1 ? kb_op(b, LI_XOR, next, at[k]) : NULL;
            if (differs) moved = moved ? kb_op(b, LI_OR, moved, differs) : differs;
            at[k] = next;
        }
    }
    for (int k = 0; k < lanes; k++) kb_set(b, t->at[k], at[k]);
    kb_if(b, kb_op(b, LI_EQ, moved, kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    kb_end(b);
}

/* ---- A leaf ---- */

static void combine(const Trees *t, Inst *sum, Inst *weight)
{
    Builder *b = &t->lw->b;
    Inst *at = kb_add(b, t->base, sum);
    kb_store(b, t->sums, at, kb_op(b, t->aggregate, kb_load(b, t->sums, at), weight));
}

/* A leaf's weights go into a row's sums, which begin at `sums`. */
static void add_leaf(const Trees *t, Inst *leaf, Inst *sums)
{
    Builder *b = &t->lw->b;
    Inst *payload = word(t, leaf, 3);
    if (!strcmp(t->leaves, "value")) {
        combine(t, sums, kb_bitcast(b, t->type, payload));
        return;
    }
    Inst *at = kb_cast(b, DT_I64, payload);
    if (!strcmp(t->leaves, "full")) {
        bool tiny = t->targets < 4;
        Inst *k =
            kb_for(b, tiny ? LOOP_UNROLLED : LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, t->targets), 1);
        Inst *sum = kb_add(b, sums, k);
        combine(t, sum, kb_load(b, t->weights, kb_add(b, at, k)));
        kb_end(b);
        return;
    }
    bool list = !strcmp(t->leaves, "list");
    if (list) {
        Inst *count = kb_cast(b, DT_I64, kb_load(b, t->ids, at));
        at = kb_addi(b, at, 1);
        at = kb_for(b, LOOP_SERIAL, at, kb_add(b, at, count), 1);
    }
    Inst *target = kb_cast(b, DT_I64, kb_load(b, t->ids, at));
    Inst *sum = kb_add(b, sums, target);
    combine(t, sum, kb_load(b, t->weights, at));
    if (list) kb_end(b);
}

/* ---- Sums ---- */

static Inst *identity(const Trees *t)
{
    double value = t->aggregate == LI_MIN   ? (double)INFINITY
                   : t->aggregate == LI_MAX ? -(double)INFINITY
                                            : -0.0;
    return kb_float(&t->lw->b, t->type, value);
}

static void clear_sums(const Trees *t, int64_t count)
{
    Builder *b = &t->lw->b;
    Inst *i = kb_for(b, count < 4 ? LOOP_UNROLLED : LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, count), 1);
    kb_store(b, t->sums, kb_add(b, t->base, i), identity(t));
    kb_end(b);
}

/* A target that no leaf named is -0.0, which no sum of weights is, nor the least or greatest of them. */
static void store_sums(const Trees *t, Inst *row, Inst *sums)
{
    Builder *b = &t->lw->b;
    bool tiny = t->targets < 4;
    Inst *k = kb_for(b, tiny ? LOOP_UNROLLED : LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, t->targets), 1);
    Inst *value = kb_load(b, t->sums, kb_add(b, t->base, kb_add(b, sums, k)));
    if (t->aggregate != LI_ADD) {
        Inst *none = kb_op(b, LI_EQ, value, identity(t));
        value = kb_select(b, none, kb_float(b, t->type, -0.0), value);
    }
    Inst *idx[] = {row, k};
    lower_store(t->lw, idx, value);
    kb_end(b);
}

/* ---- Many rows ---- */

/* LANES rows from `first` of the block at `block` on, of `last` the last one: those over it do the last
 * one's walk again, for sums that nobody reads. */
static void walk_rows(Trees *t, Inst *tree, Inst *block, Inst *first, Inst *last)
{
    Builder *b = &t->lw->b;
    Inst *root = kb_load(b, t->trees, kb_muli(b, tree, 2));
    Inst *depth = kb_load(b, t->trees, kb_addi(b, kb_muli(b, tree, 2), 1));
    Inst *roots[LANES], *rows[LANES];
    for (int k = 0; k < LANES; k++) {
        Inst *row = kb_op(b, LI_MIN, kb_addi(b, kb_add(b, block, first), k), last);
        Inst *idx[] = {row, NULL};
        rows[k] = lower_index(t->lw, t->x, idx);
        roots[k] = root;
    }
    walk(t, LANES, roots, rows, depth);
    for (int k = 0; k < LANES; k++) {
        Inst *leaf = kb_get(b, t->at[k]);
        add_leaf(t, leaf, kb_muli(b, kb_addi(b, first, k), t->targets));
    }
}

static void many_rows(Trees *t, int64_t block)
{
    Builder *b = &t->lw->b;
    Inst *rows = kb_size(b, t->x->dims[0]), *last = kb_addi(b, rows, -1);
    const Size *blocks = size_ceildiv(t->lw->sizes, t->x->dims[0], size_const(t->lw->sizes, block));
    double work = lower_work(t->lw, t->out) / (double)t->targets * (double)t->count * 8;
    Inst *at = kb_muli(b, kb_for_n(b, lower_parallel(t->lw, work), blocks), block);
    Inst *count = kb_op(b, LI_MIN, kb_sub(b, rows, at), kb_i64(b, block));
    t->base = t->targets > MANY_TARGETS ? kb_muli(b, at, t->targets) : kb_i64(b, 0);
    clear_sums(t, block * t->targets);
    Inst *tree = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, t->count), 1);
    Inst *first = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), count, LANES);
    walk_rows(t, tree, at, first, last);
    kb_end(b);
    kb_end(b);
    Inst *row = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), count, 1);
    Inst *out_row = kb_add(b, at, row);
    store_sums(t, out_row, kb_muli(b, row, t->targets));
    kb_end(b);
    kb_end(b);
}

/* ---- One row ---- */

/* `lanes` trees from `first` on. */
static void walk_trees(Trees *t, Inst *first, int lanes)
{
    Builder *b = &t->lw->b;
    Inst *roots[LANES], *rows[LANES], *depth = NULL, *start[] = {NULL, NULL};
    for (int k = 0; k < lanes; k++) {
        Inst *tree = kb_muli(b, kb_addi(b, first, k), 2);
        Inst *steps = kb_load(b, t->trees, kb_addi(b, tree, 1));
        roots[k] = kb_load(b, t->trees, tree);
        rows[k] = lower_index(t->lw, t->x, start);
        depth = depth ? kb_op(b, LI_MAX, depth, steps) : steps;
    }
    walk(t, lanes, roots, rows, depth);
    for (int k = 0; k < lanes; k++) add_leaf(t, kb_get(b, t->at[k]), kb_i64(b, 0));
}

static void one_row(Trees *t)
{
    Builder *b = &t->lw->b;
    int64_t whole = t->count / LANES * LANES;
    t->base = kb_i64(b, 0);
    clear_sums(t, t->targets);
    Inst *first = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, whole), LANES);
    walk_trees(t, first, LANES);
    kb_end(b);
    Inst *rest = kb_for(b, LOOP_SERIAL, kb_i64(b, whole), kb_i64(b, t->count), 1);
    walk_trees(t, rest, 1);
    kb_end(b);
    store_sums(t, kb_i64(b, 0), kb_i64(b, 0));
}

/* ---- The node ---- */

const Size *rows_ml_trees(Lower *lw, const Node *node)
{
    (void)lw;
    return node->in[0]->dims[0];
}

/* So many in a group that trees of these depths take the fewest steps, the end of a group counting as one
 * half. */
static int group_steps(const Tensor *trees)
{
    int best = 1;
    double least = 0;
    for (int steps = 1; steps <= MOST_STEPS; steps++) {
        double cost = 0;
        for (int64_t i = 0; i < trees->dims[0]->value; i++) {
            int64_t groups = (const_i64_at(trees, 2 * i + 1) + steps - 1) / steps;
            cost += (double)groups * (steps + 0.5);
        }
        if (steps > 1 && cost >= least) continue;
        best = steps;
        least = cost;
    }
    return best;
}

static Trees describe(Lower *lw, const Node *node)
{
    const char *aggregate = node_string(node, "aggregate");
    Trees t = {.lw = lw,
               .node = node,
               .x = node->in[0],
               .out = node_result(node),
               .type = node->in[0]->dtype,
               .word = node->in[1]->dtype,
               .targets = node_int(node, "targets"),
               .count = node->in[2]->dims[0]->value,
               .steps = group_steps(node->in[2]),
               .tracks = node_int(node, "tracks") != 0,
               .compare = node_string(node, "compare"),
               .leaves = node_string(node, "leaves")};
    t.aggregate = !strcmp(aggregate, "sum") ? LI_ADD : !strcmp(aggregate, "min") ? LI_MIN : LI_MAX;
    return t;
}

/* Of all rows, and of those that fill the last block. */
static Buffer *sums_buffer(const Trees *t, int64_t block)
{
    SizeTable *sizes = t->lw->sizes;
    const Size *whole = size_const(sizes, block);
    const Size *rows = size_mul(sizes, size_ceildiv(sizes, t->x->dims[0], whole), whole);
    return lower_scratch(t->lw, "sums", t->type, size_muli(sizes, rows, t->targets));
}

int lower_ml_trees(Lower *lw, Node *node)
{
    Trees t = describe(lw, node);
    Builder *b = &lw->b;
    bool one = size_is(t.x->dims[0], 1);
    bool many = t.targets > MANY_TARGETS;
    int64_t block = one ? 1 : t.targets * BLOCK <= MOST_SUMS ? BLOCK : LANES;
    Buffer *sums = many ? sums_buffer(&t, block) : NULL;
    lower_begin(lw, NULL);
    t.features = lower_tensor_param(lw, t.x, false);
    t.nodes = lower_tensor_param(lw, node->in[1], false);
    t.trees = lower_tensor_param(lw, node->in[2], false);
    t.weights = lower_tensor_param(lw, node->in[3], false);
    t.ids = lower_tensor_param(lw, node->in[4], false);
    t.sums = many ? lower_whole(lw, sums, true) : kb_local(b, "sums", t.type, block * t.targets);
    t.sums->is_read = true;
    if (one)
        one_row(&t);
    else
        many_rows(&t, block);
    lower_end(lw);
    return 0;
}
