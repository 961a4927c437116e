/* What rules of operators share whose weights have few bits. */
#include "passes/expand/microsoft/packed.h"

Tensor *xp_unpack(Expand *x, Tensor *bytes, int64_t bits, bool high_first, int64_t count)
{
    int64_t parts = 8 / bits;
    uint8_t shift[8], mask = (uint8_t)((1u << bits) - 1);
    const Size *dims[MAX_RANK];
    int rank = x_rank(x, bytes);
    if (!x_ok(x) || parts == 1) return bytes;
    for (int64_t i = 0; i < parts; i++)
        shift[i] = (uint8_t)((high_first ? parts - 1 - i : i) * bits);
    Tensor *shifts = x_constant(x, DT_U8, 1, &parts, shift), *each = x_unsqueeze(x, bytes, -1);
    x_string(x, "direction", "RIGHT");
    Tensor *shifted = x_op2(x, OP_BIT_SHIFT, each, shifts);
    Tensor *codes = x_op2(x, OP_BITWISE_AND, shifted, x_scalar(x, DT_U8, mask));
    for (int i = 0; i < rank; i++) dims[i] = x_dim(x, bytes, i);
    dims[rank - 1] = size_muli(x->g->sizes, dims[rank - 1], parts);
    codes = x_reshape(x, codes, rank, dims);
    if (size_is(dims[rank - 1], count)) return codes;
    return x_slice(x, codes, -1, x_size(x, 0), x_size(x, count));
}

Tensor *xp_shaped(Expand *x, Tensor *t, const char *what, int rank, const int64_t *dims)
{
    const Size *sizes[MAX_RANK], *count = x_size(x, 1);
    if (!x_ok(x) || !t) return t;
    bool same = t->rank == rank;
    for (int i = 0; i < rank; i++) {
        sizes[i] = x_size(x, dims[i]);
        count = size_mul(x->g->sizes, count, sizes[i]);
        same = same && t->dims[i] == sizes[i];
    }
    if (same) return t;
    if (tensor_elements(x->g->sizes, t) == count) return x_reshape(x, t, rank, sizes);
    x_fail(x, "%s ('%s'): expected %s elements, got %s", what, t->name,
           size_text(x->g->sizes, count), size_text(x->g->sizes, tensor_elements(x->g->sizes, t)));
    return NULL;
}

Tensor *xp_product(Expand *x, Tensor *a, const PackedWeights *w)
{
    Tensor *in[] = {a, w->weights, w->scales, w->zeros, w->rows, w->table};
    x_int(x, "bits", w->bits);
    x_int(x, "block_size", w->block_size);
    if (w->high_first) x_int(x, "high_first", 1);
    int64_t level = x->g->accuracy_level ? x->g->accuracy_level : w->accuracy_level;
    if (level == 4 && w->bits) x_int(x, "integer", 1);
    return x_op(x, OP_PACKED_PRODUCT, 6, in);
}

void xp_need_depth(Expand *x, const char *attr, int64_t depth)
{
    const Tensor *a = x_in(x, 0);
    if (x_rank(x, a) < 1) x_fail(x, "A: a scalar has no rows");
    const Size *size = x_dim(x, a, -1);
    if (x_ok(x) && size != x_size(x, depth))
        x_fail(x, "A: expected %s = %lld elements in a row, got %s", attr, (long long)depth,
               size_text(x->g->sizes, size));
}

bool xp_blocks_are_valid(Expand *x, int64_t bits, int64_t block_size)
{
    if (bits != 2 && bits != 4 && bits != 8)
        x_fail(x, "bits: expected 2, 4 or 8, got %lld", (long long)bits);
    else if (block_size < 16 || block_size > (1 << 30) || (block_size & (block_size - 1)))
        x_fail(x, "block_size: expected a power of 2 from 16 on, got %lld", (long long)block_size);
    return x_ok(x);
}
