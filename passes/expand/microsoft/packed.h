/* What rules of operators share whose weights have few bits. (packed.c) */
#ifndef LPC_PASSES_EXPAND_MICROSOFT_PACKED_H
#define LPC_PASSES_EXPAND_MICROSOFT_PACKED_H

#include "passes/expand/build/build.h"

/* Codes of `bits` bits along the last axis of bytes, the low ones of a byte first, or the high ones: u8, the
 * first `count` of them. */
Tensor *xp_unpack(Expand *x, Tensor *bytes, int64_t bits, bool high_first, int64_t count);

/* t with these sizes, itself when it has them; reports when its elements are not as many. */
Tensor *xp_shaped(Expand *x, Tensor *t, const char *what, int rank, const int64_t *dims);

/* lpc.PackedProduct. passes/lower/products/packed.h says what it has; `rows` says which matrix. */
typedef struct PackedWeights {
    Tensor *weights, *scales, *zeros, *rows, *table;
    int64_t bits, block_size;
    int64_t accuracy_level; /* of the node; 4: its input may become bytes */
    bool high_first;
} PackedWeights;
Tensor *xp_product(Expand *x, Tensor *a, const PackedWeights *w);

/* Reports unless input 0 has `depth` elements in a row. */
void xp_need_depth(Expand *x, const char *attr, int64_t depth);
/* Reports unless bits are 2, 4 or 8, and the block is a power of 2 from 16 on. */
bool xp_blocks_are_valid(Expand *x, int64_t bits, int64_t block_size);

#endif
