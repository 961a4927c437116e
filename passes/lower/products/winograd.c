/* 3x3 convolutions with stride 1 by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2016): an output tile of m x m takes (m + 2)^2
 * multiplications for each pair of channels instead of 9 m^2.
 *
 *     out = A^T [ sum over channels (G g G^T) * (B^T d B) ] A
 *
 * G g G^T is computed when the weights are written, [column block][position][depth][width]. One
 * kernel computes B^T d B for all tiles into scratch, [tile block][position][tile][depth]; a second
 * one makes a matrix product for each position and transforms the sums back, one block of tiles by
 * one block of columns at a time.
 *
 * F(4x4, 3x3) interpolates at 0, +-1/sqrt(2), +-sqrt(2) and infinity, which loses less than the
 * usual 0, +-1, +-2; F(2x2, 3x3) at 0, +-1 and infinity. */
#include "passes/lower/products/winograd.h"

enum { TASKS = 4 }; /* or as many as the target has cores; each has a slice of scratch */

/* Transformed inputs of one block. */
static int64_t slice_elements(const Winograd *w)
{
    return positions(w) * w->block * w->depth;
}

/* ---- Transforms along one axis ---- */

static Inst *number(Lower *lw, double value)
{
    return kb_float(&lw->b, DT_F32, value);
}

/* plus + factor * x */
static Inst *madd(Lower *lw, double factor, Inst *x, Inst *plus)
{
    return matrix_madd(lw, x, number(lw, factor), plus);
}

/* B^T d */
static void transform_input(Lower *lw, int n, Inst *const *d, Inst **to)
{
    Builder *b = &lw->b;
    if (n == 4) {
        to[0] = kb_sub(b, d[0], d[2]);
        to[1] = kb_add(b, d[2], d[1]);
        to[2] = kb_sub(b, d[2], d[1]);
        to[3] = kb_sub(b, d[3], d[1]);
        return;
    }
    to[0] = madd(lw, -2.5, d[2], kb_add(b, d[0], d[4]));
    Inst *even = madd(lw, -2, d[2], d[4]), *odd = madd(lw, -2, d[1], d[3]);
    to[1] = madd(lw, ROOT_HALF, odd, even);
    to[2] = madd(lw, -ROOT_HALF, odd, even);
    even = madd(lw, -0.5, d[2], d[4]);
    odd = madd(lw, -0.5, d[1], d[3]);
    to[3] = madd(lw, ROOT_2, odd, even);
    to[4] = madd(lw, -ROOT_2, odd, even);
    to[5] = madd(lw, -2.5, d[3], kb_add(b, d[1], d[5]));
}

/* A^T s */
static void transform_sums(Lower *lw, int n, Inst *const *s, Inst **to)
{
    Builder *b = &lw->b;
    Inst *even = kb_add(b, s[1], s[2]), *odd = kb_sub(b, s[1], s[2]);
    if (n == 4) {
        to[0] = kb_add(b, s[0], even);
        to[1] = kb_add(b, s[3], odd);
        return;
    }
    Inst *even2 = kb_add(b, s[3], s[4]), *odd2 = kb_sub(b, s[3], s[4]);
    to[0] = kb_add(b, kb_add(b, s[0], even), even2);
    to[1] = madd(lw, ROOT_2, odd2, kb_mul(b, odd, number(lw, ROOT_HALF)));
    to[2] = madd(lw, 2, even2, kb_mul(b, even, number(lw, 0.5)));
    to[3] = madd(lw, 2 * ROOT_2, odd2, madd(lw, 0.5 * ROOT_HALF, odd, s[5]));
}

/* ---- Inputs ---- */

/* Where a tile begins, in the output. */
typedef struct Corner {
    Inst *batch, *y, *x;
} Corner;

static Corner corner(const Winograd *w, Inst *tile)
{
    Lower *lw = w->lw;
    const Size *dims[3] = {w->c->out->dims[0], size_const(lw->sizes, w->tiles_y),
                           size_const(lw->sizes, w->tiles_x)};
    Inst *at[3];
    lower_unflatten(lw, tile, 3, dims, at);
    Corner corner = {.batch = at[0]};
    corner.y = kb_muli(&lw->b, at[1], w->m);
    corner.x = kb_muli(&lw->b, at[2], w->m);
    return corner;
}

/* All `size` elements from `at` on, or (size 1) this one, are within `count`. */
static Inst *within(Builder *b, Inst *at, int64_t size, const Size *count)
{
    Inst *low = kb_op(b, LI_GE, at, kb_i64(b, 0));
    Inst *high = kb_op(b, LI_LE, kb_addi(b, at, size), kb_size(b, count));
    return kb_op(b, LI_AND, low, high);
}

/* A tile's input at (y + i, x + j); outside the tensor it is 0 when `border`. */
static Inst *input_value(const Winograd *w, const Corner *at, int i, int j, Inst *channel,
                         const Inst *lane, bool border)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    Inst *y = kb_addi(b, at->y, i), *x = kb_addi(b, at->x, j);
    Inst *limit = NULL, *left = kb_sub(b, kb_i64(b, w->c->depth), channel);
    if (w->c->depth % w->lanes) limit = left;
    if (border) {
        Inst *inside = within(b, x, 1, w->c->x->dims[3]);
        inside = kb_op(b, LI_AND, within(b, y, 1, w->c->x->dims[2]), inside);
        Inst *whole = kb_i64(b, w->lanes);
        limit = kb_select(b, inside, whole, kb_i64(b, 0));
        if (w->c->depth % w->lanes) limit = kb_mul(b, kb_cast(b, DT_I64, inside), left);
    }
    Inst *idx[MAX_RANK] = {at->batch, channel, y, x};
    Limit before = kb_limit(b, (Limit){lane, limit});
    Inst *value = lower_load(lw, w->c->x, idx);
    kb_limit(b, before);
    return value;
}

/* Into place `slot` of the slice that begins at `slice`. */
static void input_channels(const Winograd *w, Inst *slice, Inst *slot, const Corner *at,
                           bool border)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    int n = w->n;
    Inst *d[6], *half[6][6], *done[6];
    Inst *base = kb_add(b, slice, kb_muli(b, slot, w->depth));
    Param *to = lower_whole(lw, w->inputs, true);
    Inst *vector = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, w->depth), w->lanes);
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, w->lanes), 1);
    Inst *channel = kb_add(b, vector, lane);
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) d[i] = input_value(w, at, i, j, channel, lane, border);
        transform_input(lw, n, d, done);
        for (int i = 0; i < n; i++) half[i][j] = done[i];
    }
    for (int i = 0; i < n; i++) {
        transform_input(lw, n, half[i], done);
        for (int j = 0; j < n; j++) {
            int64_t move = (int64_t)(i * n + j) * w->block * w->depth;
            kb_store(b, to, kb_addi(b, kb_add(b, base, channel), move), done[j]);
        }
    }
    kb_end(b);
    kb_end(b);
}

static void input_tile(const Winograd *w, Inst *slice, Inst *slot, Inst *tile)
{
    Builder *b = &w->lw->b;
    const Conv *c = w->c;
    Corner at = corner(w, tile);
    at.y = kb_addi(b, at.y, -c->pad[0]);
    at.x = kb_addi(b, at.x, -c->pad[1]);
    Inst *inside = within(b, at.x, w->n, c->x->dims[3]);
    kb_if(b, kb_op(b, LI_AND, within(b, at.y, w->n, c->x->dims[2]), inside));
    input_channels(w, slice, slot, &at, false);
    kb_else(b);
    input_channels(w, slice, slot, &at, true);
    kb_end(b);
}

static double input_work(const Winograd *w)
{
    return (double)(w->tiles * w->depth) * (w->n == 6 ? 200 : 32);
}

/* All tiles, each block a slice. */
static void inputs_kernel(const Winograd *w)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    double work = input_work(w);
    lower_begin(lw, "inputs");
    Inst *tile = kb_for(b, lower_parallel(lw, work), kb_i64(b, 0), kb_i64(b, w->tiles), 1);
    Inst *block = kb_op(b, LI_DIV, tile, kb_i64(b, w->block));
    Inst *slot = kb_op(b, LI_REM, tile, kb_i64(b, w->block));
    input_tile(w, kb_muli(b, block, slice_elements(w)), slot, tile);
    kb_end(b);
    lower_end(lw);
}

/* ---- Products ---- */

typedef struct Task {
    Inst *column_block, *block, *slice;
    Inst *count;       /* tiles of this block */
    Param *sums, *out; /* [position][tile][width], [m * m][lanes] */
} Task;

/* Sums of one position for `rows` tiles from `first` on. */
static void product(const Winograd *w, const Task *t, Inst *position, Inst *first)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    Param *left = lower_whole(lw, w->inputs, false);
    Param *right = lower_whole(lw, w->weights, false);
    Cell *cell[TILE_ROWS][TILE_VECS];
    Inst *from = kb_add(b, kb_muli(b, position, w->block), first);
    from = kb_add(b, t->slice, kb_muli(b, from, w->depth));
    Inst *panel = kb_add(b, kb_muli(b, t->column_block, positions(w)), position);
    panel = kb_muli(b, panel, w->c->depth * w->width);
    Inst *to = kb_muli(b, kb_add(b, kb_muli(b, position, w->block), first), w->width);
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, w->lanes), 1), *value[TILE_VECS];
    for (int u = 0; u < w->vecs; u++) {
        for (int r = 0; r < w->rows; r++)
            cell[r][u] = kb_cell(b, arena_printf(lw->arena, "acc%d_%d", r, u), (LType){DT_F32, 1},
                                 number(lw, 0));
    }
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, w->c->depth), 1);
    Inst *at = kb_add(b, kb_add(b, panel, kb_muli(b, k, w->width)), lane);
    for (int u = 0; u < w->vecs; u++)
        value[u] = kb_load(b, right, kb_addi(b, at, (int64_t)u * w->lanes));
    for (int r = 0; r < w->rows; r++) {
        Inst *x = kb_load(b, left, kb_addi(b, kb_add(b, from, k), r * w->depth));
        for (int u = 0; u < w->vecs; u++)
            kb_set(b, cell[r][u], matrix_madd(lw, x, value[u], kb_get(b, cell[r][u])));
    }
    kb_end(b);
    for (int r = 0; r < w->rows; r++) {
        for (int u = 0; u < w->vecs; u++) {
            Inst *sum = kb_get(b, cell[r][u]);
            Inst *place = kb_add(b, kb_addi(b, to, r * w->width + u * w->lanes), lane);
            kb_store(b, t->sums, place, sum);
        }
    }
    kb_end(b);
}

/* ---- Outputs ---- */

/* Positions of a tile along one axis that are in the output. */
static Inst *inside(const Winograd *w, Inst *from, const Size *count)
{
    Builder *b = &w->lw->b;
    return kb_op(b, LI_MIN, kb_i64(b, w->m), kb_sub(b, kb_size(b, count), from));
}

static void store_tile(const Winograd *w, const Task *t, const Corner *at, Inst *column, Inst *lane)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    const Conv *c = w->c;
    Inst *limit = kb_sub(b, kb_i64(b, c->columns), column);
    Limit before = kb_limit(b, (Limit){lane, c->columns % w->width ? limit : NULL});
    Inst *bias = c->bias ? lower_load(lw, c->bias, &column) : NULL;
    Inst *i = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), inside(w, at->y, c->out->dims[2]), 1);
    Inst *j = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), inside(w, at->x, c->out->dims[3]), 1);
    Inst *place = kb_muli(b, kb_add(b, kb_muli(b, i, w->m), j), w->lanes);
    Inst *value = kb_load(b, t->out, kb_add(b, place, lane));
    if (bias) value = kb_add(b, value, bias);
    Inst *y = kb_add(b, at->y, i), *x = kb_add(b, at->x, j);
    Inst *idx[MAX_RANK] = {at->batch, column, y, x};
    lower_store(lw, idx, value);
    kb_end(b);
    kb_end(b);
    kb_limit(b, before);
}

static void output_tile(const Winograd *w, const Task *t, Inst *slot)
{
    Lower *lw = w->lw;
    Builder *b = &lw->b;
    int n = w->n, m = w->m;
    Corner at = corner(w, kb_add(b, kb_muli(b, t->block, w->block), slot));
    Inst *s[6], *half[4][6], *done[4];
    Inst *vector = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, w->width), w->lanes);
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, w->lanes), 1);
    Inst *own = kb_add(b, vector, lane);
    Inst *column = kb_add(b, kb_muli(b, t->column_block, w->width), own);
    Inst *from = kb_add(b, kb_muli(b, slot, w->width), own);
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++)
            s[i] = kb_load(b, t->sums, kb_addi(b, from, (i * n + j) * w->block * w->width));
        transform_sums(lw, n, s, done);
        for (int i = 0; i < m; i++) half[i][j] = done[i];
    }
    for (int i = 0; i < m; i++) {
        transform_sums(lw, n, half[i], done);
        for (int j = 0; j < m; j++)
            kb_store(b, t->out, kb_addi(b, lane, (int64_t)(i * m + j) * w->lanes), done[j]);
    }
    store_tile(w, t, &at, column, lane);
    kb_end(b);
    kb_end(b);
}

/* One block of tiles by one block of columns. */
static void block_outputs(const Winograd *w, const Task *t)
{
    Builder *b = &w->lw->b;
    Inst *zero = kb_i64(b, 0), *position = kb_for(b, LOOP_SERIAL, zero, kb_i64(b, positions(w)), 1);
    product(w, t, position, kb_for(b, LOOP_SERIAL, zero, t->count, w->rows));
    kb_end(b);
    kb_end(b);
    output_tile(w, t, kb_for(b, LOOP_SERIAL, zero, t->count, 1));
    kb_end(b);
}

static void set_block(const Winograd *w, Task *t, Inst *block)
{
    Builder *b = &w->lw->b;
    Inst *left = kb_sub(b, kb_i64(b, w->tiles), kb_muli(b, block, w->block));
    t->block = block;
    t->count = kb_op(b, LI_MIN, left, kb_i64(b, w->block));
}

static LoopKind begin_outputs(const Winograd *w, Task *t)
{
    Lower *lw = w->lw;
    double flops = 18 * lower_work(lw, w->c->out) * (double)w->c->depth;
    double weights = (double)size_upper(lw->sizes, w->weights->elements) * 4;
    lower_begin(lw, NULL);
    LoopKind kind = lower_parallel_tiles(lw, flops, weights, w->lanes);
    t->sums = kb_local(&lw->b, "sums", DT_F32, positions(w) * w->block * w->width);
    t->out = kb_local(&lw->b, "tile", DT_F32, (int64_t)w->m * w->m * w->lanes);
    return kind;
}

/* Weights pass once: blocks of columns outside. */
static void outputs_kernel(const Winograd *w)
{
    Builder *b = &w->lw->b;
    Task t;
    LoopKind kind = begin_outputs(w, &t);
    Inst *task = kb_for(b, kind, kb_i64(b, 0), kb_i64(b, w->blocks * w->column_blocks), 1);
    t.column_block = kb_op(b, LI_DIV, task, kb_i64(b, w->blocks));
    set_block(w, &t, kb_op(b, LI_REM, task, kb_i64(b, w->blocks)));
    t.slice = kb_muli(b, t.block, slice_elements(w));
    block_outputs(w, &t);
    kb_end(b);
    lower_end(w->lw);
}

/* The first block of a task. */
static Inst *share(const Winograd *w, Inst *task)
{
    Builder *b = &w->lw->b;
    return kb_op(b, LI_DIV, kb_muli(b, task, w->blocks), kb_i64(b, w->tasks));
}

/* Inputs pass once: blocks of tiles outside. Each task does several, one slice after the other. */
static void whole_kernel(const Winograd *w)
{
    Builder *b = &w->lw->b;
    Task t;
    LoopKind kind = begin_outputs(w, &t);
    Inst *zero = kb_i64(b, 0), *task = kb_for(b, kind, zero, kb_i64(b, w->tasks), 1);
    Inst *from = share(w, task), *to = share(w, kb_addi(b, task, 1));
    t.slice = kb_muli(b, task, slice_elements(w));
    set_block(w, &t, kb_for(b, LOOP_SERIAL, from, to, 1));
    Inst *slot = kb_for(b, LOOP_SERIAL, zero, t.count, 1);
    input_tile(w, t.slice, slot, kb_add(b, kb_muli(b, t.block, w->block), slot));
    kb_end(b);
    t.column_block = kb_for(b, LOOP_SERIAL, zero, kb_i64(b, w->column_blocks), 1);
    block_outputs(w, &t);
    kb_end(b);
    kb_end(b);
    kb_end(b);
    lower_end(w->lw);
}

bool conv_winograd(const Conv *c)
{
    if (!winograd_fits(c)) return false;
    Tiling tiling = lower_tiling(c->lw);
    Winograd w = {.lw = c->lw, .c = c, .m = winograd_method(c, &tiling)};
    if (!w.m) return false;
    if (!tiling.method) tiling = (Tiling){0}; /* of the direct kernel */
    w.n = w.m + 2;
    w.lanes = (int)matrix_vector_lanes(c->lw, DT_F32);
    w.tiles_y = ceil_div(c->out->dims[2]->value, w.m);
    w.tiles_x = ceil_div(c->out->dims[3]->value, w.m);
    w.tiles = c->out->dims[0]->value * w.tiles_y * w.tiles_x;
    if (w.tiles < 1) return false;
    w.depth = ceil_div(c->depth, w.lanes) * w.lanes;
    winograd_tile(&w, &tiling);
    w.weights = winograd_weights(&w);
    c->lw->transforms_weights = true;
    int64_t l2 = c->lw->target->device->l2, all = w.blocks * slice_elements(&w) * 4;
    bool whole =
        w.column_blocks * positions(&w) * c->depth * w.width * 4 <= l2 / 4 * 3 || all > 4 * l2;
    int64_t tasks = c->lw->target->device->cores > TASKS ? c->lw->target->device->cores : TASKS;
    w.tasks = whole && w.blocks > tasks ? tasks : w.blocks;
    w.inputs = lower_scratch(c->lw, "winograd", DT_F32,
                             size_const(c->lw->sizes, w.tasks * slice_elements(&w)));
    if (whole) {
        whole_kernel(&w);
        return true;
    }
    inputs_kernel(&w);
    outputs_kernel(&w);
    return true;
}
