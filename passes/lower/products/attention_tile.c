/* Attention of many queries: tiles of them, after attention.h.
 *
 * A kernel of its own puts the keys into panels of `width` keys, [batch, kv heads, panels, depth, width], so that a
 * vector has the same element of neighbouring keys. Then, for each head and each tile of queries,
 *
 *     scores[r, j]  = sum over d of q[r, d] * panel[d, j]      the tile's rows share what is loaded of the keys,
 *     weights[r, j] = exp(score - largest of the row)          a row at a time, as for one query,
 *     y[r, d]       = scale[r] * sum over j of weights[r, j] * v[j, d]   and of the values.
 *
 * Each sum is one accumulator, in order of d and of j, whatever tile a query is in: queries that are left over are tiles of
 * one. Keys that no query of the tile sees are skipped, those that some see weigh 0 for the others. */
#include "passes/lower/products/attention.h"

#include "passes/lower/products/matrix.h"

enum { MOST_ROWS = 8, ROWS_FEW_REGISTERS = 6, ROWS_OF_SCALARS = 4, VECS = 2, MOST_VECS = 4 };

typedef Cell *Cells[MOST_ROWS][MOST_VECS];

typedef struct Tile {
    Attention *a;
    Buffer *panels;
    const Size *padded; /* keys, a multiple of the panels' width */
    int64_t lanes, width;
    int most, wide; /* rows and vectors of a whole tile */
    /* The one that is emitted. */
    int rows, vecs;
    Inst *first;       /* query */
    Inst *rows_at;     /* where its rows of scores begin, and behind all of them the rows' scales */
    Inst *panels_at;   /* where the head's panels begin */
    Inst *begin, *end; /* keys that one of its queries sees */
    Inst *scale; /* of the row, where there is one only; NULL: the rows' scales lie behind them */
} Tile;

bool attention_is_tiled(const Attention *a)
{
    const LowerTarget *target = a->lw->target;
    if (target->plain || target->compact || a->qk_out) return false;
    return !size_is(a->queries, 1); /* the same for sizes known now and at run time */
}

/* ---- Panels of keys ---- */

/* Where element 0 of a key stands among the head's panels. */
static Inst *panel_index(Tile *t, Inst *key)
{
    Builder *b = &t->a->lw->b;
    Inst *width = kb_i64(b, t->width), *lane = kb_op(b, LI_REM, key, width);
    Inst *before = kb_mul(b, kb_sub(b, key, lane), kb_size(b, t->a->depth));
    return kb_add(b, t->panels_at, kb_add(b, before, lane));
}

/* Keys [shift, shift + count) of the panels are those of `from`, or zeros. */
static void fill_panels(Tile *t, const Tensor *from, const Size *shift, const Size *count)
{
    Attention *a = t->a;
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    if (size_is(count, 0)) return;
    Param *to = lower_whole(lw, t->panels, true);
    Inst *j = kb_for_n(b, LOOP_SERIAL, count);
    Inst *at = panel_index(t, kb_add(b, j, kb_size(b, shift)));
    Inst *d = kb_for_n(b, LOOP_SERIAL, a->depth);
    Inst *value = from ? lower_load(lw, from, attention_at(a, from, a->depth, a->kv_h, j, d))
                       : kb_const(b, a->type, 0);
    kb_store(b, to, kb_add(b, at, kb_muli(b, d, t->width)), value);
    kb_end(b);
    kb_end(b);
}

static void make_panels(Tile *t)
{
    Attention *a = t->a;
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    const Size *heads = size_mul(lw->sizes, a->batch, a->kv_heads);
    const Size *each = size_mul(lw->sizes, t->padded, a->depth);
    t->panels = lower_scratch(lw, "panels", a->type, size_mul(lw->sizes, heads, each));
    lower_begin(lw, "keys");
    Inst *row = kb_for_n(b, lower_parallel(lw, lower_work(lw, a->k)), heads);
    attention_key_task(a, row);
    t->panels_at = kb_mul(b, row, kb_size(b, each));
    if (a->past_k) fill_panels(t, a->past_k, size_const(lw->sizes, 0), a->past);
    fill_panels(t, a->k, a->past, a->fresh);
    fill_panels(t, NULL, a->total, size_sub(lw->sizes, t->padded, a->total));
    kb_end(b);
    lower_end(lw);
}

/* ---- Sums ---- */

static void make_cells(Tile *t, Cells cells, const char *name)
{
    Builder *b = &t->a->lw->b;
    for (int r = 0; r < t->rows; r++) {
        for (int v = 0; v < t->vecs; v++)
            cells[r][v] = kb_cell(b, arena_printf(t->a->lw->arena, "%s%d_%d", name, r, v),
                                  (LType){t->a->type, 1}, kb_const(b, t->a->type, 0));
    }
}

static void add_products(Tile *t, Cells cells, int r, Inst *left, Inst *const *right)
{
    Builder *b = &t->a->lw->b;
    for (int v = 0; v < t->vecs; v++) {
        Inst *sum = kb_get(b, cells[r][v]);
        kb_set(b, cells[r][v], lower_fma(t->a->lw, left, right[v], sum));
    }
}

static Inst *row_at(Tile *t, Inst *r)
{
    Builder *b = &t->a->lw->b;
    return kb_add(b, t->rows_at, kb_mul(b, r, kb_size(b, t->padded)));
}

/* ---- Scores ---- */

static Inst *query_element(Tile *t, int r, Inst *d)
{
    Attention *a = t->a;
    Inst *i = kb_addi(&a->lw->b, t->first, r);
    return lower_load(a->lw, a->q, attention_at(a, a->q, a->depth, a->h, i, d));
}

/* Products with the keys of the panel that begins with `key`. */
static void multiply_panel(Tile *t, Inst *key)
{
    Lower *lw = t->a->lw;
    Builder *b = &lw->b;
    Cells sums;
    Param *panels = lower_whole(lw, t->panels, false), *rows = lower_whole(lw, t->a->row, true);
    Inst *at = kb_add(b, t->panels_at, kb_mul(b, key, kb_size(b, t->a->depth)));
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, t->lanes), 1);
    make_cells(t, sums, "score");
    Inst *d = kb_for_n(b, LOOP_SERIAL, t->a->depth), *keys[MOST_VECS];
    Inst *from = kb_add(b, at, kb_add(b, kb_muli(b, d, t->width), lane));
    for (int v = 0; v < t->vecs; v++) keys[v] = kb_load(b, panels, kb_addi(b, from, v * t->lanes));
    for (int r = 0; r < t->rows; r++) add_products(t, sums, r, query_element(t, r, d), keys);
    kb_end(b);
    for (int r = 0; r < t->rows; r++) {
        Inst *to = kb_add(b, kb_add(b, row_at(t, kb_i64(b, r)), key), lane);
        for (int v = 0; v < t->vecs; v++) {
            Inst *sum = kb_get(b, sums[r][v]);
            kb_store(b, rows, kb_addi(b, to, v * t->lanes), sum);
        }
    }
    kb_end(b);
}

static void multiply_keys(Tile *t)
{
    Builder *b = &t->a->lw->b;
    t->vecs = t->wide;
    Inst *begin = t->begin;
    if (t->a->window) begin = kb_sub(b, begin, kb_op(b, LI_REM, begin, kb_i64(b, t->width)));
    multiply_panel(t, kb_for(b, LOOP_SERIAL, begin, t->end, t->width));
    kb_end(b);
}

/* ---- Weights ---- */

static Inst *scale_index(Tile *t, Inst *r)
{
    Builder *b = &t->a->lw->b;
    return kb_add(b, row_at(t, kb_i64(b, t->most)), r);
}

static void weigh_keys(Tile *t)
{
    Attention *a = t->a;
    Builder *b = &a->lw->b;
    Inst *r = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, t->rows), 1);
    a->i = kb_add(b, t->first, r);
    a->row_at = row_at(t, r);
    attention_ends(a);
    a->begin = t->begin;
    a->end = t->end;
    attention_finish(a, t->rows > 1);
    Inst *scale = attention_softmax(a);
    Param *rows = lower_whole(a->lw, a->row, true);
    kb_store(b, rows, scale_index(t, r), scale);
    kb_end(b);
}

/* ---- Values ---- */

/* Keys [begin, end) of a part whose first key is number `shift`. */
static void add_values(Tile *t, Cells sums, const Tensor *values, Inst *begin, Inst *end,
                       const Size *shift, Inst *column)
{
    Attention *a = t->a;
    Builder *b = &a->lw->b;
    Param *rows = lower_whole(a->lw, a->row, false);
    Inst *at = kb_for(b, LOOP_SERIAL, begin, end, 1), *v[MOST_VECS];
    Inst *j = kb_add(b, at, kb_size(b, shift));
    for (int k = 0; k < t->vecs; k++) {
        Inst *d = kb_addi(b, column, k * t->lanes);
        v[k] = lower_load(a->lw, values, attention_at(a, values, a->v_depth, a->kv_h, at, d));
    }
    for (int r = 0; r < t->rows; r++) {
        Inst *weight = kb_load(b, rows, kb_add(b, row_at(t, kb_i64(b, r)), j));
        add_products(t, sums, r, weight, v);
    }
    kb_end(b);
}

/* Vectors `column` and on, of this lane, of the tile's rows of the output. */
static void sum_values(Tile *t, Inst *column)
{
    Attention *a = t->a;
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    const Tensor *y = a->node->out[0];
    Cells sums;
    make_cells(t, sums, "value");
    Inst *past = kb_size(b, a->past), *zero = kb_i64(b, 0);
    if (a->past_v) {
        Inst *end = kb_op(b, LI_MIN, past, t->end);
        add_values(t, sums, a->past_v, t->begin, end, size_const(lw->sizes, 0), column);
    }
    Inst *begin = kb_op(b, LI_MAX, kb_sub(b, t->begin, past), zero);
    Inst *end = kb_op(b, LI_MAX, kb_sub(b, t->end, past), zero);
    add_values(t, sums, a->v, begin, end, a->past, column);
    Param *rows = lower_whole(lw, a->row, false);
    for (int r = 0; r < t->rows; r++) {
        Inst *scale = t->scale ? t->scale : kb_load(b, rows, scale_index(t, kb_i64(b, r)));
        Inst *i = kb_addi(b, t->first, r);
        for (int v = 0; v < t->vecs; v++) {
            Inst *d = kb_addi(b, column, v * t->lanes);
            Inst *value = kb_mul(b, kb_get(b, sums[r][v]), scale);
            lower_store(lw, attention_at(a, y, a->v_depth, a->h, i, d), value);
        }
    }
}

/* Columns that fill vectors, then the rest of them. */
static void weigh_values(Tile *t)
{
    Attention *a = t->a;
    Builder *b = &a->lw->b;
    int64_t columns = size_is_const(a->v_depth) ? a->v_depth->value : 0, whole = 0;
    t->vecs = t->rows == 1 ? MOST_VECS : t->wide;
    while (t->vecs > 1 && t->vecs * t->lanes > columns) t->vecs /= 2;
    if (!a->lw->target->plain) whole = columns - columns % (t->vecs * t->lanes);
    if (whole) {
        int64_t step = t->vecs * t->lanes;
        Inst *column = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, whole), step);
        Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, t->lanes), 1);
        sum_values(t, kb_add(b, column, lane));
        kb_end(b);
        kb_end(b);
    }
    if (size_is(a->v_depth, whole)) return;
    t->vecs = 1;
    sum_values(t, kb_for(b, LOOP_VECTOR, kb_i64(b, whole), kb_size(b, a->v_depth), 1));
    kb_end(b);
}

void attention_values(Attention *a, Inst *scale)
{
    Tile t = {.a = a, .lanes = a->lw->target->plain ? 1 : matrix_vector_lanes(a->lw, a->type)};
    t.rows = 1;
    t.first = a->i;
    t.rows_at = a->row_at;
    t.begin = a->begin;
    t.end = a->end;
    t.scale = scale;
    t.padded = a->total;
    weigh_values(&t);
}

/* ---- Tiles ---- */

/* The first query's window begins first, the last query sees most. */
static void find_ends(Tile *t)
{
    Attention *a = t->a;
    Builder *b = &a->lw->b;
    a->i = t->first;
    attention_ends(a);
    t->begin = a->begin;
    a->i = kb_addi(b, t->first, t->rows - 1);
    attention_ends(a);
    t->end = a->end;
}

/* Queries [from, to), `rows` at a time. */
static void emit_tiles(Tile *t, Inst *from, Inst *to, int rows)
{
    Builder *b = &t->a->lw->b;
    t->rows = rows;
    t->first = kb_for(b, LOOP_SERIAL, from, to, rows);
    find_ends(t);
    multiply_keys(t);
    weigh_keys(t);
    weigh_values(t);
    kb_end(b);
}

static void emit_head(Tile *t)
{
    Lower *lw = t->a->lw;
    Builder *b = &lw->b;
    const Size *queries = t->a->queries;
    const Size *rest = size_mod(lw->sizes, queries, size_const(lw->sizes, t->most));
    Inst *whole = kb_size(b, size_sub(lw->sizes, queries, rest));
    emit_tiles(t, kb_i64(b, 0), whole, t->most);
    if (!size_is(rest, 0)) emit_tiles(t, whole, kb_size(b, queries), 1);
}

static void emit_heads(Tile *t)
{
    Attention *a = t->a;
    Lower *lw = a->lw;
    Builder *b = &lw->b;
    double scores = (double)size_upper(lw->sizes, a->total) * lower_work(lw, a->q);
    const Size *heads = size_mul(lw->sizes, a->batch, a->heads);
    const Size *each = size_muli(lw->sizes, t->padded, t->most);
    each = size_addi(lw->sizes, each, t->most);
    a->row = lower_scratch(lw, "scores", a->type, size_mul(lw->sizes, heads, each));
    lower_begin(lw, NULL);
    Inst *row = kb_for_n(b, lower_parallel(lw, 4 * scores), heads);
    attention_task(a, row);
    t->rows_at = kb_mul(b, row, kb_size(b, each));
    Inst *panels = kb_add(b, kb_mul(b, a->b, kb_size(b, a->kv_heads)), a->kv_h);
    t->panels_at = kb_mul(b, panels, kb_size(b, size_mul(lw->sizes, t->padded, a->depth)));
    emit_head(t);
    kb_end(b);
    lower_end(lw);
}

void attention_tiles(Attention *a)
{
    SizeTable *sizes = a->lw->sizes;
    Tile t = {.a = a, .lanes = matrix_vector_lanes(a->lw, a->type)};
    t.wide = t.lanes == 1 ? MOST_VECS : VECS;
    t.width = t.lanes * t.wide;
    t.most = lower_registers(a->lw->target) < 32 ? ROWS_FEW_REGISTERS : MOST_ROWS;
    if (t.lanes == 1) t.most = ROWS_OF_SCALARS;
    const Size *panels = size_ceildiv(sizes, a->total, size_const(sizes, t.width));
    t.padded = size_muli(sizes, panels, t.width);
    a->lw->transforms_weights = true; /* one query after the other does without panels */
    make_panels(&t);
    emit_heads(&t);
}
