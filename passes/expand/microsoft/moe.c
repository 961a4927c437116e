/* Mixtures of experts of com.microsoft: each token takes k experts, whose results are summed with weights.
 *
 *     route     the k experts of each token, and their weights
 *     fc1, fc3  lpc.PackedProduct with the matrix of each expert that was chosen
 *     fc2       the same, after the activation
 *
 * Only what is chosen is computed and read; weights of few bits stay as they are. */
#include "passes/expand/microsoft/packed.h"

#include <string.h>

/* One layer of all experts. */
typedef struct Experts {
    PackedWeights w;
    Tensor *bias; /* [experts, columns] or NULL */
} Experts;

typedef struct Mixture {
    const Size *tokens;
    int64_t experts, hidden, inner, k;
    bool is_swiglu, has_fc3;
    int64_t fused;          /* layers in fc1: 2 when it makes both parts of SwiGLU */
    Tensor *chosen, *share; /* [tokens, k] */
} Mixture;

/* ---- Routing ---- */

/* In 32 bits: [tokens, k] of the largest. */
static Tensor *choose(Expand *x, Mixture *m, Tensor *scores)
{
    Tensor *in[] = {scores, x_i64(x, 1, &m->k)}, *out[2] = {0};
    x_int(x, "axis", -1);
    x_op_many(x, OP_TOP_K, 2, in, 2, out);
    m->chosen = out[1];
    return out[0];
}

static Tensor *normalised(Expand *x, Tensor *share)
{
    Tensor *sum = x_reduce(x, OP_REDUCE_SUM, share, 1);
    Tensor *is_zero = x_op2(x, OP_EQUAL, sum, x_like(x, sum, 0));
    return x_div(x, share, x_op3(x, OP_WHERE, is_zero, x_like(x, sum, 1), sum));
}

/* MoE: of the softmax over all experts. */
static void route(Expand *x, Mixture *m)
{
    Tensor *all = x_softmax(x, x_cast(x, x_in(x, 1), DT_F32), 1);
    m->share = choose(x, m, all);
    if (node_int(x->n, "normalize_routing_weights")) m->share = normalised(x, m->share);
}

/* QMoE: the softmax over those chosen; or weights of their own. */
static void route_by(Expand *x, Mixture *m, Tensor *weights)
{
    Tensor *scores = choose(x, m, x_cast(x, x_in(x, 1), DT_F32));
    if (!weights) {
        m->share = x_softmax(x, scores, 1);
        return;
    }
    weights = x_cast(x, weights, DT_F32);
    x_int(x, "axis", 1);
    m->share = x_op2(x, OP_GATHER_ELEMENTS, weights, m->chosen);
    if (node_int(x->n, "normalize_routing_weights")) m->share = normalised(x, m->share);
}

/* ---- Layers ---- */

/* a, [tokens, 1 or k, depth], through the experts that were chosen. */
static Tensor *layer(Expand *x, const Mixture *m, Experts *e, Tensor *a)
{
    e->w.rows = m->chosen;
    Tensor *y = xp_product(x, a, &e->w);
    if (!e->bias || !x_ok(x)) return y;
    return x_add(x, y, x_cast(x, x_gather(x, e->bias, m->chosen, 0), y->dtype));
}

static Tensor *limited(Expand *x, Tensor *a, bool below)
{
    if (!node_attr(x->n, "swiglu_limit")) return a;
    double limit = node_float(x->n, "swiglu_limit");
    Tensor *least = below ? x_like(x, a, -limit) : NULL;
    return x_op3(x, OP_CLIP, a, least, x_like(x, a, limit));
}

/* gate * Sigmoid(alpha * gate) * (linear + beta) */
static Tensor *swiglu(Expand *x, Tensor *gate, Tensor *linear)
{
    gate = limited(x, gate, false);
    linear = limited(x, linear, true);
    x_float(x, "alpha", node_float(x->n, "activation_alpha"));
    Tensor *swish = x_op1(x, OP_SWISH, gate);
    return x_mul(x, swish, x_shift(x, linear, node_float(x->n, "activation_beta")));
}

/* Both parts from one layer: next to each other, or one after the other. */
static Tensor *fused_swiglu(Expand *x, const Mixture *m, Tensor *both)
{
    const Size *inner = x_size(x, m->inner), *two = x_size(x, 2);
    const Size *pairs[] = {x_dim(x, both, 0), x_dim(x, both, 1), inner, two};
    Tensor *part[2];
    if (node_int(x->n, "swiglu_fusion") == 2) {
        x_split(x, both, 2, 2, part);
        return swiglu(x, part[0], part[1]);
    }
    Tensor *split = x_reshape(x, both, 4, pairs);
    for (int i = 0; i < 2; i++)
        part[i] = x_squeeze(x, x_slice(x, split, 3, x_size(x, i), x_size(x, i + 1)), 3);
    return swiglu(x, part[0], part[1]);
}

static Tensor *activation(Expand *x, Tensor *a)
{
    const char *name = node_string(x->n, "activation_type");
    if (!*name || !strcmp(name, "relu")) return x_op1(x, OP_RELU, a);
    if (!strcmp(name, "identity")) return a;
    if (!strcmp(name, "silu")) return x_op1(x, OP_SWISH, a);
    if (!strcmp(name, "gelu")) {
        x_string(x, "approximate", "tanh");
        return x_op1(x, OP_GELU, a);
    }
    x_fail(x, "activation_type '%s' is not known", name);
    return NULL;
}

/* The mixture's result, in the shape of the input; 16-bit numbers are rounded once, at the end. */
static int mix(Expand *x, const Mixture *m, Experts fc[3])
{
    const Size *rows[] = {m->tokens, x_size(x, 1), x_size(x, m->hidden)};
    Tensor *input = x_in(x, 0), *a = x_reshape(x, input, 3, rows);
    if (dtype_size(input->dtype) < 4) a = x_cast(x, a, DT_F32);
    Tensor *inner = layer(x, m, &fc[0], a);
    if (m->is_swiglu)
        inner = m->has_fc3 ? swiglu(x, inner, layer(x, m, &fc[2], a)) : fused_swiglu(x, m, inner);
    else
        inner = activation(x, inner);
    if (m->has_fc3 && !m->is_swiglu) inner = x_mul(x, inner, layer(x, m, &fc[2], a));
    Tensor *y = x_cast(x, layer(x, m, &fc[1], inner), DT_F32);
    const int64_t slots = 1;
    y = x_mul(x, y, x_unsqueeze(x, m->share, 2));
    y = x_reduce_many(x, OP_REDUCE_SUM, y, 1, &slots, false);
    y = x_cast(x, y, input->dtype);
    if (x_ok(x)) x_result(x, 0, x_reshape(x, y, input->rank, input->dims));
    return 0;
}

/* ---- What both have ----
 * `use_sparse_mixer` is not read, as ONNX Runtime's kernels for processors do not. */

static void read_mixture(Expand *x, Mixture *m, Tensor *fc1, Tensor *fc2, Tensor *fc3)
{
    const Tensor *input = x_in(x, 0), *router = x_in(x, 1);
    if (!fc1 || !fc2) x_fail(x, "weights of fc1 and fc2 are missing");
    *m = (Mixture){.k = node_int(x->n, "k"), .has_fc3 = fc3 != NULL, .fused = 1};
    m->is_swiglu = !strcmp(node_string(x->n, "activation_type"), "swiglu");
    if (input->rank != 2 && input->rank != 3)
        x_fail(x, "input 0: expected 2 or 3 dimensions, got %d", input->rank);
    if (x_need_rank(x, 1, 2)) return;
    int64_t fusion = node_int(x->n, "swiglu_fusion");
    if (m->is_swiglu && !fc3 && fusion != 1 && fusion != 2)
        x_fail(x, "swiglu needs fc3, or swiglu_fusion of 1 or 2");
    if (m->is_swiglu && !fc3) m->fused = 2;
    m->hidden = x_static(x, input, -1, "the hidden size");
    m->experts = x_static(x, router, 1, "the number of experts");
    m->tokens = x_dim(x, router, 0);
    if (m->k < 1 || m->k > m->experts)
        x_fail(x, "k: expected 1 to %lld, got %lld", (long long)m->experts, (long long)m->k);
}

/* Codes, `parts` in an element, of matrices [columns, depth]; older models say [depth, columns] of the same
 * elements. */
static void need_matrices(Expand *x, const Mixture *m, const Tensor *w, int layer, int64_t columns,
                          int64_t depth, int64_t parts)
{
    const Size *experts = x_size(x, m->experts);
    const Size *row = x_size(x, columns), *all = x_size(x, (depth + parts - 1) / parts);
    const Size *old_row = x_size(x, depth), *old_all = x_size(x, (columns + parts - 1) / parts);
    if (!w || !x_ok(x)) return;
    bool fits = w->rank == 3 && w->dims[0] == experts;
    if (fits && w->dims[1] == row && w->dims[2] == all) return;
    if (fits && w->dims[1] == old_row && w->dims[2] == old_all) return;
    x_fail(x, "weights of fc%d ('%s'): expected [%lld, %lld, %lld]", layer, w->name,
           (long long)m->experts, (long long)columns, (long long)((depth + parts - 1) / parts));
}

/* ---- MoE: (input, router, fc1 weights and bias, fc2, fc3) ---- */

static void read_real(Expand *x, Mixture *m, Experts fc[3])
{
    const Tensor *w2 = x_in(x, 4);
    if (x_need_rank(x, 4, 3)) return;
    int64_t inner = x_static(x, w2, 1, "sizes of fc2") * x_static(x, w2, 2, "sizes of fc2");
    m->inner = m->hidden ? inner / m->hidden : 0;
    const int64_t first[] = {m->experts, m->fused * m->inner, m->hidden};
    const int64_t second[] = {m->experts, m->hidden, m->inner};
    const int64_t third[] = {m->experts, m->inner, m->hidden};
    need_matrices(x, m, x_in(x, 2), 1, first[1], m->hidden, 1);
    need_matrices(x, m, x_in(x, 4), 2, m->hidden, m->inner, 1);
    need_matrices(x, m, x_in(x, 6), 3, m->inner, m->hidden, 1);
    fc[0].w.weights = xp_shaped(x, x_in(x, 2), "fc1 weights", 3, first);
    fc[1].w.weights = xp_shaped(x, x_in(x, 4), "fc2 weights", 3, second);
    fc[2].w.weights = xp_shaped(x, x_in(x, 6), "fc3 weights", 3, third);
    fc[0].bias = xp_shaped(x, x_in(x, 3), "fc1 bias", 2, first);
    fc[1].bias = xp_shaped(x, x_in(x, 5), "fc2 bias", 2, second);
    fc[2].bias = xp_shaped(x, x_in(x, 7), "fc3 bias", 2, third);
}

int expand_ms_moe(Expand *x)
{
    Mixture m;
    Experts fc[3] = {0};
    read_mixture(x, &m, x_in(x, 2), x_in(x, 4), x_in(x, 6));
    if (x_ok(x)) read_real(x, &m, fc);
    if (!x_ok(x)) return LPC_ERROR;
    route(x, &m);
    return mix(x, &m, fc);
}

/* ---- QMoE: (input, router, then weights, scales and bias of fc1, fc2, fc3, then their zero points, then
 * router weights) ---- */

/* Layer `which`, [experts, columns, depth] in codes. */
static Experts quantised(Expand *x, const Mixture *m, int which, int64_t columns, int64_t depth)
{
    int64_t bits = node_int(x->n, "expert_weight_bits"), parts = 8 / bits;
    int64_t block = node_int(x->n, "block_size");
    Experts e = {.w = {.bits = bits}};
    Tensor *w = x_in(x, 2 + 3 * which), *zeros = x_in(x, 11 + which);
    need_matrices(x, m, w, which + 1, columns, depth, parts);
    if (!w || !x_ok(x)) return e;
    if (block <= 0 || block >= depth)
        block = (depth + parts - 1) / parts * parts;
    else if (depth % block)
        x_fail(x, "block_size %lld does not divide %lld", (long long)block, (long long)depth);
    int64_t blocks = (depth + block - 1) / block;
    const int64_t bytes[] = {m->experts, columns, blocks, block / parts};
    const int64_t by_column[] = {m->experts, (columns + parts - 1) / parts};
    const int64_t by_block[] = {m->experts, columns, (blocks + parts - 1) / parts};
    e.w.block_size = block;
    e.w.weights = xp_shaped(x, w, "weights", 4, bytes);
    e.w.scales = xp_shaped(x, x_in(x, 3 + 3 * which), "scales", 3, bytes);
    e.bias = xp_shaped(x, x_in(x, 4 + 3 * which), "bias", 2, bytes);
    if (!e.w.scales && x_ok(x)) x_fail(x, "scales of fc%d are missing", which + 1);
    if (!zeros) return e;
    if (zeros->rank == 2)
        zeros =
            xp_unpack(x, xp_shaped(x, zeros, "zero points", 2, by_column), bits, false, columns);
    else
        zeros = xp_unpack(x, xp_shaped(x, zeros, "zero points", 3, by_block), bits, false, blocks);
    e.w.zeros = xp_shaped(x, zeros, "zero points", 3, bytes);
    return e;
}

static void check_kind(Expand *x)
{
    const char *type = node_string(x->n, "quant_type");
    int64_t bits = node_int(x->n, "expert_weight_bits");
    if (*type && strcmp(type, "int") != 0) x_fail(x, "quant_type '%s' is not supported", type);
    if (bits != 2 && bits != 4 && bits != 8)
        x_fail(x, "expert_weight_bits: expected 2, 4 or 8, got %lld", (long long)bits);
    if (node_int(x->n, "weights_prepacked") == 1)
        x_fail(x, "weights_prepacked: layouts of other devices are not supported");
    for (int i = 15; i < x->n->in_count; i++)
        if (x_in(x, i)) x_fail(x, "input %d: scales of float types are not supported", i);
}

int expand_ms_qmoe(Expand *x)
{
    Mixture m;
    check_kind(x);
    if (!x_ok(x)) return LPC_ERROR;
    read_mixture(x, &m, x_in(x, 2), x_in(x, 5), x_in(x, 8));
    const Tensor *w2 = x_in(x, 5);
    if (!x_ok(x) || x_need_rank(x, 5, 3)) return LPC_ERROR;
    int64_t bytes = x_static(x, w2, 1, "sizes of fc2") * x_static(x, w2, 2, "sizes of fc2");
    m.inner = m.hidden ? bytes * (8 / node_int(x->n, "expert_weight_bits")) / m.hidden : 0;
    Experts fc[3];
    fc[0] = quantised(x, &m, 0, m.fused * m.inner, m.hidden);
    fc[1] = quantised(x, &m, 1, m.hidden, m.inner);
    fc[2] = quantised(x, &m, 2, m.inner, m.hidden);
    if (!x_ok(x)) return LPC_ERROR;
    route_by(x, &m, x_in(x, 14));
    return mix(x, &m, fc);
}
