/* MatMulBnb4 of com.microsoft: weights in the four-bit floats of bitsandbytes, [N, K] in one row of codes that
 * blocks of their own scales divide, the high half of a byte first. */
#include "passes/expand/microsoft/packed.h"

/* FP4 has a sign, and 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4. NF4 has quantiles of the normal distribution
 * (Dettmers et al., QLoRA, appendix E). */
static const float fp4[16] = {0.0F,      1.0F / 192, 2.0F / 3,  1.0F,        1.0F / 3,  0.5F,
                              1.0F / 6,  0.25F,      0.0F,      -1.0F / 192, -2.0F / 3, -1.0F,
                              -1.0F / 3, -0.5F,      -1.0F / 6, -0.25F};
static const float nf4[16] = {-1.0F,        -0.69619280F, -0.52507305F, -0.39491749F,
                              -0.28444138F, -0.18477343F, -0.09105004F, 0.0F,
                              0.07958030F,  0.16093020F,  0.24611230F,  0.33791524F,
                              0.44070983F,  0.56261700F,  0.72295684F,  1.0F};

typedef struct Bnb4 {
    int64_t depth, columns, block;
    Tensor *bytes, *scales, *table;
} Bnb4;

static void read_bnb4(Expand *x, Bnb4 *m)
{
    const int64_t sixteen = 16, type = node_int(x->n, "quant_type");
    *m = (Bnb4){
        node_int(x->n, "K"), node_int(x->n, "N"), node_int(x->n, "block_size"), NULL, NULL, NULL};
    if (type != 0 && type != 1) x_fail(x, "quant_type: expected 0 or 1, got %lld", (long long)type);
    if (m->depth < 1 || m->columns < 1 || m->depth > INT32_MAX || m->columns > INT32_MAX)
        x_fail(x, "K and N: expected positive sizes");
    bool transposed = node_int(x->n, "transB") != 0;
    xp_need_depth(x, transposed ? "K" : "N", transposed ? m->depth : m->columns);
    if (!x_ok(x) || !xp_blocks_are_valid(x, 4, m->block)) return;
    int64_t count = m->depth * m->columns, half = (count + 1) / 2;
    int64_t blocks = (count + m->block - 1) / m->block;
    m->bytes = xp_shaped(x, x_in(x, 1), "B", 1, &half);
    m->scales = xp_shaped(x, x_in(x, 2), "absmax", 1, &blocks);
    m->table = x_constant(x, DT_F32, 1, &sixteen, type ? nf4 : fp4);
}

/* Blocks that rows are made of: the weights stay as they are. */
static Tensor *by_rows(Expand *x, const Bnb4 *m, Tensor *a)
{
    const int64_t bytes[] = {m->columns, m->depth / m->block, m->block / 2};
    PackedWeights w = {.bits = 4, .block_size = m->block, .high_first = true, .table = m->table};
    w.weights = xp_shaped(x, m->bytes, "B", 3, bytes);
    w.scales = xp_shaped(x, m->scales, "absmax", 2, bytes);
    return xp_product(x, a, &w);
}

/* [N, K] in real numbers. */
static Tensor *real_weights(Expand *x, const Bnb4 *m)
{
    const Size *dims[] = {x_size(x, m->columns), x_size(x, m->depth)};
    int64_t count = m->depth * m->columns;
    Tensor *codes = xp_unpack(x, m->bytes, 4, true, count);
    Tensor *values = x_gather(x, m->table, x_cast(x, codes, DT_I32), 0);
    Tensor *block = x_range(x, DT_I64, x_size(x, count));
    block = x_div(x, block, x_like(x, block, (double)m->block));
    Tensor *scale = x_cast(x, x_gather(x, m->scales, block, 0), DT_F32);
    return x_reshape(x, x_mul(x, values, scale), 2, dims);
}

int expand_ms_matmul_bnb4(Expand *x)
{
    Bnb4 m;
    Tensor *a = x_in(x, 0), *w;
    bool transposed = node_int(x->n, "transB") != 0;
    read_bnb4(x, &m);
    if (!x_ok(x)) return LPC_ERROR;
    if (transposed && m.depth % m.block == 0) {
        x_result(x, 0, by_rows(x, &m, a));
        return 0;
    }
    w = x_cast(x, real_weights(x, &m), a->dtype);
    x_result(x, 0, x_matmul(x, a, transposed ? x_swap(x, w, 0, 1) : w));
    return 0;
}
