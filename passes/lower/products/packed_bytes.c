/* x of lpc.PackedProduct as bytes: those of a block have a scale, by which their largest is 127.
 *
 *     scale = max |x| / 127,  byte = x / scale, rounded to the nearest, halves to even
 *
 * A block with a NaN or an infinity has the scale NaN; one of zeros, or of numbers next to them, has 0. The four
 * bytes that are multiplied at once stand next to each other: of a word of codes (packed_columns.c) those of the
 * first part, then those of the second.
 *
 *     codes of a word, 4 bits    c0 c1 | c2 c3 | c4 c5 | c6 c7       x    x0 x2 x4 x6  x1 x3 x5 x7 */
#include "passes/lower/frame/scalar.h"
#include "passes/lower/products/packed.h"
#include "passes/lower/reductions/reduction.h"

enum { LARGEST = 127 };
static const double least_largest = 0x1p-120; /* 127 divided by less may not be a float */

typedef struct Bytes {
    PackedProduct *p;
    Inst **idx;
    Inst *row, *block; /* of x */
    Inst *start;       /* the block's first element in its row */
    Inst *end;         /* of the elements that it has */
} Bytes;

static Inst *load(Bytes *y, Inst *k)
{
    const PackedProduct *p = y->p;
    y->idx[p->x->rank - 1] = k;
    return kb_cast(&p->lw->b, p->acc, lower_load(p->lw, p->x, y->idx));
}

/* The scale, stored; returns what x is multiplied by. */
static Inst *find_scale(Bytes *y, Inst *at)
{
    Lower *lw = y->p->lw;
    Builder *b = &lw->b;
    LType type = {DT_F32, 1};
    Inst *zero = kb_float(b, DT_F32, 0);
    Cell *most = kb_cell(b, "most", type, zero), *bad = kb_cell(b, "bad", type, zero);
    most->reduce = LI_MAX;
    bad->reduce = LI_ADD;
    Inst *k = kb_for(b, LOOP_VECTOR, y->start, y->end, 1), *x = load(y, k);
    Inst *size = kb_op1(b, LI_ABS, x), *none = kb_sub(b, x, x); /* a NaN of one, and of infinity */
    cell_update(lw, most, LI_MAX, size);
    cell_update(lw, bad, LI_ADD, none);
    kb_end(b);
    Inst *largest = kb_get(b, most), *some = kb_float(b, DT_F32, least_largest);
    Inst *counts = kb_op(b, LI_GE, largest, some), *top = kb_float(b, DT_F32, LARGEST);
    Inst *scale = kb_select(b, counts, kb_op(b, LI_DIV, largest, top), zero);
    Inst *nan = kb_get(b, bad);
    scale = kb_add(b, scale, nan);
    kb_store(b, lower_whole(lw, y->p->by_column.x_scales, true), at, scale);
    Inst *inverse = kb_op(b, LI_DIV, top, largest);
    return kb_select(b, counts, inverse, zero);
}

/* Element k of the row, the block's last ones may be missing. */
static void move(Bytes *y, Inst *k, Inst *to, Inst *inverse, Cell *sum)
{
    Lower *lw = y->p->lw;
    Builder *b = &lw->b;
    Cell *byte = kb_cell(b, "byte", (LType){DT_I8, 1}, kb_int(b, DT_I8, 0));
    bool may_end = y->p->depth % y->p->block != 0;
    if (may_end) kb_if(b, kb_op(b, LI_LT, k, y->end));
    Inst *rounded = kb_op1(b, LI_RINT, kb_mul(b, load(y, k), inverse));
    Inst *is_none = scalar_is_nan(b, rounded);
    Inst *clean = kb_select(b, is_none, kb_float(b, DT_F32, 0), rounded);
    kb_set(b, byte, kb_cast(b, DT_I8, scalar_clamp(b, clean, -LARGEST, LARGEST)));
    if (may_end) kb_end(b);
    Inst *value = kb_get(b, byte);
    kb_store(b, lower_whole(lw, y->p->by_column.bytes, true), to, value);
    cell_update(lw, sum, LI_ADD, kb_cast(b, DT_I32, value));
}

static void move_block(Bytes *y, Inst *at, Inst *inverse)
{
    const PackedProduct *p = y->p;
    Builder *b = &p->lw->b;
    Cell *sum = kb_cell(b, "sum", (LType){DT_I32, 1}, kb_int(b, DT_I32, 0));
    Inst *row = kb_muli(b, y->row, p->blocks * p->block);
    Inst *words = kb_i64(b, p->by_column.words);
    Inst *word = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), words, 1);
    Inst *first = kb_add(b, y->start, kb_muli(b, word, 4 * p->parts));
    for (int64_t part = 0; part < p->parts; part++) {
        for (int64_t byte = 0; byte < 4; byte++) {
            Inst *to = kb_add(b, row, kb_addi(b, first, part * 4 + byte));
            Inst *k = kb_addi(b, first, byte * p->parts + part);
            move(y, k, to, inverse, sum);
        }
    }
    kb_end(b);
    Inst *all = kb_get(b, sum);
    kb_store(b, lower_whole(p->lw, p->by_column.x_sums, true), at, all);
}

static void emit_block(Bytes *y)
{
    const PackedProduct *p = y->p;
    Builder *b = &p->lw->b;
    y->block = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->blocks), 1);
    y->start = kb_muli(b, y->block, p->block);
    y->end = kb_op(b, LI_MIN, kb_addi(b, y->start, p->block), kb_i64(b, p->depth));
    Inst *at = kb_add(b, kb_muli(b, y->row, p->blocks), y->block);
    move_block(y, at, find_scale(y, at));
    kb_end(b);
}

void packed_bytes(PackedProduct *p)
{
    Lower *lw = p->lw;
    SizeTable *sizes = lw->sizes;
    int lead = p->x->rank - 1;
    const Size *blocks = size_muli(sizes, packed_rows(lw, p->x), p->blocks);
    p->by_column.bytes = lower_scratch(lw, "bytes", DT_I8, size_muli(sizes, blocks, p->block));
    p->by_column.x_scales = lower_scratch(lw, "x_scales", DT_F32, blocks);
    p->by_column.x_sums = lower_scratch(lw, "x_sums", DT_I32, blocks);
    lower_begin(lw, "bytes");
    Inst *idx[MAX_RANK];
    double work = 10 * (double)(p->blocks * p->block);
    int loops = lower_nest(lw, lead, p->x->dims, NULL, false, work, idx);
    Bytes y = {.p = p, .idx = idx, .row = lower_flatten(lw, lead, p->x->dims, idx)};
    emit_block(&y);
    lower_nest_end(lw, loops);
    lower_end(lw);
}
