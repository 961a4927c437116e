/* DFT, STFT and MelWeightMatrix. Transforms are sums against a table of one turn, whose index runs
 * modulo the length: quadratic, for the lengths of a few thousand that occur in models. */
#include "passes/lower/reductions/reduction.h"

#include <math.h>

/* One transform: `count` input values (real, or complex in the last axis), a turn of `length`. */
typedef struct Transform {
    Lower *lw;
    const Tensor *x, *y;
    DType type;
    const Size *length;
    Buffer *table;      /* [length][cos, sin] */
    bool inverse, half; /* half: the input is the first half of a symmetric one, the output real */
    const Tensor *window;
    int axis;           /* of x */
    Inst *in[MAX_RANK]; /* coordinates in x; the axis and the last one are set by the loop */
    Inst *first;        /* what is added to the axis' coordinate */
    Inst *count;
} Transform;

/* A constant length's table is made now, another one by a kernel of its own. */
static void make_table(Transform *t)
{
    Lower *lw = t->lw;
    Builder *b = &lw->b;
    const double turn = 6.283185307179586476925286766559;
    if (size_is_const(t->length)) {
        int64_t n = t->length->value;
        double *wide = arena_array(lw->arena, (size_t)n * 2, sizeof *wide);
        float *narrow = arena_array(lw->arena, (size_t)n * 2, sizeof *narrow);
        for (int64_t i = 0; i < n; i++) {
            wide[2 * i] = cos(turn * (double)i / (double)n);
            wide[2 * i + 1] = sin(turn * (double)i / (double)n);
        }
        for (int64_t i = 0; i < 2 * n; i++) narrow[i] = (float)wide[i];
        const void *data = t->type == DT_F64 ? (const void *)wide : narrow;
        t->table = lower_const(lw, arena_printf(lw->arena, "%s_turn", lw->node->name), t->type,
                               n * 2, data);
        return;
    }
    t->table = lower_scratch(lw, "turn", t->type, size_muli(lw->sizes, t->length, 2));
    lower_begin(lw, "turn");
    Param *to = lower_whole(lw, t->table, true);
    Inst *i = kb_for_n(b, LOOP_SERIAL, t->length);
    Inst *angle = kb_mul(b, kb_cast(b, DT_F64, i), kb_float(b, DT_F64, turn));
    angle = kb_op(b, LI_DIV, angle, kb_cast(b, DT_F64, kb_size(b, t->length)));
    Inst *at = kb_muli(b, i, 2);
    kb_store(b, to, at, kb_cast(b, t->type, kb_op1(b, LI_COS, angle)));
    Inst *sine = kb_cast(b, t->type, kb_op1(b, LI_SIN, angle));
    kb_store(b, to, kb_addi(b, at, 1), sine);
    kb_end(b);
    lower_end(lw);
}

static Inst *load_part(Transform *t, Inst *n, int part)
{
    Lower *lw = t->lw;
    Builder *b = &lw->b;
    Inst *idx[MAX_RANK];
    for (int i = 0; i < t->x->rank; i++) idx[i] = t->in[i];
    idx[t->axis] = t->first ? kb_add(b, t->first, n) : n;
    idx[t->x->rank - 1] = kb_i64(b, part);
    Inst *value = lower_load(lw, t->x, idx);
    if (!t->window) return value;
    return kb_mul(b, value, kb_cast(b, t->type, lower_load(lw, t->window, &n)));
}

/* The half that is not given mirrors the one that is: all but the ends count twice. */
static Inst *twice(Transform *t, Inst *n, Inst *value)
{
    Builder *b = &t->lw->b;
    Inst *mirrored = kb_sub(b, kb_size(b, t->length), n);
    Inst *end = kb_op(b, LI_EQ, n, mirrored);
    end = kb_op(b, LI_OR, kb_op(b, LI_EQ, n, kb_i64(b, 0)), end);
    return kb_select(b, end, value, kb_add(b, value, value));
}

static void add_term(Transform *t, Inst *n, Inst *at, Cell *real, Cell *imaginary)
{
    Lower *lw = t->lw;
    Builder *b = &lw->b;
    Param *table = lower_whole(lw, t->table, false);
    Inst *index = kb_muli(b, at, 2);
    Inst *c = kb_load(b, table, index), *s = kb_load(b, table, kb_addi(b, index, 1));
    if (!t->inverse) s = kb_op1(b, LI_NEG, s);
    bool is_complex = size_is(t->x->dims[t->x->rank - 1], 2);
    Inst *re = load_part(t, n, 0), *im = is_complex ? load_part(t, n, 1) : NULL;
    Inst *sum_re = kb_mul(b, re, c), *sum_im = kb_mul(b, re, s);
    if (im) {
        sum_re = kb_sub(b, sum_re, kb_mul(b, im, s));
        sum_im = lower_fma(lw, im, c, sum_im);
    }
    if (t->half) sum_re = twice(t, n, sum_re);
    cell_update(lw, real, LI_ADD, sum_re);
    cell_update(lw, imaginary, LI_ADD, sum_im);
}

/* The k-th value of the transform; *imaginary too. */
static Inst *transform(Transform *t, Inst *k, Inst **imaginary)
{
    Builder *b = &t->lw->b;
    Inst *zero = kb_float(b, t->type, 0), *length = kb_size(b, t->length);
    Cell *re = kb_cell(b, "re", zero->type, zero), *im = kb_cell(b, "im", zero->type, zero);
    Cell *at = kb_cell(b, "at", (LType){DT_I64, 1}, kb_i64(b, 0)); /* k * n mod length */
    re->reduce = im->reduce = at->reduce = LI_COUNT;
    Inst *n = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), t->count, 1);
    Inst *here = kb_get(b, at);
    add_term(t, n, here, re, im);
    Inst *next = kb_add(b, here, k);
    Inst *over = kb_op(b, LI_GE, next, length);
    kb_set(b, at, kb_select(b, over, kb_sub(b, next, length), next));
    kb_end(b);
    *imaginary = kb_get(b, im);
    if (!t->inverse) return kb_get(b, re);
    Inst *divisor = kb_cast(b, t->type, length);
    *imaginary = kb_op(b, LI_DIV, *imaginary, divisor);
    return kb_op(b, LI_DIV, kb_get(b, re), divisor);
}

static void store_complex(Transform *t, Inst **idx, Inst *k)
{
    Lower *lw = t->lw;
    Inst *imaginary, *real = transform(t, k, &imaginary);
    int last = t->y->rank - 1;
    idx[last] = kb_i64(&lw->b, 0);
    lower_store(lw, idx, real);
    if (!size_is(t->y->dims[last], 2)) return;
    idx[last] = kb_i64(&lw->b, 1);
    lower_store(lw, idx, imaginary);
}

/* Loops over all of the output but its last axis; real and imaginary part are made together. */
static int transform_open(Transform *t, Inst **idx)
{
    Lower *lw = t->lw;
    return lower_nest(lw, t->y->rank - 1, t->y->dims, NULL, false,
                      8 * (double)size_upper(lw->sizes, t->length), idx);
}

int lower_dft(Lower *lw, Node *node)
{
    Transform t = {.lw = lw, .x = node->in[0], .y = node->out[0]};
    Builder *b = &lw->b;
    const int64_t *axes;
    int count;
    if (!tensor_known_ints(lw->arena, node_in(node, 2), &count, &axes) || count != 1)
        return diag_node(lw->diag, &node->origin, "axis: not known at compile time");
    t.axis = (int)(axes[0] < 0 ? axes[0] + t.x->rank : axes[0]);
    t.type = lower_type(t.x->dtype);
    t.inverse = node_int(node, "inverse") != 0;
    t.half = t.inverse && node_int(node, "onesided") != 0;
    t.length = t.y->dims[t.axis];
    if (node_in(node, 1)) {
        const Size *const *values;
        if (!tensor_known_sizes(lw->graph, node->in[1], &count, &values) || count != 1)
            return diag_node(lw->diag, &node->origin, "dft_length: not known at compile time");
        t.length = values[0];
    } else if (!t.half) {
        t.length = t.x->dims[t.axis];
    }
    make_table(&t);
    lower_begin(lw, NULL);
    Inst *idx[MAX_RANK] = {0};
    int loops = transform_open(&t, idx);
    for (int i = 0; i < t.x->rank; i++) t.in[i] = idx[i];
    const Size *used = t.length;
    if (t.half) used = size_addi(lw->sizes, size_divi(lw->sizes, t.length, 2), 1);
    t.count = kb_size(b, size_min(lw->sizes, t.x->dims[t.axis], used));
    store_complex(&t, idx, idx[t.axis]);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

int lower_stft(Lower *lw, Node *node)
{
    Transform t = {.lw = lw, .x = node->in[0], .y = node->out[0], .axis = 1};
    Builder *b = &lw->b;
    const Size *const *values;
    const int64_t *step;
    int count;
    if (!tensor_known_ints(lw->arena, node->in[1], &count, &step) || count != 1)
        return diag_node(lw->diag, &node->origin, "frame_step: not known at compile time");
    t.window = node_in(node, 2);
    if (node_in(node, 3) && tensor_known_sizes(lw->graph, node->in[3], &count, &values) &&
        count == 1)
        t.length = values[0];
    else if (t.window)
        t.length = t.window->dims[0];
    else
        return diag_node(lw->diag, &node->origin, "frame_length: not known at compile time");
    t.type = lower_type(t.x->dtype);
    make_table(&t);
    lower_begin(lw, NULL);
    Inst *idx[MAX_RANK] = {0};
    int loops = transform_open(&t, idx);
    t.in[0] = idx[0];
    t.first = kb_muli(b, idx[1], step[0]);
    t.count = kb_size(b, t.length);
    store_complex(&t, idx, idx[2]);
    lower_nest_end(lw, loops);
    lower_end(lw);
    return 0;
}

/* ---- MelWeightMatrix ---- */

static Inst *mel(Builder *b, Inst *hertz)
{
    /* 2595 log10(1 + hertz / 700) */
    Inst *x = kb_op(b, LI_DIV, hertz, kb_float(b, DT_F64, 700));
    Inst *log = kb_op1(b, LI_LOG, kb_add(b, x, kb_float(b, DT_F64, 1)));
    return kb_mul(b, log, kb_float(b, DT_F64, 2595 / 2.302585092994045684));
}

static Inst *scalar_input(Lower *lw, const Node *node, int input)
{
    Inst *zero = kb_i64(&lw->b, 0);
    return kb_cast(&lw->b, DT_F64, lower_load(lw, node->in[input], &zero));
}

/* The spectrogram bin where band i begins. */
static Inst *band_begin(Lower *lw, const Node *node, Inst *i, Inst *step, Inst *low)
{
    Builder *b = &lw->b;
    Inst *at = kb_add(b, kb_mul(b, kb_cast(b, DT_F64, i), step), low);
    Inst *power = kb_mul(b, at, kb_float(b, DT_F64, 2.302585092994045684 / 2595));
    Inst *hertz = kb_sub(b, kb_op1(b, LI_EXP, power), kb_float(b, DT_F64, 1));
    hertz = kb_mul(b, hertz, kb_float(b, DT_F64, 700));
    Inst *bins = kb_add(b, scalar_input(lw, node, 1), kb_float(b, DT_F64, 1));
    Inst *rate = scalar_input(lw, node, 2);
    return kb_op1(b, LI_FLOOR, kb_op(b, LI_DIV, kb_mul(b, hertz, bins), rate));
}

static Inst *within(Builder *b, Inst *x, InstOp above, Inst *low, InstOp below, Inst *high)
{
    Inst *upper = kb_op(b, below, x, high);
    return kb_op(b, LI_AND, kb_op(b, above, x, low), upper);
}

int lower_mel_weight_matrix(Lower *lw, Node *node)
{
    Builder *b = &lw->b;
    const Tensor *y = node->out[0];
    lower_begin(lw, NULL);
    Inst *low = mel(b, scalar_input(lw, node, 3)), *high = mel(b, scalar_input(lw, node, 4));
    Inst *bands = kb_add(b, scalar_input(lw, node, 0), kb_float(b, DT_F64, 2));
    Inst *step = kb_op(b, LI_DIV, kb_sub(b, high, low), bands);
    Inst *zero = kb_float(b, DT_F64, 0), *one = kb_float(b, DT_F64, 1);
    Inst *i = kb_for_n(b, LOOP_SERIAL, y->dims[1]);
    Inst *from = band_begin(lw, node, i, step, low);
    Inst *center = band_begin(lw, node, kb_addi(b, i, 1), step, low);
    Inst *to = band_begin(lw, node, kb_addi(b, i, 2), step, low);
    Inst *j = kb_for_n(b, LOOP_SERIAL, y->dims[0]);
    Inst *x = kb_cast(b, DT_F64, j);
    Inst *rise = kb_sub(b, center, from);
    rise = kb_op(b, LI_DIV, kb_sub(b, x, from), rise);
    rise = kb_select(b, kb_op(b, LI_EQ, from, center), one, rise);
    Inst *fall = kb_sub(b, to, center);
    fall = kb_op(b, LI_DIV, kb_sub(b, to, x), fall);
    Inst *value = kb_select(b, within(b, x, LI_GE, from, LI_LE, center), rise, zero);
    value = kb_select(b, within(b, x, LI_GE, center, LI_LT, to), fall, value);
    lower_store(lw, (Inst *[]){j, i}, kb_cast(b, lower_type(y->dtype), value));
    kb_end(b);
    kb_end(b);
    lower_end(lw);
    return 0;
}
