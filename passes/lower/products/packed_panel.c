/* lpc.PackedProduct of many rows: the weights of a few columns become real numbers once for many rows.
 *
 *     for each task of columns
 *         for each part of the rows, of which x's fits the second cache
 *             for each PACKED_COLUMNS columns
 *                 panel[c, k] = (code - zero point) * scale          in the order that x is in (packed.h)
 *                 for each tile of rows
 *                     y[r, c] = sum over k of x[r, k] * panel[c, k]
 *
 * Rows that are left over are tiles of one: a sum has the same order in each. */
#include "passes/lower/products/packed.h"

enum {
    TASK = 256,        /* columns of a parallel task, each of which has a panel */
    X_BYTES = 1 << 20, /* of a part of x */
    ROWS = 6,          /* of a tile, times PACKED_COLUMNS; half of each with few registers */
    FEW_ROWS = 4
};

typedef struct Panel {
    PackedProduct *p;
    Buffer *buffer;
    Inst *at;          /* where the task's panel begins */
    int rows, columns; /* of a tile */
} Panel;

bool packed_has_panels(const PackedProduct *p)
{
    const LowerTarget *target = p->lw->target;
    return p->bits && p->scales_weights && !p->table && p->lanes > 1 && !target->plain &&
           !target->compact;
}

/* ---- The panel ---- */

static void fill_column(Panel *panel, int c)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    Param *to = lower_whole(p->lw, panel->buffer, true);
    int64_t vector = p->lanes * p->parts;
    Inst *block = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->blocks), 1);
    Inst *scale = kb_cast(b, p->acc, packed_load(p, p->scales, c, block, NULL));
    Inst *zero = packed_zero(p, p->zeros ? packed_load(p, p->zeros, c, block, NULL) : NULL);
    Inst *start = kb_add(b, panel->at, kb_i64(b, c * p->blocks * p->block));
    start = kb_add(b, start, kb_muli(b, block, p->block));
    Inst *chunk = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->chunks), 1);
    start = kb_add(b, start, kb_muli(b, chunk, vector));
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, p->lanes), 1);
    Inst *byte = kb_add(b, kb_muli(b, chunk, p->lanes), lane);
    Inst *bytes = kb_cast(b, DT_I32, packed_load(p, p->weights, c, block, byte));
    for (int64_t part = 0; part < p->parts; part++) {
        Inst *w = kb_mul(b, packed_value(p, bytes, part, zero), scale);
        kb_store(b, to, kb_add(b, start, kb_addi(b, lane, part * p->lanes)), w);
    }
    kb_end(b);
    kb_end(b);
    kb_end(b);
}

/* ---- Tiles ---- */

static void add_vector(Panel *panel, PackedCells sums, Inst *at)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    Param *from = lower_whole(p->lw, panel->buffer, false);
    Inst *w[PACKED_COLUMNS];
    for (int c = 0; c < p->column_count; c++) {
        Inst *start = kb_addi(b, panel->at, c * p->blocks * p->block);
        w[c] = kb_load(b, from, kb_add(b, start, at));
    }
    packed_add_products(p, sums, w, at);
}

static void emit_tile(Panel *panel)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    PackedCells total, sums;
    packed_total(p, total);
    Inst *lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, p->lanes), 1);
    packed_cells(p, sums, "sum");
    Inst *k = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->blocks * p->block), p->lanes);
    add_vector(panel, sums, kb_add(b, k, lane));
    kb_end(b);
    packed_add_lanes(p, total, sums);
    kb_end(b);
    packed_store(p, total);
}

/* Rows [from, to), `count` at a time. */
static void emit_rows(Panel *panel, Inst *from, Inst *to, int count)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    Inst *row = kb_for(b, LOOP_SERIAL, from, to, count);
    p->row_count = count;
    for (int r = 0; r < count; r++) packed_set_row(p, r, kb_addi(b, row, r));
    emit_tile(panel);
    kb_end(b);
}

/* `count` columns of rows [from, to), whose tiles end at `whole`. */
static void emit_group(Panel *panel, Inst *column, int count, Inst *from, Inst *whole, Inst *to)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    p->column_count = count;
    for (int c = 0; c < count; c++) p->column[c] = kb_addi(b, column, c);
    for (int c = 0; c < count; c++) fill_column(panel, c);
    emit_rows(panel, from, whole, panel->rows);
    emit_rows(panel, whole, to, 1);
}

/* Columns [from, to), `count` at a time, of rows `first` and on. */
static void emit_columns(Panel *panel, Inst *first, Inst *from, Inst *to, int count, int64_t part)
{
    PackedProduct *p = panel->p;
    Builder *b = &p->lw->b;
    Inst *column = kb_for(b, LOOP_SERIAL, from, to, count);
    Inst *end = kb_op(b, LI_MIN, kb_addi(b, first, part), kb_size(b, p->rows));
    Inst *rest = kb_op(b, LI_REM, kb_sub(b, end, first), kb_i64(b, panel->rows));
    emit_group(panel, column, count, first, kb_sub(b, end, rest), end);
    kb_end(b);
}

void packed_panels(PackedProduct *p)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    bool few = lower_registers(lw->target) < 32;
    Panel panel = {
        .p = p, .rows = few ? FEW_ROWS : ROWS, .columns = PACKED_COLUMNS / (few ? 2 : 1)};
    int64_t width = p->blocks * p->block, tasks = (p->columns + TASK - 1) / TASK;
    int64_t part = X_BYTES / (width * (int64_t)dtype_size(p->acc)) / panel.rows * panel.rows;
    if (part < 2 * panel.rows) part = 2 * panel.rows;
    panel.buffer =
        lower_scratch(lw, "panel", p->acc, size_const(lw->sizes, tasks * panel.columns * width));
    lw->transforms_weights = true;
    double flops = 2 * lower_work(lw, p->out) * (double)p->depth;
    lower_begin(lw, NULL);
    Inst *task = kb_for_n(b, lower_parallel(lw, flops), size_const(lw->sizes, tasks));
    panel.at = kb_muli(b, task, panel.columns * width);
    Inst *from = kb_muli(b, task, TASK);
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, TASK), kb_i64(b, p->columns));
    Inst *whole = kb_i64(b, p->columns - p->columns % panel.columns);
    Inst *first = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_size(b, p->rows), part);
    emit_columns(&panel, first, from, kb_op(b, LI_MIN, to, whole), panel.columns, part);
    if (p->columns % panel.columns)
        emit_columns(&panel, first, kb_op(b, LI_MAX, from, whole), to, 1, part);
    kb_end(b);
    kb_end(b);
    lower_end(lw);
}
