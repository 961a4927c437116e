/* Random graphs: what moves elements, or shows them in another shape (graph_cases.h has the frame).
 */
#ifndef LPC_TESTS_GRAPH_MOVES_H
#define LPC_TESTS_GRAPH_MOVES_H

#include "tests/unit/graph_cases.h"

/* The narrow types that numbers are cast to. */
static const DType gen_narrow_types[] = {DT_F8E4M3FN, DT_F8E4M3FNUZ, DT_F8E5M2, DT_F8E5M2FNUZ,
                                         DT_F4E2M1,   DT_I4,         DT_U4,     DT_I2};

static inline GenValue *gen_any_narrow(Gen *g)
{
    GenValue *x = NULL;
    int first = gen_pick(g, 8);
    for (int i = 0; i < 8 && !x; i++) x = gen_any(g, gen_narrow_types[(first + i) % 8]);
    return x;
}

/* Any value at all. */
static inline GenValue *gen_any_moved(Gen *g)
{
    int kind = gen_pick(g, 12);
    GenValue *x = kind < 2    ? gen_any_narrow(g)
                  : kind == 2 ? gen_any(g, DT_STR256)
                  : kind == 3 ? gen_any(g, DT_C64)
                              : gen_any(g, kind < 10 ? DT_F32 : DT_I32);
    return x ? x : gen_any_real(g);
}

static inline void gen_reshape(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x) return;
    int keep = x->rank && !x->dims[0].n;
    if (!gen_static(x, keep)) return;
    GenValue y = *x;
    int64_t left = 1, shape[GEN_RANK];
    for (int i = keep; i < x->rank; i++) left *= x->dims[i].n;
    y.rank = keep;
    shape[0] = 0;
    int more = gen_pick(g, 4);
    for (int i = 0; i < more && y.rank < GEN_RANK - 1; i++) {
        int64_t by = 1 + gen_pick(g, 4);
        while (left % by) by--;
        shape[y.rank] = by;
        y.dims[y.rank++] = gen_dim(g, by);
        left /= by;
    }
    if (left > 1 || y.rank == 0) {
        shape[y.rank] = gen_pick(g, 2) ? left : -1;
        y.dims[y.rank++] = gen_dim(g, left);
    }
    const char *to = gen_ints(g, y.rank, shape);
    gen_make(g, y, "Reshape", GEN_PRINT("%s, %s", gen_use(x), to), "");
}

static inline void gen_transpose(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    int perm[GEN_RANK];
    if (!x || x->rank < 2) return;
    GenValue y = *x;
    for (int i = 0; i < x->rank; i++) perm[i] = i;
    for (int i = x->rank - 1; i > 0; i--) {
        int k = gen_pick(g, i + 1), was = perm[i];
        perm[i] = perm[k];
        perm[k] = was;
    }
    Text attrs;
    text_init(&attrs, g->arena);
    text_add(&attrs, "perm=[");
    for (int i = 0; i < x->rank; i++) {
        y.dims[i] = x->dims[perm[i]];
        text_printf(&attrs, "%s%d", i ? ", " : "", perm[i]);
    }
    text_add(&attrs, "]");
    gen_make(g, y, "Transpose", gen_use(x), attrs.data);
}

static inline void gen_slice(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x || !x->rank) return;
    int axis = gen_pick(g, x->rank);
    GenValue y = *x;
    int64_t n = x->dims[axis].n, start = -1, end = -(INT64_C(1) << 40), step = -1;
    if (n && gen_pick(g, 3)) {
        start = gen_pick(g, (int)n);
        end = start + 1 + gen_pick(g, (int)(n - start));
        step = 1 + (gen_pick(g, 4) == 0);
        y.dims[axis] = gen_dim(g, (end - start + step - 1) / step);
    }
    const char *list[] = {gen_ints(g, 1, &start), gen_ints(g, 1, &end), gen_int(g, axis),
                          gen_ints(g, 1, &step)};
    gen_make(g, y, "Slice",
             GEN_PRINT("%s, %s, %s, %s, %s", gen_use(x), list[0], list[1], list[2], list[3]), "");
}

static inline void gen_split(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x || !x->rank) return;
    int axis = gen_pick(g, x->rank);
    int64_t n = x->dims[axis].n;
    if (n < 2) return;
    GenValue y = *x, z = *x;
    int64_t parts[] = {1 + gen_pick(g, (int)n - 1), 0};
    parts[1] = n - parts[0];
    y.dims[axis] = gen_dim(g, parts[0]);
    z.dims[axis] = gen_dim(g, parts[1]);
    y.name = gen_name(g, "t");
    z.name = gen_name(g, "t");
    int unused = gen_pick(g, 6);
    const char *sizes = gen_ints(g, 2, parts);
    gen_node(g,
             unused == 0   ? GEN_PRINT("-, %s: ?[*]", z.name)
             : unused == 1 ? GEN_PRINT("%s: ?[*], -", y.name)
                           : GEN_PRINT("%s: ?[*], %s: ?[*]", y.name, z.name),
             "Split", GEN_PRINT("%s, %s", gen_use(x), sizes), GEN_PRINT("axis=%d", axis));
    if (unused != 0) gen_keep(g, y);
    if (unused != 1) gen_keep(g, z);
}

static inline void gen_squeeze(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x) return;
    GenValue y = *x;
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i].n != 1 || gen_pick(g, 2)) continue;
        y.rank--;
        memmove(&y.dims[i], &y.dims[i + 1], (size_t)(y.rank - i) * sizeof *y.dims);
        const char *axes = gen_int(g, i);
        gen_make(g, y, "Squeeze", GEN_PRINT("%s, %s", gen_use(x), axes), "");
        return;
    }
    int at = gen_pick(g, x->rank + 1);
    if (x->rank + 1 >= GEN_RANK) return;
    memmove(&y.dims[at + 1], &y.dims[at], (size_t)(x->rank - at) * sizeof *y.dims);
    y.dims[at] = gen_dim(g, 1);
    y.rank++;
    const char *axes = gen_int(g, at);
    gen_make(g, y, "Unsqueeze", GEN_PRINT("%s, %s", gen_use(x), axes), "");
}

static inline void gen_expand(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    int64_t shape[GEN_RANK];
    if (!x || x->rank + 1 >= GEN_RANK) return;
    GenValue y = *x;
    int lead = gen_pick(g, 2);
    memmove(&y.dims[lead], &y.dims[0], (size_t)x->rank * sizeof *y.dims);
    if (lead) y.dims[0] = gen_dim(g, 2);
    y.rank += lead;
    for (int i = 0; i < y.rank; i++) {
        if (y.dims[i].n == 1 && gen_pick(g, 2)) y.dims[i] = gen_dim(g, 3);
        shape[i] = y.dims[i].n ? y.dims[i].n : 1;
    }
    if (!y.rank) return;
    const char *to = gen_ints(g, y.rank, shape);
    gen_make(g, y, "Expand", GEN_PRINT("%s, %s", gen_use(x), to), "");
}

static inline void gen_concat(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x || !x->rank) return;
    int axis = gen_pick(g, x->rank), parts = 1 + gen_pick(g, 2);
    GenValue y = *x;
    const char *ins = gen_use(x);
    for (int p = 0; p < parts; p++) {
        GenValue *other = gen_any(g, y.type);
        bool fits = other && other->rank == y.rank;
        for (int i = 0; fits && i < y.rank; i++)
            fits = i == axis || gen_same(y.dims[i], other->dims[i]);
        if (!fits) other = x;
        GenDim a = y.dims[axis], b = other->dims[axis];
        y.dims[axis] = a.n && b.n ? gen_dim(g, a.n + b.n)
                                  : (GenDim){0, GEN_PRINT("(%s + %s)", a.text, b.text)};
        y.exact = y.exact && other->exact;
        y.size = fmax(y.size, other->size);
        y.error = fmax(y.error, other->error);
        ins = gen_pick(g, 2) ? GEN_PRINT("%s, %s", ins, gen_use(other))
                             : GEN_PRINT("%s, %s", gen_use(other), ins);
    }
    if (!gen_worth(&y)) return;
    gen_make(g, y, "Concat", ins, GEN_PRINT("axis=%d", axis));
}

static inline void gen_gather(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    if (!x || !x->rank) return;
    int axis = gen_pick(g, x->rank);
    int64_t n = x->dims[axis].n, at[3];
    if (n < 2) return;
    GenValue y = *x, *list = gen_any(g, DT_I64);
    if (list && list < g->values + g->input_count && y.rank - 1 + list->rank < GEN_RANK) {
        int more = list->rank - 1; /* inputs hold 0 and 1 */
        memmove(&y.dims[axis + list->rank], &y.dims[axis + 1],
                (size_t)(x->rank - axis - 1) * sizeof *y.dims);
        memcpy(&y.dims[axis], list->dims, (size_t)list->rank * sizeof *y.dims);
        y.rank += more;
        if (!gen_worth(&y)) return;
        gen_make(g, y, "Gather", GEN_PRINT("%s, %s", gen_use(x), gen_use(list)),
                 GEN_PRINT("axis=%d", axis));
        return;
    }
    int count = 1 + gen_pick(g, 3);
    for (int i = 0; i < count; i++) at[i] = gen_pick(g, (int)n) - (gen_pick(g, 3) ? 0 : n);
    y.dims[axis] = gen_dim(g, count);
    const char *where = gen_ints(g, count, at);
    gen_make(g, y, "Gather", GEN_PRINT("%s, %s", gen_use(x), where), GEN_PRINT("axis=%d", axis));
}

static inline void gen_pad(Gen *g)
{
    static const char *const modes[] = {"constant", "edge", "reflect", "constant", "wrap"};
    GenValue *x = gen_any_float(g, 1);
    int64_t pads[2 * GEN_RANK] = {0};
    if (!x) return;
    int axis = gen_pick(g, x->rank), mode = gen_pick(g, 5);
    GenDim dim = x->dims[axis];
    int64_t most = mode == 2 || mode == 4 ? (dim.n < 3 ? dim.n - 1 : 2) : 2;
    if (!dim.n || most < 0) return;
    GenValue y = *x;
    pads[axis] = gen_pick(g, (int)most + 1);
    pads[x->rank + axis] = gen_pick(g, (int)most + 1);
    y.dims[axis] = gen_dim(g, dim.n + pads[axis] + pads[x->rank + axis]);
    const char *amounts = gen_ints(g, 2 * x->rank, pads);
    const char *value = mode % 3 == 0 && gen_pick(g, 2) ? gen_scalar(g, x->type, "0.5") : NULL;
    gen_make(g, y, "Pad",
             GEN_PRINT("%s, %s%s%s", gen_use(x), amounts, value ? ", " : "", value ? value : ""),
             GEN_PRINT("mode=\"%s\"", modes[mode]));
}

static inline void gen_tile(Gen *g)
{
    GenValue *x = gen_any_moved(g);
    int64_t times[GEN_RANK];
    if (!x || !x->rank) return;
    GenValue y = *x;
    int axis = gen_pick(g, x->rank);
    if (!x->dims[axis].n) return;
    for (int i = 0; i < x->rank; i++) times[i] = i == axis ? 2 : 1;
    y.dims[axis] = gen_dim(g, 2 * x->dims[axis].n);
    if (!gen_worth(&y)) return;
    const char *repeats = gen_ints(g, x->rank, times);
    gen_make(g, y, "Tile", GEN_PRINT("%s, %s", gen_use(x), repeats), "");
}

static inline void gen_resize(Gen *g)
{
    GenValue *x = gen_any_float(g, 3);
    if (!x || !gen_static(x, 2) || x->rank > 4) return;
    GenValue y = *x;
    bool linear = gen_pick(g, 2);
    const char *scales = x->rank == 3 ? "1, 1, 2" : "1, 1, 2, 2", *c = gen_name(g, "c");
    for (int i = 2; i < x->rank; i++) y.dims[i] = gen_dim(g, 2 * x->dims[i].n);
    if (linear) gen_round(&y, x->size, x->error, 4);
    if (!gen_worth(&y)) return;
    text_printf(&g->text, "const %s: f32[%d] = [%s]\n", c, x->rank, scales);
    gen_make(g, y, "Resize", GEN_PRINT("%s, -, %s", gen_use(x), c),
             linear ? "mode=\"linear\"" : "mode=\"nearest\"");
}

#endif
