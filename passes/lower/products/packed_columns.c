/* lpc.PackedProduct with a column of the weights for each lane: blocks may be as short as they like, and what
 * belongs to a block is a vector of scales.
 *
 *     weights      [(matrices,) columns / lanes, blocks, words, lanes, 4]  four bytes of a column are a word
 *     scales, ..   [(matrices,) columns / lanes, blocks, lanes]
 *
 *     for each few vectors of columns, for each tile of rows
 *         for each block
 *             sum[r, u] = 0
 *             for each word and each part of its bytes
 *                 sum[r, u] += x[r, ..] * code[u, ..]
 *             total[r, u] += sum[r, u] * scale[u]
 *
 * The sum is one of real numbers, x * (code - zero point); or of integers (packed_bytes.c), where x are bytes:
 * four products at a time, and the zero point is taken off by the sum of x's block:
 *
 *     sum = sum of bytes * codes - zero point * sum of bytes,  scale = scale[u] * x's own
 *
 * Sums have the same order on every target, and however many rows or columns are computed together. */
#include "passes/lower/products/packed.h"

#include "passes/lower/products/matrix.h"
#include "passes/lower/reductions/reduction.h"

#include <string.h>

enum {
    LEAST_LANES = 4,
    TASK_VECTORS = 4,       /* of columns, of a parallel task and of a tile of one row */
    TILE_VECTORS = 2,       /* of a tile of several rows */
    WORDS_UNROLLED = 4,     /* in a block without a loop */
    LONGEST_BLOCK = 1 << 14 /* whose sum of products of bytes fits i32 */
};

bool packed_is_by_columns(const PackedProduct *p)
{
    const Tensor *constants[] = {p->weights, p->scales, p->zeros};
    if (!p->bits || p->block_bytes % 4) return false;
    for (int i = 0; i < 3; i++)
        if (constants[i] && (!constants[i]->data || !tensor_is_static(constants[i]))) return false;
    return true;
}

/* ---- Layouts ---- */

/* Few columns fill no wide vector; a single one has no axis that lanes could be on. */
static int64_t lanes_of(const PackedProduct *p)
{
    int64_t lanes = matrix_vector_lanes(p->lw, p->acc);
    if (p->lw->target->plain || p->columns == 1) return 1;
    while (lanes > LEAST_LANES && lanes / 2 >= p->columns) lanes /= 2;
    return lanes;
}

static int64_t vectors_of(const PackedProduct *p)
{
    return (p->columns + p->lanes - 1) / p->lanes;
}

/* Axes [(matrices,) columns, blocks, ..] by columns; of codes, the bytes of a block come in fours. */
static Buffer *by_columns(const PackedProduct *p, const Tensor *tensor)
{
    bool is_codes = tensor == p->weights;
    int64_t matrices = p->experts ? p->weights->dims[0]->value : 1;
    const int64_t source[] = {matrices, p->columns, p->blocks, p->block_bytes};
    const int64_t dest[] = {matrices, vectors_of(p), p->blocks, p->by_column.words, p->lanes, 4};
    Pack pack;
    memset(&pack, 0, sizeof pack); /* lower_pack compares packs byte by byte */
    pack.source_rank = is_codes ? 4 : 3;
    pack.dest_rank = is_codes ? 6 : 5;
    memcpy(pack.source_dims, source, sizeof source);
    memcpy(pack.dest_dims, dest, sizeof dest);
    if (!is_codes) pack.dest_dims[3] = 1;
    pack.coef[0][0] = 1;
    pack.coef[1][1] = p->lanes;
    pack.coef[1][4] = 1;
    pack.coef[2][2] = 1;
    if (is_codes) {
        pack.coef[3][3] = 4;
        pack.coef[3][5] = 1;
    }
    return lower_pack(p->lw, tensor, &pack, "columns");
}

/* ---- A block ---- */

/* A block of each of the tile's columns. */
typedef struct ColumnBlock {
    Inst *block, *at[PACKED_COLUMNS]; /* at: the number of the block among all vectors' */
    Inst *scale[PACKED_COLUMNS], *zero[PACKED_COLUMNS];
} ColumnBlock;

static Inst *load_lane(PackedProduct *p, Buffer *buffer, Inst *at)
{
    Builder *b = &p->lw->b;
    Param *from = lower_whole(p->lw, buffer, false);
    return kb_load(b, from, kb_add(b, kb_muli(b, at, p->lanes), p->lane));
}

static void load_block(PackedProduct *p, ColumnBlock *at)
{
    Builder *b = &p->lw->b;
    for (int u = 0; u < p->column_count; u++) {
        Inst *vector = kb_addi(b, p->by_column.vector, u);
        if (p->experts) vector = kb_add(b, vector, kb_muli(b, p->expert, vectors_of(p)));
        at->at[u] = kb_add(b, kb_muli(b, vector, p->blocks), at->block);
        at->scale[u] = kb_cast(b, p->acc, load_lane(p, p->by_column.scales, at->at[u]));
        at->zero[u] =
            packed_zero(p, p->by_column.zeros ? load_lane(p, p->by_column.zeros, at->at[u]) : NULL);
    }
}

static void load_words(PackedProduct *p, const ColumnBlock *at, Inst *word, Inst **words)
{
    Builder *b = &p->lw->b;
    Param *codes = lower_whole_view(p->lw, p->by_column.codes, DT_I32);
    for (int u = 0; u < p->column_count; u++) {
        Inst *place = kb_add(b, kb_muli(b, at->at[u], p->by_column.words), word);
        words[u] = kb_load(b, codes, kb_add(b, kb_muli(b, place, p->lanes), p->lane));
    }
}

static void load_bytes(PackedProduct *p, const ColumnBlock *at, Inst *word, int64_t byte,
                       Inst **bytes)
{
    Builder *b = &p->lw->b;
    Param *codes = lower_whole(p->lw, p->by_column.codes, false);
    for (int u = 0; u < p->column_count; u++) {
        Inst *place = kb_add(b, kb_muli(b, at->at[u], p->by_column.words), word);
        place = kb_muli(b, kb_add(b, kb_muli(b, place, p->lanes), p->lane), 4);
        bytes[u] = kb_cast(b, DT_I32, kb_load(b, codes, kb_addi(b, place, byte)));
    }
}

/* The codes of real numbers, one after the other. The first byte is a word's lowest where there are vectors; C
 * without them may be for a big-endian machine, too. */
static void add_word(PackedProduct *p, PackedCells sums, const ColumnBlock *at, Inst *word)
{
    Builder *b = &p->lw->b;
    bool whole = p->lanes > 1;
    Inst *words[PACKED_COLUMNS], *w[PACKED_COLUMNS];
    if (whole) load_words(p, at, word, words);
    Inst *first = kb_muli(b, at->block, p->block);
    first = kb_add(b, first, kb_muli(b, word, 4 * p->parts));
    for (int64_t byte = 0; byte < 4; byte++) {
        if (!whole) load_bytes(p, at, word, byte, words);
        for (int64_t part = 0; part < p->parts; part++) {
            int64_t shift = packed_shift(p, part) + (whole ? 8 * byte : 0);
            for (int u = 0; u < p->column_count; u++)
                w[u] = packed_value(p, words[u], shift, whole ? 32 : 8, at->zero[u]);
            packed_add_products(p, sums, w, kb_addi(b, first, byte * p->parts + part));
        }
    }
}

/* Four codes of each lane as bytes. */
static Inst *bytes_of(const PackedProduct *p, Inst *word, int64_t part)
{
    Builder *b = &p->lw->b;
    int64_t shift = packed_shift(p, part), mask = (1 << p->bits) - 1;
    if (p->bits == 8 && p->by_column.is_unsigned) return word;
    if (p->bits == 8) return kb_op(b, LI_XOR, word, kb_int(b, DT_I32, (int32_t)0x80808080));
    if (shift) word = kb_op(b, LI_SHR, word, kb_int(b, DT_I32, shift));
    return kb_op(b, LI_AND, word, kb_int(b, DT_I32, mask * 0x01010101));
}

static void add_word_of_bytes(PackedProduct *p, PackedCells sums, const ColumnBlock *at, Inst *word)
{
    Builder *b = &p->lw->b;
    Inst *words[PACKED_COLUMNS];
    load_words(p, at, word, words);
    Param *bytes = lower_whole_view(p->lw, p->by_column.bytes, DT_I32);
    Inst *first = kb_muli(b, at->block, p->block / 4);
    first = kb_add(b, first, kb_muli(b, word, p->parts));
    for (int64_t part = 0; part < p->parts; part++) {
        Inst *codes[PACKED_COLUMNS];
        for (int u = 0; u < p->column_count; u++) codes[u] = bytes_of(p, words[u], part);
        for (int r = 0; r < p->row_count; r++) {
            Inst *row = kb_muli(b, p->x_row[r], p->blocks * p->block / 4);
            Inst *x = kb_load(b, bytes, kb_add(b, row, kb_addi(b, first, part)));
            for (int u = 0; u < p->column_count; u++) {
                Inst *sum = kb_get(b, sums[r][u]);
                kb_set(b, sums[r][u], kb_dot4(b, sum, codes[u], x, p->by_column.is_unsigned));
            }
        }
    }
}

static void add_words(PackedProduct *p, PackedCells sums, const ColumnBlock *at)
{
    Builder *b = &p->lw->b;
    void (*add)(PackedProduct *, PackedCells, const ColumnBlock *, Inst *) =
        p->integer ? add_word_of_bytes : add_word;
    int64_t unrolled = p->integer ? WORDS_UNROLLED : 1;
    if (p->by_column.words <= unrolled) {
        for (int64_t i = 0; i < p->by_column.words; i++) add(p, sums, at, kb_i64(b, i));
        return;
    }
    Inst *word = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->by_column.words), 1);
    add(p, sums, at, word);
    kb_end(b);
}

/* A block's sum of bytes and codes as a number: without the zero point, of bytes that are signed. */
static Inst *less_zero(PackedProduct *p, Inst *sum, Inst *zero, Inst *x_sum)
{
    Builder *b = &p->lw->b;
    bool moved = p->bits == 8 && !p->by_column.is_unsigned; /* by 128: bytes_of */
    if (dtype_is_float(zero->type.dtype)) {
        if (moved) zero = kb_sub(b, zero, kb_const(b, p->acc, 128));
        Inst *less = kb_mul(b, zero, kb_cast(b, p->acc, x_sum));
        return kb_sub(b, kb_cast(b, p->acc, sum), less);
    }
    if (moved) zero = kb_sub(b, zero, kb_int(b, DT_I32, 128));
    return kb_cast(b, p->acc, kb_sub(b, sum, kb_mul(b, zero, x_sum)));
}

static void add_block(PackedProduct *p, PackedCells total, Inst *block)
{
    Builder *b = &p->lw->b;
    PackedCells sums;
    ColumnBlock at = {.block = block};
    load_block(p, &at);
    packed_cells(p, sums, "block", p->integer ? DT_I32 : p->acc);
    add_words(p, sums, &at);
    for (int r = 0; r < p->row_count; r++) {
        Inst *x_scale = NULL, *x_sum = NULL;
        if (p->integer) {
            Inst *x_block = kb_add(b, kb_muli(b, p->x_row[r], p->blocks), block);
            x_scale = kb_load(b, lower_whole(p->lw, p->by_column.x_scales, false), x_block);
            x_sum = kb_load(b, lower_whole(p->lw, p->by_column.x_sums, false), x_block);
        }
        for (int u = 0; u < p->column_count; u++) {
            Inst *sum = kb_get(b, sums[r][u]), *scale = at.scale[u];
            if (p->integer) {
                sum = less_zero(p, sum, at.zero[u], x_sum);
                scale = kb_mul(b, scale, x_scale);
            }
            kb_set(b, total[r][u], lower_fma(p->lw, sum, scale, kb_get(b, total[r][u])));
        }
    }
}

/* ---- Tiles ---- */

static bool rows_alone(const PackedProduct *p)
{
    return p->experts || size_is(p->rows, 1);
}

/* The last vector may reach beyond the last column. */
static void store_vector(PackedProduct *p, PackedCells total, int u)
{
    Builder *b = &p->lw->b;
    Inst *first = kb_muli(b, kb_addi(b, p->by_column.vector, u), p->lanes);
    Inst *column = kb_add(b, first, p->lane), *left = NULL;
    if (p->columns % p->lanes) left = kb_sub(b, kb_i64(b, p->columns), column);
    Limit before = kb_limit(b, (Limit){p->lane, left});
    for (int r = 0; r < p->row_count; r++) {
        p->idx[r][p->out->rank - 1] = column;
        lower_store(p->lw, p->idx[r], kb_get(b, total[r][u]));
    }
    kb_limit(b, before);
}

static void emit_tile(PackedProduct *p)
{
    Builder *b = &p->lw->b;
    PackedCells total;
    p->lane = kb_for(b, LOOP_VECTOR, kb_i64(b, 0), kb_i64(b, p->lanes), 1);
    packed_cells(p, total, "total", p->acc);
    Inst *block = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, p->blocks), 1);
    add_block(p, total, block);
    kb_end(b);
    for (int u = 0; u < p->column_count; u++) store_vector(p, total, u);
    kb_end(b);
}

/* Vectors [from, to) of columns, `count` at a time. */
static void emit_vectors(PackedProduct *p, Inst *from, Inst *to, int count)
{
    Builder *b = &p->lw->b;
    p->column_count = count;
    p->by_column.vector = kb_for(b, LOOP_SERIAL, from, to, count);
    packed_all_rows(p, rows_alone(p));
    kb_end(b);
}

static void emit_kernel(PackedProduct *p)
{
    Lower *lw = p->lw;
    Builder *b = &lw->b;
    int64_t all = vectors_of(p);
    int together = rows_alone(p) ? TASK_VECTORS : TILE_VECTORS;
    if (lw->target->plain) together = 1;
    double flops = 2 * lower_work(lw, p->out) * (double)p->depth;
    lower_begin(lw, NULL);
    const Size *tasks = size_const(lw->sizes, (all + TASK_VECTORS - 1) / TASK_VECTORS);
    Inst *from = kb_muli(b, kb_for_n(b, lower_parallel(lw, flops), tasks), TASK_VECTORS);
    Inst *to = kb_op(b, LI_MIN, kb_addi(b, from, TASK_VECTORS), kb_i64(b, all));
    Inst *whole = kb_i64(b, all - all % together);
    emit_vectors(p, from, kb_op(b, LI_MIN, to, whole), together);
    if (all % together) emit_vectors(p, kb_op(b, LI_MAX, from, whole), to, 1);
    kb_end(b);
    lower_end(lw);
}

void packed_by_columns(PackedProduct *p)
{
    p->lanes = lanes_of(p);
    p->tile_rows = 4;
    p->emit_tile = emit_tile;
    p->integer = p->integer && !p->table && p->acc == DT_F32 && p->block <= LONGEST_BLOCK;
    p->by_column.words = p->block_bytes / 4;
    p->by_column.is_unsigned = lower_dot4(p->lw->target) != 2;
    p->by_column.codes = by_columns(p, p->weights);
    p->by_column.scales = by_columns(p, p->scales);
    if (p->zeros) p->by_column.zeros = by_columns(p, p->zeros);
    if (p->integer)
        packed_bytes(p);
    else if (p->depth % p->block || p->x->is_inlined || p->x->dtype != p->acc)
        packed_reorder(p, 1); /* in its own order, as numbers up to the blocks' end */
    emit_kernel(p);
}
