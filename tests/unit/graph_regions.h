/* Random graphs: branches and loops, within each other too, and the choice of what comes next
 * (graph_cases.h has the frame). */
#ifndef LPC_TESTS_GRAPH_REGIONS_H
#define LPC_TESTS_GRAPH_REGIONS_H

#include "tests/unit/graph_domains.h"

enum { GEN_DEPTH = 3 };

/* Nodes are put into this region of the one where they were put, which is returned. */
static inline const char *gen_enter(Gen *g, const char *part)
{
    const char *outer = g->inside;
    g->inside = *outer ? GEN_PRINT("%s, %s", outer, part) : part;
    g->region = GEN_PRINT(" in(%s)", g->inside);
    g->depth++;
    return outer;
}

static inline void gen_leave(Gen *g, const char *outer)
{
    g->inside = outer;
    g->region = *outer ? GEN_PRINT(" in(%s)", outer) : "";
    g->depth--;
}

static inline GenValue gen_last(Gen *g)
{
    g->values[g->count - 1].used = true;
    return g->values[g->count - 1];
}

/* A condition: a bool that is a scalar. */
static inline const char *gen_condition(Gen *g)
{
    GenValue *cond = gen_any(g, DT_BOOL);
    return cond && !cond->rank ? gen_use(cond) : NULL;
}

static inline void gen_if(Gen *g);
static inline void gen_loop(Gen *g);
static inline void gen_collect(Gen *g);

static inline void gen_some(Gen *g, int count)
{
    static void (*const ops[])(Gen *) = {
        gen_unary, gen_binary, gen_transpose, gen_reshape, gen_divide, gen_softmax, gen_matmul,
        gen_slice, gen_concat, gen_reduce,    gen_if,      gen_loop,   gen_collect};
    for (int i = 0; i < count; i++) ops[gen_pick(g, 13)](g);
}

/* ---- Calm nodes ----
 * Of x's sizes; what x is off by grows by roundings only, and no element is larger than one of x or
 * 1. So what a loop carries through them stays good. */

static inline GenValue gen_calm(Gen *g, GenValue x);

static inline GenValue gen_calm_one(Gen *g, GenValue x)
{
    static const struct {
        const char *op;
        bool exact;
    } ops[] = {{"Neg", true},   {"Relu", true}, {"Abs", true},      {"Max", true}, {"Min", true},
               {"Tanh", false}, {"Sin", false}, {"Sigmoid", false}, {"Mul", false}};
    int op = gen_pick(g, 9);
    const char *ins = x.name;
    if (op == 3 || op == 4 || op == 8)
        ins = GEN_PRINT("%s, %s", ins, gen_fill_like(g, &x, x.type).name);
    double size = fmax(x.size, 1);
    if (!ops[op].exact) gen_round(&x, size, x.error, 4);
    x.size = size;
    gen_make(g, x, ops[op].op, ins, "");
    return gen_last(g);
}

static inline GenValue gen_calm_if(Gen *g, GenValue x, const char *cond)
{
    GenValue made[2], y = x;
    for (int side = 0; side < 2; side++) {
        int count = g->count;
        const char *outer = gen_enter(g, GEN_PRINT("%s%s", side ? "!" : "", cond));
        made[side] = gen_calm(g, x);
        gen_leave(g, outer);
        g->count = count;
    }
    y.exact = made[0].exact && made[1].exact;
    y.size = fmax(made[0].size, made[1].size);
    y.error = fmax(made[0].error, made[1].error);
    gen_make(g, y, "lpc.Phi", GEN_PRINT("%s, %s, %s", cond, made[0].name, made[1].name), "");
    return gen_last(g);
}

/* ---- Loops ---- */

typedef struct GenLoop {
    const char *name, *i, *outer; /* the iteration, the region around */
    GenDim trips;
    int from;   /* values from here on are the body's */
    bool scans; /* takes a slice of `scanned` along `axis` in each iteration */
    GenValue scanned;
    int axis;
} GenLoop;

static inline int64_t gen_most(GenDim trips)
{
    return trips.n ? trips.n : GEN_N_MAX;
}

/* As often as a constant says, or the size n, or as something is long. */
static inline const char *gen_trips(Gen *g, GenLoop *l)
{
    GenValue *z = gen_pick(g, 2) ? NULL : gen_any_moved(g);
    l->trips = gen_dim(g, 1 + gen_pick(g, 4));
    if (z && z->rank && gen_worth(z)) {
        l->axis = gen_pick(g, z->rank);
        GenDim dim = z->dims[l->axis];
        l->scans = dim.n ? dim.n <= GEN_N_MAX : !strcmp(dim.text, "n");
        l->scanned = *z;
        if (l->scans) l->trips = dim;
        if (l->scans) gen_use(z);
    } else if (gen_pick(g, 5) == 0) {
        l->trips = (GenDim){0, "n"};
    }
    if (l->trips.n) return gen_scalar(g, DT_I64, l->trips.text);
    const char *count = gen_name(g, "n");
    gen_node(g, GEN_PRINT("%s: ?[*]", count), "Size", "%n", "");
    return count;
}

/* Enters; `carried` are names of what the body gets, `first` of what it gets at first. */
static inline void gen_open(Gen *g, GenLoop *l, const char *carried, const char *first, bool ends)
{
    *l =
        (GenLoop){.name = GEN_PRINT("loop%d", g->names++), .i = gen_name(g, "i"), .from = g->count};
    const char *count = gen_trips(g, l), *yes = ends ? gen_scalar(g, DT_BOOL, "1") : "-";
    text_printf(&g->text, "%s: i64[], %s, %s = lpc.LoopEnter \"%s\" (%s, %s, %s)%s\n", l->i,
                ends ? GEN_PRINT("%s: bool[]", gen_name(g, "b")) : "-", carried, l->name, count,
                yes, first, g->region);
    l->outer = gen_enter(g, GEN_PRINT("\"%s\"", l->name));
}

static inline void gen_close(Gen *g, const GenLoop *l, const char *outs, const char *ins,
                             const char *attrs)
{
    gen_leave(g, l->outer);
    g->count = l->from;
    text_printf(&g->text, "%s = lpc.LoopLeave \"%s.leave\" (%s) {%s}%s of(\"%s\")\n", outs, l->name,
                ins, attrs, g->region, l->name);
}

static inline void gen_slice_of(Gen *g, const GenLoop *l)
{
    GenValue y = l->scanned;
    if (!l->scans) return;
    y.rank--;
    memmove(&y.dims[l->axis], &y.dims[l->axis + 1], (size_t)(y.rank - l->axis) * sizeof *y.dims);
    gen_make(g, y, "lpc.At", GEN_PRINT("%s, %s", l->scanned.name, l->i),
             GEN_PRINT("axis=%d", l->axis));
}

/* What is stacked: `x`, or something that the iteration makes beside it. Gives its axis in all. */
static inline int gen_stack(Gen *g, const GenLoop *l, bool more, GenValue x, GenValue *stack)
{
    int made = g->count;
    gen_slice_of(g, l);
    if (more && gen_pick(g, 3)) gen_some(g, 1 + gen_pick(g, 3));
    *stack = x;
    if (g->count > made && g->values[g->count - 1].rank + 1 < GEN_RANK &&
        gen_worth(&g->values[g->count - 1]))
        *stack = gen_last(g);
    return gen_pick(g, stack->rank + 1);
}

/* A loop of one value, or of two that change places. */
static inline GenValue gen_carry(Gen *g, GenValue x, GenValue *stack)
{
    enum { ROOM = 40 }; /* roundings in an iteration */
    int twice = gen_pick(g, 3) == 0, ends = !stack && gen_pick(g, 3) == 0, axis = 0;
    const char *end = gen_scalar(g, DT_I64, GEN_PRINT("%d", gen_pick(g, 3))), *leave = "-";
    GenValue in[2] = {x, x}, out[2], room = x, y = x;
    GenLoop l;
    gen_round(&room, fmax(x.size, 1), 0, 4);
    for (int k = 0; k < 2; k++) in[k].name = gen_name(g, "v");
    gen_open(g, &l,
             twice ? GEN_PRINT("%s: ?[*], %s: ?[*]", in[0].name, in[1].name)
                   : GEN_PRINT("%s: ?[*]", in[0].name),
             twice ? GEN_PRINT("%s, %s", x.name, x.name) : x.name, ends);
    double trips = (double)gen_most(l.trips);
    for (int k = 0; k < 2; k++) {
        in[k].size = room.size;
        in[k].error = x.exact ? 0 : x.error + trips * ROOM * room.error;
        if (k <= twice) gen_keep(g, in[k]);
    }
    out[0] = gen_calm(g, in[twice]);
    out[1] = twice && gen_pick(g, 2) ? gen_calm(g, in[0]) : in[0];
    bool exact = out[0].exact && (!twice || out[1].exact);
    double grows = fmax(out[0].error, twice ? out[1].error : 0) - in[0].error;
    if (!exact) grows = fmax(grows, room.error);
    bool good = x.error + trips * grows <= in[0].error || exact;
    /* What the first iteration has exactly, the next ones may not have. */
    for (int k = l.from; k < g->count; k++) g->values[k].exact &= exact;
    out[0].exact &= exact;
    y.exact = exact;
    y.size = room.size;
    y.error = exact ? 0 : x.error + trips * grows;
    if (ends) {
        leave = gen_name(g, "b");
        gen_node(g, GEN_PRINT("%s: ?[*]", leave), "Less", GEN_PRINT("%s, %s", l.i, end), "");
    }
    if (stack) axis = gen_stack(g, &l, good, out[0], stack);
    y.name = gen_name(g, "t");
    const char *outs = GEN_PRINT("%s: ?[*]", y.name);
    const char *ins = GEN_PRINT("%s, %s", leave, out[0].name), *attrs = "";
    if (twice) {
        ins = GEN_PRINT("%s, %s", ins, out[1].name);
        outs = gen_pick(g, 2) ? GEN_PRINT("%s, %s: ?[*]", outs, gen_name(g, "t"))
                              : GEN_PRINT("%s, -", outs);
    }
    if (stack) {
        ins = GEN_PRINT("%s, %s", ins, stack->name);
        stack->name = gen_name(g, "t");
        outs = GEN_PRINT("%s, %s: ?[*]", outs, stack->name);
        attrs = GEN_PRINT("axes=[%d], reverse=[%d]", axis, gen_pick(g, 3) == 0);
        memmove(&stack->dims[axis + 1], &stack->dims[axis],
                (size_t)(stack->rank - axis) * sizeof *stack->dims);
        stack->dims[axis] = l.trips;
        stack->rank++;
    }
    gen_close(g, &l, outs, ins, attrs);
    gen_keep(g, y);
    return y;
}

/* A list that each iteration makes longer by what it makes of another value. */
static inline void gen_collect(Gen *g)
{
    GenValue *x = gen_any_float(g, 1);
    if (g->depth >= GEN_DEPTH || !x || x->size > 10) return;
    int axis = gen_pick(g, x->rank);
    GenValue list = *x, item = *x, *z = gen_any(g, x->type);
    bool fits = z && z->rank == list.rank && z->size <= 10 && z->dims[axis].n;
    for (int i = 0; fits && i < list.rank; i++)
        fits = i == axis || gen_same(z->dims[i], list.dims[i]);
    if (fits) item = *z;
    if (!list.dims[axis].n || !item.dims[axis].n) return;
    gen_use(x);
    if (fits) gen_use(z);
    GenLoop l;
    const char *v = gen_name(g, "v"), *w = gen_name(g, "v");
    gen_open(g, &l, GEN_PRINT("%s: ?[*]", v), list.name, false);
    item = gen_calm(g, item);
    gen_node(g, GEN_PRINT("%s: ?[*]", w), "Concat",
             gen_pick(g, 4) ? GEN_PRINT("%s, %s", v, item.name) : GEN_PRINT("%s, %s", item.name, v),
             GEN_PRINT("axis=%d", axis));
    list.exact = list.exact && item.exact;
    list.size = fmax(list.size, item.size);
    list.error = fmax(list.error, item.error);
    int64_t first = list.dims[axis].n, step = item.dims[axis].n;
    list.dims[axis] = l.trips.n ? gen_dim(g, first + step * l.trips.n)
                                : (GenDim){0, GEN_PRINT("(%d + %d*n)", (int)first, (int)step)};
    list.name = gen_name(g, "t");
    gen_close(g, &l, GEN_PRINT("%s: ?[*]", list.name), GEN_PRINT("-, %s", w), "");
    if (gen_worth(&list) && first + step * gen_most(l.trips) <= 24) gen_keep(g, list);
}

static inline GenValue gen_calm(Gen *g, GenValue x)
{
    int count = 1 + gen_pick(g, 2);
    for (int i = 0; i < count; i++) {
        const char *cond = g->depth < GEN_DEPTH && !gen_pick(g, 4) ? gen_condition(g) : NULL;
        if (cond)
            x = gen_calm_if(g, x, cond);
        else if (g->depth < GEN_DEPTH && !gen_pick(g, 5))
            x = gen_carry(g, x, NULL);
        else
            x = gen_calm_one(g, x);
    }
    return x;
}

/* ---- Regions ---- */

/* Values of a region are not seen behind it. One of x's sizes that was made in it, or a copy of x.
 */
static inline GenValue gen_result(Gen *g, int from, const GenValue *x)
{
    for (int i = g->count - 1; i >= from; i--) {
        const GenValue *v = &g->values[i];
        bool like = v->type == x->type && v->rank == x->rank && gen_worth(v);
        for (int k = 0; like && k < x->rank; k++) like = gen_same(v->dims[k], x->dims[k]);
        if (like && gen_pick(g, 4)) return *v;
    }
    gen_make(g, *x, gen_pick(g, 2) ? "Neg" : "Relu", x->name, "");
    return g->values[g->count - 1];
}

static inline void gen_if(Gen *g)
{
    GenValue *x = gen_any_real(g), made[2];
    const char *c = g->depth < GEN_DEPTH ? gen_condition(g) : NULL;
    if (!c || !x) return;
    GenValue y = *x;
    gen_use(x);
    for (int side = 0; side < 2; side++) {
        int count = g->count;
        const char *outer = gen_enter(g, GEN_PRINT("%s%s", side ? "!" : "", c));
        gen_some(g, 1 + gen_pick(g, 3));
        made[side] = gen_result(g, count, &y);
        gen_leave(g, outer);
        g->count = count;
    }
    y.exact = made[0].exact && made[1].exact;
    y.size = fmax(made[0].size, made[1].size);
    y.error = fmax(made[0].error, made[1].error);
    gen_make(g, y, "lpc.Phi", GEN_PRINT("%s, %s, %s", c, made[0].name, made[1].name), "");
}

/* What it carries, and what each iteration had. */
static inline void gen_loop(Gen *g)
{
    GenValue *x = gen_any_real(g), stack;
    if (g->depth >= GEN_DEPTH || !x || x->rank + 1 >= GEN_RANK || x->size > 10) return;
    GenValue from = *x;
    gen_use(x);
    if (gen_pick(g, 2)) {
        gen_carry(g, from, NULL);
        return;
    }
    gen_carry(g, from, &stack);
    gen_keep(g, stack);
}

/* ---- All ---- */

static inline void gen_random_node(Gen *g)
{
    static void (*const ops[])(Gen *) = {gen_unary,      gen_unary,
                                         gen_binary,     gen_binary,
                                         gen_binary,     gen_divide,
                                         gen_variadic,   gen_clip,
                                         gen_where,      gen_cast,
                                         gen_integer,    gen_reshape,
                                         gen_transpose,  gen_transpose,
                                         gen_slice,      gen_slice,
                                         gen_split,      gen_split,
                                         gen_squeeze,    gen_expand,
                                         gen_concat,     gen_concat,
                                         gen_gather,     gen_pad,
                                         gen_tile,       gen_resize,
                                         gen_matmul,     gen_matmul,
                                         gen_gemm,       gen_conv,
                                         gen_conv,       gen_pool,
                                         gen_reduce,     gen_reduce,
                                         gen_arg,        gen_softmax,
                                         gen_cumulate,   gen_norm,
                                         gen_norm,       gen_quantize,
                                         gen_narrow,     gen_widen,
                                         gen_blocks,     gen_if,
                                         gen_loop,       gen_top_k,
                                         gen_attention,  gen_recurrent,
                                         gen_recurrent,  gen_cast,
                                         gen_grow,       gen_collect,
                                         gen_collect,    gen_loop,
                                         gen_loop,       gen_if,
                                         gen_attention,  gen_fused_activation,
                                         gen_skip_norm,  gen_fused_matmul,
                                         gen_nbits,      gen_qlinear,
                                         gen_qlinear,    gen_trees,
                                         gen_trees,      gen_words,
                                         gen_words,      gen_read_words,
                                         gen_read_words, gen_random_numbers,
                                         gen_compress,   gen_first};
    int count = (int)(sizeof ops / sizeof *ops);
    for (int tries = 0, was = g->count; tries < 20 && g->count == was; tries++)
        ops[gen_pick(g, count)](g);
    /* what says nothing any more is not built upon */
    if (!gen_worth(&g->values[g->count - 1])) g->count--;
}

#endif
