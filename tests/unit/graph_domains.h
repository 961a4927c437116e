/* Random graphs: operators of com.microsoft and ai.onnx.ml, random numbers, strings, and sizes that data
 * decide (graph_cases.h has the frame). */
#ifndef LPC_TESTS_GRAPH_DOMAINS_H
#define LPC_TESTS_GRAPH_DOMAINS_H

#include "tests/unit/graph_layers.h"

/* The last value, which another node of the same function reads. */
static inline GenValue gen_made(Gen *g)
{
    g->values[g->count - 1].used = true;
    return g->values[g->count - 1];
}

/* ---- com.microsoft: what optimisers write ---- */

static inline void gen_fused_activation(Gen *g)
{
    static const char *const ops[] = {"Gelu", "FastGelu", "QuickGelu", "BiasGelu", "FastGelu"};
    GenValue *x = gen_any_float(g, 1);
    int op = gen_pick(g, 5);
    if (!x || x->size > 10) return;
    int64_t n = x->dims[x->rank - 1].n;
    if (op > 2 && !n) return;
    GenValue y = *x;
    const char *ins = gen_use(x);
    if (op > 2) ins = GEN_PRINT("%s, %s", ins, gen_fill(g, x->type, 1, &n).name);
    gen_round(&y, x->size + (op > 2), 2 * x->error, 8);
    gen_make(g, y, GEN_PRINT("com.microsoft::%s", ops[op]), ins, op == 2 ? "alpha=1.5" : "");
}

/* A normalisation of a sum, which leaves too. */
static inline void gen_skip_norm(Gen *g)
{
    GenValue *x = gen_any_float(g, 3);
    if (!x || x->rank != 3 || x->size > 20 || !gen_static(x, 0)) return;
    int64_t n = x->dims[2].n, dims[] = {x->dims[0].n, x->dims[1].n, n};
    bool simple = gen_pick(g, 2), bias = gen_pick(g, 2);
    GenValue skip = gen_fill(g, x->type, 3, dims), made[2] = {*x, *x};
    const char *ins =
        GEN_PRINT("%s, %s, %s", gen_use(x), skip.name, gen_floats(g, x, n, "1.5", "-0.5"));
    if (!simple) ins = GEN_PRINT("%s, %s", ins, gen_floats(g, x, n, "0.25", "-1"));
    if (bias) ins = GEN_PRINT("%s, %s", ins, gen_floats(g, x, n, "0.5", "0.125"));
    double size = x->size + 1.5;
    gen_round(&made[1], size, x->error, 2);
    gen_round(&made[0], 8 * size, made[1].error * 8 + 1e-6 * size * size, 30);
    for (int i = 0; i < 2; i++) made[i].name = gen_name(g, "t");
    bool sum = gen_pick(g, 2);
    gen_node(g,
             GEN_PRINT("%s: ?[*], -, -, %s", made[0].name,
                       sum ? GEN_PRINT("%s: ?[*]", made[1].name) : "-"),
             simple ? "com.microsoft::SkipSimplifiedLayerNormalization"
                    : "com.microsoft::SkipLayerNormalization",
             ins, "epsilon=0.1");
    for (int i = 0; i < 1 + sum; i++) {
        if (gen_worth(&made[i])) gen_keep(g, made[i]);
    }
}

static inline void gen_fused_matmul(Gen *g)
{
    GenValue *x = gen_any_float(g, 2);
    if (!x) return;
    int ta = gen_pick(g, 2), tb = gen_pick(g, 2);
    GenDim rows = x->dims[x->rank - 2 + ta], inner = x->dims[x->rank - 1 - ta];
    if (!inner.n) return;
    int64_t m = 1 + gen_pick(g, 9), dims[] = {tb ? m : inner.n, tb ? inner.n : m};
    GenValue b = gen_fill(g, x->type, 2, dims), y = *x;
    y.dims[y.rank - 2] = rows;
    y.dims[y.rank - 1] = gen_dim(g, m);
    gen_round(&y, (double)inner.n * x->size, (double)inner.n * x->error, inner.n);
    if (!gen_worth(&y)) return;
    gen_make(g, y, "com.microsoft::FusedMatMul", GEN_PRINT("%s, %s", gen_use(x), b.name),
             GEN_PRINT("transA=%d, transB=%d, alpha=%s", ta, tb, gen_pick(g, 2) ? "1.0" : "0.5"));
}

/* ---- com.microsoft: few bits ---- */

static inline void gen_nbits(Gen *g)
{
    GenValue *x = gen_any_float(g, 2);
    if (!x || x->type != DT_F32 || !x->dims[x->rank - 1].n) return;
    int64_t k = x->dims[x->rank - 1].n, n = 1 + gen_pick(g, 9), bits = 2 << gen_pick(g, 3);
    int64_t block = 16 << gen_pick(g, 2), blocks = (k + block - 1) / block;
    int64_t packed[] = {n, blocks, block * bits / 8}, scales = n * blocks;
    int64_t zeros = n * ((blocks * bits + 7) / 8);
    const char *ins = GEN_PRINT("%s, %s", gen_use(x), gen_fill(g, DT_U8, 3, packed).name);
    ins = GEN_PRINT("%s, %s", ins, gen_fill(g, DT_F32, 1, &scales).name);
    if (gen_pick(g, 2)) ins = GEN_PRINT("%s, %s", ins, gen_fill(g, DT_U8, 1, &zeros).name);
    int level = gen_pick(g, 2) ? 4 : 0; /* 4: half a step of 1 in 127 */
    GenValue y = *x;
    double weight = bits == 8 ? 128 : 8, error = x->error + (level ? x->size / 250 : 0);
    y.dims[y.rank - 1] = gen_dim(g, n);
    gen_round(&y, (double)k * x->size * weight, (double)k * error * weight, k);
    if (!gen_worth(&y)) return;
    gen_make(g, y, "com.microsoft::MatMulNBits", ins,
             GEN_PRINT("K=%d, N=%d, accuracy_level=%d, bits=%d, block_size=%d", (int)k, (int)n,
                       level, (int)bits, (int)block));
}

/* Operators on bytes: the scales are powers of two, so that every way gives the same bytes. */
static inline void gen_qlinear(Gen *g)
{
    static const char *const ops[] = {"Add", "Mul", "LeakyRelu", "Concat"};
    GenValue *x = gen_any(g, DT_F32);
    if (!x || !x->exact || !x->rank || !gen_static(x, 0)) return;
    int64_t dims[GEN_RANK];
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i].n;
    int op = gen_pick(g, 4);
    const char *s = gen_scalar(g, DT_F32, "0.03125"), *z = gen_scalar(g, DT_U8, "128");
    const char *t = gen_scalar(g, DT_F32, "0.0625"), *w = gen_scalar(g, DT_U8, "3");
    GenValue y = *x;
    y.type = DT_U8;
    gen_make(g, y, "QuantizeLinear", GEN_PRINT("%s, %s, %s", gen_use(x), s, z), "");
    GenValue a = gen_made(g), b = gen_fill(g, DT_U8, a.rank, dims);
    const char *first = GEN_PRINT("%s, %s, %s", a.name, s, z);
    const char *ins = GEN_PRINT("%s, %s, %s, %s, %s, %s", first, b.name, t, w, t, z);
    if (op == 2) ins = GEN_PRINT("%s, %s, %s", first, t, z);
    if (op == 3) ins = GEN_PRINT("%s, %s, %s, %s, %s, %s", t, z, first, b.name, t, w);
    if (op == 3) y.dims[0] = gen_dim(g, 2 * dims[0]);
    gen_make(g, y, GEN_PRINT("com.microsoft::QLinear%s", ops[op]), ins,
             op == 2   ? "alpha=0.25"
             : op == 3 ? "axis=0"
                       : "");
    y = gen_made(g);
    y.type = DT_F32;
    y.size = 8;
    gen_make(g, y, "DequantizeLinear", GEN_PRINT("%s, %s, %s", y.name, t, z), "");
}

/* ---- ai.onnx.ml ---- */

/* Trees of three inner nodes and four leaves. All sums are of sixteenths. */
static inline void gen_trees(Gen *g)
{
    enum { NODES = 7, INNER = 3, LEAVES = 4 };
    static const char *const modes[] = {"LEQ", "LT", "GTE", "GT", "EQ", "NEQ"};
    static const char *const sums[] = {"SUM", "AVERAGE", "MIN", "MAX"};
    GenValue *x = gen_any(g, DT_F32);
    if (!x || !x->exact || x->rank != 2 || !x->dims[1].n) return;
    int count = 1 << gen_pick(g, 3), targets = 1 + gen_pick(g, 2), features = (int)x->dims[1].n;
    int mixed = gen_pick(g, 2), mode = gen_pick(g, 6), all = NODES * count, leaves = LEAVES * count;
    Text t;
    text_init(&t, g->arena);
    text_printf(&t, "n_targets=%d, aggregate_function=\"%s\"", targets, sums[gen_pick(g, 4)]);
#define LIST(name, count, ...)                                                                     \
    do {                                                                                           \
        text_add(&t, ", " name "=[");                                                              \
        for (int at = 0; at < (count); at++) {                                                     \
            if (at) text_add(&t, ", ");                                                            \
            text_printf(&t, __VA_ARGS__);                                                          \
        }                                                                                          \
        text_add(&t, "]");                                                                         \
    } while (0)
    LIST("nodes_treeids", all, "%d", at / NODES);
    LIST("nodes_nodeids", all, "%d", at % NODES);
    LIST("nodes_featureids", all, "%d", at % NODES < INNER ? gen_pick(g, features) : 0);
    LIST("nodes_truenodeids", all, "%d", at % NODES < INNER ? 2 * (at % NODES) + 1 : 0);
    LIST("nodes_falsenodeids", all, "%d", at % NODES < INNER ? 2 * (at % NODES) + 2 : 0);
    LIST("nodes_modes", all, "\"%s%s\"", at % NODES < INNER ? "BRANCH_" : "LEAF",
         at % NODES < INNER ? modes[mixed ? gen_pick(g, 6) : mode] : "");
    LIST("nodes_values", all, "%.2f", gen_pick(g, 9) * 0.25 - 1);
    LIST("target_treeids", leaves, "%d", at / LEAVES);
    LIST("target_nodeids", leaves, "%d", at % LEAVES + INNER);
    LIST("target_ids", leaves, "%d", gen_pick(g, targets));
    LIST("target_weights", leaves, "%.4f", gen_pick(g, 33) * 0.0625 - 1);
#undef LIST
    GenValue y = *x;
    y.dims[1] = gen_dim(g, targets);
    y.size = count;
    gen_make(g, y, "ai.onnx.ml::TreeEnsembleRegressor", gen_use(x), t.data);
}

/* ---- Strings ---- */

/* Words for numbers: what moves elements moves them (gen_any_moved). */
static inline void gen_words(Gen *g)
{
    GenValue *x = gen_any(g, DT_I64);
    if (!x || !x->exact || gen_elements(x) > 60) return;
    GenValue y = *x;
    y.type = DT_STR256;
    gen_make(
        g, y, "ai.onnx.ml::LabelEncoder", gen_use(x),
        "keys_int64s=[0, 1, 2, -1], values_strings=[\"\", \"one\", \"gr\\xc3\\xbcn\", \"minus\"], "
        "default_string=\"other\"");
}

/* Numbers for words, or longer words. */
static inline void gen_read_words(Gen *g)
{
    GenValue *x = gen_any(g, DT_STR256);
    if (!x) return;
    GenValue y = *x, b = *x;
    GenValue *other = gen_any(g, DT_STR256);
    if (gen_pick(g, 3) == 0 && other && gen_broadcast(x, other, &b) && gen_worth(&b)) {
        y = b;
        y.type = DT_STR256;
        gen_make(g, y, "StringConcat", GEN_PRINT("%s, %s", gen_use(x), gen_use(other)), "");
        return;
    }
    y.type = DT_F32;
    y.size = 8;
    gen_make(g, y, "ai.onnx.ml::LabelEncoder", gen_use(x),
             "keys_strings=[\"one\", \"\", \"oneone\", \"other\"], values_floats=[1.5, -2.0, 8.0, "
             "0.25], "
             "default_float=-0.5");
}

/* ---- Random numbers: the same bits on every target ---- */

static inline void gen_random_numbers(Gen *g)
{
    GenValue *x = gen_any(g, DT_F32);
    if (!x || g->depth) return;
    GenValue y = *x;
    bool normal = gen_pick(g, 2);
    y.exact = true;
    y.error = 0;
    y.size = normal ? 8 : 1;
    gen_make(g, y, normal ? "RandomNormalLike" : "RandomUniformLike", gen_use(x),
             GEN_PRINT("key=%d%s", gen_pick(g, 1000), normal ? "" : ", low=-1.0"));
}

/* ---- Sizes that data decide ----
 * What has such a size is summed over it at once, so that values have sizes that are known. */

static inline void gen_sum(Gen *g, GenValue x, int axis)
{
    GenValue y = x;
    double terms = (double)gen_upper(x.dims[axis]);
    y.dims[axis] = gen_dim(g, 1);
    gen_round(&y, terms * x.size, terms * x.error, (int64_t)terms);
    gen_make(g, y, "ReduceSum", GEN_PRINT("%s, %s", x.name, gen_int(g, axis)), "keepdims=1");
}

/* Where something exact is small. */
static inline void gen_compress(Gen *g)
{
    GenValue *x = gen_any(g, DT_F32);
    if (!x || !x->rank || !x->exact) return;
    GenValue a = *x, r = *x, c;
    int axis = gen_pick(g, a.rank), others = 0;
    int64_t axes[GEN_RANK];
    gen_use(x);
    for (int i = 0; i < a.rank; i++) {
        if (i != axis) axes[others++] = i;
    }
    r.rank = 1;
    r.dims[0] = a.dims[axis];
    if (others) {
        gen_make(g, r, "ReduceMax", GEN_PRINT("%s, %s", a.name, gen_ints(g, others, axes)),
                 "keepdims=0");
        r = gen_made(g);
    }
    c = r;
    c.type = DT_BOOL;
    gen_make(g, c, "Less", GEN_PRINT("%s, %s", r.name, gen_scalar(g, DT_F32, "0.5")), "");
    c = gen_made(g);
    const char *some = gen_name(g, "s");
    gen_node(g, GEN_PRINT("%s: ?[*]", some), "Compress", GEN_PRINT("%s, %s", a.name, c.name),
             GEN_PRINT("axis=%d", axis));
    a.name = some;
    gen_sum(g, a, axis);
}

/* So many from the begin, or the largest, as an integer of an input says. */
static inline void gen_first(Gen *g)
{
    GenValue *x = gen_any(g, DT_F32), *i = gen_any(g, DT_I64);
    if (!x || !x->rank || !i || i >= g->values + g->input_count || g->depth) return;
    GenValue a = *x, k = *i;
    int axis = gen_pick(g, a.rank);
    bool largest = a.exact && gen_pick(g, 2);
    gen_use(x);
    gen_use(i);
    k.rank = 1;
    k.dims[0] = gen_dim(g, 1);
    gen_make(g, k, "ReduceMax", k.name, "keepdims=0"); /* 0 or 1 */
    k = gen_made(g);
    gen_make(g, k, "Reshape", GEN_PRINT("%s, %s", k.name, gen_int(g, 1)), "");
    k = gen_made(g);
    const char *some = gen_name(g, "s");
    if (largest)
        gen_node(g, GEN_PRINT("%s: ?[*], %s: ?[*]", some, gen_name(g, "s")), "TopK",
                 GEN_PRINT("%s, %s", a.name, k.name), GEN_PRINT("axis=%d", axis));
    else
        gen_node(g, GEN_PRINT("%s: ?[*]", some), "Slice",
                 GEN_PRINT("%s, %s, %s, %s", a.name, gen_int(g, 0), k.name, gen_int(g, axis)), "");
    a.name = some;
    gen_sum(g, a, axis);
}

#endif
