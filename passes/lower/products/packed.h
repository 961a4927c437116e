/* lpc.PackedProduct: products with weights that stay as few bits as the model has them, and with one of
 * many matrices for each row.
 *
 *     out[.., n] = sum over k of x[.., k] * w[e, n, k],  e = experts[..]
 *     w = (code - zero point) * scale, both of the block of block_size codes along k,
 *     or table[code] * scale
 *
 * Its inputs are (x, weights, scales, zero points, e, table). Weights of `bits` bits are u8 [(matrices,) columns,
 * blocks, bytes of a block], the low bits of a byte first, or the high ones; of 0 bits they are real numbers
 * [(matrices,) columns, depth]. Each output element is a dot product along a row of the
 * weights, which is read once, as it lies, by a vector of bytes at a time: each byte gives a code to each of
 * its parts, so that x is put into an order first in which the elements for one part of a vector of bytes
 * stand next to each other:
 *
 *     bytes of a vector   b0 b1 .. bL     their codes  c0 c1 | c2 c3 | ..   (two in a byte)
 *     x in that order     x0 x2 .. x2L-2 | x1 x3 .. x2L-1
 *
 * A sum has one partial sum for each lane. One row sums x * (code - zero point) within a block; that times the scale
 * is added to the sum of blocks. Where several rows share weights, these get their scale first. The order of
 * additions depends on the target's lanes, not on how many rows or columns are computed together.
 *
 * That is for weights that a run brings and for real ones. Constant codes are laid out by columns when they are
 * written, a column for each lane (packed_columns.c); with `integer`, x may then become bytes of a scale for each
 * block (packed_bytes.c). */
#ifndef LPC_PASSES_LOWER_PACKED_H
#define LPC_PASSES_LOWER_PACKED_H

#include "passes/lower/frame/lower.h"

enum { PACKED_ROWS = 8, PACKED_COLUMNS = 4 }; /* computed together, at most */
enum { PACKED_TABLE = 16 };                   /* elements of a table, of codes of 4 bits */

typedef struct PackedProduct PackedProduct;

/* What packed_columns.c has besides: weights, scales and zero points by columns, and x in bytes. */
typedef struct PackedColumns {
    Buffer *codes, *scales, *zeros;    /* zeros NULL: all the same */
    Buffer *bytes, *x_scales, *x_sums; /* of integers: of x, its blocks' scales and sums of bytes */
    int64_t words;                     /* of four bytes in a block of a column */
    bool is_unsigned;                  /* the codes as bytes */
    Inst *vector;                      /* the tile's first vector of columns */
} PackedColumns;

struct PackedProduct {
    Lower *lw;
    const Tensor *x, *weights, *scales, *zeros, *experts, *table, *out;
    int64_t depth, columns, bits, parts; /* parts: codes in a byte; 1 for real numbers */
    int64_t block, blocks, block_bytes;  /* of real numbers: one block of what fills vectors */
    int64_t lanes, chunks;               /* chunks: vectors of bytes in a block */
    bool high_first;
    bool integer;        /* x may be multiplied as bytes */
    bool scales_weights; /* rather than the sum of a block: for rows that share weights */
    DType acc;
    const Size *rows;  /* of the output */
    int tile_rows;     /* that share weights */
    Buffer *reordered; /* x, [rows of x, blocks * block]; NULL: x as it is */
    /* The tile that is emitted. */
    int row_count, column_count;
    void (*emit_tile)(PackedProduct *p);
    Inst *lane, *expert;
    Inst *x_row[PACKED_ROWS]; /* the number of x's row */
    Inst *idx[PACKED_ROWS][MAX_RANK];
    Inst *column[PACKED_COLUMNS];
    PackedColumns by_column;
};

/* A number for each row and column of the tile. */
typedef Cell *PackedCells[PACKED_ROWS][PACKED_COLUMNS];

/* By how many bits part `part` of a byte is shifted in it. */
int64_t packed_shift(const PackedProduct *p, int64_t part);
/* The value of the code that is shifted by so many bits in an i32 of `width` bits, before the scale; `zero`
 * as packed_zero made it. */
Inst *packed_value(const PackedProduct *p, Inst *word, int64_t shift, int width, Inst *zero);
/* The zero point of a block in the type in which it is subtracted; NULL: codes stand for themselves. */
Inst *packed_zero(const PackedProduct *p, Inst *zero);
/* An element of the weights, or of what belongs to a block, of the tile's column c. */
Inst *packed_load(PackedProduct *p, const Tensor *tensor, int c, Inst *second, Inst *third);
/* Element `at` of x's row that belongs to the tile's row r, in its order. */
Inst *packed_load_x(PackedProduct *p, int r, Inst *at);
/* The tile's row r is row `row` of the output. */
void packed_set_row(PackedProduct *p, int r, Inst *row);
/* Tiles of all rows, for the tile's columns; `one_by_one`: of one row each. */
void packed_all_rows(PackedProduct *p, bool one_by_one);
/* Cells that are 0; of a total, which all lanes add to. */
void packed_cells(PackedProduct *p, PackedCells cells, const char *name, DType dtype);
void packed_total(PackedProduct *p, PackedCells total);
/* Adds x * w for all rows and columns of the tile; `at` is where x's vector is. */
void packed_add_products(PackedProduct *p, PackedCells sums, Inst *const *w, Inst *at);
/* Adds each lane's sums to the total; stores it. */
void packed_add_lanes(PackedProduct *p, PackedCells total, PackedCells lanes);
void packed_store(PackedProduct *p, PackedCells total);
/* Rows of a tensor: all axes but the last. */
const Size *packed_rows(Lower *lw, const Tensor *tensor);
/* Puts x into its order, for vectors of so many bytes of weights. */
void packed_reorder(PackedProduct *p, int64_t lanes);
/* Are the weights laid out by columns? (packed_columns.c) */
bool packed_is_by_columns(const PackedProduct *p);
void packed_by_columns(PackedProduct *p);
/* Makes x bytes. (packed_bytes.c) */
void packed_bytes(PackedProduct *p);

#endif
