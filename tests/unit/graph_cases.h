/* Random graphs, as text. Each value knows how far two right ways to compute it may be apart: what
 * only moves, or compares what only moved, has the same bits in both; the rest carries a bound of
 * its error. What is not continuous (comparisons, rounding, positions) is applied to values of the
 * first kind only. So a difference beyond the bound is a fault, whatever the graph. */
#ifndef LPC_TESTS_GRAPH_CASES_H
#define LPC_TESTS_GRAPH_CASES_H

#include "ir/arena.h"
#include "ir/dtype.h"

#include <math.h>
#include <string.h>

enum { GEN_GROWING = 2, GEN_RUNS = 3 }; /* runs: what state there is decides the next one */
enum { GEN_RANK = 5, GEN_N_MAX = 6, GEN_ELEMENTS = 400 };

typedef struct GenDim {
    int64_t n; /* 0: symbolic */
    const char *text;
} GenDim;

typedef struct GenValue {
    const char *name;
    DType type;
    int rank;
    GenDim dims[GEN_RANK];
    bool exact;
    double size, error; /* no element is larger; how far it may be off. Of floats */
    bool used;
} GenValue;

typedef struct Gen {
    Arena *arena;
    uint32_t seed;
    Text text;
    GenValue *values;
    int count, names;
    int input_count;    /* the first values */
    const char *kept;   /* text: the states, and their outputs, which are no others */
    int growing;        /* of them: lists, each of a size of its own, GEN_GROWING at most */
    const char *region; /* where nodes are put: "" or " in(...)" */
    const char *inside; /* the list of it */
    int depth;
} Gen;

static inline int gen_pick(Gen *g, int n)
{
    g->seed = g->seed * 1664525u + 1013904223u;
    return (int)((g->seed >> 9) % (uint32_t)n);
}

#define GEN_PRINT(...) arena_printf(g->arena, __VA_ARGS__)

/* ---- Sizes ---- */

static inline GenDim gen_dim(Gen *g, int64_t n)
{
    return (GenDim){n, arena_printf(g->arena, "%d", (int)n)};
}

static inline int64_t gen_upper(GenDim dim)
{
    return dim.n ? dim.n : 4 * GEN_N_MAX;
}

static inline bool gen_same(GenDim a, GenDim b)
{
    return !strcmp(a.text, b.text);
}

static inline int64_t gen_elements(const GenValue *v)
{
    int64_t count = 1;
    for (int i = 0; i < v->rank; i++) count *= gen_upper(v->dims[i]);
    return count;
}

static inline bool gen_static(const GenValue *v, int from)
{
    for (int i = from; i < v->rank; i++) {
        if (!v->dims[i].n) return false;
    }
    return true;
}

/* Sizes broadcast, into `to`; false when they do not. */
static inline bool gen_broadcast(const GenValue *a, const GenValue *b, GenValue *to)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 1; i <= rank; i++) {
        bool in_a = i <= a->rank, in_b = i <= b->rank;
        GenDim x = in_a ? a->dims[a->rank - i] : b->dims[b->rank - i];
        GenDim y = in_b ? b->dims[b->rank - i] : x;
        if (!gen_same(x, y) && x.n != 1 && y.n != 1) return false;
        to->dims[rank - i] = x.n == 1 ? y : x;
    }
    to->rank = rank;
    return true;
}

/* ---- Values ---- */

static inline const char *gen_name(Gen *g, const char *kind)
{
    return arena_printf(g->arena, "%%%s%d", kind, g->names++);
}

/* Any value of the type, the latest more often; NULL: there is none. */
static inline GenValue *gen_any(Gen *g, DType type)
{
    for (int tries = 0; tries < 16; tries++) {
        int at = gen_pick(g, g->count);
        if (gen_pick(g, 2)) at = g->count - 1 - gen_pick(g, g->count < 4 ? g->count : 4);
        if (g->values[at].type == type) return &g->values[at];
    }
    return NULL;
}

/* Any value of floats, of half precision now and then. */
static inline GenValue *gen_any_real(Gen *g)
{
    static const DType types[] = {DT_F16, DT_BF16};
    int half = gen_pick(g, 8);
    GenValue *v = half < 2 ? gen_any(g, types[half]) : NULL;
    return v ? v : gen_any(g, DT_F32);
}

static inline GenValue *gen_any_float(Gen *g, int rank_min)
{
    GenValue *v = gen_any_real(g);
    for (int tries = 0; tries < 6 && v && v->rank < rank_min; tries++) v = gen_any_real(g);
    return v && v->rank >= rank_min ? v : NULL;
}

static inline const char *gen_use(GenValue *v)
{
    v->used = true;
    return v->name;
}

/* What rounding to the type may change, relative to the value. */
static inline double gen_unit(DType type)
{
    return type == DT_F16 ? 0x1p-11 : type == DT_BF16 ? 0x1p-8 : 0x1p-24;
}

/* False when the value is too large, or too far off to say anything. */
static inline bool gen_worth(const GenValue *v)
{
    double size = v->type == DT_F16 ? 1e4 : 1e5, error = v->type == DT_F32 ? 1e-3 : 0.05;
    return v->rank <= GEN_RANK && gen_elements(v) <= GEN_ELEMENTS &&
           (!dtype_is_float(v->type) || (v->size < size && v->error < error * (1 + v->size)));
}

static inline void gen_keep(Gen *g, GenValue v)
{
    v.used = false;
    arena_push(g->arena, g->values, g->count) = v;
}

static inline void gen_node(Gen *g, const char *outs, const char *op, const char *ins,
                            const char *attrs)
{
    text_printf(&g->text, "%s = %s \"n%d\" (%s) {%s}%s\n", outs, op, g->names++, ins, attrs,
                g->region);
}

/* One node with one output, whose description is `v`. */
static inline void gen_make(Gen *g, GenValue v, const char *op, const char *ins, const char *attrs)
{
    v.name = gen_name(g, "t");
    gen_node(g, arena_printf(g->arena, "%s: ?[*]", v.name), op, ins, attrs);
    gen_keep(g, v);
}

/* The value is what a few roundings of numbers of its size make of it. Sums are kept in f32. */
static inline void gen_round(GenValue *v, double size, double error, int64_t terms)
{
    v->size = size;
    v->error = error + 3e-7 * size * (double)(2 + terms);
    if (v->type != DT_F32) v->error += 2 * gen_unit(v->type) * size;
    v->exact = false;
}

/* ---- Constants ---- */

static inline const char *gen_ints(Gen *g, int count, const int64_t *values)
{
    const char *name = gen_name(g, "c");
    text_printf(&g->text, "const %s: i64[%d] = [", name, count);
    for (int i = 0; i < count; i++)
        text_printf(&g->text, "%s%lld", i ? ", " : "", (long long)values[i]);
    text_add(&g->text, "]\n");
    return name;
}

static inline const char *gen_int(Gen *g, int64_t value)
{
    return gen_ints(g, 1, &value);
}

static inline const char *gen_scalar(Gen *g, DType type, const char *value)
{
    const char *name = gen_name(g, "c");
    text_printf(&g->text, "const %s: %s[] = [%s]\n", name, dtype_name(type), value);
    return name;
}

/* Numbers between -1 and 1, or integers from 0 to 7. */
static inline GenValue gen_fill(Gen *g, DType type, int rank, const int64_t *dims)
{
    GenValue v = {.name = gen_name(g, "w"), .type = type, .rank = rank, .exact = true, .size = 1};
    text_printf(&g->text, "const %s: %s[", v.name, dtype_name(type));
    for (int i = 0; i < rank; i++) {
        v.dims[i] = gen_dim(g, dims[i]);
        text_printf(&g->text, "%s%d", i ? ", " : "", (int)dims[i]);
    }
    text_printf(&g->text, "] = fill(%d)\n", gen_pick(g, 10000));
    return v;
}

/* One that broadcasts to v. */
static inline GenValue gen_fill_like(Gen *g, const GenValue *v, DType type)
{
    int64_t dims[GEN_RANK];
    int skip = gen_pick(g, 3) ? 0 : gen_pick(g, v->rank + 1), rank = v->rank - skip;
    for (int i = 0; i < rank; i++) {
        GenDim dim = v->dims[skip + i];
        dims[i] = dim.n && gen_pick(g, 3) ? dim.n : 1;
    }
    return gen_fill(g, type, rank, dims);
}

/* A vector of x's type, of these two numbers. */
static inline const char *gen_floats(Gen *g, const GenValue *x, int64_t count, const char *first,
                                     const char *other)
{
    const char *name = gen_name(g, "c");
    text_printf(&g->text, "const %s: %s[%d] = [", name, dtype_name(x->type), (int)count);
    for (int64_t i = 0; i < count; i++)
        text_printf(&g->text, "%s%s", i ? ", " : "", gen_pick(g, 2) ? first : other);
    text_add(&g->text, "]\n");
    return name;
}

/* ---- A whole graph (graph_moves.h, graph_ops.h, graph_layers.h and graph_regions.h
 * have the operators) ---- */

static inline void gen_random_node(Gen *g);

static inline void gen_input(Gen *g, DType type)
{
    GenValue v = {.name = gen_name(g, "x"), .type = type, .exact = true, .size = 2};
    v.rank = type == DT_BOOL ? 0 : gen_pick(g, 12) ? 1 + gen_pick(g, 4) : 0;
    text_printf(&g->text, "input %s: %s[", v.name, dtype_name(type));
    for (int i = 0; i < v.rank; i++) {
        bool symbolic = gen_pick(g, i ? 12 : 4) == 0;
        v.dims[i] = symbolic ? (GenDim){0, "n"} : gen_dim(g, 1 + gen_pick(g, v.rank > 3 ? 5 : 8));
        text_printf(&g->text, "%s%s", i ? ", " : "", v.dims[i].text);
    }
    text_add(&g->text, "]\n");
    gen_keep(g, v);
    g->input_count++;
}

static inline void gen_state(Gen *g, const char *in, const char *out)
{
    g->kept = GEN_PRINT("%soutput %s\nstate %s -> %s\n", g->kept, out, in, out);
}

/* A state that keeps its size: an input, and later what it will be next. That is exact and no larger
 * than it was, so that what is known of values holds in each run. */
static inline void gen_next(Gen *g, GenValue s)
{
    static const char *const ops[] = {"Neg", "Abs", "Relu", "Max", "Min"};
    const char *in = s.name;
    int op = gen_pick(g, 5), count = 1 + gen_pick(g, 2);
    for (int tries = 0; tries < 6; tries++) {
        GenValue *z = gen_any(g, s.type), y = s;
        if (!z || !z->exact || z->size > s.size || !gen_broadcast(&s, z, &y)) continue;
        bool same = y.rank == s.rank;
        for (int i = 0; same && i < y.rank; i++) same = gen_same(y.dims[i], s.dims[i]);
        if (!same) continue;
        gen_make(g, s, ops[3 + gen_pick(g, 2)], GEN_PRINT("%s, %s", gen_use(z), s.name), "");
        s = g->values[g->count - 1];
        break;
    }
    for (int i = 0; i < count || s.name == in; i++) {
        GenValue fill = gen_fill_like(g, &s, s.type);
        gen_make(g, s, ops[op], op < 3 ? s.name : GEN_PRINT("%s, %s", fill.name, s.name), "");
        s = g->values[g->count - 1];
    }
    g->values[g->count - 1].used = true;
    gen_state(g, in, s.name);
}

/* A list that each run makes longer. It is empty at first: only the longer one is used. */
static inline void gen_grow(Gen *g)
{
    GenValue *z = gen_any_real(g);
    if (!z || !z->exact || !z->rank || g->growing == GEN_GROWING || g->depth) return;
    int axis = gen_pick(g, z->rank);
    if (gen_upper(z->dims[axis]) > GEN_N_MAX && strcmp(z->dims[axis].text, "n") != 0) return;
    GenValue past = *z, y = *z;
    past.name = gen_name(g, "past");
    past.dims[axis] = (GenDim){0, GEN_PRINT("p%d", g->growing++)};
    y.dims[axis] = (GenDim){0, GEN_PRINT("(%s + %s)", past.dims[axis].text, z->dims[axis].text)};
    if (!gen_worth(&y)) return;
    text_printf(&g->text, "input %s: %s[", past.name, dtype_name(past.type));
    for (int i = 0; i < past.rank; i++)
        text_printf(&g->text, "%s%s", i ? ", " : "", past.dims[i].text);
    text_add(&g->text, "]\n");
    bool behind = gen_pick(g, 4);
    gen_make(g, y, "Concat",
             behind ? GEN_PRINT("%s, %s", past.name, gen_use(z))
                    : GEN_PRINT("%s, %s", gen_use(z), past.name),
             GEN_PRINT("axis=%d", axis));
    gen_state(g, past.name, g->values[g->count - 1].name);
}

static inline DType gen_input_type(Gen *g)
{
    int type = gen_pick(g, 10);
    return type == 0 ? DT_F16 : type == 1 ? DT_BF16 : DT_F32;
}

/* What nobody used leaves, and some of the others do. */
static inline void gen_outputs(Gen *g)
{
    int outputs = 0;
    for (int i = g->count - 1; i >= 0; i--) {
        const GenValue *v = &g->values[i];
        bool given = i < g->input_count;
        if (strstr(g->kept, GEN_PRINT(" %s\n", v->name))) continue;
        if (gen_pick(g, given     ? 25
                        : v->used ? 8
                                  : 5) < (given || v->used ? 1 : 4) ||
            (!outputs && (i == 0 || dtype_is_float(v->type)))) {
            text_printf(&g->text, "output %s\n", v->name);
            outputs++;
        }
    }
}

/* Generates the text of the seed's graph, which is called `name`. */
static inline void gen_graph(Gen *g, Arena *arena, const char *name, uint32_t seed)
{
    *g = (Gen){
        .arena = arena, .seed = seed * 2654435761u + 99, .region = "", .inside = "", .kept = ""};
    text_init(&g->text, arena);
    text_printf(&g->text, "graph %s from \"random\"\nsymbol n max %d input\n", name, GEN_N_MAX);
    for (int i = 0; i < GEN_GROWING; i++)
        text_printf(&g->text, "symbol p%d max %d state\n", i, GEN_RUNS * GEN_N_MAX);
    /* whose size n is, whatever the others have */
    text_add(&g->text, "input %n: f32[n]\n");
    gen_keep(
        g,
        (GenValue){
            .name = "%n", .type = DT_F32, .rank = 1, .dims = {{0, "n"}}, .exact = true, .size = 2});
    g->input_count++;
    int inputs = 1 + gen_pick(g, 3), nodes = 3 + gen_pick(g, 14);
    for (int i = 0; i < inputs; i++) gen_input(g, gen_input_type(g));
    if (!gen_pick(g, 2)) gen_input(g, DT_I64);
    if (!gen_pick(g, 2)) gen_input(g, DT_BOOL);
    if (!gen_pick(g, 4)) gen_input(g, DT_I32);
    if (!gen_pick(g, 5)) gen_input(g, DT_C64);
    int kept = gen_pick(g, 5) == 0;
    if (kept) gen_input(g, gen_input_type(g));
    GenValue state = g->values[g->count - 1];
    for (int i = 0; i < nodes; i++) gen_random_node(g);
    if (kept) gen_next(g, state);
    gen_outputs(g);
    text_add(&g->text, g->kept);
}

#endif
