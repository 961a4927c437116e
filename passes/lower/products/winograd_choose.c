/* Where Winograd's filtering pays, and its tiles: by rule, or as measured. */
#include "passes/lower/products/winograd.h"

enum {
    SUMS_BYTES = 16 << 10 /* of a task's products, on the stack: they stay in the first cache */
};

/* Cycles of one step along depth for all tiles: two multiply-adds and two loads a cycle. */
static double cycles(const Winograd *w, int rows, int vecs)
{
    double adds = rows * vecs / 2.0, loads = (rows + vecs) / 2.0;
    double each = adds > loads ? adds : loads;
    if (each < 4) each = 4;
    double passes = (double)ceil_div(w->tiles, rows);
    return passes * (double)ceil_div(ceil_div(w->c->columns, w->lanes), vecs) * (each + 0.25);
}

/* The best number of rows for so many vectors. */
static int best_rows(const Winograd *w, int vecs, double *cost)
{
    int best = 0;
    for (int rows = 1; rows <= w->tiles && rows < TILE_ROWS; rows++) {
        if (!tiling_fits(lower_registers(w->lw->target), rows, vecs)) break;
        double own = cycles(w, rows, vecs);
        if (best > 0 && own > *cost * 0.999) continue;
        *cost = own;
        best = rows;
    }
    return best;
}

enum { MOST_VECS = 4 };

static void choose_tile(Winograd *w, const Tiling *tiling)
{
    double best = 0, cost = 0;
    for (int vecs = 1; vecs <= MOST_VECS; vecs++) {
        int rows = best_rows(w, vecs, &cost);
        if (best > 0 && cost > best * 0.999) continue;
        best = cost;
        w->rows = rows;
        w->vecs = vecs;
    }
    if (tiling->rows) w->rows = tiling->rows;
    if (tiling->vecs) w->vecs = tiling->vecs;
}

static void choose_blocks(Winograd *w)
{
    w->width = (int64_t)w->lanes * w->vecs;
    w->column_blocks = ceil_div(w->c->columns, w->width);
    int64_t groups = SUMS_BYTES / (positions(w) * w->width * 4 * w->rows);
    int64_t all = ceil_div(w->tiles, w->rows);
    if (groups < 1) groups = 1;
    w->blocks = ceil_div(all, groups);
    w->block = ceil_div(all, w->blocks) * w->rows;
    w->blocks = ceil_div(w->tiles, w->block);
}

/* Cost of F(m x m, 3x3) in multiply-adds for each pair of channels. A weight costs about 16 of them
 * to bring from memory, transforming as much for each input and output (both measured). */
static double cost(const Conv *c, int m)
{
    double weights = (m + 2) * (m + 2), columns = (double)c->columns, depth = (double)c->depth;
    double tiles = (double)(c->out->dims[0]->value * ceil_div(c->out->dims[2]->value, m) *
                            ceil_div(c->out->dims[3]->value, m));
    return weights * (tiles * (1 + 16 / columns + 16 / depth) + 16);
}

/* Outputs of a tile along each axis; 0: the direct kernel is about as fast. */
static int tile_size(const Conv *c)
{
    int64_t pixels = c->out->dims[0]->value * c->out->dims[2]->value * c->out->dims[3]->value;
    double two = cost(c, 2), four = cost(c, 4), best = two < four ? two : four;
    if (best > 0.95 * 9 * (double)pixels) return 0;
    return two < four ? 2 : 4;
}

bool winograd_fits(const Conv *c)
{
    enum { LEAST_CHANNELS = 16 }; /* the coordinate of a single one would be left out */
    const Lower *lw = c->lw;
    if (lw->target->compact) return false;
    if (c->depth < LEAST_CHANNELS || c->columns < LEAST_CHANNELS) return false;
    if (lower_vector_bits(lw->target) < 128 || c->rank != 2 || c->group != 1) return false;
    if (!c->w->data || c->x->is_inlined) return false;
    if (c->x->dtype != DT_F32 || c->w->dtype != DT_F32 || c->out->dtype != DT_F32) return false;
    for (int i = 0; i < 4; i++) {
        if (!size_is_const(c->x->dims[i]) || !size_is_const(c->out->dims[i])) return false;
    }
    for (int i = 0; i < 2; i++) {
        if (c->kernel[i] != 3 || c->stride[i] != 1 || c->dilation[i] != 1) return false;
    }
    return true;
}

/* Other methods than the chosen one. */
static void note_methods(const Conv *c, int chosen)
{
    TuningSite *site = lower_site(c->lw);
    if (chosen) site_tile(site, (Tiling){.method = METHOD_DIRECT});
    for (int m = 2; m <= 4; m += 2) {
        ConvMethod method = m == 2 ? METHOD_WINOGRAD2 : METHOD_WINOGRAD4;
        if (m != chosen) site_tile(site, (Tiling){.method = method});
    }
}

static void note_tiles(const Winograd *w)
{
    ConvMethod method = w->m == 2 ? METHOD_WINOGRAD2 : METHOD_WINOGRAD4;
    double cost = 0;
    for (int vecs = 1; vecs <= MOST_VECS; vecs++) {
        Tiling tiling = {best_rows(w, vecs, &cost), vecs, .method = method};
        if (vecs != w->vecs && vecs * w->lanes < w->c->columns + w->lanes && tiling.rows)
            site_tile(lower_site(w->lw), tiling);
    }
}

int winograd_method(const Conv *c, const Tiling *tiling)
{
    int by_rule = tile_size(c);
    note_methods(c, by_rule);
    switch (tiling->method) {
    case METHOD_DIRECT: return 0;
    case METHOD_WINOGRAD2: return 2;
    case METHOD_WINOGRAD4: return 4;
    default: return by_rule;
    }
}

void winograd_tile(Winograd *w, const Tiling *tiling)
{
    choose_tile(w, &(Tiling){0});
    note_tiles(w);
    choose_tile(w, tiling);
    choose_blocks(w);
}
