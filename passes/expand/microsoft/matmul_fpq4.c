/* MatMulFpQ4 of com.microsoft: weights of 4 bits as ONNX Runtime's own packing leaves them, in one list of bytes:
 *
 *     for each column, for each block of 32 rows: a scale (f32), with blk_quant_type 1 a zero point (u8), and 16
 *     bytes, whose low halves are the block's first 16 rows and whose high halves the others
 *
 * They are put in order when lpc compiles, and go the way of MatMulNBits. */
#include "passes/expand/microsoft/packed.h"

#include <string.h>

enum { BLOCK = 32, HALF = BLOCK / 2 };

typedef struct FpQ4 {
    int64_t depth, columns, blocks;
    const uint8_t *bytes;
    int64_t head; /* bytes of a block before its codes */
} FpQ4;

static int read_fpq4(Expand *x, FpQ4 *m)
{
    const Tensor *b = x_in(x, 1);
    const int64_t *shape;
    int count;
    if (!b->data || b->dtype != DT_U8) return x_fail(x, "B must be a constant of bytes");
    if (!tensor_known_ints(x->g->arena, x_in(x, 2), &count, &shape) || count != 2)
        return x_fail(x, "B_shape must be a constant of 2 sizes");
    for (int i = 0; i < 2; i++)
        if (shape[i] < 1 || shape[i] > INT32_MAX)
            return x_fail(x, "B_shape: expected positive sizes");
    *m = (FpQ4){.depth = shape[0],
                .columns = shape[1],
                .blocks = (shape[0] + BLOCK - 1) / BLOCK,
                .bytes = b->data->data,
                .head = node_int(x->n, "blk_quant_type") ? 5 : 4};
    int64_t expected = m->columns * m->blocks * (m->head + HALF);
    if (tensor_static_elements(b) != expected)
        return x_fail(x, "B: expected %lld bytes for %lld rows and %lld columns, got %lld",
                      (long long)expected, (long long)m->depth, (long long)m->columns,
                      (long long)tensor_static_elements(b));
    xp_need_depth(x, "B_shape[0]", m->depth);
    return x->code;
}

/* Row 2 * i of a block in the low half of byte i, row 2 * i + 1 in its high half. */
static void order_codes(const uint8_t *from, uint8_t *to)
{
    for (int i = 0; i < HALF; i++) {
        int first = 2 * i % HALF, high = i < HALF / 2 ? 0 : 4;
        to[i] = (uint8_t)((from[first] >> high & 15) | (from[first + 1] >> high & 15) << 4);
    }
}

int expand_ms_matmul_fp_q4(Expand *x)
{
    FpQ4 m = {0};
    TRY(read_fpq4(x, &m));
    int64_t count = m.columns * m.blocks;
    uint8_t *codes = arena_alloc(x->g->arena, (size_t)count * HALF);
    uint8_t *zeros = arena_alloc(x->g->arena, (size_t)count);
    float *scales = arena_array(x->g->arena, (size_t)count, sizeof *scales);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *block = m.bytes + i * (m.head + HALF);
        memcpy(&scales[i], block, sizeof *scales);
        zeros[i] = block[4];
        order_codes(block + m.head, codes + i * HALF);
    }
    const int64_t dims[] = {m.columns, m.blocks, HALF};
    PackedWeights w = {.bits = 4, .block_size = BLOCK};
    w.weights = x_constant(x, DT_U8, 3, dims, codes);
    w.scales = x_constant(x, DT_F32, 2, dims, scales);
    if (m.head == 5) w.zeros = x_constant(x, DT_U8, 2, dims, zeros);
    x_result(x, 0, xp_product(x, x_in(x, 0), &w));
    return 0;
}
