/* Pooling. The window of an output is cut to the input once per row and once per pixel, so that the
 * inner loops test nothing; channels, which lie innermost in convolutional networks, are vectors.
 * Every output element is computed by itself in one order, wherever the tensors lie. */
#include "passes/lower/reductions/reduction.h"
#include "passes/lower/frame/scalar.h"

typedef struct Pool {
    Lower *lw;
    const Node *node;
    const Tensor *x, *y;
    int rank; /* spatial axes */
    const int64_t *kernel, *stride, *dilation, *pads;
    Inst *idx[MAX_RANK];               /* of the output */
    Inst *start[MAX_RANK];             /* first input coordinate of the window, may be < 0 */
    Inst *lo[MAX_RANK], *hi[MAX_RANK]; /* window positions inside the input */
    Inst *at[MAX_RANK];                /* input coordinates, in the window loops */
    int loops;
} Pool;

static int64_t window_size(const Pool *p)
{
    int64_t size = 1;
    for (int i = 0; i < p->rank; i++) size *= p->kernel[i];
    return size;
}

static int pool_begin(Pool *p, Lower *lw, const Node *node)
{
    *p = (Pool){.lw = lw, .node = node, .x = node->in[0], .y = node->out[0]};
    p->rank = p->x->rank - 2;
    int known = node_ints(node, "kernel_shape", &p->kernel);
    known += node_ints(node, "strides", &p->stride);
    known += node_ints(node, "dilations", &p->dilation);
    known += node_ints(node, "pads", &p->pads);
    if (known != 5 * p->rank)
        return diag_node(lw->diag, &node->origin,
                         "kernel_shape, strides, dilations and pads do "
                         "not fit %d spatial axes",
                         p->rank);
    lower_begin(lw, NULL);
    return 0;
}

/* ceil(max(distance, 0) / dilation), at most the kernel's size: how many window positions lie less
 * than `distance` after the start. */
static Inst *positions(Pool *p, int i, Inst *distance)
{
    Builder *b = &p->lw->b;
    Inst *count = kb_op(b, LI_MAX, distance, kb_i64(b, 0));
    int64_t dilation = p->dilation[i];
    if (dilation > 1)
        count = kb_op(b, LI_DIV, kb_addi(b, count, dilation - 1), kb_i64(b, dilation));
    return kb_op(b, LI_MIN, count, kb_i64(b, p->kernel[i]));
}

/* The last window that begins at or after the input's begin and ends inside it never needs cutting.
 */
static bool never_leaves(const Pool *p, int i, bool at_end)
{
    SizeTable *t = p->lw->sizes;
    if (!at_end) return p->pads[i] <= 0;
    const Size *last = size_muli(t, size_addi(t, p->y->dims[i + 2], -1), p->stride[i]);
    int64_t extent = (p->kernel[i] - 1) * p->dilation[i] + 1 - p->pads[i];
    const Size *room = size_sub(t, p->x->dims[i + 2], size_addi(t, last, extent));
    return size_is_const(room) ? room->value >= 0 : size_lower(t, room) >= 0;
}

static void cut_window(Pool *p, int i)
{
    Builder *b = &p->lw->b;
    Inst *start = kb_muli(b, p->idx[i + 2], p->stride[i]);
    start = kb_addi(b, start, -p->pads[i]);
    p->start[i] = start;
    p->lo[i] = kb_i64(b, 0);
    p->hi[i] = kb_i64(b, p->kernel[i]);
    if (!never_leaves(p, i, false)) p->lo[i] = positions(p, i, kb_op1(b, LI_NEG, start));
    if (!never_leaves(p, i, true))
        p->hi[i] = positions(p, i, kb_sub(b, kb_size(b, p->x->dims[i + 2]), start));
}

/* Loops over the outputs: batch, space, channels when those lie innermost, else as they lie. */
static void pool_open(Pool *p)
{
    Lower *lw = p->lw;
    int rank = p->y->rank;
    bool channels_last = declared_innermost(p->y) == 1 || declared_innermost(p->x) == 1;
    double work = lower_work(lw, p->y) * (double)window_size(p);
    p->loops = 0;
    for (int i = 0; i < rank; i++) {
        int axis = i;
        if (channels_last && i > 0) axis = i == rank - 1 ? 1 : i + 1;
        p->idx[axis] = kb_i64(&lw->b, 0);
        if (!size_is(p->y->dims[axis], 1)) {
            LoopKind kind = p->loops == 0 ? lower_parallel(lw, work) : LOOP_SERIAL;
            if (axis == 1 && channels_last) kind = LOOP_VECTOR;
            p->idx[axis] = kb_for_n(&lw->b, kind, p->y->dims[axis]);
            p->loops++;
        }
        if (axis >= 2) cut_window(p, axis - 2);
    }
}

static int pool_close(Pool *p)
{
    while (p->loops-- > 0) kb_end(&p->lw->b);
    lower_end(p->lw);
    return 0;
}

/* Opens the loops over the window and returns the input element. */
static Inst *window_open(Pool *p)
{
    Builder *b = &p->lw->b;
    p->at[0] = p->idx[0];
    p->at[1] = p->idx[1];
    for (int i = 0; i < p->rank; i++) {
        Inst *k = kb_for(b, LOOP_SERIAL, p->lo[i], p->hi[i], 1);
        p->at[i + 2] = kb_add(b, p->start[i], kb_muli(b, k, p->dilation[i]));
    }
    return lower_load(p->lw, p->x, p->at);
}

static void window_close(Pool *p)
{
    for (int i = 0; i < p->rank; i++) kb_end(&p->lw->b);
}

/* ---- MaxPool ---- */

/* The input element's index in its own tensor; column-major within the spatial axes when
 * storage_order is 1. */
static Inst *flat_index(Pool *p)
{
    Builder *b = &p->lw->b;
    const Size *const *dims = p->x->dims;
    if (!node_int(p->node, "storage_order")) return lower_flatten(p->lw, p->x->rank, dims, p->at);
    Inst *flat = kb_add(b, kb_mul(b, p->at[0], kb_size(b, dims[1])), p->at[1]);
    for (int i = 0; i < p->rank; i++) {
        flat = kb_mul(b, flat, kb_size(b, dims[2 + i]));
    }
    const Size *stride = size_const(p->lw->sizes, 1);
    for (int i = 0; i < p->rank; i++) {
        flat = kb_add(b, flat, kb_mul(b, p->at[2 + i], kb_size(b, stride)));
        stride = size_mul(p->lw->sizes, stride, dims[2 + i]);
    }
    return flat;
}

static void max_with_indices(Pool *p, Inst *least)
{
    Builder *b = &p->lw->b;
    Cell *best = kb_cell(b, "best", least->type, least);
    Cell *place = kb_cell(b, "place", (LType){DT_I64, 1}, kb_i64(b, -1));
    best->reduce = place->reduce = LI_COUNT;
    Inst *value = window_open(p), *old = kb_get(b, best);
    /* The first one, even if it is the least that there is; then the first NaN. */
    Inst *more = kb_op(b, LI_GT, value, old);
    more = kb_op(b, LI_OR, more, kb_op(b, LI_LT, kb_get(b, place), kb_i64(b, 0)));
    Inst *nan = kb_op(b, LI_EQ, old, old);
    nan = kb_op(b, LI_AND, scalar_is_nan(b, value), nan);
    more = kb_op(b, LI_OR, more, nan);
    kb_set(b, best, kb_select(b, more, value, old));
    Inst *before = kb_get(b, place);
    kb_set(b, place, kb_select(b, more, flat_index(p), before));
    window_close(p);
    lower_store(p->lw, p->idx, kb_get(b, best));
    lower_store_to(p->lw, p->node->out[1], p->idx,
                   kb_op(b, LI_MAX, kb_get(b, place), kb_i64(b, 0))); /* none in an empty window */
}

/* MAX takes no NaN: they are kept in a sum of their own, which costs less than to choose each time. */
static Inst *max_alone(Pool *p, Inst *least)
{
    Builder *b = &p->lw->b;
    LType type = least->type;
    bool is_float = dtype_is_float(type.dtype);
    Inst *zero = kb_const(b, type.dtype, 0);
    Cell *best = kb_cell(b, "best", type, least);
    Cell *bad = is_float ? kb_cell(b, "bad", type, zero) : NULL;
    best->reduce = LI_COUNT;
    if (bad) bad->reduce = LI_COUNT;
    Inst *value = window_open(p);
    kb_set(b, best, kb_op(b, LI_MAX, value, kb_get(b, best)));
    if (bad) cell_update(p->lw, bad, LI_ADD, scalar_nan_term(b, value));
    window_close(p);
    if (!bad) return kb_get(b, best);
    Inst *most = kb_get(b, best), *nan = kb_get(b, bad);
    return kb_select(b, scalar_is_nan(b, nan), nan, most);
}

int lower_max_pool(Lower *lw, Node *node)
{
    Pool p;
    TRY(pool_begin(&p, lw, node));
    pool_open(&p);
    Inst *least = lower_extreme(lw, lower_type(p.x->dtype), false);
    if (node_has_output(node, 1)) {
        max_with_indices(&p, least);
        return pool_close(&p);
    }
    lower_store(lw, p.idx, max_alone(&p, least));
    return pool_close(&p);
}

/* ---- AveragePool ---- */

/* Positions that count: inside the input, or inside the padding too, but not past it (ceil_mode).
 */
static Inst *pool_count(Pool *p, DType type)
{
    Builder *b = &p->lw->b;
    Inst *count = kb_i64(b, 1);
    bool padding = node_int(p->node, "count_include_pad") != 0;
    bool ceil_mode = node_int(p->node, "ceil_mode") != 0;
    for (int i = 0; i < p->rank; i++) {
        Inst *of_axis = kb_sub(b, p->hi[i], p->lo[i]);
        if (padding) {
            of_axis = kb_i64(b, p->kernel[i]);
            Inst *end = kb_addi(b, kb_size(b, p->x->dims[i + 2]), p->pads[i + p->rank]);
            if (ceil_mode) of_axis = positions(p, i, kb_sub(b, end, p->start[i]));
        }
        count = kb_mul(b, count, of_axis);
    }
    return kb_cast(b, type, kb_op(b, LI_MAX, count, kb_i64(b, 1)));
}

int lower_average_pool(Lower *lw, Node *node)
{
    Pool p;
    Builder *b = &lw->b;
    TRY(pool_begin(&p, lw, node));
    DType type = lower_type(p.x->dtype);
    pool_open(&p);
    Inst *count = pool_count(&p, type);
    Cell *sum = kb_cell(b, "sum", (LType){type, 1}, kb_const(b, type, 0));
    sum->reduce = LI_COUNT;
    Inst *value = window_open(&p);
    kb_set(b, sum, kb_add(b, kb_get(b, sum), value));
    window_close(&p);
    lower_store(lw, p.idx, kb_op(b, LI_DIV, kb_get(b, sum), count));
    return pool_close(&p);
}

/* ---- LpPool ---- */

/* sum + |x|^p. */
static Inst *add_power(Lower *lw, Inst *sum, Inst *x, int64_t p)
{
    Builder *b = &lw->b;
    if (p == 2) return lower_fma(lw, x, x, sum);
    Inst *size = kb_op1(b, LI_ABS, x);
    if (p == 1) return kb_add(b, sum, size);
    return kb_add(b, sum, kb_op(b, LI_POW, size, kb_const(b, x->type.dtype, (double)p)));
}

/* sum^(1/p). */
static Inst *root(Lower *lw, Inst *sum, int64_t p)
{
    Builder *b = &lw->b;
    if (p == 2) return kb_op1(b, LI_SQRT, sum);
    if (p == 1) return sum;
    return kb_op(b, LI_POW, sum, kb_const(b, sum->type.dtype, 1.0 / (double)p));
}

int lower_lp_pool(Lower *lw, Node *node)
{
    Pool p;
    Builder *b = &lw->b;
    int64_t power = node_int(node, "p");
    if (power < 1) return diag_node(lw->diag, &node->origin, "p: expected a positive value");
    TRY(pool_begin(&p, lw, node));
    DType type = lower_type(p.x->dtype);
    pool_open(&p);
    Cell *sum = kb_cell(b, "sum", (LType){type, 1}, kb_const(b, type, 0));
    sum->reduce = LI_COUNT;
    Inst *value = window_open(&p);
    kb_set(b, sum, add_power(lw, kb_get(b, sum), value, power));
    window_close(&p);
    lower_store(lw, p.idx, root(lw, kb_get(b, sum), power));
    return pool_close(&p);
}

/* ---- Global pooling ---- */

/* The mean; with a power: its root of the sum of powers. */
static Inst *global_sum(Reduction *r, DType type, int64_t power)
{
    Lower *lw = r->lw;
    Builder *b = &lw->b;
    Cell *cell = reduction_cell(r, "sum", LI_ADD, kb_const(b, type, 0));
    reduction_each(r, power <= 2);
    Inst *value = reduction_load(r), *old = kb_get(b, cell);
    kb_set(b, cell, power ? add_power(lw, old, value, power) : kb_add(b, old, value));
    reduction_each_end(r);
    if (power) return root(lw, kb_get(b, cell), power);
    Inst *count = reduction_count(r, type, 0);
    return kb_op(b, LI_DIV, kb_get(b, cell), count);
}

int lower_global_pool(Lower *lw, Node *node)
{
    const Tensor *x = node->in[0];
    DType type = lower_type(x->dtype);
    bool is_max = node->op == OP_GLOBAL_MAX_POOL, reduced[MAX_RANK] = {false};
    int64_t power = node->op == OP_GLOBAL_LP_POOL ? node_int(node, "p") : 0;
    for (int i = 2; i < x->rank; i++) reduced[i] = true;
    Reduction r;
    lower_begin(lw, NULL);
    reduction_init(&r, lw, x, reduced);
    reduction_open(&r, 1);
    lower_store(lw, r.idx,
                is_max ? reduction_extreme(&r, type, true) : global_sum(&r, type, power));
    reduction_close(&r);
    lower_end(lw);
    return 0;
}
