/* Matrix products and convolutions: one register-tiled kernel for all of them.
 *
 *     out[row, column] = init + sum over taps, depth of left[row, tap, depth] * right[tap, depth, column]
 *
 * A matrix product has one tap; a convolution's rows are output pixels along its last spatial axis,
 * its columns are output channels. A tile of `rows` x `vecs` vectors of `lanes` columns is kept in
 * registers; right operands that are constant are packed into the order in which the inner loop
 * reads them, [group][column block][tap][depth][vecs * lanes].
 *
 * Every output element is one chain of multiply-adds over taps and depth in ascending order (taps in
 * the padding are left out), whatever the tiling and wherever the tensors lie. */
#ifndef LPC_PASSES_LOWER_MATRIX_H
#define LPC_PASSES_LOWER_MATRIX_H

#include "passes/lower/frame/lower.h"

enum { TILE_ROWS = 32, TILE_VECS = 8, MATRIX_LOOPS = 12 };

/* How left and right elements meet. */
typedef enum MatrixMode {
    MATRIX_FLOAT,
    MATRIX_INTEGER,  /* i32 sums of products of (left - left_zero) and (right - right_zero) */
    MATRIX_QUANTISED /* the same, then scaled, rounded and saturated to the output's type */
} MatrixMode;

/* A tensor and which of its axes run along the product's. -1: none. */
typedef struct Operand {
    const Tensor *tensor; /* NULL: absent */
    int row, depth, column;
    Inst *at[MAX_RANK]; /* coordinates on the other axes; NULL: 0 */
} Operand;

/* One spatial axis: tap j of `taps` reads input coordinate q * step + offset + j * offset_step for
 * output position q, with the kernel's element first + j * tap_step. Position q is the output's
 * coordinate q * out_step + out_phase. */
typedef struct Axis {
    int64_t taps, first, tap_step, offset, offset_step, step, out_step, out_phase;
    int64_t kernel;         /* elements of the whole kernel along this axis */
    const Size *in, *count; /* input's size, number of positions */
    /* A transposed convolution's outer axis: taps are tested one by one. */
    bool transposed;
    int64_t stride, dilation, pad;
} Axis;

typedef enum LoopRole { LOOP_PLAIN, LOOP_GROUP, LOOP_COLUMNS, LOOP_BAND } LoopRole;

/* What a kernel loops over outside its tiles. */
typedef struct MatrixLoop {
    const Size *count;
    int left, right, out; /* axes that take this coordinate, -1: none */
    int window;           /* index of the outer window axis, -1: none */
    LoopRole role;
} MatrixLoop;

/* Zero points and scales of 8-bit operands; absent ones have no tensor. */
typedef struct Scales {
    Operand left_zero, right_zero, left_scale, right_scale, out_scale, out_zero;
} Scales;

/* How the columns and rows are cut into register tiles: matrix_choose.c. */
typedef struct TileShape {
    Tiling measured;
    int lanes, vecs, rows; /* rows x vecs vectors of `lanes` columns */
    int bands;
    int64_t band_tiles;
    bool column_outer; /* loop over column blocks outside the others */
    bool rolled;       /* results go through memory, so that the epilogue is emitted once a row */
} TileShape;

/* The right operand as the inner loop reads it. */
typedef struct Packed {
    Buffer *packed;       /* NULL: right is read where it lies */
    const Pack *unpacked; /* of width 1: how its coordinates stand for right's own (plain loops) */
    int vecs;             /* vectors of one packed block; a tile of one row takes several of them */
} Packed;

/* Products of bytes four at a time by DOT4 (matrix_dot.c): left's bytes are taken as unsigned or
 * signed ones after flipping their top bits, if need be, which moves the zero point. */
typedef struct DotBytes {
    bool on, is_unsigned, flips;
    int64_t zero; /* what flipping adds to left_zero */
    Buffer *sums; /* right's sums over depth, [group][block][tap][vecs * lanes] */
} DotBytes;

/* Where the code that is being emitted stands. */
typedef struct ProductAt {
    Inst *group, *block;
    Inst *tap_lo[MAX_RANK], *tap_hi[MAX_RANK]; /* of outer axes, clamped to the input */
    Inst *axis[MAX_RANK];                      /* output position on outer axes */
} ProductAt;

typedef struct Product {
    /* What is computed. */
    Lower *lw;
    MatrixMode mode;
    DType acc;
    Operand left, right, out, bias;
    Scales scales;
    double alpha, beta; /* of the sum and of bias; beta 1 and alpha 1 start the sum from bias */
    int64_t groups;     /* of columns and depth; the sizes below are per group */
    const Size *columns, *depth;
    Axis axis[MAX_RANK]; /* outer spatial axes, and last the row axis */
    int axes;
    MatrixLoop loop[MATRIX_LOOPS]; /* outermost first */
    int loops;
    /* Each column has its own left elements (left.column) and depth is 1: a depthwise convolution. */
    bool depthwise;
    /* How: chosen by product_kernel. */
    TileShape tile;
    Packed weights;
    DotBytes dot;
    ProductAt at;
} Product;

/* An empty product for lw->node: out is node_result, coordinates 0, one group, one tap. */
void product_init(Product *p, Lower *lw, MatrixMode mode);
void operand_set(Operand *o, const Tensor *tensor, int row, int depth, int column);
/* A 1-tap row axis over `count` rows. */
Axis axis_rows(const Size *count);
void product_loop(Product *p, const Size *count, int left, int right, int out);
/* Chooses tile and packing (with `phases` > 1 the row axis is done once per phase: see conv.c), emits
 * the kernel. flops at the bounds for the cost. */
typedef struct Phases {
    int count;
    const Axis *axis;
} Phases;
void product_kernel(Product *p, const char *suffix, const Pack *pack, const Phases *phases);
/* matrix_choose.c: sizes of the tile for packing: sets lanes, vecs and rows. */
void product_tile(Product *p);
/* The same for one row of a product whose right operand is packed in blocks of `width` columns for
 * many rows: a tile takes several blocks, so that enough sums are under way. */
void product_tile_one_row(Product *p, int64_t width);
/* Multiply-adds of an output element, at most 10^12. */
int64_t product_depth_bound(const Product *p);

/* The packed right operand: by lower_pack when it is constant, else by a kernel into scratch. */
Buffer *matrix_pack(Lower *lw, const Tensor *tensor, const Pack *pack, const char *suffix);
/* The tensor's element for packed coordinates d, all of which are inside. */
Inst *matrix_unpacked(Lower *lw, const Tensor *tensor, const Pack *pack, Inst *const *d);

/* matrix_dot.c: can the product of 8-bit integers use DOT4? Then packs right for it. */
bool matrix_dot_prepare(Product *p, const Pack *pack);
/* Four bytes of left as an i32; idx are coordinates of the first, depth counts in fours. */
Inst *matrix_dot_left(Product *p, Inst *const *idx, Inst *depth);

/* matrix_tile.c: one tile of `rows` rows from row position `first`. When `known` >= 0 the position
 * is that constant, and taps that fall into the padding are left out; else all taps are inside. */
void product_tile_emit(Product *p, Inst *first, int rows, int64_t known);
/* One row at any position, its taps clamped at run time. */
void product_row_emit(Product *p, Inst *position);

/* a * c + plus, fused where the target can. */
Inst *matrix_madd(Lower *lw, Inst *a, Inst *c, Inst *plus);
int64_t matrix_vector_lanes(const Lower *lw, DType acc);
/* True when coordinates (axes[0], ...) can be replaced by one flat coordinate on the last of them
 * that is not a unit axis, for this tensor. Unit axes everywhere are fine too. */
bool matrix_flattens(Lower *lw, const Tensor *tensor, const int *axes, int count);
/* The same for the node's result and everything that its epilogue reads; axes are the result's. */
bool matrix_result_flattens(Lower *lw, const int *axes, int count);

#endif
