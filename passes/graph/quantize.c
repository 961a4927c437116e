/* Quantised models: DequantizeLinear, operator, QuantizeLinear becomes the operator on integers.
 *
 *     before   %x = DequantizeLinear(%xq, xs, xz)        after   %y = QLinearConv(%xq, xs, xz,
 *              %w = DequantizeLinear(wq, ws, wz)                      wq, ws, wz, ys, yz, bq)
 *              %c = Conv(%x, %w, %b)
 *              %y = QuantizeLinear(Relu(%c), ys, yz)
 *
 * A Relu or Clip in between becomes a bound on the integers, which is no work at all when it is the
 * type's own. Operators that only move or select elements (views, MaxPool, Concat) run on the
 * integers when the parameters on both sides are equal. The results differ from the model's float
 * arithmetic by rounding only, at most one quantisation step. */
#include "passes/graph/rewrite.h"

#include <math.h>

/* Parameters of a (de)quantisation. */
typedef struct Quant {
    Tensor *x; /* the quantised tensor */
    Tensor *scale, *zero;
    DType dtype;
    int64_t zero_value; /* per tensor */
    double scale_value; /* of element 0 */
    bool per_tensor;
} Quant;

static bool params_of(Graph *g, const Node *n, DType dtype, Quant *q)
{
    *q = (Quant){.scale = n->in[1], .zero = node_in(n, 2), .dtype = dtype};
    if (dtype != DT_I8 && dtype != DT_U8 && dtype != DT_I32) return false;
    if (!q->scale->data || q->scale->dtype != DT_F32 || node_int(n, "block_size")) return false;
    if (q->zero && !q->zero->data) return false;
    if (q->scale->rank > 1) return false;
    q->per_tensor = tensor_static_elements(q->scale) == 1;
    q->scale_value = const_f64_at(q->scale, 0);
    double zero = 0;
    if (q->zero && !const_is_uniform(q->zero, &zero)) return false;
    q->zero_value = (int64_t)zero;
    if (!q->zero && q->per_tensor) q->zero = graph_scalar(g, NULL, dtype, 0);
    return q->zero != NULL;
}

/* x is made by a DequantizeLinear with constant parameters. */
static bool dequantised(Graph *g, const Tensor *x, Quant *q)
{
    const Node *n = x ? x->producer : NULL;
    if (!n || n->op != OP_DEQUANTIZE_LINEAR || x->dtype != DT_F32) return false;
    if (!params_of(g, n, n->in[0]->dtype, q)) return false;
    q->x = n->in[0];
    return true;
}

static bool is_byte(DType type)
{
    return type == DT_I8 || type == DT_U8;
}

/* ---- What stands between the operator and its QuantizeLinear ---- */

typedef struct Tail {
    Node *quantize;
    Quant out;
    double low, high; /* bounds of an activation in between */
    Node *activation;
} Tail;

static bool bounds_of(const Node *n, double *low, double *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    if (n->op == OP_RELU) *low = 0;
    if (n->op != OP_CLIP) return n->op == OP_RELU;
    return (!node_in(n, 1) || rewrite_constant(n->in[1], low)) &&
           (!node_in(n, 2) || rewrite_constant(n->in[2], high));
}

static bool tail_of(Graph *g, const Uses *uses, const Node *n, Tail *t)
{
    *t = (Tail){.low = -INFINITY, .high = INFINITY};
    Node *user = uses_sole(g, uses, n->out[0]);
    if (user && bounds_of(user, &t->low, &t->high) && user->in[0] == n->out[0]) {
        t->activation = user;
        user = uses_sole(g, uses, user->out[0]);
    } else {
        t->low = -INFINITY;
        t->high = INFINITY;
    }
    if (!user || user->op != OP_QUANTIZE_LINEAR || !region_same(user->region, n->region))
        return false;
    t->quantize = user;
    if (!params_of(g, user, user->out[0]->dtype, &t->out)) return false;
    return t->out.per_tensor && is_byte(t->out.dtype);
}

/* The bound as an integer; *matters when it cuts off what the type can hold. */
static int64_t quantised_bound(const Quant *q, double value, bool is_low, bool *matters)
{
    double scaled = rint(value / q->scale_value) + (double)q->zero_value;
    int64_t least = dtype_min(q->dtype), most = dtype_max(q->dtype);
    if (is_low ? !(scaled > (double)least) : !(scaled < (double)most)) return is_low ? least : most;
    *matters = true;
    if (scaled < (double)least) return least;
    return scaled > (double)most ? most : (int64_t)scaled;
}

/* n's integer result goes where the QuantizeLinear's went, through a Clip when one is needed. */
static void attach(Graph *g, Node *n, const Tail *t)
{
    Tensor *y = t->quantize->out[0];
    bool matters = false;
    int64_t low = quantised_bound(&t->out, t->low, true, &matters);
    int64_t high = quantised_bound(&t->out, t->high, false, &matters);
    rewrite_merge(g, n, t->quantize);
    if (t->activation) rewrite_merge(g, n, t->activation);
    if (!matters) {
        n->out[0] = y;
        y->producer = n;
        t->quantize->op = OP_DELETED;
        t->quantize->out_count = 0;
        return;
    }
    Tensor *raw = graph_tensor(g, NULL, y->dtype, y->rank, y->dims);
    n->out[0] = raw;
    raw->producer = n;
    t->quantize->op = OP_CLIP;
    t->quantize->attr_count = 0;
    Tensor *least = graph_scalar(g, NULL, y->dtype, (double)low);
    Tensor *most = graph_scalar(g, NULL, y->dtype, (double)high);
    rewrite_inputs(g, t->quantize, 3, (Tensor *[]){raw, least, most});
}

/* ---- Products ---- */

/* How far from the ends of int32 a bias must stay for the sum of products not to overflow. */
static double sum_bound(const Tensor *weights)
{
    double products = 1;
    for (int i = 1; i < weights->rank; i++) products *= (double)weights->dims[i]->value;
    return products * 255 * 255;
}

/* The bias as int32 at scale input times weights; NULL when it can not be. Channels that hold next
 * to nothing have tiny scales and huge biases: these are cut off where that changes less than a
 * small part of an output step. */
static Tensor *integer_bias(Graph *g, const Node *n, Tensor *bias, const Quant *x, const Quant *w,
                            double step)
{
    Quant q;
    const Tensor *from = bias;
    bool is_quantised = dequantised(g, bias, &q);
    if (is_quantised) from = q.x;
    if (!from->data || from->rank != 1) return NULL;
    if (is_quantised && (q.dtype != DT_I32 || q.zero_value)) return NULL;
    int64_t channels = tensor_static_elements(from);
    double most = (double)INT32_MAX - sum_bound(w->x);
    bool exact = is_quantised;
    int32_t *data = arena_array(g->arena, (size_t)channels, sizeof *data);
    for (int64_t i = 0; i < channels; i++) {
        double unit = x->scale_value * (w->per_tensor ? w->scale_value : const_f64_at(w->scale, i));
        double value = const_f64_at(from, i);
        if (is_quantised) {
            double scale = const_f64_at(q.scale, q.per_tensor ? 0 : i);
            exact &= fabs(scale - unit) <= 1e-5 * fabs(unit);
            value *= scale;
        }
        double whole = rint(value / unit), kept = fmin(fmax(whole, -most), most);
        if (!(fabs(whole - kept) * unit < step / 64)) return NULL;
        exact &= whole == kept;
        data[i] = (int32_t)kept;
    }
    if (exact) return q.x;
    const char *name = arena_printf(g->arena, "%s.bias", n->name);
    return graph_const(g, name, DT_I32, 1, &channels, data);
}

static bool quantise_conv(Graph *g, const Uses *uses, Node *n)
{
    Quant x, w;
    Tail t;
    Tensor *bias = node_in(n, 2);
    if (!dequantised(g, n->in[0], &x) || !dequantised(g, n->in[1], &w)) return false;
    if (!x.per_tensor || !is_byte(x.dtype) || !is_byte(w.dtype) || !w.x->data) return false;
    if (!w.per_tensor && node_int(n->in[1]->producer, "axis") != 0) return false;
    if (!tail_of(g, uses, n, &t)) return false;
    if (bias && !(bias = integer_bias(g, n, bias, &x, &w, t.out.scale_value))) return false;
    Tensor *in[] = {x.x, x.scale, x.zero, w.x, w.scale, w.zero, t.out.scale, t.out.zero, bias};
    rewrite_inputs(g, n, bias ? 9 : 8, in);
    n->op = OP_QLINEAR_CONV;
    attach(g, n, &t);
    return true;
}

static bool is_plain_gemm(const Node *n)
{
    return !node_in(n, 2) && !node_int(n, "transA") && !node_int(n, "transB") &&
           node_float(n, "alpha") == 1;
}

static bool quantise_matmul(Graph *g, const Uses *uses, Node *n)
{
    Quant a, b;
    Tail t;
    if (n->op == OP_GEMM && !is_plain_gemm(n)) return false;
    if (!dequantised(g, n->in[0], &a) || !dequantised(g, n->in[1], &b)) return false;
    if (!a.per_tensor || !is_byte(a.dtype) || !is_byte(b.dtype)) return false;
    if (!b.per_tensor && node_int(n->in[1]->producer, "axis") != n->in[1]->rank - 1) return false;
    if (!tail_of(g, uses, n, &t)) return false;
    Tensor *in[] = {a.x, a.scale, a.zero, b.x, b.scale, b.zero, t.out.scale, t.out.zero};
    rewrite_inputs(g, n, 8, in);
    n->op = OP_QLINEAR_MAT_MUL;
    n->attr_count = 0;
    attach(g, n, &t);
    return true;
}

/* ---- Operators that only move or select elements ---- */

static bool same_quant(const Quant *a, const Quant *b)
{
    return a->per_tensor && b->per_tensor && a->dtype == b->dtype &&
           a->scale_value == b->scale_value && a->zero_value == b->zero_value;
}

static bool moves_only(const Node *n)
{
    for (int i = 1; i < n->out_count; i++) {
        if (n->out[i]) return false;
    }
    return (op_info(n->op)->traits & T_ON_QUANTISED) != 0;
}

static bool quantise_move(Graph *g, const Uses *uses, Node *n)
{
    Quant in;
    Tail t;
    int data_inputs = op_info(n->op)->in_max == ANY ? n->in_count : 1;
    if (!moves_only(n) || !tail_of(g, uses, n, &t) || t.activation) return false;
    for (int k = 0; k < data_inputs; k++) {
        if (!dequantised(g, n->in[k], &in) || !same_quant(&in, &t.out)) return false;
    }
    for (int k = 0; k < data_inputs; k++) n->in[k] = n->in[k]->producer->in[0];
    attach(g, n, &t);
    return true;
}

/* ---- Means ---- */

/* Elements that are summed up for one of y; 0 when that is not known. */
static int64_t summed(const Tensor *x, const Tensor *y)
{
    if (!tensor_is_static(x) || !tensor_is_static(y) || tensor_static_elements(y) < 1) return 0;
    return tensor_static_elements(x) / tensor_static_elements(y);
}

static Tensor *before(Graph *g, const Node *n, OpCode op, int count, Tensor *const *in, DType type,
                      const Tensor *like)
{
    Tensor *y = graph_tensor(g, NULL, type, like->rank, like->dims);
    Node *node = graph_node_at(g, rewrite_position(g, n), op, NULL, &n->origin, count, in, 1, &y);
    node->region = n->region;
    return y;
}

/* The axes that a mean is of, as ReduceSum has them; NULL: they are not known. */
static Tensor *axes_of_mean(Graph *g, const Node *n)
{
    int64_t axes[MAX_RANK];
    int count = 0;
    if (n->op == OP_REDUCE_MEAN) {
        Tensor *given = node_in(n, 1);
        return given && given->data && tensor_static_elements(given) > 0 ? given : NULL;
    }
    for (int i = 2; i < n->in[0]->rank; i++) axes[count++] = i;
    return graph_const_i64(g, NULL, count, axes);
}

/* mean(scale * (x - zero)) = (sum(x) - count * zero) * (scale / count): the sum is one of integers, and exact. */
static bool quantise_mean(Graph *g, const Uses *uses, Node *n)
{
    Quant in;
    Tail t;
    if (!dequantised(g, n->in[0], &in) || !in.per_tensor || !is_byte(in.dtype)) return false;
    int64_t count = summed(in.x, n->out[0]);
    Tensor *axes = axes_of_mean(g, n), *y = n->out[0];
    if (!axes || count < 1 || count > INT32_MAX / 512 || !tail_of(g, uses, n, &t)) return false;
    Tensor *whole = before(g, n, OP_CAST, 1, &in.x, DT_I32, in.x);
    node_set_int(g, whole->producer, "to", dtype_to_onnx(DT_I32));
    Tensor *sum = before(g, n, OP_REDUCE_SUM, 2, (Tensor *[]){whole, axes}, DT_I32, y);
    node_set_int(g, sum->producer, "keepdims",
                 n->op == OP_REDUCE_MEAN ? node_int(n, "keepdims") : 1);
    Tensor *shift = graph_scalar(g, NULL, DT_I32, (double)(count * in.zero_value));
    Tensor *shifted = before(g, n, OP_SUB, 2, (Tensor *[]){sum, shift}, DT_I32, y);
    Tensor *real = before(g, n, OP_CAST, 1, &shifted, DT_F32, y);
    node_set_int(g, real->producer, "to", dtype_to_onnx(DT_F32));
    Tensor *unit = graph_scalar(g, NULL, DT_F32, in.scale_value / (double)count);
    rewrite_merge(g, n, n->in[0]->producer);
    rewrite_inputs(g, n, 2, (Tensor *[]){real, unit});
    n->op = OP_MUL;
    n->attr_count = 0;
    return true;
}

/* Parts that are dequantised with other parameters than the result has are quantised each by itself, so that no
 * part is stored as floats. */
static bool quantise_parts(Graph *g, const Uses *uses, Node *n)
{
    Quant in;
    Tail t;
    if (!tail_of(g, uses, n, &t) || t.activation) return false;
    for (int k = 0; k < n->in_count; k++) {
        if (!dequantised(g, n->in[k], &in)) return false;
    }
    for (int k = 0; k < n->in_count; k++) {
        Tensor *from[] = {n->in[k], t.out.scale, t.out.zero};
        n->in[k] = before(g, n, OP_QUANTIZE_LINEAR, 3, from, t.out.dtype, n->in[k]);
        Node *quantize = n->in[k]->producer;
        quantize->attrs = t.quantize->attrs;
        quantize->attr_count = t.quantize->attr_count;
    }
    attach(g, n, &t);
    return true;
}

/* QuantizeLinear(DequantizeLinear(x)) with the same parameters is x. */
static bool quantise_back(Graph *g, Node *n)
{
    Quant in, out;
    if (n->op != OP_QUANTIZE_LINEAR || !dequantised(g, n->in[0], &in)) return false;
    if (!params_of(g, n, n->out[0]->dtype, &out) || !same_quant(&in, &out)) return false;
    return rewrite_bypass(g, n, in.x);
}

/* Products have rewrites of their own: what becomes of the scales of both sides is about them. */
static bool quantise_node(Graph *g, const Uses *uses, Node *n)
{
    switch (n->op) {
    case OP_CONV: return quantise_conv(g, uses, n);
    case OP_MAT_MUL:
    case OP_GEMM: return quantise_matmul(g, uses, n);
    case OP_QUANTIZE_LINEAR: return quantise_back(g, n);
    case OP_CONCAT: return quantise_move(g, uses, n) || quantise_parts(g, uses, n);
    case OP_REDUCE_MEAN:
    case OP_GLOBAL_AVERAGE_POOL: return quantise_mean(g, uses, n);
    default: return quantise_move(g, uses, n);
    }
}

int pass_fuse_quantized(Graph *g)
{
    bool changed = true;
    for (int round = 0; changed && round < 100; round++) {
        changed = false;
        const Uses *uses = uses_new(g);
        for (int i = 0; i < g->node_count; i++) {
            Node *n = g->nodes[i];
            if (n->op != OP_DELETED && n->out_count && n->out[0] && quantise_node(g, uses, n)) {
                changed = true;
                uses = uses_new(g);
            }
        }
        graph_sweep(g);
    }
    return 0;
}
