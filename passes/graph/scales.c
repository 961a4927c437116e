/* Constant scales and shifts of channels go into the weights before them.
 *
 *     before   %a = Conv(%x, %w)                     after   %y = Conv(%x, %w * s, t)
 *              %y = BatchNormalization(%a, ...)
 *
 * How weights take factors is their operator's rule (scales_weights.c). What is a scale or a shift is
 * this pass's own affair: BatchNormalization, Mul, Div, Add and Sub. A BatchNormalization that stands
 * alone becomes a Mul and an Add, which fuse like any element-wise nodes. */
#include "passes/graph/rewrite.h"
#include "passes/graph/rules.h"

#include <math.h>

static bool affine_new(Graph *g, int64_t channels, Affine *a)
{
    if (channels < 1 || channels > 1 << 20) return false;
    *a = (Affine){channels, NULL, NULL};
    a->mul = arena_array(g->arena, (size_t)channels, sizeof *a->mul);
    a->add = arena_array(g->arena, (size_t)channels, sizeof *a->add);
    for (int64_t i = 0; i < channels; i++) a->mul[i] = 1;
    return true;
}

static bool affine_of_norm(Graph *g, const Node *n, Affine *a)
{
    for (int k = 1; k < 5; k++) {
        if (!n->in[k]->data || n->in[k]->rank != 1) return false;
    }
    if (!affine_new(g, tensor_static_elements(n->in[1]), a)) return false;
    double epsilon = node_float(n, "epsilon");
    for (int64_t i = 0; i < a->channels; i++) {
        double scale = const_f64_at(n->in[1], i), shift = const_f64_at(n->in[2], i);
        double mean = const_f64_at(n->in[3], i), variance = const_f64_at(n->in[4], i);
        a->mul[i] = scale / sqrt(variance + epsilon);
        a->add[i] = shift - mean * a->mul[i];
    }
    return true;
}

/* One value, or one for each element of axis `axis` of a tensor of rank `rank`. */
static bool is_per_channel(const Tensor *c, int rank, int axis, int64_t channels)
{
    if (!c->data || !dtype_is_float(c->dtype) || c->rank > rank || !tensor_is_static(c))
        return false;
    int64_t elements = tensor_static_elements(c);
    if (elements == 1) return true;
    int at = axis - (rank - c->rank);
    return elements == channels && at >= 0 && size_is(c->dims[at], channels);
}

/* n as a scale and shift of its input x's channels. */
static bool affine_of(Graph *g, const Node *n, const Tensor *x, int axis, Affine *a)
{
    if (n->op == OP_BATCH_NORMALIZATION) {
        return n->in[0] == x && axis == 1 && affine_of_norm(g, n, a) &&
               size_is(x->dims[1], a->channels);
    }
    if (n->op != OP_MUL && n->op != OP_ADD && n->op != OP_SUB && n->op != OP_DIV) return false;
    int side = n->in[0] == x ? 1 : 0;
    if (n->in[1 - side] != x || n->in[side] == x) return false;
    if (side == 0 && n->op == OP_DIV) return false;
    const Tensor *c = n->in[side];
    if (!size_is_const(x->dims[axis]) || !rewrite_same_shape(x, n->out[0])) return false;
    if (!is_per_channel(c, x->rank, axis, x->dims[axis]->value)) return false;
    if (!affine_new(g, x->dims[axis]->value, a)) return false;
    bool single = tensor_static_elements(c) == 1;
    for (int64_t i = 0; i < a->channels; i++) {
        double value = const_f64_at(c, single ? 0 : i);
        if (n->op == OP_MUL)
            a->mul[i] = value;
        else if (n->op == OP_DIV)
            a->mul[i] = 1 / value;
        else if (n->op == OP_ADD)
            a->add[i] = value;
        else
            a->add[i] = side ? -value : value;
        if (n->op == OP_SUB && !side) a->mul[i] = -1;
    }
    return true;
}

static bool is_scaling(const Affine *a)
{
    for (int64_t i = 0; i < a->channels; i++) {
        if (a->mul[i] != 1) return true;
    }
    return false;
}

/* bias * mul + add as a constant of `channels` elements; false when the bias is not a constant. */
static bool shift_bias(Graph *g, const Node *n, const Affine *a, Tensor **out)
{
    const Tensor *bias = node_in(n, 2);
    double beta = n->op == OP_GEMM ? node_float(n, "beta") : 1; /* a factor of Gemm's alone */
    int64_t have = 0;
    if (bias) {
        if (!bias->data || bias->dtype != DT_F32) return false;
        have = tensor_static_elements(bias);
        if (have != 1 && (have != a->channels || !size_is(bias->dims[bias->rank - 1], have)))
            return false;
    }
    float *data = arena_array(g->arena, (size_t)a->channels, sizeof *data);
    for (int64_t i = 0; i < a->channels; i++) {
        double before = bias ? beta * const_f64_at(bias, have == 1 ? 0 : i) : 0;
        data[i] = (float)(before * a->mul[i] + a->add[i]);
    }
    const char *name = arena_printf(g->arena, "%s.bias", n->name);
    *out = rewrite_floats(g, name, 1, &a->channels, data);
    return true;
}

static int channel_axis(const Node *n)
{
    return op_info(n->op)->traits & T_SPATIAL ? 1 : n->out[0]->rank - 1;
}

static bool takes_scales(const Node *n)
{
    if (!graph_rules[n->op].scales) return false;
    const Tensor *w = n->in[1];
    if (!w->data || w->dtype != DT_F32 || n->epilogue_count || !tensor_is_static(w)) return false;
    return channel_axis(n) == 1 || w->rank == 2;
}

static bool has_bias(const Node *n)
{
    return op_info(n->op)->in_max > 2;
}

/* n's only user is a scale or shift: it goes into n. */
static bool fold_into(Graph *g, const Uses *uses, Node *n)
{
    Affine a;
    if (!takes_scales(n)) return false;
    Tensor *y = n->out[0], *weights = n->in[1], *bias = NULL;
    Node *user = uses_sole(g, uses, y);
    if (!user || !region_same(n->region, user->region) || user->out_count != 1) return false;
    if (!affine_of(g, user, y, channel_axis(n), &a)) return false;
    if (!has_bias(n) && user->op != OP_MUL && user->op != OP_DIV) return false;
    if (has_bias(n) && !shift_bias(g, n, &a, &bias)) return false;
    if (is_scaling(&a)) weights = graph_rules[n->op].scales(g, n, &a);
    if (!weights) return false;
    Tensor *in[] = {n->in[0], weights, bias}, *out = user->out[0];
    rewrite_inputs(g, n, bias ? 3 : 2, in);
    if (n->op == OP_GEMM) node_set_float(g, n, "beta", 1);
    rewrite_merge(g, n, user);
    user->op = OP_DELETED;
    user->out_count = 0;
    n->out[0] = out; /* n computes what the user did, under its name */
    out->producer = n;
    return true;
}

/* ---- BatchNormalization alone ---- */

static Tensor *channel_constant(Graph *g, const Node *n, const char *what, const double *values,
                                int64_t channels)
{
    int rank = n->in[0]->rank > 1 ? n->in[0]->rank - 1 : 1;
    int64_t dims[MAX_RANK] = {channels, 1, 1, 1, 1, 1, 1, 1};
    float *data = arena_array(g->arena, (size_t)channels, sizeof *data);
    for (int64_t i = 0; i < channels; i++) data[i] = (float)values[i];
    const char *name = arena_printf(g->arena, "%s.%s", n->name, what);
    return rewrite_floats(g, name, rank, dims, data);
}

static bool norm_to_affine(Graph *g, Node *n, int at)
{
    Affine a;
    if (n->op != OP_BATCH_NORMALIZATION || n->in[0]->dtype != DT_F32) return false;
    if (!affine_of_norm(g, n, &a)) return false;
    Tensor *x = n->in[0];
    Tensor *scaled = graph_tensor(g, NULL, x->dtype, x->rank, x->dims);
    Tensor *mul_in[] = {x, channel_constant(g, n, "scale", a.mul, a.channels)};
    Node *mul = graph_node_at(g, at, OP_MUL, NULL, &n->origin, 2, mul_in, 1, &scaled);
    mul->region = n->region;
    n->op = OP_ADD;
    n->attr_count = 0;
    rewrite_inputs(g, n, 2,
                   (Tensor *[]){scaled, channel_constant(g, n, "shift", a.add, a.channels)});
    return true;
}

int pass_fold_scales(Graph *g)
{
    bool changed = true;
    while (changed) {
        changed = false;
        const Uses *uses = uses_new(g);
        for (int i = 0; i < g->node_count; i++) {
            Node *n = g->nodes[i];
            if (n->op != OP_DELETED && fold_into(g, uses, n)) changed = true;
        }
        graph_sweep(g);
    }
    for (int i = 0; i < g->node_count; i++) i += norm_to_affine(g, g->nodes[i], i);
    return 0;
}
