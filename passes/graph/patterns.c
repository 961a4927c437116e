/* Sub-graphs that spell out a normalisation or an activation become one node.
 *
 *     before   %m = ReduceMean(%x) {last axes}      after   %y = LayerNormalization(%x, %w, %b)
 *              %d = Sub(%x, %m)
 *              %v = ReduceMean(Pow(%d, 2))
 *              %n = Div(%d, Sqrt(Add(%v, eps)))
 *              %y = Add(Mul(%n, %w), %b)
 *
 * The same without %m is RMSNormalization; Mul(%x, Sigmoid(%x)) is Swish; x * (1 + erf(x / sqrt 2))
 * / 2 is Gelu; a matrix product between two reshapes of its rows does without them. The nodes in
 * between stay as long as something else reads them. */
#include "passes/graph/rewrite.h"

#include <math.h>

static Node *made_by(const Tensor *x, OpCode op)
{
    return x && x->producer && x->producer->op == op ? x->producer : NULL;
}

/* ReduceMean with kept dimensions over the last axes, from *axis on. */
static Node *mean_of_last(const Tensor *x, int *axis)
{
    Node *n = made_by(x, OP_REDUCE_MEAN);
    if (!n || n->in_count < 2 || !n->in[1]->data || !node_int(n, "keepdims")) return NULL;
    int64_t count = tensor_static_elements(n->in[1]);
    int rank = n->in[0]->rank;
    unsigned seen = 0;
    for (int64_t i = 0; i < count; i++) seen |= 1u << const_i64_at(n->in[1], i);
    *axis = rank - (int)count;
    for (int i = *axis; i < rank; i++) {
        if (!(seen >> i & 1u)) return NULL;
    }
    return count > 0 ? n : NULL;
}

/* d * d or d ^ 2. */
static Tensor *square_of(const Tensor *x)
{
    double power;
    Node *n = made_by(x, OP_MUL);
    if (n) return n->in[0] == n->in[1] ? n->in[0] : NULL;
    n = made_by(x, OP_POW);
    return n && rewrite_constant(n->in[1], &power) && power == 2 ? n->in[0] : NULL;
}

typedef struct Norm {
    Tensor *x;
    int axis;
    double epsilon;
    bool centred; /* the mean is subtracted */
} Norm;

/* x = sqrt(mean(square(d)) + epsilon): gives d. */
static Tensor *root_mean_square(const Tensor *x, Norm *norm)
{
    const Node *root = made_by(x, OP_SQRT), *sum = root ? made_by(root->in[0], OP_ADD) : NULL;
    if (!sum) return NULL;
    int side = rewrite_constant(sum->in[1], &norm->epsilon) ? 0 : 1;
    if (side && !rewrite_constant(sum->in[0], &norm->epsilon)) return NULL;
    const Node *mean = mean_of_last(sum->in[side], &norm->axis);
    if (!mean || !rewrite_same_shape(mean->out[0], sum->out[0])) return NULL;
    return square_of(mean->in[0]);
}

/* The division (or product with a reciprocal) at the end of a normalisation. */
static bool match_norm(const Node *n, Norm *norm)
{
    Tensor *top = n->in[0], *root = n->in[1], *d = NULL;
    if (n->op == OP_DIV) {
        d = root_mean_square(root, norm);
    } else if (n->op == OP_MUL) {
        for (int k = 0; k < 2 && !d; k++) {
            const Node *inverse = made_by(n->in[1 - k], OP_RECIPROCAL);
            const Node *ratio = made_by(n->in[1 - k], OP_DIV);
            double one;
            if (!inverse && ratio && rewrite_constant(ratio->in[0], &one) && one == 1)
                d = root_mean_square(ratio->in[1], norm);
            if (inverse) d = root_mean_square(inverse->in[0], norm);
            top = n->in[k];
        }
    }
    if (!d || d != top || !rewrite_same_shape(d, n->out[0])) return false;
    norm->x = d;
    norm->centred = false;
    const Node *sub = made_by(d, OP_SUB);
    int axis;
    const Node *mean = sub ? mean_of_last(sub->in[1], &axis) : NULL;
    if (mean && mean->in[0] == sub->in[0] && axis == norm->axis) {
        norm->x = sub->in[0];
        norm->centred = true;
    }
    return norm->x->dtype == DT_F32;
}

/* A constant with the shape of the normalised axes. */
static bool is_factor(const Tensor *c, const Norm *norm)
{
    int rank = norm->x->rank - norm->axis;
    if (!c->data || c->rank != rank || c->dtype != norm->x->dtype) return false;
    for (int i = 0; i < rank; i++) {
        if (c->dims[i] != norm->x->dims[norm->axis + i]) return false;
    }
    return true;
}

/* The only user of x when it is `op` with a factor on the other side. */
static Node *followed_by(const Graph *g, const Uses *uses, const Node *n, OpCode op,
                         const Norm *norm, Tensor **factor)
{
    Node *user = uses_sole(g, uses, n->out[0]);
    if (!user || user->op != op || !region_same(user->region, n->region)) return NULL;
    int side = user->in[0] == n->out[0] ? 1 : 0;
    if (user->in[side] == n->out[0] || !is_factor(user->in[side], norm)) return NULL;
    *factor = user->in[side];
    return user;
}

static Tensor *ones(Graph *g, const Norm *norm)
{
    int64_t dims[MAX_RANK], count = 1;
    int rank = norm->x->rank - norm->axis;
    for (int i = 0; i < rank; i++) {
        if (!size_is_const(norm->x->dims[norm->axis + i])) return NULL;
        dims[i] = norm->x->dims[norm->axis + i]->value;
        count *= dims[i];
    }
    if (count > 1 << 24) return NULL;
    float *data = arena_array(g->arena, (size_t)count, sizeof *data);
    for (int64_t i = 0; i < count; i++) data[i] = 1;
    return rewrite_floats(g, NULL, rank, dims, data);
}

static bool fuse_norm(Graph *g, const Uses *uses, Node *n)
{
    Norm norm;
    Tensor *scale = NULL, *bias = NULL;
    if (n->in_count != 2 || !match_norm(n, &norm)) return false;
    Node *last = n, *mul = followed_by(g, uses, n, OP_MUL, &norm, &scale);
    if (mul) last = mul;
    Node *add = norm.centred ? followed_by(g, uses, last, OP_ADD, &norm, &bias) : NULL;
    if (add) last = add;
    if (!scale) scale = ones(g, &norm);
    if (!scale) return false;
    rewrite_inputs(g, last, bias ? 3 : 2, (Tensor *[]){norm.x, scale, bias});
    if (last != n) rewrite_merge(g, last, n);
    if (add && mul) rewrite_merge(g, last, mul);
    last->op = norm.centred ? OP_LAYER_NORMALIZATION : OP_RMS_NORMALIZATION;
    last->attr_count = 0;
    node_set_int(g, last, "axis", norm.axis);
    node_set_float(g, last, "epsilon", norm.epsilon);
    return true;
}

static bool fuse_swish(Graph *g, Node *n)
{
    if (n->op != OP_MUL) return false;
    for (int k = 0; k < 2; k++) {
        const Node *gate = made_by(n->in[k], OP_SIGMOID);
        if (!gate || gate->in[0] != n->in[1 - k] || !dtype_is_float(gate->in[0]->dtype)) continue;
        Tensor *x = gate->in[0];
        n->op = OP_SWISH;
        rewrite_merge(g, n, gate);
        rewrite_inputs(g, n, 1, &x);
        node_set_float(g, n, "alpha", 1);
        return true;
    }
    return false;
}

/* 1 + erf(x / sqrt 2): gives x. */
static Tensor *gelu_gate(const Tensor *gate)
{
    const Node *sum = made_by(gate, OP_ADD);
    double value;
    for (int k = 0; sum && k < 2; k++) {
        const Node *erf = made_by(sum->in[k], OP_ERF);
        if (!erf || !rewrite_constant(sum->in[1 - k], &value) || value != 1) continue;
        const Node *scale = erf->in[0]->producer;
        if (!scale || (scale->op != OP_DIV && scale->op != OP_MUL)) return NULL;
        int side = scale->op == OP_DIV || rewrite_constant(scale->in[1], &value) ? 0 : 1;
        if (!rewrite_constant(scale->in[1 - side], &value)) return NULL;
        if (scale->op == OP_DIV) value = 1 / value;
        return fabs(value - sqrt(0.5)) < 1e-6 ? scale->in[side] : NULL;
    }
    return NULL;
}

/* The product of x, its gate and 1/2, in any order. */
static bool fuse_gelu(Graph *g, Node *n)
{
    if (n->op != OP_MUL || !dtype_is_float(n->out[0]->dtype)) return false;
    for (int k = 0; k < 2; k++) {
        const Node *inner = made_by(n->in[k], OP_MUL);
        for (int j = 0; inner && j < 2; j++) {
            Tensor *factors[] = {n->in[1 - k], inner->in[j], inner->in[1 - j]};
            for (int gate = 0; gate < 3; gate++) {
                Tensor *x = gelu_gate(factors[gate]);
                Tensor *one = factors[(gate + 1) % 3], *two = factors[(gate + 2) % 3];
                double half;
                if (!x || (one != x && two != x) || !rewrite_same_shape(x, n->out[0])) continue;
                if (!rewrite_constant(one == x ? two : one, &half) || half != 0.5) continue;
                rewrite_merge(g, n, inner);
                rewrite_merge(g, n, factors[gate]->producer);
                rewrite_inputs(g, n, 1, &x);
                n->op = OP_GELU;
                n->attr_count = 0;
                return true;
            }
        }
    }
    return false;
}

/* Reshape(MatMul(Reshape(x), w)) that only folds x's leading axes and unfolds them again. */
static bool unfold_matmul(Graph *g, const Uses *uses, Node *n)
{
    const Node *product = n->op == OP_RESHAPE ? made_by(n->in[0], OP_MAT_MUL) : NULL;
    if (!product || !uses_sole(g, uses, product->out[0])) return false;
    const Node *folds = made_by(product->in[0], OP_RESHAPE);
    Tensor *w = product->in[1], *x = folds ? folds->in[0] : NULL;
    const Tensor *y = n->out[0];
    if (!x || w->rank != 2 || x->rank != y->rank || x->rank < 2) return false;
    for (int i = 0; i < x->rank - 1; i++) {
        if (x->dims[i] != y->dims[i]) return false;
    }
    if (x->dims[x->rank - 1] != w->dims[0] || y->dims[y->rank - 1] != w->dims[1]) return false;
    if (!region_same(n->region, product->region)) return false;
    rewrite_merge(g, n, product);
    rewrite_inputs(g, n, 2, (Tensor *[]){x, w});
    n->op = OP_MAT_MUL;
    n->origin = product->origin;
    n->attr_count = 0;
    return true;
}

int pass_patterns(Graph *g)
{
    const Uses *uses = uses_new(g);
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_DELETED) continue;
        if (fuse_swish(g, n) || fuse_gelu(g, n) || unfold_matmul(g, uses, n)) continue;
        fuse_norm(g, uses, n);
    }
    graph_sweep(g);
    return 0;
}
