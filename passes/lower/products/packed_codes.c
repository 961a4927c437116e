/* Codes of packed weights as numbers, and the order of what they are multiplied with. */
#include "passes/lower/products/packed.h"

/* ---- Codes ---- */

/* An element of the table by selections, which vectors have, too. */
static Inst *look_up(const PackedProduct *p, Inst *code)
{
    Builder *b = &p->lw->b;
    Inst *value[PACKED_TABLE];
    for (int i = 0; i < PACKED_TABLE; i++)
        value[i] = kb_const(b, p->acc, const_f64_at(p->table, i));
    for (int bit = 0; 1 << bit < PACKED_TABLE; bit++) {
        Inst *masked = kb_op(b, LI_AND, code, kb_int(b, DT_I32, 1 << bit));
        Inst *set = kb_op(b, LI_NE, masked, kb_int(b, DT_I32, 0));
        for (int i = 0; i < PACKED_TABLE / 2 >> bit; i++)
            value[i] = kb_select(b, set, value[2 * i + 1], value[2 * i]);
    }
    return value[0];
}

Inst *packed_zero(const PackedProduct *p, Inst *zero)
{
    Builder *b = &p->lw->b;
    if (p->table) return NULL;
    if (!zero) return kb_int(b, DT_I32, (int64_t)1 << (p->bits - 1));
    return kb_cast(b, dtype_is_float(zero->type.dtype) ? p->acc : DT_I32, zero);
}

int64_t packed_shift(const PackedProduct *p, int64_t part)
{
    return (p->high_first ? p->parts - 1 - part : part) * p->bits;
}

/* A byte is not negative, of four the highest has the sign. */
Inst *packed_value(const PackedProduct *p, Inst *word, int64_t shift, int width, Inst *zero)
{
    Builder *b = &p->lw->b;
    Inst *code = word;
    if (shift) code = kb_op(b, LI_SHR, code, kb_int(b, DT_I32, shift));
    if (shift + p->bits < width || width == 32)
        code = kb_op(b, LI_AND, code, kb_int(b, DT_I32, ((int64_t)1 << p->bits) - 1));
    if (p->table) return look_up(p, code);
    if (dtype_is_float(zero->type.dtype)) return kb_sub(b, kb_cast(b, p->acc, code), zero);
    return kb_cast(b, p->acc, kb_sub(b, code, zero));
}

/* ---- The order of x ---- */

typedef struct Order {
    PackedProduct *p;
    int64_t lanes;
    Param *to;
    Inst *row; /* where it starts in `to` */
    Inst **idx;
} Order;

/* Element k of the row goes to place `to` of it; past the depth there are zeros. */
static void move(Order *o, Inst *k, Inst *to, bool may_end)
{
    Lower *lw = o->p->lw;
    Builder *b = &lw->b;
    Inst *at = kb_add(b, o->row, to);
    if (may_end) kb_if(b, kb_op(b, LI_LT, k, kb_i64(b, o->p->depth)));
    o->idx[o->p->x->rank - 1] = k;
    kb_store(b, o->to, at, kb_cast(b, o->p->acc, lower_load(lw, o->p->x, o->idx)));
    if (!may_end) return;
    kb_else(b);
    kb_store(b, o->to, at, kb_const(b, o->p->acc, 0));
    kb_end(b);
}

/* Blocks [from, to); may_end: the depth ends within. */
static void move_blocks(Order *o, int64_t from, int64_t to, bool may_end)
{
    const PackedProduct *p = o->p;
    Builder *b = &p->lw->b;
    int64_t vector = o->lanes * p->parts;
    if (from == to) return;
    Inst *end = kb_i64(b, to * p->block);
    Inst *start = kb_for(b, LOOP_SERIAL, kb_i64(b, from * p->block), end, vector);
    for (int64_t part = 0; part < p->parts; part++) {
        LoopKind kind = may_end ? LOOP_SERIAL : LOOP_VECTOR;
        Inst *lane = kb_for(b, kind, kb_i64(b, 0), kb_i64(b, o->lanes), 1);
        Inst *k = kb_add(b, start, kb_addi(b, kb_muli(b, lane, p->parts), part));
        move(o, k, kb_add(b, start, kb_addi(b, lane, part * o->lanes)), may_end);
        kb_end(b);
    }
    kb_end(b);
}

void packed_reorder(PackedProduct *p, int64_t lanes)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    int lead = p->x->rank - 1;
    const Size *rows = packed_rows(lw, p->x);
    int64_t width = p->blocks * p->block, whole = p->depth / p->block;
    p->reordered = lower_scratch(lw, "ordered", p->acc,
                                 size_mul(lw->sizes, rows, size_const(lw->sizes, width)));
    lower_begin(lw, "order");
    Inst *idx[MAX_RANK];
    int loops = lower_nest(lw, lead, p->x->dims, NULL, false, (double)width, idx);
    Order o = {.p = p, .lanes = lanes, .idx = idx, .to = lower_whole(lw, p->reordered, true)};
    o.row = kb_muli(b, lower_flatten(lw, lead, p->x->dims, idx), width);
    move_blocks(&o, 0, whole, false);
    move_blocks(&o, whole, p->blocks, true);
    lower_nest_end(lw, loops);
    lower_end(lw);
}
