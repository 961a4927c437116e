/* GatherBlockQuantized of com.microsoft: (data, indices, scales, zero points). What is gathered is still
 * quantised, and becomes real numbers after that. */
#include "passes/expand/microsoft/packed.h"

typedef struct Blocks {
    int gather, along; /* axes of the data */
    int64_t bits, size;
    bool in_bytes; /* of codes, rather than in elements of their own type */
    bool is_float; /* those are small floats */
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
    Tensor *end = x_cast(x, x_size_scalar(x, size), indices->dtype);
    Tensor *below = x_op2(x, OP_LESS, indices, end);
    Tensor *above = x_op2(x, OP_GREATER_OR_EQUAL, indices, x_op1(x, OP_NEG, end));
    m->valid = x_op2(x, OP_AND, below, above);
    m->safe = x_op3(x, OP_WHERE, m->valid, indices, zero);
}

/* Codes of integers are packed in bytes, or have 4 bits; small floats have no zero points, and one block may be
 * the whole axis. */
static void read_blocks(Expand *x, Blocks *m)
{
    const Tensor *data = x_in(x, 0);
    m->gather = axis_of(x, "gather_axis", data->rank);
    m->along = axis_of(x, "quantize_axis", data->rank);
    m->bits = node_int(x->n, "bits");
    m->size = node_int(x->n, "block_size");
    m->in_bytes = data->dtype == DT_U8;
    m->is_float = dtype_is_code(data->dtype);
    if (m->is_float) {
        if (x_in(x, 3)) x_fail(x, "zero points: %s has none", dtype_name(data->dtype));
        if (m->size == 0) m->size = x_static(x, data, m->along, "the size of quantize_axis");
        if (m->size < 1) x_fail(x, "block_size: must be positive");
    } else if (xp_blocks_are_valid(x, m->bits, m->size) && !m->in_bytes && data->dtype != DT_I4 &&
               data->dtype != DT_U4) {
        x_fail(x, "data: type %s is not supported", dtype_name(data->dtype));
    }
    if (m->gather == m->along) x_fail(x, "gather_axis and quantize_axis must differ");
    if (m->in_bytes && m->bits < 8 && m->along != data->rank - 1)
        x_fail(x, "quantize_axis: expected the last axis, along which codes are packed");
}

/* As many scales (zero points: their bytes) as the data has blocks; `parts` in an element. Small floats may
 * have one for all of an axis: *whole gets the sizes without that. */
static void need_blocks(Expand *x, const Blocks *m, int in, int64_t parts, const Size **whole)
{
    const Tensor *data = x_in(x, 0), *t = x_in(x, in);
    SizeTable *sizes = x->g->sizes;
    if (!t || !x_ok(x) || x_need_rank(x, in, data->rank)) return;
    int64_t codes = m->in_bytes ? 8 / m->bits : 1;
    for (int i = 0; i < data->rank; i++) {
        whole[i] = data->dims[i];
        if (i == m->along) {
            const Size *all = size_muli(sizes, whole[i], codes);
            whole[i] = size_divi(sizes, size_add(sizes, all, x_size(x, m->size - 1)), m->size);
            whole[i] = size_divi(sizes, size_add(sizes, whole[i], x_size(x, parts - 1)), parts);
        } else if (m->is_float && size_is(t->dims[i], 1)) {
            continue;
        }
        if (t->dims[i] != whole[i])
            x_fail(x, "input %d ('%s'): axis %d has %s elements, expected %s", in, t->name, i,
                   size_text(sizes, t->dims[i]), size_text(sizes, whole[i]));
    }
}

/* Codes for each of `count` blocks. */
static Tensor *zero_points(Expand *x, const Blocks *m, Tensor *scales)
{
    Tensor *zeros = x_in(x, 3);
    double middle = m->in_bytes ? 1 << (m->bits - 1) : 0; /* of 4-bit types: 0 */
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
    const Size *blocks[MAX_RANK], *unused[MAX_RANK];
    Tensor *data = x_in(x, 0), *scales = x_in(x, 2);
    read_blocks(x, &m);
    need_blocks(x, &m, 2, 1, blocks);
    need_blocks(x, &m, 3, m.in_bytes && x_ok(x) ? 8 / m.bits : 1, unused);
    if (!x_ok(x)) return LPC_ERROR;
    check_indices(x, &m, x_in(x, 1));
    data = x_gather(x, data, m.safe, m.gather);
    if (m.is_float) scales = x_expand(x, scales, scales->rank, blocks);
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
