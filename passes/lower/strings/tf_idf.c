/* lpc.TfIdf: how often each n-gram of a list occurs in each row of numbers.
 *
 * The n-grams are a trie, whose edges are found by a perfect hash of node and number. From every place of a
 * row, and for every number of items skipped between two, a walk goes down the trie as far as it leads. */
#include "passes/lower/strings/perfect.h"
#include "passes/lower/strings/strings.h"

#include <string.h>

typedef struct Trie {
    int64_t edges; /* edge k leads to node k + 1, the root is node 0 */
    int64_t *item;
    int32_t *from;
    int32_t *column; /* by node: of the n-gram that ends there, -1: none does */
    uint64_t seed;
    Perfect perfect;
} Trie;

static const uint64_t node_factor = 0x9e3779b97f4a7c15u;

static uint64_t edge_hash(uint64_t seed, int64_t from, int64_t item)
{
    return perfect_mix(perfect_mix((uint64_t)item ^ seed) + (uint64_t)from * node_factor);
}

static Inst *emit_edge_hash(Builder *b, uint64_t seed, Inst *from, Inst *item)
{
    Inst *bits = kb_op(b, LI_XOR, kb_cast(b, DT_U64, item), kb_int(b, DT_U64, (int64_t)seed));
    Inst *place = kb_mul(b, kb_cast(b, DT_U64, from), kb_int(b, DT_U64, (int64_t)node_factor));
    return perfect_emit_mix(b, kb_add(b, perfect_emit_mix(b, bits), place));
}

/* ---- Building ---- */

typedef struct Building {
    Trie *trie;
    int64_t *slots; /* edge + 1 by a hash of node and item; 0: free */
    uint64_t mask;
} Building;

static int64_t child(Building *build, int64_t from, int64_t item)
{
    Trie *t = build->trie;
    uint64_t at = edge_hash(0, from, item) & build->mask;
    while (build->slots[at]) {
        int64_t edge = build->slots[at] - 1;
        if (t->from[edge] == from && t->item[edge] == item) return edge + 1;
        at = (at + 1) & build->mask;
    }
    t->from[t->edges] = (int32_t)from;
    t->item[t->edges] = item;
    build->slots[at] = ++t->edges;
    return t->edges;
}

static int hash_edges(Lower *lw, Trie *t)
{
    enum { SEEDS = 64 };
    uint64_t *hashes = arena_array(lw->arena, (size_t)t->edges + 1, sizeof *hashes);
    for (; t->seed < SEEDS; t->seed++) {
        for (int64_t i = 0; i < t->edges; i++)
            hashes[i] = edge_hash(t->seed, t->from[i], t->item[i]);
        if (perfect_build(lw->arena, t->edges, hashes, &t->perfect)) return 0;
    }
    return diag_node(lw->diag, &lw->node->origin, "its n-grams cannot be told apart");
}

static int build_trie(Lower *lw, const Node *node, Trie *t)
{
    const int64_t *sizes, *grams, *columns;
    int count = node_ints(node, "gram_sizes", &sizes), items = node_ints(node, "grams", &grams);
    node_ints(node, "indexes", &columns);
    size_t most = (size_t)items + 1, slots = 4;
    while (slots < 2 * most) slots *= 2;
    *t = (Trie){.item = arena_array(lw->arena, most, sizeof *t->item),
                .from = arena_array(lw->arena, most, sizeof *t->from),
                .column = arena_array(lw->arena, most + 1, sizeof *t->column)};
    Building build = {t, arena_array(lw->arena, slots, sizeof *build.slots), slots - 1};
    for (size_t i = 0; i <= most; i++) t->column[i] = -1;
    for (int i = 0, at = 0; i < count; i++) {
        int64_t place = 0;
        for (int64_t k = 0; k < sizes[i]; k++) place = child(&build, place, grams[at++]);
        t->column[place] = (int32_t)columns[i];
    }
    return hash_edges(lw, t);
}

/* ---- Counting ---- */

typedef struct Count {
    Lower *lw;
    const Node *node;
    const Trie *trie;
    Param *item, *from, *column;
    Inst **row; /* coordinates of the row; the last one is of the item */
    Cell *place;
} Count;

/* Goes on from c->place by one item: to node 0 where no edge leads on. */
static void step(Count *c, Inst *item)
{
    Builder *b = &c->lw->b;
    Inst *from = kb_get(b, c->place);
    Inst *edge = perfect_look(c->lw, "edges", &c->trie->perfect,
                              emit_edge_hash(b, c->trie->seed, from, item));
    kb_set(b, c->place, kb_i64(b, 0));
    kb_if(b, kb_op(b, LI_GE, edge, kb_i64(b, 0)));
    Inst *same = kb_op(b, LI_EQ, kb_load(b, c->item, edge), item);
    Inst *there = kb_op(b, LI_EQ, kb_cast(b, DT_I64, kb_load(b, c->from, edge)), from);
    kb_if(b, kb_op(b, LI_AND, same, there));
    kb_set(b, c->place, kb_addi(b, edge, 1));
    kb_end(b);
    kb_end(b);
}

static void add_one(Count *c, Inst *column, int axis)
{
    Lower *lw = c->lw;
    Inst *at[MAX_RANK] = {0};
    for (int i = 0; i < axis; i++) at[i] = c->row[i];
    at[axis] = column;
    Inst *old = lower_load(lw, c->node->out[0], at);
    lower_store_to(lw, c->node->out[0], at, kb_add(&lw->b, old, kb_float(&lw->b, DT_F32, 1)));
}

/* The walk from one place on; n-grams of fewer than `least` items do not count. */
static void walk(Count *c, Inst *start, Inst *stride, Inst *least)
{
    Lower *lw = c->lw;
    const Tensor *x = c->node->in[0];
    Builder *b = &lw->b;
    int axis = x->rank - 1;
    int64_t longest = node_int(c->node, "max_gram_length");
    Inst *end = kb_size(b, x->dims[axis]);
    kb_set(b, c->place, kb_i64(b, 0));
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, longest), 1);
    Inst *at = kb_add(b, start, kb_mul(b, k, stride));
    kb_if(b, kb_op(b, LI_GE, at, end));
    kb_break(b);
    kb_end(b);
    c->row[axis] = at;
    step(c, kb_cast(b, DT_I64, lower_load(lw, x, c->row)));
    Inst *place = kb_get(b, c->place);
    kb_if(b, kb_op(b, LI_EQ, place, kb_i64(b, 0)));
    kb_break(b);
    kb_end(b);
    Inst *column = kb_cast(b, DT_I64, kb_load(b, c->column, place));
    Inst *counts = kb_op(b, LI_GE, kb_addi(b, k, 1), least);
    kb_if(b, kb_op(b, LI_AND, counts, kb_op(b, LI_GE, column, kb_i64(b, 0))));
    add_one(c, column, axis);
    kb_end(b);
    kb_end(b);
}

/* Single items are the same whatever is skipped between: they count once. */
static void count_rows(Count *c)
{
    Lower *lw = c->lw;
    const Node *node = c->node;
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    int64_t least = node_int(node, "min_gram_length"), longest = node_int(node, "max_gram_length");
    int64_t skips = longest > 1 ? node_int(node, "max_skip_count") : 0;
    int loops = lower_nest(lw, x->rank - 1, x->dims, NULL, false, 0, c->row);
    c->place = str_cell(lw, "place", 0);
    Inst *skip = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, skips + 1), 1);
    Inst *first = kb_op(b, LI_EQ, skip, kb_i64(b, 0));
    Inst *from = kb_select(b, first, kb_i64(b, least), kb_i64(b, least > 1 ? least : 2));
    Inst *start = kb_for_n(b, LOOP_SERIAL, x->dims[x->rank - 1]);
    walk(c, start, kb_addi(b, skip, 1), from);
    kb_end(b);
    kb_end(b);
    lower_nest_end(lw, loops);
}

static void weigh(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK] = {0};
    const Attr *weights = node_attr(node, "weights");
    bool idf = !strcmp(node_string(node, "mode"), "IDF");
    if (!idf && (!weights || !strcmp(node_string(node, "mode"), "TF"))) return;
    lower_begin(lw, "weigh");
    int loops = lower_nest(lw, out->rank, out->dims, NULL, true, 0, idx);
    Inst *value = lower_load(lw, out, idx), *zero = kb_float(b, DT_F32, 0);
    if (idf) {
        Inst *some = kb_op(b, LI_GT, value, zero);
        value = kb_select(b, some, kb_float(b, DT_F32, 1), zero);
    }
    if (weights) {
        int64_t count = out->dims[out->rank - 1]->value;
        float *list = arena_array(lw->arena, (size_t)count + 1, sizeof *list);
        for (int64_t i = 0; i < count; i++) list[i] = (float)weights->floats[i];
        Param *table = str_table(lw, "weights", DT_F32, count, list);
        value = kb_mul(b, value, kb_load(b, table, idx[out->rank - 1]));
    }
    lower_store_to(lw, out, idx, value);
    lower_nest_end(lw, loops);
    lower_end(lw);
}

int lower_tf_idf(Lower *lw, Node *node)
{
    const Tensor *out = node->out[0];
    Inst *idx[MAX_RANK] = {0}, *row[MAX_RANK] = {0};
    Trie trie;
    TRY(build_trie(lw, node, &trie));
    lower_begin(lw, "clear");
    int loops = lower_nest(lw, out->rank, out->dims, NULL, true, 0, idx);
    lower_store_to(lw, out, idx, kb_float(&lw->b, DT_F32, 0));
    lower_nest_end(lw, loops);
    lower_end(lw);
    lower_begin(lw, "count");
    int64_t edges = trie.edges ? trie.edges : 1;
    Count count = {lw, node, &trie, .row = row};
    count.item = str_table(lw, "items", DT_I64, edges, trie.item);
    count.from = str_table(lw, "from", DT_I32, edges, trie.from);
    count.column = str_table(lw, "columns", DT_I32, trie.edges + 1, trie.column);
    count_rows(&count);
    lower_end(lw);
    weigh(lw, node);
    return 0;
}
