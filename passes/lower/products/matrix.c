/* The kernel around the tiles of a matrix product or convolution: what is looped over in which
 * order, which tiles touch the border. */
#include "passes/lower/products/matrix.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t c)
{
    return a < c ? a : c;
}

static int64_t ceil_div(int64_t a, int64_t c)
{
    return (a + c - 1) / c;
}

/* ---- Describing a product ---- */

void operand_set(Operand *o, const Tensor *tensor, int row, int depth, int column)
{
    *o = (Operand){.tensor = tensor, .row = row, .depth = depth, .column = column};
}

void product_init(Product *p, Lower *lw, MatrixMode mode)
{
    *p = (Product){.lw = lw, .mode = mode, .alpha = 1, .beta = 1, .groups = 1};
    p->acc = mode == MATRIX_FLOAT ? lower_type(lw->node->out[0]->dtype) : DT_I32;
    operand_set(&p->out, node_result(lw->node), -1, -1, -1);
}

Axis axis_rows(const Size *count)
{
    return (Axis){.taps = 1,
                  .tap_step = 1,
                  .offset_step = 1,
                  .step = 1,
                  .out_step = 1,
                  .kernel = 1,
                  .in = count,
                  .count = count,
                  .stride = 1,
                  .dilation = 1};
}

void product_loop(Product *p, const Size *count, int left, int right, int out)
{
    if (size_is(count, 1)) return;
    p->loop[p->loops++] = (MatrixLoop){count, left, right, out, -1, LOOP_PLAIN};
}

/* ---- Tiles along a row ---- */

static int64_t lowest(const Axis *axis)
{
    int64_t last = axis->offset + (axis->taps - 1) * axis->offset_step;
    return smaller(axis->offset, last);
}

static int64_t highest(const Axis *axis)
{
    int64_t last = axis->offset + (axis->taps - 1) * axis->offset_step;
    return axis->offset > last ? axis->offset : last;
}

/* Are all taps of rows [q, q + rows) inside the input? */
static bool inside(const Axis *axis, int64_t q, int64_t rows)
{
    return q * axis->step + lowest(axis) >= 0 &&
           (q + rows - 1) * axis->step + highest(axis) < axis->in->value;
}

static bool always_inside(const Product *p, const Axis *axis)
{
    SizeTable *t = p->lw->sizes;
    if (lowest(axis) < 0) return false;
    const Size *last = size_muli(t, size_addi(t, axis->count, -1), axis->step);
    const Size *left = size_sub(t, axis->in, size_addi(t, last, highest(axis)));
    return size_is_const(left) && left->value >= 1;
}

typedef struct RowPlan {
    int64_t tiles;       /* whole ones */
    int rest;            /* rows of the last, smaller one */
    int64_t first, last; /* tiles [first, last) are inside */
} RowPlan;

/* False when there are too many tiles at the border to write each out. */
static bool plan_row(const Product *p, const Axis *axis, RowPlan *plan)
{
    enum { MOST = 6 };
    if (!size_is_const(axis->count) || !size_is_const(axis->in)) return false;
    int64_t count = axis->count->value, rows = p->tile.rows;
    plan->tiles = count / rows;
    plan->rest = (int)(count % rows);
    plan->first = 0;
    while (plan->first < plan->tiles && plan->first <= MOST &&
           !inside(axis, plan->first * rows, rows))
        plan->first++;
    plan->last = plan->tiles;
    while (plan->last > plan->first && plan->tiles - plan->last <= MOST &&
           !inside(axis, (plan->last - 1) * rows, rows))
        plan->last--;
    return plan->first + plan->tiles - plan->last <= MOST;
}

static void emit_known(Product *p, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        product_tile_emit(p, kb_i64(&p->lw->b, i * p->tile.rows), p->tile.rows, i * p->tile.rows);
}

/* Emits what `emit` says only in one band. */
static bool enter_band(Product *p, Inst *band, int64_t which)
{
    Builder *b = &p->lw->b;
    if (p->tile.bands <= 1) return false;
    kb_if(b, kb_op(b, LI_EQ, band, kb_i64(b, which)));
    return true;
}

static void emit_planned(Product *p, const Axis *axis, const RowPlan *plan, Inst *band)
{
    Builder *b = &p->lw->b;
    int64_t rows = p->tile.rows, last = p->tile.bands - 1;
    if (plan->first > 0) {
        bool entered = enter_band(p, band, 0);
        emit_known(p, 0, plan->first);
        if (entered) kb_end(b);
    }
    if (plan->last > plan->first) {
        Inst *from = kb_i64(b, plan->first), *to = kb_i64(b, plan->last);
        if (p->tile.bands > 1) {
            Inst *start = kb_muli(b, band, p->tile.band_tiles);
            from = kb_op(b, LI_MAX, from, start);
            to = kb_op(b, LI_MIN, to, kb_addi(b, start, p->tile.band_tiles));
        }
        Inst *tile = kb_for(b, LOOP_SERIAL, from, to, 1);
        product_tile_emit(p, kb_muli(b, tile, rows), p->tile.rows, -1);
        kb_end(b);
    }
    if (plan->last == plan->tiles && !plan->rest) return;
    bool entered = enter_band(p, band, last);
    emit_known(p, plan->last, plan->tiles);
    if (plan->rest) {
        bool whole = inside(axis, plan->tiles * rows, plan->rest);
        product_tile_emit(p, kb_i64(b, plan->tiles * rows), plan->rest,
                          whole ? -1 : plan->tiles * rows);
    }
    if (entered) kb_end(b);
}

/* Rows [from, to), fewer than a tile, by smaller tiles or one by one. */
static void emit_rest(Product *p, Inst *from, Inst *to, bool is_inside)
{
    Builder *b = &p->lw->b;
    enum { SMALL = 4 };
    if (is_inside && p->tile.rows > SMALL) {
        Inst *groups = kb_op(b, LI_DIV, kb_sub(b, to, from), kb_i64(b, SMALL));
        Inst *middle = kb_add(b, from, kb_muli(b, groups, SMALL));
        Inst *q = kb_for(b, LOOP_SERIAL, from, middle, SMALL);
        product_tile_emit(p, q, SMALL, -1);
        kb_end(b);
        from = middle;
    }
    Inst *q = kb_for(b, LOOP_SERIAL, from, to, 1);
    if (is_inside)
        product_tile_emit(p, q, 1, -1);
    else
        product_row_emit(p, q);
    kb_end(b);
}

/* Sizes known at run time: a tile whose taps are all inside is computed as one. */
static void emit_dynamic(Product *p, const Axis *axis, Inst *band)
{
    Builder *b = &p->lw->b;
    SizeTable *sizes = p->lw->sizes;
    bool safe = always_inside(p, axis);
    const Size *tiles = size_ceildiv(sizes, axis->count, size_const(sizes, p->tile.rows));
    Inst *from = kb_i64(b, 0), *to = kb_size(b, tiles), *count = kb_size(b, axis->count);
    if (p->tile.bands != 1) {
        from = kb_muli(b, band, p->tile.band_tiles);
        to = kb_op(b, LI_MIN, to, kb_addi(b, from, p->tile.band_tiles));
    }
    Inst *tile = kb_for(b, LOOP_SERIAL, from, to, 1);
    Inst *q = kb_muli(b, tile, p->tile.rows), *end = kb_addi(b, q, p->tile.rows);
    Inst *whole = kb_op(b, LI_LE, end, count);
    if (!safe) {
        Inst *low = kb_addi(b, kb_muli(b, q, axis->step), lowest(axis));
        Inst *high = kb_addi(b, kb_muli(b, kb_addi(b, end, -1), axis->step), highest(axis));
        whole = kb_op(b, LI_AND, whole, kb_op(b, LI_GE, low, kb_i64(b, 0)));
        whole = kb_op(b, LI_AND, whole, kb_op(b, LI_LT, high, kb_size(b, axis->in)));
    }
    kb_if(b, whole);
    product_tile_emit(p, q, p->tile.rows, -1);
    kb_else(b);
    emit_rest(p, q, kb_op(b, LI_MIN, end, count), safe);
    kb_end(b);
    kb_end(b);
}

/* One row after the other: the loop as one would write it. */
static void emit_plain(Product *p, const Axis *axis)
{
    Inst *q = kb_for_n(&p->lw->b, LOOP_SERIAL, axis->count);
    if (always_inside(p, axis))
        product_tile_emit(p, q, 1, -1);
    else
        product_row_emit(p, q);
    kb_end(&p->lw->b);
}

static void emit_rows(Product *p, Inst *band)
{
    const Axis *axis = &p->axis[p->axes - 1];
    RowPlan plan;
    if (p->lw->target->plain)
        emit_plain(p, axis);
    else if (plan_row(p, axis, &plan))
        emit_planned(p, axis, &plan, band);
    else
        emit_dynamic(p, axis, band);
}

/* ---- Loops ---- */

/* Half as long, twice, and none: what the rule thinks of caches may be wrong. */
static void note_bands(const Product *p, int64_t most)
{
    TuningSite *site = lower_site(p->lw);
    const int64_t bands[] = {p->tile.band_tiles / 2, p->tile.band_tiles * 2, most};
    for (int i = 0; i < 3; i++) {
        bool sane = bands[i] >= 1 && bands[i] <= most && bands[i] <= TILING_MOST_BAND;
        if (sane && bands[i] != p->tile.band_tiles)
            site_order(site, (Tiling){.band = (int)bands[i]});
    }
}

/* Column blocks inside or outside of other loops: where there are both. */
static void note_columns(const Product *p, const Size *blocks)
{
    bool both = p->loops > 0 && !size_is(blocks, 1) && p->tile.lanes > 1;
    ColumnOrder other = p->tile.column_outer ? COLUMNS_INNER : COLUMNS_OUTER;
    if (both) site_order(lower_site(p->lw), (Tiling){.columns = other});
}

/* A long row is cut into bands whose left operand stays in the second cache while all columns pass;
 * they are also what runs in parallel. */
static const Size *choose_bands(Product *p, int phases)
{
    SizeTable *sizes = p->lw->sizes;
    const Axis *axis = &p->axis[p->axes - 1];
    const Size *tiles = size_ceildiv(sizes, axis->count, size_const(sizes, p->tile.rows));
    p->tile.bands = 1;
    p->tile.band_tiles = INT32_MAX;
    if (p->axes > 1 || phases > 1 || p->lw->target->plain) return size_const(sizes, 1);
    int64_t most = size_upper(sizes, tiles);
    if (most < 4) return size_const(sizes, 1);
    double bytes = (double)size_upper(sizes, p->depth) * p->tile.rows * 4 * (double)axis->step;
    double fit = (double)p->lw->target->device->l2 / 2 / (bytes < 1 ? 1 : bytes);
    p->tile.band_tiles = fit < 4 ? 4 : fit > 64 ? 64 : (int64_t)fit;
    if (p->tile.band_tiles > ceil_div(most, 8)) p->tile.band_tiles = ceil_div(most, 8);
    note_bands(p, most);
    if (p->tile.measured.band) p->tile.band_tiles = p->tile.measured.band;
    RowPlan plan;
    if (plan_row(p, axis, &plan)) {
        if (p->tile.band_tiles < plan.first) p->tile.band_tiles = plan.first;
        p->tile.bands = (int)ceil_div(plan.tiles, p->tile.band_tiles);
        return size_const(sizes, p->tile.bands);
    }
    p->tile.bands = 0; /* not known */
    return size_ceildiv(sizes, tiles, size_const(sizes, p->tile.band_tiles));
}

static void add_loop(Product *p, const Size *count, LoopRole role, bool outermost)
{
    MatrixLoop loop = {count, -1, -1, -1, -1, LOOP_PLAIN};
    loop.role = role;
    int at = outermost ? 0 : p->loops;
    memmove(p->loop + at + 1, p->loop + at, (size_t)(p->loops - at) * sizeof loop);
    p->loop[at] = loop;
    p->loops++;
}

/* Taps of an outer axis at output position `at` that lie in the input. */
static void clamp_taps(Product *p, int a, Inst *at)
{
    const Axis *axis = &p->axis[a];
    Builder *b = &p->lw->b;
    p->at.axis[a] = at;
    if (axis->transposed) return;
    Inst *base = kb_addi(b, kb_muli(b, at, axis->step), axis->offset);
    Inst *d = kb_i64(b, axis->offset_step), *zero = kb_i64(b, 0);
    Inst *skip = kb_op(b, LI_DIV, kb_sub(b, kb_i64(b, axis->offset_step - 1), base), d);
    Inst *left = kb_addi(b, kb_sub(b, kb_size(b, axis->in), base), axis->offset_step - 1);
    p->at.tap_lo[a] = kb_op(b, LI_MAX, skip, zero);
    p->at.tap_hi[a] = kb_op(b, LI_MIN, kb_op(b, LI_DIV, left, d), kb_i64(b, axis->taps));
    if (axis->taps == 1 && always_inside(p, axis)) {
        p->at.tap_lo[a] = zero;
        p->at.tap_hi[a] = kb_i64(b, 1);
    }
}

/* One loop over tasks, which can run in parallel, or plain loops within each other; fills the
 * coordinates and returns how many were opened. */
static int open_loops(Product *p, double flops, double weights, Inst **at)
{
    Lower *lw = p->lw;
    const Size *counts[MATRIX_LOOPS], *tasks = size_const(lw->sizes, 1);
    for (int i = 0; i < p->loops; i++) {
        counts[i] = p->loop[i].count;
        tasks = size_mul(lw->sizes, tasks, counts[i]);
    }
    if (lw->target->plain) return lower_nest(lw, p->loops, counts, NULL, false, 0, at);
    Inst *task = kb_for_n(&lw->b, lower_parallel_tiles(lw, flops, weights, p->tile.lanes), tasks);
    lower_unflatten(lw, task, p->loops, counts, at);
    return 1;
}

/* What the loops' coordinates stand for. */
static Inst *place_loops(Product *p, Inst *const *at)
{
    Builder *b = &p->lw->b;
    Inst *band = kb_i64(b, 0);
    p->at.group = p->at.block = band;
    for (int a = 0; a < p->axes - 1; a++) clamp_taps(p, a, band);
    for (int i = 0; i < p->loops; i++) {
        const MatrixLoop *loop = &p->loop[i];
        if (loop->role == LOOP_GROUP) p->at.group = at[i];
        if (loop->role == LOOP_COLUMNS) p->at.block = at[i];
        if (loop->role == LOOP_BAND) band = at[i];
        if (loop->left >= 0) p->left.at[loop->left] = at[i];
        if (loop->right >= 0) p->right.at[loop->right] = at[i];
        if (loop->out >= 0) p->out.at[loop->out] = at[i];
        if (loop->window >= 0) clamp_taps(p, loop->window, at[i]);
    }
    return band;
}

static bool has_long_epilogue(const Product *p)
{
    const Node *node = p->lw->node;
    if (p->mode == MATRIX_QUANTISED) return true;
    for (int i = 0; i < node->epilogue_count; i++) {
        if (!(op_info(node->epilogue[i]->op)->traits & T_CHEAP)) return true;
    }
    return p->tile.rows * p->tile.vecs * node->epilogue_count > 64;
}

void product_kernel(Product *p, const char *suffix, const Pack *pack, const Phases *phases)
{
    Lower *lw = p->lw;
    SizeTable *sizes = lw->sizes;
    int count = phases ? phases->count : 1;
    Inst *at[MATRIX_LOOPS];
    if (lw->target->plain) {
        p->weights.unpacked = pack;
        pack = NULL;
    }
    p->dot.on = pack && matrix_dot_prepare(p, pack);
    if (!p->dot.on)
        p->weights.packed = pack ? matrix_pack(lw, p->right.tensor, pack, "packed") : NULL;
    p->tile.rolled = has_long_epilogue(p);
    const Size *width = size_const(sizes, (int64_t)p->tile.lanes * p->tile.vecs);
    const Size *blocks = size_ceildiv(sizes, p->columns, width), *bands = choose_bands(p, count);
    if (!size_is(bands, 1)) add_loop(p, bands, LOOP_BAND, true);
    if (p->groups > 1) add_loop(p, size_const(sizes, p->groups), LOOP_GROUP, p->tile.column_outer);
    note_columns(p, blocks);
    if (!size_is(blocks, 1)) add_loop(p, blocks, LOOP_COLUMNS, p->tile.column_outer);
    double flops = 2 * lower_work(lw, lw->node->out[0]) * (double)product_depth_bound(p);
    double weights = lower_bytes(lw, p->right.tensor);
    lower_begin(lw, suffix);
    int loops = open_loops(p, flops, weights, at);
    Inst *band = place_loops(p, at);
    for (int i = 0; i < count; i++) {
        if (phases) p->axis[p->axes - 1] = phases->axis[i];
        emit_rows(p, band);
    }
    lower_nest_end(lw, loops);
    lower_end(lw);
}
