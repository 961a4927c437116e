/* Products of com.microsoft with weights of few bits: MatMulNBits and what it is fused into, MatMulBnb4. The
 * weights stay as they are: lpc.PackedProduct reads them. */
#include "passes/expand/microsoft/packed.h"

#include <string.h>

/* ---- MatMulNBits: (A, B, scales, zero points, g_idx, bias) ---- */

typedef struct NBits {
    int64_t depth, columns, bits, block, blocks;
    Tensor *codes, *scales, *zeros;
} NBits;

static void read_nbits(Expand *x, NBits *m)
{
    m->depth = node_int(x->n, "K");
    m->columns = node_int(x->n, "N");
    m->bits = node_int(x->n, "bits");
    m->block = node_int(x->n, "block_size");
    if (!xp_blocks_are_valid(x, m->bits, m->block)) return;
    if (m->depth < 1 || m->columns < 1 || m->depth > INT32_MAX || m->columns > INT32_MAX)
        x_fail(x, "K and N: expected positive sizes");
    if (node_int(x->n, "weight_prepacked"))
        x_fail(x, "weight_prepacked: layouts of other devices are not supported");
    xp_need_depth(x, "K", m->depth);
    for (int i = 1; i < 3; i++)
        if (!x_in(x, i)) x_fail(x, "input %d is missing", i);
    if (!x_ok(x)) return;
    m->blocks = (m->depth + m->block - 1) / m->block;
    const int64_t bytes[] = {m->columns, m->blocks, m->block * m->bits / 8};
    const int64_t zero_bytes[] = {m->columns, (m->blocks * m->bits + 7) / 8};
    m->codes = xp_shaped(x, x_in(x, 1), "B", 3, bytes);
    m->scales = xp_shaped(x, x_in(x, 2), "scales", 2, bytes);
    m->zeros = x_in(x, 3);
    if (!m->zeros) return;
    bool packed = m->zeros->dtype == DT_U8;
    m->zeros = xp_shaped(x, m->zeros, "zero points", 2, packed ? zero_bytes : bytes);
    if (packed) m->zeros = xp_unpack(x, m->zeros, m->bits, false, m->blocks);
}

/* With g_idx each k has a block of its own choice: the weights become real numbers first. */
static Tensor *by_group(Expand *x, const NBits *m, Tensor *a, Tensor *groups)
{
    const int64_t bytes[] = {m->columns, m->blocks * m->block * m->bits / 8};
    DType type = a->dtype;
    Tensor *codes = xp_shaped(x, m->codes, "B", 2, bytes);
    codes = x_cast(x, xp_unpack(x, codes, m->bits, false, m->blocks * m->block), type);
    Tensor *zero = m->zeros ? x_cast(x, x_gather(x, m->zeros, groups, 1), type)
                            : x_scalar(x, type, (double)(1 << (m->bits - 1)));
    codes = x_slice(x, codes, 1, x_size(x, 0), x_size(x, m->depth));
    Tensor *scale = x_gather(x, m->scales, groups, 1);
    Tensor *w = x_mul(x, x_sub(x, codes, zero), scale);
    return x_matmul(x, a, x_swap(x, w, 0, 1));
}

int expand_ms_matmul_nbits(Expand *x)
{
    NBits m = {0};
    Tensor *a = x_in(x, 0), *groups = x_in(x, 4), *bias = x_in(x, 5), *y;
    read_nbits(x, &m);
    if (!x_ok(x)) return LPC_ERROR;
    if (groups) {
        if (groups->rank == 1) groups = x_slice(x, groups, 0, x_size(x, 0), x_size(x, m.depth));
        y = by_group(x, &m, a, groups);
    } else {
        y = xp_product(x, a,
                       &(PackedWeights){.weights = m.codes,
                                        .scales = m.scales,
                                        .zeros = m.zeros,
                                        .bits = m.bits,
                                        .block_size = m.block,
                                        .accuracy_level = node_int(x->n, "accuracy_level")});
    }
    x_result(x, 0, bias ? x_add(x, y, bias) : y);
    return 0;
}

/* ---- Several of them behind one normalisation ---- */

static Tensor *projection(Expand *x, Tensor *a, int in, const char *columns)
{
    Tensor *all[] = {a, x_in(x, in), x_in(x, in + 1), NULL, NULL, x_in(x, in + 2)};
    x_int(x, "K", node_int(x->n, "K"));
    x_int(x, "N", node_int(x->n, columns));
    x_int(x, "bits", node_int(x->n, "bits"));
    x_int(x, "block_size", node_int(x->n, "block_size"));
    x_int(x, "accuracy_level", node_int(x->n, "accuracy_level"));
    return x_op(x, OP_MS_MAT_MUL_NBITS, 6, all);
}

/* (A, skip, scale): RMSNormalization of A + skip, where there is a scale; the sum is output `sum_out`. */
static Tensor *normalised(Expand *x, int sum_out)
{
    Tensor *a = x_in(x, 0);
    if (x_in(x, 1)) a = x_add(x, a, x_in(x, 1));
    if (x_wants(x, sum_out)) x_result(x, sum_out, a);
    if (!x_in(x, 2)) return a;
    x_float(x, "epsilon", node_float(x->n, "epsilon"));
    return x_op2(x, OP_RMS_NORMALIZATION, a, x_in(x, 2));
}

static Tensor *gate_activation(Expand *x, Tensor *gate, const char *name)
{
    bool silu = !strcmp(name, "silu") || !strcmp(name, "Silu") || !strcmp(name, "SiLU");
    return silu ? x_op1(x, OP_SWISH, gate) : x_activation(x, gate, name, 0, NULL);
}

int expand_ms_matmul_nbits_mlp(Expand *x)
{
    Tensor *a = normalised(x, 1);
    Tensor *gate = gate_activation(x, projection(x, a, 3, "N"), node_string(x->n, "activation"));
    x_result(x, 0, x_mul(x, gate, projection(x, a, 6, "N")));
    return 0;
}

int expand_ms_matmul_nbits_qkv(Expand *x)
{
    Tensor *a = normalised(x, 3);
    x_result(x, 0, projection(x, a, 3, "Nq"));
    x_result(x, 1, projection(x, a, 6, "Nkv"));
    x_result(x, 2, projection(x, a, 9, "Nkv"));
    return 0;
}
