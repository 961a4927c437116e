/* The kernel of lpc.PackedProduct: packed.h says what it computes and in which order. */
#include "passes/lower/products/packed.h"

#include "passes/lower/products/matrix.h"
#include "passes/lower/reductions/reduction.h"

enum {
    TASK = 64,   /* columns of a parallel task */
    UNROLLED = 4 /* vectors of a block without a loop */
};

/* A block of each column. */
typedef struct Blocks {
    Inst *block, *scale[PACKED_COLUMNS], *zero[PACKED_COLUMNS];
} Blocks;

/* ---- Sums ---- */

/* Vector `chunk` of the bytes of a block. */
static void add_chunk(PackedProduct *p, PackedCells sums, const Blocks *at, Inst *chunk)
{
    Builder *b = &p->lw->b;
    Inst *bytes[PACKED_COLUMNS], *w[PACKED_COLUMNS];
    Inst *byte = kb_add(b, kb_muli(b, chunk, p->lanes), p->lane);
    for (int c = 0; c < p->column_count; c++)
        bytes[c] = kb_cast(b, DT_I32, packed_load(p, p->weights, c, at->block, byte));
    Inst *first = kb_muli(b, at->block, p->block);
    first = kb_add(b, first, kb_muli(b, chunk, p->lanes * p->parts));
    for (int64_t part = 0; part < p->parts; part++) {
        for (int c = 0; c < p->column_count; c++) {
            w[c] = packed_value(p, bytes[c], packed_shift(p, part), 8, at->zero[c]);
            if (p->scales_weights) w[c] = kb_mul(b, w[c], at->scale[c]);
        }
        packed_add_products(p, sums, w, kb_add(b, kb_addi(b, first, part * p->lanes), p->lane));
    }
}

static void add_chunks(PackedProduct *p, PackedCells sums, const Blocks *at)
{
    Builder *b = &p->lw->b;
    if (p->chunks <= UNROLLED) {
        for (int64_t q = 0; q < p->chunks; q++) add_chunk(p, sums, at, kb_i64(b, q));
        return;
    }
    Inst *q = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->chunks), 1);
    add_chunk(p, sums, at, q);
    kb_end(b);
}

/* A block's products, with its scales, added to `total`. */
static void add_block(PackedProduct *p, PackedCells total, Inst *block)
{
    Builder *b = &p->lw->b;
    PackedCells sums;
    Blocks at = {.block = block};
    for (int c = 0; c < p->column_count; c++) {
        at.scale[c] = kb_cast(b, p->acc, packed_load(p, p->scales, c, block, NULL));
        at.zero[c] = packed_zero(p, p->zeros ? packed_load(p, p->zeros, c, block, NULL) : NULL);
    }
    if (p->scales_weights) {
        add_chunks(p, total, &at);
        return;
    }
    packed_cells(p, sums, "block", p->acc);
    add_chunks(p, sums, &at);
    for (int r = 0; r < p->row_count; r++) {
        for (int c = 0; c < p->column_count; c++) {
            Inst *sum = kb_get(b, sums[r][c]), *before = kb_get(b, total[r][c]);
            kb_set(b, total[r][c], lower_fma(p->lw, sum, at.scale[c], before));
        }
    }
}

/* Real weights from k on, one for each lane. */
static void add_real(PackedProduct *p, PackedCells sums, Inst *k)
{
    Inst *w[PACKED_COLUMNS];
    for (int c = 0; c < p->column_count; c++)
        w[c] = kb_cast(&p->lw->b, p->acc, packed_load(p, p->weights, c, k, NULL));
    packed_add_products(p, sums, w, k);
}

/* What fills vectors, into `total`. */
static void sum_whole(PackedProduct *p, PackedCells total)
{
    Builder *b = &p->lw->b;
    PackedCells lanes;
    p->lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, p->lanes), 1);
    packed_cells(p, lanes, "sum", p->acc);
    int64_t steps = p->bits ? p->blocks : p->depth / p->lanes;
    Inst *step = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, steps), 1);
    if (p->bits)
        add_block(p, lanes, step);
    else
        add_real(p, lanes, kb_add(b, kb_muli(b, step, p->lanes), p->lane));
    kb_end(b);
    packed_add_lanes(p, total, lanes);
    kb_end(b);
}

static void emit_tile(PackedProduct *p)
{
    Builder *b = &p->lw->b;
    PackedCells total;
    packed_total(p, total);
    sum_whole(p, total);
    if (!p->bits && p->depth % p->lanes) { /* the rest of real weights, one by one */
        Inst *from = kb_i64(b, p->depth / p->lanes * p->lanes);
        add_real(p, total, kb_for(b, LOOP_SERIAL, from, kb_i64(b, p->depth), 1));
        kb_end(b);
    }
    packed_store(p, total);
}

/* ---- Rows and columns ---- */

/* All rows, for columns [column, column + count). */
static void emit_all_rows(PackedProduct *p, Inst *column, int count)
{
    Builder *b = &p->lw->b;
    p->column_count = count;
    for (int c = 0; c < count; c++) p->column[c] = kb_addi(b, column, c);
    packed_all_rows(p, p->experts || size_is(p->rows, 1) || p->lw->target->plain);
}

/* Columns [from, to), `count` at a time. */
static void emit_columns(PackedProduct *p, Inst *from, Inst *to, int count)
{
    Inst *column = kb_for(&p->lw->b, LOOP_SERIAL, from, to, count);
    emit_all_rows(p, column, count);
    kb_end(&p->lw->b);
}

static void emit_kernel(PackedProduct *p)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    int wide = size_is(p->rows, 1) || p->experts ? PACKED_COLUMNS : PACKED_COLUMNS / 2;
    if (lw->target->plain) wide = 1;
    double flops = 2 * lower_work(lw, p->out) * (double)p->depth;
    lower_begin(lw, NULL);
    const Size *tasks = size_const(lw->sizes, (p->columns + TASK - 1) / TASK);
    Inst *from = kb_muli(b, kb_for_n(b, lower_parallel(lw, flops), tasks), TASK);
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, TASK), kb_i64(b, p->columns));
    Inst *whole = kb_i64(b, p->columns - p->columns % wide);
    emit_columns(p, from, kb_op(b, LI_MIN, to, whole), wide);
    if (p->columns % wide) emit_columns(p, kb_op(b, LI_MAX, from, whole), to, 1);
    kb_end(b);
    lower_end(lw);
}

/* ---- The node ---- */

/* The widest vector of bytes that blocks are made of. */
static int64_t lanes_of(const PackedProduct *p)
{
    int64_t lanes = p->lw->target->plain ? 1 : matrix_vector_lanes(p->lw, p->acc);
    while (p->bits && p->block_bytes % lanes) lanes /= 2;
    return lanes;
}

static void describe(PackedProduct *p, Lower *lw, const Node *node)
{
    *p = (PackedProduct){.lw = lw, .x = node->in[0], .weights = node->in[1], .out = node->out[0]};
    p->scales = node_in(node, 2);
    p->zeros = node_in(node, 3);
    p->experts = node_in(node, 4);
    p->table = node_in(node, 5);
    p->acc = lower_type(p->out->dtype);
    p->depth = p->x->dims[p->x->rank - 1]->value;
    p->columns = p->weights->dims[p->experts ? 1 : 0]->value;
    p->bits = node_int(node, "bits");
    p->high_first = node_int(node, "high_first") != 0;
    p->integer = node_int(node, "integer") != 0;
    p->parts = p->bits ? 8 / p->bits : 1;
    p->block = p->bits ? node_int(node, "block_size") : p->depth;
    p->blocks = p->block ? (p->depth + p->block - 1) / p->block : 0;
    p->block_bytes = p->block / p->parts;
    p->lanes = lanes_of(p);
    p->chunks = p->block_bytes / p->lanes;
    p->rows = packed_rows(lw, p->out);
    p->tile_rows = lower_registers(lw->target) < 32 ? PACKED_ROWS / 2 : PACKED_ROWS;
    p->scales_weights = !size_is(p->rows, 1) && !p->experts;
    p->emit_tile = emit_tile;
}

int lower_packed_product(Lower *lw, Node *node)
{
    PackedProduct p;
    describe(&p, lw, node);
    if (packed_is_by_columns(&p)) {
        packed_by_columns(&p);
        return 0;
    }
    if (p.bits) packed_reorder(&p, p.lanes);
    emit_kernel(&p);
    return 0;
}

/* Rows that choose their matrices are computed one by one in any case. */
const Size *rows_packed_product(Lower *lw, const Node *node)
{
    return node_in(node, 4) ? NULL : packed_rows(lw, node->out[0]);
}
