/* Random graphs: layers that are whole algorithms (graph_cases.h has the frame). */
#ifndef LPC_TESTS_GRAPH_LAYERS_H
#define LPC_TESTS_GRAPH_LAYERS_H

#include "tests/unit/graph_ops.h"

/* A constant of small numbers of x's type. */
static inline const char *gen_small(Gen *g, const GenValue *x, int rank, const int64_t *dims)
{
    const char *name = gen_name(g, "w");
    int64_t count = 1;
    text_printf(&g->text, "const %s: %s[", name, dtype_name(x->type));
    for (int i = 0; i < rank; i++) {
        count *= dims[i];
        text_printf(&g->text, "%s%d", i ? ", " : "", (int)dims[i]);
    }
    text_add(&g->text, "] = [");
    for (int64_t i = 0; i < count; i++)
        text_printf(&g->text, "%s%s", i ? ", " : "", gen_pick(g, 2) ? "0.25" : "-0.1875");
    text_add(&g->text, "]\n");
    return name;
}

static inline int64_t gen_divisor(Gen *g, int64_t n)
{
    int64_t by = 1 + gen_pick(g, (int)n);
    while (n % by) by--;
    return by;
}

/* Outputs of a node: "-" or a name and its type, by chance; `first` is always there. */
static inline const char *gen_outs(Gen *g, GenValue *values, int count, bool *there)
{
    const char *list = "";
    for (int i = 0; i < count; i++) {
        there[i] = i == 0 || gen_pick(g, 2);
        values[i].name = gen_name(g, "t");
        list = GEN_PRINT("%s%s%s", list, i ? ", " : "",
                         there[i] ? GEN_PRINT("%s: ?[*]", values[i].name) : "-");
    }
    return list;
}

static inline void gen_keep_worthy(Gen *g, const GenValue *values, const bool *there, int count)
{
    for (int i = 0; i < count; i++) {
        if (there[i] && gen_worth(&values[i])) gen_keep(g, values[i]);
    }
}

static inline void gen_top_k(Gen *g)
{
    GenValue *x = gen_any_float(g, 1);
    if (!x || !x->exact) return;
    int axis = gen_pick(g, x->rank);
    int64_t n = x->dims[axis].n, k = n ? 1 + gen_pick(g, (int)n) : 1;
    GenValue values = *x, places = *x;
    values.dims[axis] = places.dims[axis] = gen_dim(g, k);
    values.name = gen_name(g, "t");
    places.name = gen_name(g, "t");
    places.type = DT_I64;
    const char *count = gen_int(g, k);
    gen_node(g, GEN_PRINT("%s: ?[*], %s: ?[*]", values.name, places.name), "TopK",
             GEN_PRINT("%s, %s", gen_use(x), count),
             GEN_PRINT("axis=%d, largest=%d", axis, gen_pick(g, 2)));
    gen_keep(g, values);
    gen_keep(g, places);
}

/* ---- Attention ---- */

typedef struct GenHeads {
    bool four; /* [batch, heads, length, depth], else [batch, length, heads * depth] */
    GenDim batch, queries, keys;
    int64_t heads, kv_heads, depth, v_depth; /* heads 0: symbolic, as many for K and V */
    int64_t past;
} GenHeads;

static inline GenValue gen_keys(Gen *g, const GenHeads *h, DType type, int64_t depth)
{
    int64_t four[] = {h->batch.n, h->kv_heads, h->keys.n, depth};
    int64_t three[] = {h->batch.n, h->keys.n, h->kv_heads * depth};
    return h->four ? gen_fill(g, type, 4, four) : gen_fill(g, type, 3, three);
}

/* "-", a bias or which keys are seen: the first always is. */
static inline const char *gen_mask(Gen *g, const GenHeads *h, DType type)
{
    if (!h->queries.n || !h->keys.n || gen_pick(g, 2)) return "-";
    int64_t dims[] = {h->queries.n, h->past + h->keys.n};
    if (gen_pick(g, 2)) return gen_fill(g, type, 2, dims).name;
    const char *name = gen_name(g, "c");
    text_printf(&g->text, "const %s: bool[%d, %d] = [", name, (int)dims[0], (int)dims[1]);
    for (int64_t i = 0; i < dims[0] * dims[1]; i++)
        text_printf(&g->text, "%s%d", i ? ", " : "", i % dims[1] == 0 || gen_pick(g, 2));
    text_add(&g->text, "]\n");
    return name;
}

static inline bool gen_heads(Gen *g, const GenValue *x, GenHeads *h, bool *self)
{
    h->four = x->rank == 4;
    GenDim last = x->dims[x->rank - 1];
    if (!last.n) return false;
    h->batch = x->dims[0];
    h->queries = x->dims[x->rank - 2];
    h->heads = h->four ? x->dims[1].n : gen_divisor(g, last.n);
    h->depth = h->v_depth = h->four ? last.n : last.n / h->heads;
    h->kv_heads = h->heads;
    h->keys = h->queries;
    *self = gen_pick(g, 2) || !h->batch.n || !h->heads;
    if (*self) return true;
    h->kv_heads = gen_divisor(g, h->heads);
    h->v_depth = 1 + gen_pick(g, 5);
    h->keys = gen_dim(g, 1 + gen_pick(g, 6));
    return true;
}

/* Keys and values among what there is, a list that grows say; NULL: none. */
static inline GenValue *gen_cache(Gen *g, const GenValue *x)
{
    for (int i = g->count - 1; i >= 0; i--) {
        GenValue *v = &g->values[i];
        bool fits = v->type == x->type && v->rank == x->rank && v->size <= 8 &&
                    v->name != x->name && gen_same(v->dims[0], x->dims[0]) &&
                    gen_same(v->dims[x->rank - 1], x->dims[x->rank - 1]);
        if (fits && x->rank == 4) fits = gen_same(v->dims[1], x->dims[1]);
        if (fits && gen_pick(g, 2)) return v;
    }
    return NULL;
}

static inline void gen_attention(Gen *g)
{
    GenValue *found = gen_any_float(g, 3), k, v;
    GenHeads h = {0};
    bool self, there[4];
    if (!found || found->rank > 4 || found->size > 8 || !gen_heads(g, found, &h, &self)) return;
    GenValue x = *found, made[4] = {x, x, x, x};
    gen_use(found);
    GenValue *cache = self ? gen_cache(g, &x) : NULL;
    if (cache) h.keys = cache->dims[x.rank - 2];
    k = cache ? *cache : self ? x : gen_keys(g, &h, x.type, h.depth);
    if (cache) gen_use(cache);
    v = self ? k : gen_keys(g, &h, x.type, h.v_depth);
    int causal = gen_pick(g, 2);
    const char *past = "";
    bool has_past = h.batch.n && h.kv_heads && h.keys.n && gen_pick(g, 3) == 0;
    if (has_past) h.past = 1 + gen_pick(g, 4);
    const char *mask = gen_mask(g, &h, x.type);
    if (has_past) {
        int64_t dims[] = {h.batch.n, h.kv_heads, h.past, h.depth};
        const char *past_k = gen_fill(g, x.type, 4, dims).name;
        dims[3] = h.v_depth;
        past = GEN_PRINT(", %s, %s", past_k, gen_fill(g, x.type, 4, dims).name);
    }
    double scores = (double)h.depth * x.size * k.size,
           blur = (double)h.depth * 2e-7 * scores + 2 * gen_unit(x.type) * scores +
                  (double)h.depth * (x.error * k.size + x.size * k.error);
    double size = fmax(v.size, has_past);
    gen_round(&made[0], size, v.error + 2 * size * blur, 20);
    made[0].dims[x.rank - 1] = gen_dim(g, h.four ? h.v_depth : h.heads * h.v_depth);
    GenDim heads = h.four ? x.dims[1] : gen_dim(g, h.heads);
    GenDim kv_heads = h.kv_heads ? gen_dim(g, h.kv_heads) : heads;
    GenDim total = has_past ? gen_dim(g, h.past + h.keys.n) : h.keys;
    for (int i = 1; i < 4; i++) {
        made[i].rank = 4;
        made[i].dims[0] = h.batch;
        made[i].dims[1] = i < 3 ? kv_heads : heads;
        made[i].dims[2] = i < 3 ? total : h.queries;
        made[i].dims[3] = i < 3 ? gen_dim(g, i == 1 ? h.depth : h.v_depth) : total;
    }
    made[1].exact = k.exact;
    made[1].error = k.error;
    made[2].exact = v.exact;
    made[2].error = v.error;
    made[1].size = fmax(k.size, 1);
    made[2].size = fmax(v.size, 1);
    static const int modes[] = {0, 1, 3};
    int mode = modes[gen_pick(g, 3)];
    gen_round(&made[3], fmax(scores, 1), 2 * blur, 20);
    const char *outs = gen_outs(g, made, has_past ? 4 : 1, there);
    const char *attrs = GEN_PRINT(
        "is_causal=%d, softcap=%s, qk_matmul_output_mode=%d%s%s", causal,
        gen_pick(g, 3) ? "0.0" : "2.0", mode, gen_pick(g, 3) ? "" : ", scale=0.5",
        h.four ? ""
               : GEN_PRINT(", q_num_heads=%d, kv_num_heads=%d", (int)h.heads, (int)h.kv_heads));
    gen_node(g, outs, "Attention",
             GEN_PRINT("%s, %s, %s, %s%s", x.name, k.name, v.name, mask, past), attrs);
    gen_keep_worthy(g, made, there, has_past ? 4 : 1);
}

/* ---- Recurrent ---- */

/* Each sequence's own length. */
static inline const char *gen_lengths(Gen *g, GenDim steps, GenDim batch)
{
    if (!steps.n || !batch.n || gen_pick(g, 3)) return "-";
    const char *name = gen_name(g, "c");
    text_printf(&g->text, "const %s: i32[%d] = [", name, (int)batch.n);
    for (int64_t i = 0; i < batch.n; i++)
        text_printf(&g->text, "%s%d", i ? ", " : "", 1 + gen_pick(g, (int)steps.n));
    text_add(&g->text, "]\n");
    return name;
}

static inline void gen_recurrent(Gen *g)
{
    static const struct {
        const char *op;
        int64_t gates;
        int outputs;
    } kinds[] = {{"LSTM", 4, 3}, {"GRU", 3, 2}, {"RNN", 1, 2}};
    static const char *const directions[] = {"forward", "reverse", "bidirectional"};
    GenValue *found = gen_any_float(g, 3);
    if (!found || found->rank != 3 || !found->dims[2].n || found->size > 8) return;
    GenValue x = *found, made[3] = {x, x, x};
    bool there[3];
    int kind = gen_pick(g, 3), way = gen_pick(g, 3), layout = gen_pick(g, 3) == 0;
    int64_t gates = kinds[kind].gates, hidden = 1 + gen_pick(g, gen_pick(g, 3) ? 3 : 9);
    int64_t dirs = 1 + (way == 2), in = x.dims[2].n;
    GenDim steps = x.dims[layout], batch = x.dims[!layout];
    if (gen_upper(steps) > 8 && steps.n) return;
    gen_use(found);
    const char *w = gen_small(g, &x, 3, (int64_t[]){dirs, gates * hidden, in});
    const char *r = gen_small(g, &x, 3, (int64_t[]){dirs, gates * hidden, hidden});
    const char *b = "-", *lengths = gen_lengths(g, steps, batch), *h = "-", *c = "", *p = "";
    if (gen_pick(g, 2)) b = gen_small(g, &x, 2, (int64_t[]){dirs, 2 * gates * hidden});
    int64_t first[] = {layout ? batch.n : dirs, layout ? dirs : batch.n, hidden};
    if (batch.n && gen_pick(g, 2)) h = gen_small(g, &x, 3, first);
    if (kind == 0 && batch.n && gen_pick(g, 2)) c = GEN_PRINT(", %s", gen_small(g, &x, 3, first));
    if (kind == 0 && gen_pick(g, 2))
        p = GEN_PRINT("%s, %s", *c ? "" : ", -",
                      gen_small(g, &x, 2, (int64_t[]){dirs, 3 * hidden}));
    /* What a step reads is off by this; what it keeps, by a little more each time. */
    double sum = (double)in * x.size + (double)hidden;
    double off =
        (double)in * x.error + 3e-7 * sum * (double)(in + hidden) + 2 * gen_unit(x.type) * sum;
    double error = 0;
    for (int64_t i = 0; i < (steps.n ? steps.n : GEN_N_MAX); i++) error = 1.3 * error + 2 * off;
    for (int i = 0; i < 3; i++) gen_round(&made[i], i == 2 ? 8 : 1, error, 4);
    GenDim dir = gen_dim(g, dirs), width = gen_dim(g, hidden);
    made[0].rank = 4;
    memcpy(made[0].dims,
           layout ? (GenDim[]){batch, steps, dir, width} : (GenDim[]){steps, dir, batch, width},
           4 * sizeof dir);
    for (int i = 1; i < 3; i++)
        memcpy(made[i].dims, layout ? (GenDim[]){batch, dir, width} : (GenDim[]){dir, batch, width},
               3 * sizeof dir);
    const char *outs = gen_outs(g, made, kinds[kind].outputs, there);
    const char *more = kind == 0   ? GEN_PRINT(", input_forget=%d", gen_pick(g, 4) == 0)
                       : kind == 1 ? GEN_PRINT(", linear_before_reset=%d", gen_pick(g, 2))
                                   : "";
    gen_node(g, outs, kinds[kind].op,
             GEN_PRINT("%s, %s, %s, %s, %s, %s%s%s", x.name, w, r, b, lengths, h, c, p),
             GEN_PRINT("direction=\"%s\", hidden_size=%d, layout=%d%s%s", directions[way],
                       (int)hidden, layout, gen_pick(g, 4) ? "" : ", clip=0.75", more));
    gen_keep_worthy(g, made, there, kinds[kind].outputs);
}

#endif
