/* Where the rows and columns of a tile of lpc.PackedProduct are, and their elements; and its sums. */
#include "passes/lower/products/packed.h"

#include "passes/lower/reductions/reduction.h"

const Size *packed_rows(Lower *lw, const Tensor *tensor)
{
    const Size *rows = size_const(lw->sizes, 1);
    for (int i = 0; i + 1 < tensor->rank; i++) rows = size_mul(lw->sizes, rows, tensor->dims[i]);
    return rows;
}

Inst *packed_load(PackedProduct *p, const Tensor *tensor, int c, Inst *second, Inst *third)
{
    Inst *at[MAX_RANK] = {0};
    int n = 0;
    if (p->experts) at[n++] = p->expert;
    at[n++] = p->column[c];
    at[n++] = second;
    if (third) at[n++] = third;
    return lower_load(p->lw, tensor, at);
}

Inst *packed_load_x(PackedProduct *p, int r, Inst *at)
{
    Builder *b = &p->lw->b;
    if (p->reordered) {
        Param *from = lower_whole(p->lw, p->reordered, false);
        Inst *row = kb_muli(b, p->x_row[r], p->blocks * p->block);
        return kb_load(b, from, kb_add(b, row, at));
    }
    Inst *own[MAX_RANK] = {0};
    int lead = p->x->rank - 1, shift = p->out->rank - p->x->rank;
    for (int i = 0; i < lead; i++)
        own[i] = size_is(p->x->dims[i], 1) ? kb_i64(b, 0) : p->idx[r][i + shift];
    own[lead] = at;
    return kb_cast(b, p->acc, lower_load(p->lw, p->x, own));
}

void packed_set_row(PackedProduct *p, int r, Inst *row)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    Inst *own[MAX_RANK] = {0};
    int lead = p->out->rank - 1, x_lead = p->x->rank - 1, shift = lead - x_lead;
    lower_unflatten(lw, row, lead, p->out->dims, p->idx[r]);
    for (int i = 0; i < x_lead; i++)
        own[i] = size_is(p->x->dims[i], 1) ? kb_i64(b, 0) : p->idx[r][i + shift];
    p->x_row[r] = lower_flatten(lw, x_lead, p->x->dims, own);
    if (p->experts)
        p->expert = kb_cast(b, DT_I64, lower_load_broadcast(lw, p->experts, lead, p->idx[r]));
}

/* Rows [from, to), `count` at a time. */
static void emit_rows(PackedProduct *p, Inst *from, Inst *to, int count)
{
    Builder *b = &p->lw->b;
    Inst *row = kb_for(b, LOOP_SERIAL, from, to, count);
    p->row_count = count;
    for (int r = 0; r < count; r++) packed_set_row(p, r, kb_addi(b, row, r));
    p->emit_tile(p);
    kb_end(b);
}

void packed_all_rows(PackedProduct *p, bool one_by_one)
{
    SizeTable *sizes = p->lw->sizes;
    Builder *b = &p->lw->b;
    const Size *rest = size_mod(sizes, p->rows, size_const(sizes, p->tile_rows));
    Inst *rows = kb_size(b, p->rows), *whole = kb_i64(b, 0);
    if (!one_by_one) {
        whole = kb_size(b, size_sub(sizes, p->rows, rest));
        emit_rows(p, kb_i64(b, 0), whole, p->tile_rows);
    }
    if (one_by_one || !size_is(rest, 0)) emit_rows(p, whole, rows, 1);
}

/* ---- Sums ---- */

void packed_cells(PackedProduct *p, PackedCells cells, const char *name, DType dtype)
{
    Builder *b = &p->lw->b;
    for (int r = 0; r < p->row_count; r++) {
        for (int c = 0; c < p->column_count; c++)
            cells[r][c] = kb_cell(b, arena_printf(p->lw->arena, "%s%d_%d", name, r, c),
                                  (LType){dtype, 1}, kb_const(b, dtype, 0));
    }
}

void packed_total(PackedProduct *p, PackedCells total)
{
    packed_cells(p, total, "total", p->acc);
    for (int r = 0; r < p->row_count; r++) {
        for (int c = 0; c < p->column_count; c++) total[r][c]->reduce = LI_ADD;
    }
}

void packed_add_products(PackedProduct *p, PackedCells sums, Inst *const *w, Inst *at)
{
    Builder *b = &p->lw->b;
    for (int r = 0; r < p->row_count; r++) {
        Inst *x = packed_load_x(p, r, at);
        for (int c = 0; c < p->column_count; c++) {
            Cell *sum = sums[r][c];
            kb_set(b, sum, lower_fma(p->lw, x, w[c], kb_get(b, sum)));
        }
    }
}

void packed_add_lanes(PackedProduct *p, PackedCells total, PackedCells lanes)
{
    for (int r = 0; r < p->row_count; r++) {
        for (int c = 0; c < p->column_count; c++)
            cell_update(p->lw, total[r][c], LI_ADD, kb_get(&p->lw->b, lanes[r][c]));
    }
}

void packed_store(PackedProduct *p, PackedCells total)
{
    for (int r = 0; r < p->row_count; r++) {
        for (int c = 0; c < p->column_count; c++) {
            p->idx[r][p->out->rank - 1] = p->column[c];
            lower_store(p->lw, p->idx[r], kb_get(&p->lw->b, total[r][c]));
        }
    }
}
