/* What the files of Winograd's minimal filtering share; winograd.c says how it goes. */
#ifndef LPC_PASSES_LOWER_WINOGRAD_H
#define LPC_PASSES_LOWER_WINOGRAD_H

#include "passes/lower/products/conv.h"

/* Where F(4x4, 3x3) interpolates. */
#define ROOT_HALF 0.70710678118654752440
#define ROOT_2    1.41421356237309504880

typedef struct Winograd {
    Lower *lw;
    const Conv *c;
    int m, n; /* outputs and inputs of a tile, along each axis */
    int64_t tiles_y, tiles_x, tiles;
    int64_t depth;         /* rounded up to whole vectors in scratch */
    int lanes, vecs, rows; /* of a register tile */
    int64_t width;         /* of a column block */
    int64_t block, blocks; /* tiles in a block, number of them */
    int64_t column_blocks;
    int64_t tasks; /* slices of transformed inputs */
    Buffer *weights, *inputs;
} Winograd;

static inline int64_t ceil_div(int64_t a, int64_t c)
{
    return (a + c - 1) / c;
}

static inline int64_t positions(const Winograd *w)
{
    return (int64_t)w->n * w->n;
}

/* winograd_weights.c: the transformed weights. */
Buffer *winograd_weights(const Winograd *w);

/* ---- winograd_choose.c ---- */

/* Can the convolution go this way at all? */
bool winograd_fits(const Conv *c);
/* m of F(m x m, 3x3), as measured or by the rules; 0: the direct kernel is about as fast. */
int winograd_method(const Conv *c, const Tiling *tiling);
/* Register tile and blocks, as measured or by the rules, with notes of what else could be tried. */
void winograd_tile(Winograd *w, const Tiling *tiling);

#endif
