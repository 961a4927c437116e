/* Resize, the part that runs on the device: taps of every axis, and their product. */
#include "passes/lower/moves/resize.h"
#include "passes/lower/moves/move.h"
#include "passes/lower/frame/scalar.h"

#include <string.h>

enum { UNROLLED_TAPS = 4 };

/* The taps of one axis at one output coordinate. */
typedef struct Taps {
    int count; /* over UNROLLED_TAPS: a loop over table rows */
    Inst *index[UNROLLED_TAPS];
    Inst *weight[UNROLLED_TAPS]; /* NULL: 1 */
    Param *index_table, *weight_table;
    Inst *row; /* first entry of the row */
} Taps;

typedef struct Point {
    Lower *lw;
    const Resize *r;
    const Tensor *in;
    DType type; /* of weights and sums */
    Taps taps[MAX_RANK];
    Inst *outside; /* NULL: never */
} Point;

/* ---- Tables ---- */

static Param *table_param(Lower *lw, const char *what, DType type, int64_t count, const void *data)
{
    const char *name = arena_printf(lw->arena, "%s_%s", lw->node->name, what);
    Buffer *table = lower_const(lw, name, type, count, data);
    return lower_whole(lw, table, false);
}

static Param *weight_param(Point *p, const ResizeAxis *a, int64_t count)
{
    if (p->type == DT_F64) return table_param(p->lw, "weights", DT_F64, count, a->weight);
    float *narrow = arena_array(p->lw->arena, (size_t)count + 1, sizeof *narrow);
    for (int64_t i = 0; i < count; i++) narrow[i] = (float)a->weight[i];
    return table_param(p->lw, "weights", DT_F32, count, narrow);
}

static void table_taps(Point *p, const ResizeAxis *a, Inst *x, Taps *taps)
{
    Builder *b = &p->lw->b;
    int64_t count = a->out->value * a->taps;
    bool weighted = !p->r->nearest_mode;
    taps->count = a->taps;
    taps->row = kb_muli(b, x, a->taps);
    taps->index_table = table_param(p->lw, "index", DT_I64, count, a->index);
    if (weighted) taps->weight_table = weight_param(p, a, count);
    if (a->outside) {
        Param *flags = table_param(p->lw, "outside", DT_BOOL, a->out->value, a->outside);
        Inst *flag = kb_load(b, flags, x);
        p->outside = p->outside ? kb_op(b, LI_OR, p->outside, flag) : flag;
    }
    for (int t = 0; t < taps->count && taps->count <= UNROLLED_TAPS; t++) {
        Inst *at = kb_addi(b, taps->row, t);
        taps->index[t] = kb_load(b, taps->index_table, at);
        if (weighted) taps->weight[t] = kb_load(b, taps->weight_table, at);
    }
}

/* ---- Formulas, for symbolic sizes ---- */

static Inst *f64_size(Builder *b, const Size *size)
{
    return kb_cast(b, DT_F64, kb_size(b, size));
}

static Inst *formula_coordinate(Lower *lw, const Resize *r, const ResizeAxis *a, Inst *x)
{
    Builder *b = &lw->b;
    Inst *in = f64_size(b, a->in), *out = f64_size(b, a->out);
    Inst *one = kb_float(b, DT_F64, 1), *half = kb_float(b, DT_F64, 0.5);
    Inst *scale = a->scale > 0 ? kb_float(b, DT_F64, a->scale) : kb_op(b, LI_DIV, out, in);
    Inst *at = kb_cast(b, DT_F64, x);
    if (!strcmp(r->coordinates, "asymmetric")) return kb_op(b, LI_DIV, at, scale);
    if (!strcmp(r->coordinates, "align_corners")) {
        Inst *span = kb_sub(b, a->scale > 0 ? kb_mul(b, scale, in) : out, one);
        Inst *zero = kb_float(b, DT_F64, 0), *single = kb_op(b, LI_EQ, span, zero);
        Inst *top = kb_mul(b, at, kb_sub(b, in, one));
        return kb_select(b, single, zero, kb_op(b, LI_DIV, top, kb_select(b, single, one, span)));
    }
    Inst *centre = kb_op(b, LI_DIV, kb_add(b, at, half), scale);
    if (!strcmp(r->coordinates, "tf_half_pixel_for_nn")) return centre;
    centre = kb_sub(b, centre, half);
    if (strcmp(r->coordinates, "pytorch_half_pixel") != 0) return centre;
    return kb_select(b, kb_op(b, LI_EQ, out, one), kb_float(b, DT_F64, -0.5), centre);
}

static Inst *formula_nearest(Builder *b, const Resize *r, const ResizeAxis *a, Inst *x)
{
    Inst *half = kb_float(b, DT_F64, 0.5);
    const char *nearest = resize_nearest(r, a);
    if (nearest != r->nearest) x = kb_cast(b, DT_F64, kb_cast(b, DT_F32, x));
    if (!strcmp(nearest, "floor")) return kb_op1(b, LI_FLOOR, x);
    if (!strcmp(nearest, "ceil")) return kb_op1(b, LI_CEIL, x);
    if (!strcmp(nearest, "round_prefer_ceil")) return kb_op1(b, LI_FLOOR, kb_add(b, x, half));
    return kb_op1(b, LI_CEIL, kb_sub(b, x, half));
}

/* Weights at distances 1 + f, f, 1 - f and 2 - f. */
static void cubic_weights(Builder *b, double a, Inst *f, Inst **w)
{
    Inst *one = kb_float(b, DT_F64, 1);
    for (int t = 0; t < 4; t++) {
        bool far = t == 0 || t == 3;
        Inst *x = t < 2 ? f : kb_sub(b, one, f);
        if (far) x = kb_add(b, x, one);
        double c3 = far ? a : a + 2, c2 = far ? -5 * a : -(a + 3), c1 = far ? 8 * a : 0;
        Inst *sum = kb_add(b, kb_mul(b, x, kb_float(b, DT_F64, c3)), kb_float(b, DT_F64, c2));
        sum = kb_add(b, kb_mul(b, sum, x), kb_float(b, DT_F64, c1));
        w[t] = kb_add(b, kb_mul(b, sum, x), kb_float(b, DT_F64, far ? -4 * a : 1));
    }
}

static void formula_taps(Point *p, const ResizeAxis *a, Inst *x, Taps *taps)
{
    Builder *b = &p->lw->b;
    Inst *at = formula_coordinate(p->lw, p->r, a, x), *n = kb_size(b, a->in);
    taps->count = a->taps;
    if (p->r->nearest_mode) {
        at = scalar_to_index(b, formula_nearest(b, p->r, a, at));
        taps->index[0] = move_clamp(b, at, n);
        return;
    }
    Inst *base = kb_op1(b, LI_FLOOR, at), *f = kb_sub(b, at, base);
    Inst *weights[4] = {kb_sub(b, kb_float(b, DT_F64, 1), f), f};
    if (p->r->cubic) cubic_weights(b, p->r->cubic_a, f, weights);
    base = scalar_to_index(b, base);
    for (int t = 0; t < a->taps; t++) {
        taps->index[t] = move_clamp(b, kb_addi(b, base, t - (a->taps / 2 - 1)), n);
        taps->weight[t] = kb_cast(b, p->type, weights[t]);
    }
}

static void axis_taps(Point *p, int axis, Inst *x)
{
    Builder *b = &p->lw->b;
    const ResizeAxis *a = &p->r->axis[axis];
    Taps *taps = &p->taps[axis];
    taps->count = 1;
    switch (a->kind) {
    case RESIZE_SAME: taps->index[0] = x; break;
    case RESIZE_REPEAT: taps->index[0] = kb_op(b, LI_DIV, x, kb_i64(b, a->factor)); break;
    case RESIZE_STRIDE: taps->index[0] = kb_addi(b, kb_muli(b, x, a->factor), a->first); break;
    case RESIZE_TABLE: table_taps(p, a, x, taps); break;
    case RESIZE_FORMULA: formula_taps(p, a, x, taps); break;
    }
}

/* ---- The sum over all axes' taps ---- */

static Inst *sum_taps(Point *p, int axis, Inst **own)
{
    Builder *b = &p->lw->b;
    if (axis == p->in->rank) {
        Inst *x = lower_load(p->lw, p->in, own);
        return p->type == DT_NONE ? x : kb_cast(b, p->type, x);
    }
    const Taps *taps = &p->taps[axis];
    if (taps->count > UNROLLED_TAPS) {
        Cell *sum = kb_cell(b, "sum", (LType){p->type, 1}, kb_float(b, p->type, 0));
        Inst *t = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, taps->count), 1);
        Inst *at = kb_add(b, taps->row, t);
        own[axis] = kb_load(b, taps->index_table, at);
        Inst *inner = sum_taps(p, axis + 1, own);
        Inst *term = kb_mul(b, kb_load(b, taps->weight_table, at), inner);
        kb_set(b, sum, kb_add(b, kb_get(b, sum), term));
        kb_end(b);
        return kb_get(b, sum);
    }
    Inst *sum = NULL;
    for (int t = 0; t < taps->count; t++) {
        own[axis] = taps->index[t];
        Inst *term = sum_taps(p, axis + 1, own);
        if (taps->weight[t]) term = kb_mul(b, taps->weight[t], term);
        sum = sum ? kb_add(b, sum, term) : term;
    }
    return sum;
}

static Inst *resize_point(Lower *lw, const Resize *r, Inst *const *idx)
{
    const Tensor *in = r->node->in[0];
    Builder *b = &lw->b;
    DType type = lower_type(in->dtype), sums = type == DT_F64 ? DT_F64 : DT_F32;
    Point p = {.lw = lw, .r = r, .in = in, .type = r->nearest_mode ? DT_NONE : sums};
    Inst *own[MAX_RANK] = {0};
    if (move_is_empty(in)) return kb_const(b, type, 0);
    for (int i = 0; i < in->rank; i++) axis_taps(&p, i, idx[i]);
    Inst *value = sum_taps(&p, 0, own);
    if (p.outside) value = kb_select(b, p.outside, scalar_like(b, value, r->extrapolation), value);
    return dtype_is_int(type) ? scalar_to_int(b, type, value) : kb_cast(b, type, value);
}

Inst *point_resize(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    Resize r;
    (void)output;
    if (resize_read(lw, node, &r)) return kb_const(&lw->b, lower_type(node->in[0]->dtype), 0);
    return resize_point(lw, &r, idx);
}

/* Repetition along the innermost axis: each element is loaded once and stored `factor` times, so
 * that the loop over the input's elements becomes vectors. */
static bool repeats_innermost(Lower *lw, const Resize *r, const Tensor *out)
{
    uint8_t order[MAX_RANK];
    lower_order(lw, out, order);
    int last = out->rank - 1;
    for (int i = 0; i < last; i++) {
        if (r->axis[i].kind == RESIZE_TABLE && !r->nearest_mode) return false;
        if (r->axis[i].kind == RESIZE_FORMULA && !r->nearest_mode) return false;
        if (r->axis[i].outside) return false;
    }
    const ResizeAxis *a = &r->axis[last];
    return order[last] == last && a->kind == RESIZE_REPEAT && a->factor <= 8 &&
           size_muli(lw->sizes, a->in, a->factor) == a->out;
}

static int lower_repeat(Lower *lw, const Resize *r, const Tensor *out)
{
    Builder *b = &lw->b;
    const Tensor *in = r->node->in[0];
    int last = out->rank - 1;
    uint8_t order[MAX_RANK];
    double row = (double)size_upper(lw->sizes, out->dims[last]);
    Inst *idx[MAX_RANK] = {0}, *own[MAX_RANK] = {0};
    lower_begin(lw, NULL);
    lower_order(lw, out, order);
    int loops = lower_nest(lw, last, out->dims, order, false, row, idx);
    Point p = {.lw = lw, .r = r, .in = in, .type = DT_NONE};
    for (int i = 0; i < last; i++) {
        axis_taps(&p, i, idx[i]);
        own[i] = p.taps[i].index[0];
    }
    own[last] = kb_for_n(b, LOOP_VECTOR, in->dims[last]);
    Inst *value = lower_load(lw, in, own);
    int64_t factor = r->axis[last].factor;
    for (int64_t k = 0; k < factor; k++) {
        idx[last] = kb_addi(b, kb_muli(b, own[last], factor), k);
        lower_store(lw, idx, value);
    }
    lower_nest_end(lw, loops + 1);
    lower_end(lw);
    return 0;
}

int lower_resize(Lower *lw, Node *node)
{
    Resize r;
    const Tensor *out = node_result(node);
    TRY(resize_read(lw, node, &r));
    if (out->rank > 0 && repeats_innermost(lw, &r, out)) return lower_repeat(lw, &r, out);
    return lower_point(lw, node);
}
