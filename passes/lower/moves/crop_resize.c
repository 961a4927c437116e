/* CropAndResize: boxes of images, sampled at as many points as the result has. The first and the
 * last point of an axis lie on the box's edges; of a single one, in its middle. */
#include "passes/lower/moves/move.h"

#include <string.h>

enum { PIXELS = 1 << 30 }; /* more than an axis has, for the proof that indices fit */

typedef struct Crop {
    Lower *lw;
    const Node *node;
    DType type;
    Inst *image, *box;
} Crop;

/* A point's place on one axis, and the pixels below and above it. */
typedef struct Sample {
    Inst *inside, *below, *above, *weight, *nearest;
} Sample;

static Inst *number(const Crop *c, Inst *whole)
{
    return kb_cast(&c->lw->b, c->type, whole);
}

static Inst *edge(const Crop *c, int which)
{
    Builder *b = &c->lw->b;
    Inst *at[] = {c->box, kb_i64(b, which)};
    return kb_cast(b, c->type, lower_load(c->lw, c->node->in[1], at));
}

/* Where point i of `count` lies on an axis of the image of `n` pixels, axis 0 or 1 of the box. */
static Inst *place(const Crop *c, int axis, Inst *i, Inst *count, Inst *n)
{
    Builder *b = &c->lw->b;
    Inst *from = edge(c, axis), *to = edge(c, axis + 2), *one = kb_i64(b, 1);
    Inst *last = number(c, kb_sub(b, n, one)), *steps = kb_sub(b, count, one);
    Inst *divisor = number(c, kb_op(b, LI_MAX, steps, one));
    Inst *scale = kb_op(b, LI_DIV, kb_mul(b, kb_sub(b, to, from), last), divisor);
    Inst *begin = kb_mul(b, from, last), *end = kb_mul(b, to, last);
    Inst *between = kb_add(b, begin, kb_mul(b, number(c, i), scale));
    Inst *middle = kb_mul(b, kb_mul(b, kb_float(b, c->type, 0.5), kb_add(b, from, to)), last);
    Inst *at = kb_select(b, kb_op(b, LI_EQ, i, steps), end, between);
    return kb_select(b, kb_op(b, LI_LE, count, one), middle, at);
}

static Sample sample(const Crop *c, Inst *at, Inst *n)
{
    Builder *b = &c->lw->b;
    Inst *zero = kb_float(b, c->type, 0), *last = number(c, kb_addi(b, n, -1));
    Sample s;
    Inst *behind_first = kb_op(b, LI_GE, at, zero), *before_last = kb_op(b, LI_LE, at, last);
    s.inside = kb_op(b, LI_AND, behind_first, before_last);
    at = kb_op(b, LI_MAX, kb_select(b, s.inside, at, zero), zero);
    at = kb_op(b, LI_MIN, at, kb_float(b, c->type, PIXELS));
    Inst *below = kb_op1(b, LI_FLOOR, at);
    s.weight = kb_sub(b, at, below);
    s.below = move_clamp(b, kb_cast(b, DT_I64, below), n);
    s.above = move_clamp(b, kb_cast(b, DT_I64, kb_op1(b, LI_CEIL, at)), n);
    Inst *half = kb_add(b, at, kb_float(b, c->type, 0.5));
    s.nearest = move_clamp(b, kb_cast(b, DT_I64, kb_op1(b, LI_FLOOR, half)), n);
    return s;
}

static Inst *pixel(const Crop *c, Inst *channel, Inst *y, Inst *x)
{
    Inst *at[] = {c->image, channel, y, x};
    return kb_cast(&c->lw->b, c->type, lower_load(c->lw, c->node->in[0], at));
}

static Inst *mix(Builder *b, Inst *from, Inst *to, Inst *weight)
{
    return kb_add(b, from, kb_mul(b, kb_sub(b, to, from), weight));
}

/* Between the two pixels of a row. */
static Inst *row_value(const Crop *c, Inst *channel, Inst *y, const Sample *x)
{
    Inst *left = pixel(c, channel, y, x->below), *right = pixel(c, channel, y, x->above);
    return mix(&c->lw->b, left, right, x->weight);
}

static Inst *crop_value(const Crop *c, Inst *channel, const Sample *y, const Sample *x)
{
    if (!strcmp(node_string(c->node, "mode"), "nearest"))
        return pixel(c, channel, y->nearest, x->nearest);
    Inst *upper = row_value(c, channel, y->below, x);
    Inst *lower = row_value(c, channel, y->above, x);
    return mix(&c->lw->b, upper, lower, y->weight);
}

Inst *point_crop_and_resize(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *x = node->in[0], *out = node->out[output];
    Builder *b = &lw->b;
    Crop c = {.lw = lw, .node = node, .box = idx[0]};
    c.type = x->dtype == DT_F64 ? DT_F64 : DT_F32;
    Inst *outside = kb_float(b, c.type, node_float(node, "extrapolation_value"));
    if (move_is_empty(x)) return kb_cast(b, lower_type(x->dtype), outside);
    Inst *image = kb_cast(b, DT_I64, lower_load(lw, node->in[2], idx));
    c.image = move_clamp(b, image, kb_size(b, x->dims[0]));
    Inst *height = kb_size(b, x->dims[2]), *width = kb_size(b, x->dims[3]);
    Inst *at_y = place(&c, 0, idx[2], kb_size(b, out->dims[2]), height);
    Inst *at_x = place(&c, 1, idx[3], kb_size(b, out->dims[3]), width);
    Sample row = sample(&c, at_y, height), column = sample(&c, at_x, width);
    Inst *value = crop_value(&c, idx[1], &row, &column);
    Inst *inside = kb_op(b, LI_AND, row.inside, column.inside);
    return kb_cast(b, lower_type(x->dtype), kb_select(b, inside, value, outside));
}
