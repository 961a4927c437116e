/* Random graphs: the operators (graph_cases.h has the frame). Each function adds a node or a few,
 * or none when what there is does not suit. */
#ifndef LPC_TESTS_GRAPH_OPS_H
#define LPC_TESTS_GRAPH_OPS_H

#include "tests/unit/graph_moves.h"

/* ---- Element by element ---- */

static inline void gen_unary(Gen *g)
{
    static const struct {
        const char *op, *attrs;
        double limit; /* of the operand's size */
        double slope; /* errors grow by */
        double size;  /* of the result; 0: the operand's; below 0: exp of it */
    } ops[] = {{"Relu", "", 1e5, 0, 0},        {"Neg", "", 1e5, 0, 0},
               {"Abs", "", 1e5, 0, 0},         {"Tanh", "", 1e3, 1, 1},
               {"Sigmoid", "", 80, 1, 1},      {"Erf", "", 1e3, 2, 1},
               {"Exp", "", 3, 20, -1},         {"Sin", "", 10, 1, 1},
               {"Softplus", "", 50, 1, 60},    {"LeakyRelu", "alpha=0.25", 1e5, 1, 0},
               {"HardSwish", "", 10, 4, 0},    {"Gelu", "", 10, 2, 0},
               {"Elu", "alpha=0.5", 10, 1, 0}, {"HardSigmoid", "", 1e3, 1, 1},
               {"Swish", "", 30, 2, 0},        {"Mish", "", 30, 2, 0}};
    GenValue *x = gen_any_real(g);
    int i = gen_pick(g, 16);
    if (!x || x->size > ops[i].limit) return;
    GenValue y = *x;
    double size = ops[i].size < 0 ? exp(x->size) : ops[i].size > 0 ? ops[i].size : x->size;
    if (ops[i].slope > 0) gen_round(&y, size, ops[i].slope * x->error, 4);
    gen_make(g, y, ops[i].op, gen_use(x), ops[i].attrs);
}

static inline void gen_clip(Gen *g)
{
    GenValue *x = gen_any_real(g);
    if (!x) return;
    const char *low = gen_scalar(g, x->type, gen_pick(g, 2) ? "-0.5" : "0");
    const char *high = gen_pick(g, 3) ? gen_scalar(g, x->type, "1.25") : NULL;
    GenValue y = *x;
    gen_make(g, y, "Clip",
             GEN_PRINT("%s, %s%s%s", gen_use(x), low, high ? ", " : "", high ? high : ""), "");
}

/* Something that broadcasts with a: another value or a constant; false: nothing found. */
static inline bool gen_partner(Gen *g, const GenValue *a, GenValue *b, GenValue *sizes)
{
    for (int tries = 0; tries < 4; tries++) {
        GenValue *other = gen_any(g, a->type);
        if (!other || !gen_broadcast(a, other, sizes)) continue;
        gen_use(other);
        *b = *other;
        return true;
    }
    *b = gen_fill_like(g, a, a->type);
    return gen_broadcast(a, b, sizes);
}

static inline void gen_binary(Gen *g)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Max", "Min", "Div", "PRelu"};
    GenValue *x = gen_any_real(g), b, y = {0};
    if (!x) return;
    GenValue a = *x;
    gen_use(x);
    if (!gen_partner(g, &a, &b, &y)) return;
    int op = gen_pick(g, 5), swap = gen_pick(g, 2);
    y.type = a.type;
    y.exact = a.exact && b.exact;
    double size = fmax(a.size, b.size), error = a.error + b.error;
    if (op < 2) gen_round(&y, a.size + b.size, error, 0);
    if (op == 2) gen_round(&y, a.size * b.size, a.size * b.error + b.size * a.error, 0);
    if (op > 2) y.size = size, y.error = error;
    gen_make(g, y, ops[op],
             swap ? GEN_PRINT("%s, %s", b.name, a.name) : GEN_PRINT("%s, %s", a.name, b.name), "");
}

/* By a constant: not zero, and a scalar or one for each channel. */
static inline void gen_divide(Gen *g)
{
    GenValue *x = gen_any_real(g);
    if (!x) return;
    GenValue y = *x;
    gen_round(&y, x->size * 4, x->error * 4, 0);
    const char *by = x->rank && x->dims[x->rank - 1].n && gen_pick(g, 2)
                         ? gen_floats(g, x, x->dims[x->rank - 1].n, "0.7", "-1.5")
                         : gen_scalar(g, x->type, "0.3");
    gen_make(g, y, "Div", GEN_PRINT("%s, %s", gen_use(x), by), "");
}

static inline void gen_variadic(Gen *g)
{
    static const char *const ops[] = {"Sum", "Mean", "Max", "Min"};
    GenValue *x = gen_any_real(g), b, y = {0}, c = {0};
    if (!x) return;
    GenValue a = *x;
    gen_use(x);
    if (!gen_partner(g, &a, &b, &c)) return;
    c.type = a.type;
    GenValue d = gen_fill_like(g, &c, a.type);
    if (!gen_broadcast(&c, &d, &y)) return;
    int op = gen_pick(g, 4);
    y.type = a.type;
    gen_round(&y, a.size + b.size + 1, a.error + b.error, 2);
    gen_make(g, y, ops[op], GEN_PRINT("%s, %s, %s", a.name, b.name, d.name), "");
}

/* A comparison of exact values chooses. */
static inline void gen_where(Gen *g)
{
    static const char *const ops[] = {"Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"};
    GenValue *x = gen_any_real(g), b, c, y = {0}, z = {0}, *e;
    if (!x || !x->exact) return;
    GenValue a = *x;
    gen_use(x);
    if (!gen_partner(g, &a, &b, &y) || !b.exact) return;
    y.type = DT_BOOL;
    y.exact = true;
    gen_make(g, y, ops[gen_pick(g, 5)], GEN_PRINT("%s, %s", a.name, b.name), "");
    y = g->values[g->count - 1];
    e = gen_any_real(g);
    if (!e || !gen_broadcast(&y, e, &z)) return;
    c = *e;
    gen_use(e);
    z.type = c.type;
    GenValue other = gen_fill_like(g, &z, c.type);
    z.exact = c.exact;
    z.size = fmax(c.size, 1);
    z.error = c.error;
    gen_use(&g->values[g->count - 1]);
    gen_make(g, z, "Where",
             gen_pick(g, 2) ? GEN_PRINT("%s, %s, %s", y.name, c.name, other.name)
                            : GEN_PRINT("%s, %s, %s", y.name, other.name, c.name),
             "");
}

/* Integers of what is exact; between floats of anything. */
static inline void gen_cast(Gen *g)
{
    static const DType from[] = {DT_F32, DT_F16, DT_BF16, DT_I32, DT_BOOL, DT_I64};
    static const DType real[] = {DT_F32, DT_F32, DT_F16, DT_BF16};
    GenValue *x = gen_any(g, from[gen_pick(g, 6)]);
    if (!x || x->size > 1000) return;
    GenValue y = *x;
    y.type = real[gen_pick(g, 4)];
    if (x->exact && dtype_is_float(x->type) && gen_pick(g, 2)) y.type = DT_I32;
    if (x->type == DT_I32 && gen_pick(g, 3) == 0) y.type = DT_I64;
    if (!x->exact)
        gen_round(&y, x->size, x->error, 0);
    else
        y.size = fmax(8, x->size);
    gen_make(g, y, "Cast", gen_use(x), GEN_PRINT("to=%d", dtype_to_onnx(y.type)));
}

static inline void gen_integer(Gen *g)
{
    static const char *const ops[] = {"Add", "Sub", "Max", "Min", "Add"};
    GenValue *x = gen_any(g, DT_I32), b, y = {0};
    if (!x) return;
    GenValue a = *x;
    gen_use(x);
    if (!gen_partner(g, &a, &b, &y)) return;
    y.type = DT_I32;
    y.exact = true;
    y.size = a.size + fmax(b.size, 8);
    gen_make(g, y, ops[gen_pick(g, 5)], GEN_PRINT("%s, %s", a.name, b.name), "");
}

/* ---- Products ---- */

static inline void gen_matmul(Gen *g)
{
    GenValue *x = gen_any_float(g, 2), b = {0};
    if (!x) return;
    GenValue a = *x, y = *x, *other = gen_any_float(g, 2);
    GenDim inner = a.dims[a.rank - 1];
    gen_use(x);
    if (other && other->type == a.type && gen_same(other->dims[other->rank - 2], inner) &&
        gen_pick(g, 3)) {
        b = *other;
        gen_use(other);
    } else {
        if (!inner.n) return;
        int64_t dims[3] = {2, inner.n, 1 + gen_pick(g, gen_pick(g, 3) ? 6 : 20)};
        int batch = a.rank == 3 && a.dims[0].n == 2 && gen_pick(g, 2);
        b = gen_fill(g, x->type, 2 + batch, dims + !batch);
    }
    GenValue ab = a, bb = b;
    ab.rank -= 2;
    bb.rank -= 2;
    if (!gen_broadcast(&ab, &bb, &y)) return;
    y.dims[y.rank++] = a.dims[a.rank - 2];
    y.dims[y.rank++] = b.dims[b.rank - 1];
    double k = (double)gen_upper(inner);
    gen_round(&y, k * a.size * b.size, k * (a.size * b.error + b.size * a.error), gen_upper(inner));
    if (gen_worth(&y)) gen_make(g, y, "MatMul", GEN_PRINT("%s, %s", a.name, b.name), "");
}

static inline void gen_gemm(Gen *g)
{
    GenValue *x = gen_any_float(g, 2);
    if (!x || x->rank != 2) return;
    int ta = gen_pick(g, 3) == 0, tb = gen_pick(g, 2);
    GenDim rows = x->dims[ta], inner = x->dims[!ta];
    if (!inner.n) return;
    int64_t m = 1 + gen_pick(g, 9), dims[] = {tb ? m : inner.n, tb ? inner.n : m};
    GenValue b = gen_fill(g, x->type, 2, dims), c = {0}, y = *x;
    int bias = gen_pick(g, 3);
    if (bias) c = gen_fill(g, x->type, 1, bias == 1 ? &m : (int64_t[]){1});
    y.dims[0] = rows;
    y.dims[1] = gen_dim(g, m);
    gen_round(&y, (double)inner.n * x->size + 1, (double)inner.n * x->error, inner.n);
    if (!gen_worth(&y)) return;
    gen_make(g, y, "Gemm",
             GEN_PRINT("%s, %s%s%s", gen_use(x), b.name, bias ? ", " : "", bias ? c.name : ""),
             GEN_PRINT("transA=%d, transB=%d, alpha=%s, beta=%s", ta, tb,
                       gen_pick(g, 3) ? "1.0" : "0.5", gen_pick(g, 3) ? "1.0" : "2.0"));
}

/* A window over the axes from 2 on: sizes of the result, and the attributes. */
static inline bool gen_window(Gen *g, GenValue *y, int64_t *kernel, Text *attrs)
{
    int64_t pads[4] = {0}, strides[2], dilations[2];
    int axes = y->rank - 2;
    if (axes < 1 || axes > 2 || !gen_static(y, 1)) return false;
    for (int i = 0; i < axes; i++) {
        int64_t n = y->dims[2 + i].n;
        kernel[i] = 1 + gen_pick(g, 3);
        strides[i] = 1 + (gen_pick(g, 3) == 0);
        dilations[i] = 1 + (gen_pick(g, 5) == 0);
        if (kernel[i] > 1) {
            pads[i] = gen_pick(g, 2);
            pads[axes + i] = gen_pick(g, 2);
        }
        n += pads[i] + pads[axes + i] - ((kernel[i] - 1) * dilations[i] + 1);
        if (n < 0) return false;
        y->dims[2 + i] = gen_dim(g, n / strides[i] + 1);
    }
    const struct {
        const char *name;
        const int64_t *list;
        int count;
    } lists[] = {{"kernel_shape", kernel, axes},
                 {"strides", strides, axes},
                 {"dilations", dilations, axes},
                 {"pads", pads, 2 * axes}};
    text_init(attrs, g->arena);
    for (int i = 0; i < 4; i++) {
        text_printf(attrs, "%s%s=[", i ? ", " : "", lists[i].name);
        for (int k = 0; k < lists[i].count; k++)
            text_printf(attrs, "%s%d", k ? ", " : "", (int)lists[i].list[k]);
        text_add(attrs, "]");
    }
    return true;
}

static inline void gen_conv(Gen *g)
{
    GenValue *x = gen_any_float(g, 3), y;
    int64_t kernel[2], dims[4] = {0};
    Text attrs;
    if (!x) return;
    y = *x;
    if (!gen_window(g, &y, kernel, &attrs)) return;
    int64_t channels = x->dims[1].n, group = gen_pick(g, 3) ? 1 : channels;
    int64_t makes = group * (1 + gen_pick(g, group > 1 ? 2 : 6)), terms = channels / group;
    dims[0] = makes;
    dims[1] = channels / group;
    for (int i = 0; i < x->rank - 2; i++) terms *= dims[2 + i] = kernel[i];
    y.dims[1] = gen_dim(g, makes);
    gen_round(&y, (double)terms * x->size + 1, (double)terms * x->error, terms);
    if (!gen_worth(&y)) return;
    GenValue w = gen_fill(g, x->type, x->rank, dims), b = {0};
    bool bias = gen_pick(g, 2);
    if (bias) b = gen_fill(g, x->type, 1, &makes);
    gen_make(g, y, "Conv",
             GEN_PRINT("%s, %s%s%s", gen_use(x), w.name, bias ? ", " : "", bias ? b.name : ""),
             GEN_PRINT("group=%d, %s", (int)group, attrs.data));
}

static inline void gen_pool(Gen *g)
{
    GenValue *x = gen_any_float(g, 3), y;
    int64_t kernel[2];
    Text attrs;
    if (!x) return;
    y = *x;
    if (gen_pick(g, 5) == 0) {
        bool mean = gen_pick(g, 2);
        for (int i = 2; i < y.rank; i++) y.dims[i] = gen_dim(g, 1);
        if (mean) gen_round(&y, x->size, x->error, 40);
        gen_make(g, y, mean ? "GlobalAveragePool" : "GlobalMaxPool", gen_use(x), "");
        return;
    }
    if (!gen_window(g, &y, kernel, &attrs)) return;
    bool mean = gen_pick(g, 2);
    if (mean) gen_round(&y, x->size, x->error, 9);
    gen_make(g, y, mean ? "AveragePool" : "MaxPool", gen_use(x),
             mean ? GEN_PRINT("%s, count_include_pad=%d", attrs.data, gen_pick(g, 2)) : attrs.data);
}

/* ---- Reductions ---- */

static inline void gen_reduce(Gen *g)
{
    static const char *const ops[] = {"ReduceMax",  "ReduceMin", "ReduceSum",
                                      "ReduceMean", "ReduceL1",  "ReduceSumSquare"};
    GenValue *x = gen_any_float(g, 1);
    if (!x) return;
    int op = gen_pick(g, 6), axis = gen_pick(g, x->rank), keep = gen_pick(g, 2), count = 1;
    int64_t axes[2] = {axis, 0};
    if (x->rank > 1 && gen_pick(g, 3) == 0) axes[count++] = axis ? axis - 1 : axis + 1;
    GenValue y = *x;
    double terms = 1;
    for (int i = 0; i < count; i++) {
        terms *= (double)gen_upper(x->dims[axes[i]]);
        y.dims[axes[i]] = gen_dim(g, keep);
    }
    if (!keep) {
        y.rank = 0;
        for (int i = 0; i < x->rank; i++) {
            bool gone = i == axes[0] || (count > 1 && i == axes[1]);
            if (!gone) y.dims[y.rank++] = x->dims[i];
        }
    }
    if (op == 5) {
        gen_round(&y, terms * x->size * x->size, terms * 2 * x->size * x->error, (int64_t)terms);
    } else if (op > 1) {
        gen_round(&y, terms * x->size, terms * x->error, (int64_t)terms);
    }
    const char *list = gen_ints(g, count, axes);
    gen_make(g, y, ops[op], GEN_PRINT("%s, %s", gen_use(x), list), GEN_PRINT("keepdims=%d", keep));
}

static inline void gen_arg(Gen *g)
{
    GenValue *x = gen_any_float(g, 1);
    if (!x || !x->exact) return;
    int axis = gen_pick(g, x->rank);
    GenValue y = *x;
    y.type = DT_I64;
    y.dims[axis] = gen_dim(g, 1);
    gen_make(g, y, gen_pick(g, 2) ? "ArgMax" : "ArgMin", gen_use(x), GEN_PRINT("axis=%d", axis));
}

static inline void gen_softmax(Gen *g)
{
    GenValue *x = gen_any_float(g, 1);
    if (!x || x->size > 60) return;
    GenValue y = *x;
    gen_round(&y, 1, 2 * x->error + 1e-7 * x->size, 20);
    gen_make(g, y, "Softmax", gen_use(x), GEN_PRINT("axis=%d", gen_pick(g, x->rank)));
}

static inline void gen_cumulate(Gen *g)
{
    GenValue *x = gen_any_float(g, 1);
    if (!x) return;
    int axis = gen_pick(g, x->rank);
    GenValue y = *x;
    double terms = (double)gen_upper(x->dims[axis]);
    gen_round(&y, terms * x->size, terms * x->error, (int64_t)terms);
    const char *at = gen_scalar(g, DT_I64, GEN_PRINT("%d", axis));
    gen_make(g, y, "CumSum", GEN_PRINT("%s, %s", gen_use(x), at),
             GEN_PRINT("exclusive=%d, reverse=%d", gen_pick(g, 2), gen_pick(g, 2)));
}

static inline void gen_norm(Gen *g)
{
    GenValue *x = gen_any_float(g, 2);
    if (!x || x->size > 50) return;
    int kind = gen_pick(g, 4), axis = kind < 2 ? x->rank - 1 : 1;
    int64_t n = x->dims[axis].n;
    if (!n || (kind == 2 && x->rank < 3)) return;
    GenValue y = *x;
    gen_round(&y, 8 * x->size, x->error * 8 + 1e-6 * x->size * x->size, 30);
    const char *scale = gen_floats(g, x, n, "1.5", "-0.5"),
               *bias = gen_floats(g, x, n, "0.25", "-1");
    const char *x_name = gen_use(x);
    if (kind == 0)
        gen_make(g, y, "LayerNormalization",
                 gen_pick(g, 2) ? GEN_PRINT("%s, %s, %s", x_name, scale, bias)
                                : GEN_PRINT("%s, %s", x_name, scale),
                 "axis=-1, epsilon=0.1");
    if (kind == 1)
        gen_make(g, y, "RMSNormalization", GEN_PRINT("%s, %s", x_name, scale), "epsilon=0.1");
    if (kind == 2)
        gen_make(g, y, "InstanceNormalization", GEN_PRINT("%s, %s, %s", x_name, scale, bias),
                 "epsilon=0.1");
    if (kind == 3)
        gen_make(g, y, "BatchNormalization",
                 GEN_PRINT("%s, %s, %s, %s, %s", x_name, scale, bias,
                           gen_floats(g, x, n, "0.5", "0"), gen_floats(g, x, n, "0.75", "2")),
                 "epsilon=0.1");
}

/* ---- Quantised ---- */

/* To integers and back; all scales are powers of two, so that floats compute exactly what integers
 * do. */
static inline GenValue gen_quantized(Gen *g, const GenValue *x, DType type, const char *scale)
{
    GenValue y = *x;
    const char *s = gen_scalar(g, DT_F32, scale);
    const char *zero = gen_scalar(g, type, type == DT_U8 ? "128" : "0");
    y.type = type;
    gen_make(g, y, "QuantizeLinear", GEN_PRINT("%s, %s, %s", x->name, s, zero), "");
    y = g->values[g->count - 1];
    g->values[g->count - 1].used = true;
    y.type = DT_F32;
    y.size = fmin(fmax(x->size, 0.1), 8);
    gen_make(g, y, "DequantizeLinear", GEN_PRINT("%s, %s, %s", y.name, s, zero), "");
    return g->values[g->count - 1];
}

static inline void gen_quantize(Gen *g)
{
    GenValue *x = gen_any(g, DT_F32);
    if (!x || !x->exact || !x->rank) return;
    gen_use(x);
    DType type = gen_pick(g, 2) ? DT_U8 : DT_I8;
    GenValue from = *x, a = gen_quantized(g, &from, type, "0.03125"), y = a;
    GenDim inner = a.dims[a.rank - 1];
    if (a.rank < 2 || !inner.n) return;
    int64_t dims[] = {inner.n, 1 + gen_pick(g, 9)};
    GenValue w = gen_fill(g, DT_I8, 2, dims), f = w;
    const char *s = gen_scalar(g, DT_F32, "0.0625"), *zero = gen_scalar(g, DT_I8, "0");
    f.name = gen_name(g, "t");
    gen_node(g, GEN_PRINT("%s: ?[*]", f.name), "DequantizeLinear",
             GEN_PRINT("%s, %s, %s", w.name, s, zero), "");
    y.dims[y.rank - 1] = gen_dim(g, dims[1]);
    y.size = (double)inner.n * a.size * 0.5;
    gen_make(g, y, "MatMul", GEN_PRINT("%s, %s", a.name, f.name), "");
    y = g->values[g->count - 1];
    g->values[g->count - 1].used = true;
    if (gen_pick(g, 2)) {
        gen_make(g, y, "Relu", y.name, "");
        y = g->values[g->count - 1];
        g->values[g->count - 1].used = true;
    }
    gen_quantized(g, &y, type, "0.0625");
}

/* ---- Narrow types ---- */

/* Every way must make the same elements of exact numbers. */
static inline void gen_narrow(Gen *g)
{
    GenValue *x = gen_any(g, DT_F32);
    if (!x || !x->exact || x->size > 100) return;
    GenValue y = *x;
    y.type = gen_narrow_types[gen_pick(g, 8)];
    y.size = dtype_is_code(y.type) ? fmax(1.25 * x->size, 1) : 15;
    gen_make(g, y, "Cast", gen_use(x),
             GEN_PRINT("to=%d, saturate=%d", dtype_to_onnx(y.type), x->size < 6 && gen_pick(g, 2)));
}

static inline void gen_widen(Gen *g)
{
    GenValue *x = gen_any_narrow(g);
    if (!x) return;
    GenValue y = *x;
    y.type = DT_F32;
    gen_make(g, y, "Cast", gen_use(x), "to=1");
}

/* A product with packed weights in blocks, the last of which may be shorter. */
static inline void gen_blocks(Gen *g)
{
    static const DType types[] = {DT_I4, DT_U4, DT_I2, DT_U2, DT_F4E2M1};
    GenValue *x = gen_any_float(g, 2);
    if (!x || x->type != DT_F32 || !x->dims[x->rank - 1].n) return;
    int64_t n = x->dims[x->rank - 1].n, block = 1 + gen_pick(g, (int)n);
    int64_t dims[] = {n, 1 + gen_pick(g, 9)}, scales[] = {(n + block - 1) / block, dims[1]};
    GenValue w = gen_fill(g, types[gen_pick(g, 5)], 2, dims);
    GenValue s = gen_fill(g, DT_F32, 2, scales), y = *x;
    const char *name = gen_name(g, "t");
    gen_node(g, GEN_PRINT("%s: ?[*]", name), "DequantizeLinear",
             GEN_PRINT("%s, %s", w.name, s.name), GEN_PRINT("axis=0, block_size=%d", (int)block));
    y.dims[y.rank - 1] = gen_dim(g, dims[1]);
    gen_round(&y, (double)n * x->size * 15, (double)n * x->error * 15, n);
    gen_make(g, y, "MatMul", GEN_PRINT("%s, %s", gen_use(x), name), "");
}

#endif
