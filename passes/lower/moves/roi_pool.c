/* MaxRoiPool: the largest element of each bin of a box, whose edges are whole. */
#include "passes/lower/frame/scalar.h"
#include "passes/lower/moves/move.h"

#include <float.h>

typedef struct RoiPool {
    Lower *lw;
    const Node *node;
    DType type; /* that boxes are computed in */
} RoiPool;

/* To the nearest whole number, halves away from 0. */
static Inst *rounded(Builder *b, Inst *x)
{
    Inst *half = scalar_like(b, x, 0.5);
    Inst *up = kb_op1(b, LI_FLOOR, kb_add(b, x, half));
    Inst *down = kb_op1(b, LI_CEIL, kb_sub(b, x, half));
    return kb_select(b, kb_op(b, LI_LT, x, scalar_like(b, x, 0)), down, up);
}

/* An element of a box, in the image's coordinates. */
static Inst *edge(const RoiPool *r, Inst *roi, int at)
{
    Builder *b = &r->lw->b;
    Inst *value = lower_load(r->lw, r->node->in[1], (Inst *[]){roi, kb_i64(b, at)});
    Inst *scale = kb_float(b, r->type, node_float(r->node, "spatial_scale"));
    return rounded(b, kb_mul(b, kb_cast(b, r->type, value), scale));
}

/* The elements of an axis that lie in a bin: range[0] <= i < range[1], within 0 .. n. */
static void bin_range(const RoiPool *r, Inst *roi, int first, Inst *bin, const Size *axis,
                      int64_t bins, Inst *range[2])
{
    Builder *b = &r->lw->b;
    Inst *one = kb_float(b, r->type, 1), *zero = kb_i64(b, 0), *n = kb_size(b, axis);
    Inst *start = edge(r, roi, first), *end = edge(r, roi, first + 2);
    Inst *length = kb_add(b, kb_sub(b, end, start), one);
    length = kb_op(b, LI_MAX, length, one);
    Inst *size = kb_op(b, LI_DIV, length, kb_float(b, r->type, (double)bins));
    Inst *at = kb_cast(b, r->type, bin);
    Inst *low = kb_op1(b, LI_FLOOR, kb_mul(b, at, size));
    Inst *high = kb_op1(b, LI_CEIL, kb_mul(b, kb_add(b, at, one), size));
    Inst *ends[] = {kb_add(b, low, start), kb_add(b, high, start)};
    for (int k = 0; k < 2; k++) {
        Inst *whole = kb_op(b, LI_MAX, scalar_to_index(b, ends[k]), zero);
        range[k] = kb_op(b, LI_MIN, whole, n);
    }
}

Inst *point_max_roi_pool(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *x = node->in[0], *out = node->out[output];
    Builder *b = &lw->b;
    DType type = lower_type(x->dtype);
    RoiPool r = {lw, node, type == DT_F64 ? DT_F64 : DT_F32};
    if (move_is_empty(x)) return kb_const(b, type, 0);
    Inst *image = lower_load(lw, node->in[1], (Inst *[]){idx[0], kb_i64(b, 0)});
    image = scalar_to_index(b, kb_cast(b, r.type, image));
    Inst *own[4] = {move_clamp(b, image, kb_size(b, x->dims[0])), idx[1]}, *rows[2], *columns[2];
    bin_range(&r, idx[0], 2, idx[2], x->dims[2], out->dims[2]->value, rows);
    bin_range(&r, idx[0], 1, idx[3], x->dims[3], out->dims[3]->value, columns);
    Inst *least = kb_float(b, r.type, r.type == DT_F64 ? -DBL_MAX : -(double)FLT_MAX);
    Cell *most = kb_cell(b, "most", (LType){r.type, 1}, least);
    Inst *i = kb_for(b, LOOP_SERIAL, rows[0], rows[1], 1);
    Inst *j = kb_for(b, LOOP_SERIAL, columns[0], columns[1], 1);
    own[2] = move_clamp(b, i, kb_size(b, x->dims[2]));
    own[3] = move_clamp(b, j, kb_size(b, x->dims[3]));
    Inst *value = kb_cast(b, r.type, lower_load(lw, x, own)), *sofar = kb_get(b, most);
    kb_set(b, most, kb_select(b, kb_op(b, LI_GT, value, sofar), value, sofar));
    kb_end(b);
    kb_end(b);
    Inst *some = kb_op(b, LI_LT, rows[0], rows[1]);
    some = kb_op(b, LI_AND, some, kb_op(b, LI_LT, columns[0], columns[1]));
    Inst *result = kb_select(b, some, kb_get(b, most), kb_float(b, r.type, 0));
    return kb_cast(b, type, result);
}
