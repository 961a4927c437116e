/* DeformConv: first the input is sampled at each tap's moved position, times the mask, into a column
 * buffer [batch, channel, tap, pixel...]; then weights meet columns. */
#include "passes/lower/products/conv.h"
#include "passes/lower/frame/scalar.h"

typedef struct Sample {
    Lower *lw;
    const Conv *c;
    Inst *n, *channel;
    Inst *y, *x; /* floats */
} Sample;

/* The input at whole coordinates, 0 outside. */
static Inst *corner(Sample *s, Inst *y, Inst *x)
{
    Builder *b = &s->lw->b;
    const Size *height = s->c->x->dims[2], *width = s->c->x->dims[3];
    Inst *zero = kb_i64(b, 0), *h = kb_size(b, height), *w = kb_size(b, width);
    Inst *inside = kb_op(b, LI_LT, y, h);
    inside = kb_op(b, LI_AND, kb_op(b, LI_GE, y, zero), inside);
    inside = kb_op(b, LI_AND, inside, kb_op(b, LI_GE, x, zero));
    inside = kb_op(b, LI_AND, inside, kb_op(b, LI_LT, x, w));
    Inst *safe_y = kb_op(b, LI_MAX, kb_op(b, LI_MIN, y, kb_addi(b, h, -1)), zero);
    Inst *safe_x = kb_op(b, LI_MAX, kb_op(b, LI_MIN, x, kb_addi(b, w, -1)), zero);
    Inst *value = lower_load(s->lw, s->c->x, (Inst *[]){s->n, s->channel, safe_y, safe_x});
    return kb_select(b, inside, value, kb_const(b, value->type.dtype, 0));
}

static Inst *bilinear(Sample *s)
{
    Builder *b = &s->lw->b;
    Inst *y0 = kb_op1(b, LI_FLOOR, s->y), *x0 = kb_op1(b, LI_FLOOR, s->x);
    Inst *dy = kb_sub(b, s->y, y0), *dx = kb_sub(b, s->x, x0);
    Inst *one = kb_const(b, dy->type.dtype, 1);
    Inst *ey = kb_sub(b, one, dy), *ex = kb_sub(b, one, dx);
    Inst *iy = scalar_to_index(b, y0), *ix = scalar_to_index(b, x0);
    Inst *iy1 = kb_addi(b, iy, 1), *ix1 = kb_addi(b, ix, 1);
    Inst *top = kb_mul(b, dx, corner(s, iy, ix1));
    top = kb_add(b, kb_mul(b, ex, corner(s, iy, ix)), top);
    Inst *low = kb_mul(b, dx, corner(s, iy1, ix1));
    low = kb_mul(b, dy, kb_add(b, kb_mul(b, ex, corner(s, iy1, ix)), low));
    return kb_add(b, kb_mul(b, ey, top), low);
}

/* Where tap k of output o looks on axis i before it is moved. */
static Inst *tap_position(const Conv *c, int i, Inst *o, Inst *k)
{
    Builder *b = &c->lw->b;
    Inst *at = kb_addi(b, kb_muli(b, o, c->stride[i]), -c->pad[i]);
    return kb_add(b, at, kb_muli(b, k, c->dilation[i]));
}

static void sample_columns(const Conv *c, const Node *node, Buffer *columns,
                           const Size *const dims[5])
{
    Lower *lw = c->lw;
    const Tensor *offset = node->in[2], *mask = node_in(node, 4);
    int64_t groups = node_int(node, "offset_group");
    Inst *d[5];
    lower_begin(lw, "sample");
    Builder *b = &lw->b;
    int loops = lower_nest(lw, 5, dims, NULL, false, 20, d);
    Inst *per_group = kb_op(b, LI_DIV, kb_size(b, c->x->dims[1]), kb_i64(b, groups));
    Inst *tap = kb_add(b, kb_muli(b, kb_op(b, LI_DIV, d[1], per_group), c->taps), d[2]);
    Inst *ky = kb_op(b, LI_DIV, d[2], kb_i64(b, c->kernel[1]));
    Inst *kx = kb_op(b, LI_REM, d[2], kb_i64(b, c->kernel[1]));
    Inst *twice = kb_muli(b, tap, 2);
    Inst *move_y = lower_load(lw, offset, (Inst *[]){d[0], twice, d[3], d[4]});
    Inst *move_x = lower_load(lw, offset, (Inst *[]){d[0], kb_addi(b, twice, 1), d[3], d[4]});
    DType type = move_y->type.dtype;
    Sample s = {.lw = lw, .c = c, .n = d[0], .channel = d[1]};
    s.y = kb_add(b, kb_cast(b, type, tap_position(c, 0, d[3], ky)), move_y);
    s.x = kb_add(b, kb_cast(b, type, tap_position(c, 1, d[4], kx)), move_x);
    Inst *value = bilinear(&s);
    if (mask) value = kb_mul(b, value, lower_load(lw, mask, (Inst *[]){d[0], tap, d[3], d[4]}));
    Param *to = lower_whole(lw, columns, true);
    kb_store(b, to, lower_flatten(lw, 5, dims, d), value);
    lower_nest_end(lw, loops);
    lower_end(lw);
}

static void sum_columns(const Conv *c, Buffer *columns, const Size *const dims[5])
{
    Lower *lw = c->lw;
    const Tensor *out = c->out;
    DType acc = lower_type(out->dtype);
    Inst *idx[MAX_RANK];
    double work = 2.0 * (double)(c->depth * c->taps);
    lower_begin(lw, NULL);
    Builder *b = &lw->b;
    int loops = lower_nest(lw, out->rank, out->dims, NULL, true, work, idx);
    Inst *start = kb_const(b, acc, 0);
    if (c->bias) start = lower_load(lw, c->bias, &idx[1]);
    Cell *sum = kb_cell(b, "sum", (LType){acc, 1}, start);
    Inst *group = kb_op(b, LI_DIV, idx[1], kb_i64(b, c->columns));
    Inst *ch = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, c->depth), 1);
    Inst *tap = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), kb_i64(b, c->taps), 1);
    Inst *ky = kb_op(b, LI_DIV, tap, kb_i64(b, c->kernel[1]));
    Inst *kx = kb_op(b, LI_REM, tap, kb_i64(b, c->kernel[1]));
    Inst *weight = lower_load(lw, c->w, (Inst *[]){idx[1], ch, ky, kx});
    Inst *channel = kb_add(b, kb_muli(b, group, c->depth), ch);
    Inst *at = lower_flatten(lw, 5, dims, (Inst *[]){idx[0], channel, tap, idx[2], idx[3]});
    Param *from = lower_whole(lw, columns, false);
    Inst *before = kb_get(b, sum);
    kb_set(b, sum, matrix_madd(lw, weight, kb_load(b, from, at), before));
    kb_end(b);
    kb_end(b);
    lower_store(lw, idx, kb_get(b, sum));
    lower_nest_end(lw, loops);
    lower_end(lw);
}

int lower_deform_conv(Lower *lw, Node *node)
{
    Conv c;
    if (node->in[0]->rank != 4)
        return diag_node(lw->diag, &node->origin, "only two spatial axes are supported");
    conv_read(&c, lw, node->in[0], node->in[1], node_in(node, 3));
    const Size *dims[5] = {c.out->dims[0], c.x->dims[1], size_const(lw->sizes, c.taps),
                           c.out->dims[2], c.out->dims[3]};
    const Size *count = dims[0];
    for (int i = 1; i < 5; i++) count = size_mul(lw->sizes, count, dims[i]);
    Buffer *columns = lower_scratch(lw, "columns", lower_type(c.x->dtype), count);
    sample_columns(&c, node, columns, dims);
    sum_columns(&c, columns, dims);
    return 0;
}
