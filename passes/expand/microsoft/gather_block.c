/* GatherBlockQuantized of com.microsoft: (data, indices, scales, zero points). What is gathered is still
 * quantised, and becomes real numbers after that. */
#include "passes/expand/microsoft/packed.h"

typedef struct Blocks {
    int gather, along; /* axes of the data */
    int64_t bits, size;
    bool in_bytes; /* of codes, rather than in elements of their own type */
    Tensor *valid, *safe;
} Blocks;

static int axis_of(Expand *x, const char *name, int rank)
{
    int64_t axis = node_int(x->n, name);
    if (axis < -rank || axis >= rank)
        x_fail(x, "%s: %lld is not one of %d", name, (long long)axis, rank);
    return (int)(axis < 0 ? axis + rank : axis);
}

/* An index out of range takes nothing: its elements are 0. */
static void check_indices(Expand *x, Blocks *m, Tensor *indices)
{
    const Size *size = x_dim(x, x_in(x, 0), m->gather);
    Tensor *zero = x_like(x, indices, 0);
    Tensor *end = x_cast(x, x_reshape(x, x_sizes(x, 1, &size), 0, NULL), indices->dtype);
    Tensor *below = x_op2(x, OP_LESS, indices, end);
    Tensor *above = x_op2(x, OP_GREATER_OR_EQUAL, indices, x_op1(x, OP_NEG, end));
    m->valid = x_op2(x, OP_AND, below, above);
    m->safe = x_op3(x, OP_WHERE, m->valid, indices, zero);
}

static void read_blocks(Expand *x, Blocks *m)
{
    const Tensor *data = x_in(x, 0);
    m->gather = axis_of(x, "gather_axis", data->rank);
    m->along = axis_of(x, "quantize_axis", data->rank);
    m->bits = node_int(x->n, "bits");
    m->size = node_int(x->n, "block_size");
    m->in_bytes = data->dtype == DT_U8;
    if (!xp_blocks_are_valid(x, m->bits, m->size)) return;
    if (m->gather == m->along) x_fail(x, "gather_axis and quantize_axis must differ");
    if (m->in_bytes && m->bits < 8 && m->along != data->rank - 1)
        x_fail(x, "quantize_axis: expected the last axis, along which codes are packed");
    if (!m->in_bytes && m->bits != 4)
        x_fail(x, "bits: expected 4 for type %s", dtype_name(data->dtype));
}

/* Codes for each of `count` blocks. */
static Tensor *zero_points(Expand *x, const Blocks *m, Tensor *scales)
{
    Tensor *zeros = x_in(x, 3);
    double middle = m->in_bytes ? 1 << (m->bits - 1) : 0;
    if (!x_ok(x)) return NULL;
    if (!zeros) {
        if (middle == 0) return NULL;
        return x_expand(x, x_scalar(x, DT_U8, middle), scales->rank, scales->dims);
    }
    zeros = x_gather(x, zeros, m->safe, m->gather);
    if (!m->in_bytes || m->bits == 8) return zeros;
    return xp_unpack(x, zeros, m->bits, false, x_static(x, scales, -1, "the number of blocks"));
}

/* 0 where the index was out of range. */
static Tensor *only_valid(Expand *x, const Blocks *m, Tensor *y)
{
    Tensor *valid = m->valid;
    int behind = x_rank(x, x_in(x, 0)) - 1 - m->gather;
    for (int i = 0; i < behind; i++) valid = x_unsqueeze(x, valid, -1);
    return x_op3(x, OP_WHERE, valid, y, x_like(x, y, 0));
}

int expand_ms_gather_block_quantized(Expand *x)
{
    Blocks m = {0};
    Tensor *data = x_in(x, 0), *scales = x_in(x, 2);
    read_blocks(x, &m);
    if (!x_ok(x)) return LPC_ERROR;
    check_indices(x, &m, x_in(x, 1));
    data = x_gather(x, data, m.safe, m.gather);
    scales = x_gather(x, scales, m.safe, m.gather);
    if (m.in_bytes && m.bits < 8) {
        int64_t bytes = x_static(x, data, -1, "the last size of the data");
        data = xp_unpack(x, data, m.bits, false, bytes * (8 / m.bits));
    }
    int along = m.along < m.gather ? m.along : m.along + x_rank(x, x_in(x, 1)) - 1;
    Tensor *zeros = zero_points(x, &m, scales);
    x_int(x, "axis", along);
    x_int(x, "block_size", m.size);
    Tensor *y = x_op3(x, OP_DEQUANTIZE_LINEAR, data, scales, zeros);
    x_result(x, 0, only_valid(x, &m, y));
    return 0;
}
