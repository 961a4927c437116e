/* How large the register tile of a product is: by a model of the target's core, or as measured. */
#include "passes/lower/products/matrix.h"

static int64_t smaller(int64_t a, int64_t c)
{
    return a < c ? a : c;
}

static int64_t ceil_div(int64_t a, int64_t c)
{
    return (a + c - 1) / c;
}

int64_t matrix_vector_lanes(const Lower *lw, DType acc)
{
    int64_t bits = (int64_t)dtype_size(acc) * 8;
    return lower_vector_bits(lw->target) > bits ? lower_vector_bits(lw->target) / bits : 1;
}

/* Cycles of one step along depth: two multiply-adds and two loads a cycle, a latency of four. Right
 * operands that do not fit the first cache come at 32 bytes a cycle. */
static double tile_cycles(int rows, int vecs, bool cached, int64_t lanes)
{
    double cycles = rows * vecs / 2.0, loads = (rows + vecs) / 2.0;
    if (loads > cycles) cycles = loads;
    if (cycles < 4) cycles = 4;
    double fetch = cached ? 0 : (double)(vecs * lanes * 4) / 32;
    return (fetch > cycles ? fetch : cycles) + 0.25;
}

static double row_cycles(const Product *p, int64_t count, int rows, int vecs, bool cached)
{
    int64_t tiles = count / rows;
    double whole = (double)tiles * tile_cycles(rows, vecs, cached, p->tile.lanes);
    int rest = (int)(count % rows);
    return rest ? whole + tile_cycles(rest, vecs, cached, p->tile.lanes) : whole;
}

int64_t product_depth_bound(const Product *p)
{
    double taps = 1;
    for (int a = 0; a < p->axes; a++) taps *= (double)p->axis[a].taps;
    double depth = taps * (double)size_upper(p->lw->sizes, p->depth);
    return depth < 1e12 ? (int64_t)depth : (int64_t)1e12;
}

/* Bytes from one row of left to the next, 0: not known. */
static int64_t row_bytes(const Product *p)
{
    const Tensor *x = p->left.tensor;
    int last = x->rank - 1, innermost = last >= 0 && x->has_order ? x->order[last] : last;
    if (p->left.depth < 0 || p->left.depth != innermost || !size_is_const(p->depth)) return 0;
    return p->depth->value * p->groups * (int64_t)dtype_size(x->dtype) * p->axis[p->axes - 1].step;
}

/* Rows that lie a multiple of 4 KiB apart compete for the same places of the first cache: three
 * quarters of its ways are theirs (measured: products of depth 1,024 then take 0.7 of the time). */
static int most_rows(const Product *p, int64_t count)
{
    enum { ALIAS = 4096 };
    int64_t bytes = row_bytes(p), ways = p->lw->target->device->l1d / ALIAS, most = TILE_ROWS;
    if (bytes > 0 && bytes % ALIAS == 0 && ways >= 4) most = ways * 3 / 4;
    return (int)smaller(most, count);
}

/* The best number of rows for so many vectors; 0: the registers do not hold one. All rows x vecs
 * accumulators, one broadcast element and vecs right vectors stay in registers. Where many columns
 * come from few channels, the stores of a tile hide behind the sums of the next one if it is short:
 * then more rows must be worth it (measured: 0.8 to 0.95 of the time with half the rows). */
static int best_rows(const Product *p, int vecs, int64_t columns, int64_t count, double *cost)
{
    int64_t vectors = ceil_div(columns, p->tile.lanes), depth = product_depth_bound(p);
    bool cached = depth * vecs * p->tile.lanes * 4 <= p->lw->target->device->l1d / 2;
    double worth = columns >= 2 * depth ? 0.97 : 0.999;
    int best = 0, most = most_rows(p, count);
    for (int rows = 1; rows <= most; rows++) {
        if (!tiling_fits(lower_registers(p->lw->target), rows, vecs)) break;
        double own = (double)ceil_div(vectors, vecs) * row_cycles(p, count, rows, vecs, cached);
        if (best > 0 && own > *cost * worth) continue;
        *cost = own;
        best = rows;
    }
    return best;
}

static void choose_tile(Product *p, int64_t columns, int64_t count)
{
    int64_t vectors = ceil_div(columns, p->tile.lanes);
    double best = 0, cost = 0;
    for (int vecs = 1; vecs <= TILE_VECS && vecs <= vectors; vecs++) {
        int rows = best_rows(p, vecs, columns, count, &cost);
        if (!rows || (best > 0 && cost > best * 0.999)) continue;
        best = cost;
        p->tile.rows = rows;
        p->tile.vecs = vecs;
    }
}

/* Left elements are loaded whole vectors at a time and shared by neighbouring rows. */
static void choose_depthwise_tile(Product *p, int64_t count)
{
    int64_t most = lower_registers(p->lw->target) >= 32 ? 8 : 5;
    int64_t tiles = ceil_div(count, most);
    p->tile.vecs = 1;
    p->tile.rows = (int)ceil_div(count, tiles);
}

static void choose_scalar_tile(Product *p, int64_t columns, int64_t count)
{
    p->tile.lanes = 1;
    p->tile.vecs = (int)smaller(4, columns);
    p->tile.rows = (int)smaller(count, p->tile.vecs == 1 ? 4 : 2);
}

/* ---- What is worth timing ---- */

/* The best tile of each other width, unless the model takes it for far worse; then tiles of the
 * same width with the most rows and with about half of them. */
static void note_tiles(const Product *p, TuningSite *site, int64_t columns, int64_t count)
{
    static const double FAR_WORSE = 1.6;
    int registers = lower_registers(p->lw->target);
    double own = 0, cost = 0;
    best_rows(p, p->tile.vecs, columns, count, &own);
    for (int vecs = 1; vecs <= TILE_VECS && vecs <= ceil_div(columns, p->tile.lanes); vecs++) {
        int rows = best_rows(p, vecs, columns, count, &cost);
        if (rows && vecs != p->tile.vecs && cost < own * FAR_WORSE)
            site_tile(site, (Tiling){.rows = rows, .vecs = vecs});
    }
    int most = 1;
    while (most < TILE_ROWS && most < count && tiling_fits(registers, most + 1, p->tile.vecs))
        most++;
    if (most != p->tile.rows) site_tile(site, (Tiling){.rows = most, .vecs = p->tile.vecs});
    int half = (most + 1) / 2;
    if (half != p->tile.rows && half > 1)
        site_tile(site, (Tiling){.rows = half, .vecs = p->tile.vecs});
}

static void note_depthwise_tiles(const Product *p, TuningSite *site, int64_t columns, int64_t count)
{
    static const int rows[] = {4, 6, 8, 12, 16};
    int registers = lower_registers(p->lw->target);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i] == p->tile.rows || rows[i] > count || !tiling_fits(registers, rows[i], 1))
            continue;
        site_tile(site, (Tiling){.rows = rows[i], .vecs = 1});
    }
    if (columns > p->tile.lanes && count >= 4) site_tile(site, (Tiling){.rows = 4, .vecs = 2});
}

static void note(const Product *p, int64_t columns, int64_t count)
{
    TuningSite *site = lower_site(p->lw);
    if (!site) return;
    if (p->depthwise)
        note_depthwise_tiles(p, site, columns, count);
    else
        note_tiles(p, site, columns, count);
}

/* ---- The choice ---- */

/* Of a plain product of two matrices the larger operand passes once. That matters most to several
 * threads, which then have their own columns of the weights each (measured with two: 0.75 to 0.9 of
 * the time where weights are larger, 1.1 to 1.4 where they are not). */
static bool right_passes_once(const Product *p)
{
    bool plain = p->loops == 0 && p->axes == 1 && p->groups == 1;
    if (p->tile.column_outer || !plain) return p->tile.column_outer;
    return lower_bytes(p->lw, p->right.tensor) >= lower_bytes(p->lw, p->left.tensor);
}

void product_tile(Product *p)
{
    const Size *rows = p->axis[p->axes - 1].count;
    int64_t columns = size_is_const(p->columns) ? p->columns->value : 1 << 20;
    int64_t count = size_is_const(rows) ? rows->value : 1 << 20, lanes = 4;
    if (columns < 1) columns = 1;
    if (count < 1) count = 1;
    p->tile.lanes = (int)matrix_vector_lanes(p->lw, p->acc);
    p->tile.rows = p->tile.vecs = 1;
    if (p->lw->target->plain) return;
    if (p->tile.lanes == 1) {
        choose_scalar_tile(p, columns, count);
    } else {
        while (lanes < columns && lanes < p->tile.lanes) lanes *= 2;
        if (columns == 1) lanes = 1;
        p->tile.lanes = (int)smaller(lanes, p->tile.lanes);
        if (p->depthwise)
            choose_depthwise_tile(p, count);
        else
            choose_tile(p, columns, count);
        note(p, columns, count);
    }
    p->weights.vecs = 0;
    p->tile.column_outer = right_passes_once(p);
    if (p->tile.measured.rows) p->tile.rows = p->tile.measured.rows;
    if (p->tile.measured.vecs) p->tile.vecs = p->tile.measured.vecs;
    if (p->tile.measured.columns) p->tile.column_outer = p->tile.measured.columns == COLUMNS_OUTER;
}

void product_tile_one_row(Product *p, int64_t width)
{
    enum { MOST_BLOCKS = 4 };
    p->tile.measured = (Tiling){0};
    product_tile(p);
    p->tile.rows = 1;
    p->weights.vecs = p->tile.vecs = (int)(width / p->tile.lanes);
    if (p->mode != MATRIX_FLOAT || p->tile.lanes == 1) return;
    int64_t blocks = ceil_div(p->columns->value, width);
    for (int k = 2; k <= MOST_BLOCKS && k * p->weights.vecs <= TILE_VECS; k++) {
        if (blocks % k == 0) p->tile.vecs = k * p->weights.vecs;
    }
}
