/* Sampling of images at computed places: GridSample, AffineGrid, RoiAlign; and LRN. */
#include "passes/lower/moves/move.h"
#include "passes/lower/frame/scalar.h"

#include <math.h>
#include <string.h>

/* ---- GridSample ---- */

typedef struct Sampler {
    Lower *lw;
    const Tensor *x;
    DType type;
    bool zeros, border, align; /* neither zeros nor border: reflection */
    int taps;                  /* per axis */
    Inst *own[MAX_RANK];
    Inst *base[MAX_RANK], *fraction[MAX_RANK];
} Sampler;

/* The range that reflection mirrors at. */
static void sample_range(const Sampler *s, int axis, Inst **low, Inst **high)
{
    Builder *b = &s->lw->b;
    Inst *n = kb_cast(b, s->type, kb_size(b, s->x->dims[axis]));
    *low = kb_float(b, s->type, s->align ? 0 : -0.5);
    *high = kb_sub(b, n, kb_float(b, s->type, s->align ? 1 : 0.5));
}

/* v within [low, high], in this order: a NaN is low, so that it is a place. */
static Inst *sample_limit(Builder *b, Inst *v, Inst *low, Inst *high)
{
    return kb_op(b, LI_MIN, kb_op(b, LI_MAX, v, low), high);
}

static Inst *sample_reflect(const Sampler *s, int axis, Inst *v)
{
    Builder *b = &s->lw->b;
    Inst *low, *high, *zero = kb_float(b, s->type, 0), *half = kb_float(b, s->type, 0.5);
    sample_range(s, axis, &low, &high);
    /* 0 when there is one element and corners are aligned: then whatever it is, it is clamped */
    Inst *range = kb_op(b, LI_MAX, kb_sub(b, high, low), half);
    Inst *below = kb_op(b, LI_LT, v, low), *above = kb_op(b, LI_GT, v, high);
    Inst *over = kb_sub(b, v, high);
    over = kb_select(b, below, kb_sub(b, low, v), over);
    over = kb_op(b, LI_MAX, over, zero);
    Inst *times = kb_op1(b, LI_TRUNC, kb_op(b, LI_DIV, over, range));
    Inst *rest = kb_sub(b, over, kb_mul(b, times, range));
    Inst *pairs = kb_op1(b, LI_FLOOR, kb_mul(b, times, half));
    Inst *even = kb_op(b, LI_EQ, kb_add(b, pairs, pairs), times);
    Inst *from_low = kb_op(b, LI_EQ, even, below);
    Inst *mirrored = kb_sub(b, high, rest);
    mirrored = kb_select(b, from_low, kb_add(b, low, rest), mirrored);
    v = kb_select(b, kb_op(b, LI_OR, below, above), mirrored, v);
    return sample_limit(b, v, low, high);
}

static Inst *sample_coordinate(Sampler *s, int axis, Inst *grid, bool nearest)
{
    Builder *b = &s->lw->b;
    Inst *n = kb_cast(b, s->type, kb_size(b, s->x->dims[axis]));
    Inst *one = kb_float(b, s->type, 1), *half = kb_float(b, s->type, 0.5), *v;
    grid = kb_add(b, kb_cast(b, s->type, grid), one);
    if (s->align) {
        Inst *spans = kb_sub(b, n, one);
        v = kb_mul(b, kb_mul(b, grid, half), spans);
    } else {
        v = kb_mul(b, kb_sub(b, kb_mul(b, grid, n), one), half);
    }
    if (nearest) v = kb_op1(b, LI_RINT, v);
    if (!s->zeros && !s->border) return sample_reflect(s, axis, v);
    /* At the border bicubic weights are those of where the sample is, and its taps are clamped.
     * Further out than all taps nothing changes. */
    double out = s->border && s->taps < 4 ? 0 : 4;
    return sample_limit(b, v, kb_float(b, s->type, -out),
                        kb_add(b, kb_sub(b, n, one), kb_float(b, s->type, out)));
}

/* Coordinate of a tap inside the image; *valid becomes false where it lies outside (zeros). */
static Inst *sample_index(Sampler *s, int axis, int tap, Inst **valid)
{
    Builder *b = &s->lw->b;
    Inst *n = kb_size(b, s->x->dims[axis]);
    int shift = s->taps == 4 ? tap - 1 : tap;
    Inst *at = kb_addi(b, s->base[axis], shift);
    if (s->zeros) *valid = kb_op(b, LI_AND, *valid, move_inside(b, at, n));
    if (!s->zeros && !s->border)
        at = scalar_to_index(b, sample_reflect(s, axis, kb_cast(b, s->type, at)));
    return move_clamp(b, at, n);
}

static Inst *sample_weight(const Sampler *s, int axis, int tap)
{
    static const double a = -0.75;
    Builder *b = &s->lw->b;
    Inst *f = s->fraction[axis], *one = kb_float(b, s->type, 1);
    if (s->taps == 2) return tap ? f : kb_sub(b, one, f);
    bool far = tap == 0 || tap == 3;
    Inst *x = tap < 2 ? f : kb_sub(b, one, f);
    if (far) x = kb_add(b, x, one);
    double c3 = far ? a : a + 2, c2 = far ? -5 * a : -(a + 3), c1 = far ? 8 * a : 0;
    Inst *sum = kb_add(b, kb_mul(b, x, kb_float(b, s->type, c3)), kb_float(b, s->type, c2));
    sum = kb_add(b, kb_mul(b, sum, x), kb_float(b, s->type, c1));
    return kb_add(b, kb_mul(b, sum, x), kb_float(b, s->type, far ? -4 * a : 1));
}

static Inst *sample_sum(Sampler *s, int axis, Inst *valid)
{
    Builder *b = &s->lw->b;
    if (axis == s->x->rank) {
        Inst *x = lower_load(s->lw, s->x, s->own);
        if (s->taps > 1) x = kb_cast(b, s->type, x);
        return kb_select(b, valid, x, scalar_like(b, x, 0));
    }
    Inst *sum = NULL;
    for (int t = 0; t < s->taps; t++) {
        Inst *inside = valid;
        s->own[axis] = sample_index(s, axis, t, &inside);
        Inst *term = sample_sum(s, axis + 1, inside);
        if (s->taps > 1) term = kb_mul(b, term, sample_weight(s, axis, t));
        sum = sum ? kb_add(b, sum, term) : term;
    }
    return sum;
}

Inst *point_grid_sample(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *x = node->in[0], *grid = node->in[1];
    Builder *b = &lw->b;
    const char *mode = node_string(node, "mode"), *padding = node_string(node, "padding_mode");
    bool nearest = !strcmp(mode, "nearest"), cubic = strstr(mode, "cubic") != NULL;
    Sampler s = {.lw = lw, .x = x, .taps = nearest ? 1 : cubic ? 4 : 2};
    Inst *at[MAX_RANK] = {0}, *yes = kb_int(b, DT_BOOL, 1);
    (void)output;
    s.type = grid->dtype == DT_F64 || x->dtype == DT_F64 ? DT_F64 : DT_F32;
    s.zeros = !strcmp(padding, "zeros");
    s.border = !strcmp(padding, "border");
    s.align = node_int(node, "align_corners") != 0;
    if (move_is_empty(x)) return kb_const(b, lower_type(x->dtype), 0);
    s.own[0] = at[0] = idx[0];
    s.own[1] = idx[1];
    for (int i = 2; i < x->rank; i++) at[i - 1] = idx[i];
    for (int i = 2; i < x->rank; i++) {
        at[x->rank - 1] = kb_i64(b, x->rank - 1 - i); /* x comes first */
        Inst *v = sample_coordinate(&s, i, lower_load(lw, grid, at), nearest);
        Inst *base = kb_op1(b, LI_FLOOR, v);
        s.base[i] = scalar_to_index(b, base);
        s.fraction[i] = kb_sub(b, v, base);
    }
    Inst *sum = sample_sum(&s, 2, yes);
    return kb_cast(b, lower_type(x->dtype), sum);
}

/* ---- AffineGrid ---- */

Inst *point_affine_grid(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *theta = node->in[0], *out = node->out[output];
    Builder *b = &lw->b;
    DType type = lower_type(theta->dtype);
    bool align = node_int(node, "align_corners") != 0;
    int spatial = out->rank - 2;
    Inst *row = idx[out->rank - 1], *one = kb_const(b, type, 1);
    Inst *sum = lower_load(lw, theta, (Inst *[]){idx[0], row, kb_i64(b, spatial)});
    for (int k = 0; k < spatial; k++) {
        int axis = spatial - k; /* coordinate 0 is x, of the last axis */
        Inst *n = kb_cast(b, type, kb_size(b, out->dims[axis]));
        Inst *i = kb_cast(b, type, idx[axis]);
        Inst *at = kb_add(b, i, i), *steps = n;
        if (align)
            steps = kb_op(b, LI_MAX, kb_sub(b, n, one), one);
        else
            at = kb_add(b, at, one);
        at = kb_sub(b, kb_op(b, LI_DIV, at, steps), one);
        Inst *factor = lower_load(lw, theta, (Inst *[]){idx[0], row, kb_i64(b, k)});
        sum = kb_add(b, sum, kb_mul(b, factor, at));
    }
    return sum;
}

/* ---- RoiAlign ---- */

typedef struct Roi {
    Lower *lw;
    const Node *node;
    DType type;
    Inst *batch, *channel;
    bool is_max;
} Roi;

/* Two neighbours and their weights along one axis; weights are 0 outside. */
static void roi_axis(const Roi *r, int axis, Inst *v, Inst **index, Inst **weight)
{
    Builder *b = &r->lw->b;
    Inst *n = kb_size(b, r->node->in[0]->dims[axis]), *size = kb_cast(b, r->type, n);
    Inst *zero = kb_float(b, r->type, 0), *one = kb_float(b, r->type, 1);
    Inst *inside = kb_op(b, LI_LE, v, size);
    inside = kb_op(b, LI_AND, kb_op(b, LI_GE, v, kb_float(b, r->type, -1)), inside);
    Inst *last = kb_sub(b, size, one);
    v = kb_op(b, LI_MIN, kb_op(b, LI_MAX, v, zero), last);
    Inst *low = kb_op1(b, LI_FLOOR, v), *f = kb_sub(b, v, low);
    index[0] = move_clamp(b, scalar_to_index(b, low), n);
    index[1] = move_clamp(b, kb_addi(b, index[0], 1), n);
    weight[0] = kb_select(b, inside, kb_sub(b, one, f), zero);
    weight[1] = kb_select(b, inside, f, zero);
}

static Inst *roi_join(const Roi *r, Inst *a, Inst *c)
{
    if (r->is_max) return scalar_extreme(&r->lw->b, true, a, c);
    return kb_add(&r->lw->b, c, a);
}

static Inst *roi_sample(const Roi *r, Inst *y, Inst *x)
{
    Builder *b = &r->lw->b;
    Inst *iy[2], *ix[2], *wy[2], *wx[2], *result = NULL;
    roi_axis(r, 2, y, iy, wy);
    roi_axis(r, 3, x, ix, wx);
    for (int k = 0; k < 4; k++) {
        Inst *own[] = {r->batch, r->channel, iy[k / 2], ix[k % 2]};
        Inst *value = kb_cast(b, r->type, lower_load(r->lw, r->node->in[0], own));
        value = kb_mul(b, value, kb_mul(b, wy[k / 2], wx[k % 2]));
        if (!result)
            result = value;
        else
            result = roi_join(r, value, result);
    }
    return result;
}

typedef struct Bins {
    Inst *start, *size, *samples; /* first bin's begin, size of a bin, samples per bin */
    bool counted; /* samples follows from size, which is at most samples then, or huge */
} Bins;

/* More samples per bin and axis than any box takes that means something: a bin of 1e30 pixels. The
 * index of a sample has an error of a few times 2^-24 of itself in f32, so below 1. */
enum { ROI_SAMPLES = 1 << 20 };

static Bins roi_bins(const Roi *r, Inst *roi, int first, int64_t count)
{
    Builder *b = &r->lw->b;
    bool half = !strcmp(node_string(r->node, "coordinate_transformation_mode"), "half_pixel");
    Inst *scale = kb_float(b, r->type, node_float(r->node, "spatial_scale"));
    Inst *offset = kb_float(b, r->type, half ? 0.5 : 0), *end[2];
    for (int k = 0; k < 2; k++) {
        Inst *at[] = {roi, kb_i64(b, first + 2 * k)};
        Inst *value = kb_cast(b, r->type, lower_load(r->lw, r->node->in[1], at));
        end[k] = kb_sub(b, kb_mul(b, value, scale), offset);
    }
    Inst *length = kb_sub(b, end[1], end[0]);
    if (!half) length = kb_op(b, LI_MAX, length, kb_float(b, r->type, 1));
    Bins bins = {.start = end[0]};
    bins.size = kb_op(b, LI_DIV, length, kb_float(b, r->type, (double)count));
    int64_t ratio = node_int(r->node, "sampling_ratio");
    bins.samples = kb_i64(b, ratio);
    bins.counted = ratio <= 0;
    if (bins.counted) {
        /* in this order, which makes 0 of a NaN */
        Inst *needed = kb_op(b, LI_MAX, kb_op1(b, LI_CEIL, bins.size), kb_float(b, r->type, 0));
        needed = kb_op(b, LI_MIN, needed, kb_float(b, r->type, ROI_SAMPLES));
        bins.samples = kb_cast(b, DT_I64, needed);
    }
    return bins;
}

static Inst *roi_bin_start(const Roi *r, const Bins *bins, Inst *bin)
{
    Builder *b = &r->lw->b;
    return kb_add(b, bins->start, kb_mul(b, kb_cast(b, r->type, bin), bins->size));
}

/* Centre of a sample: start + bin * size + (i + 0.5) * size / samples. */
static Inst *roi_place(const Roi *r, const Bins *bins, Inst *bin, Inst *i)
{
    Builder *b = &r->lw->b;
    Inst *within = kb_add(b, kb_cast(b, r->type, i), kb_float(b, r->type, 0.5));
    Inst *product = kb_mul(b, within, bins->size);
    within = kb_op(b, LI_DIV, product, kb_cast(b, r->type, bins->samples));
    return kb_add(b, roi_bin_start(r, bins, bin), within);
}

/* Index of the sample at `edge`, rounded down, with `more` added; within 0 .. samples. */
static Inst *roi_sample_at(const Roi *r, const Bins *bins, Inst *start, Inst *edge, double more)
{
    Builder *b = &r->lw->b;
    Inst *samples = kb_cast(b, r->type, bins->samples);
    Inst *scaled = kb_mul(b, kb_sub(b, edge, start), samples);
    Inst *at = kb_op1(b, LI_FLOOR, kb_op(b, LI_DIV, scaled, bins->size));
    at = kb_add(b, at, kb_float(b, r->type, more));
    at = kb_op(b, LI_MAX, at, kb_float(b, r->type, 0)); /* in this order, which makes 0 of a NaN */
    at = kb_op(b, LI_MIN, at, kb_float(b, r->type, ROI_SAMPLES));
    return kb_op(b, LI_MIN, kb_cast(b, DT_I64, at), bins->samples);
}

/* The samples range[0] <= i < range[1] of a bin are all those between -1 and the axis's size, and at
 * most a few others; what lies outside counts as 0. Where the number of samples follows from the
 * bin's size they are half a pixel or more apart, so that the range is bounded by the input however
 * large a box is. */
static void roi_range(const Roi *r, const Bins *bins, Inst *bin, int axis, Inst *range[2])
{
    Builder *b = &r->lw->b;
    range[0] = kb_i64(b, 0);
    range[1] = bins->samples;
    if (!bins->counted) return;
    Inst *start = roi_bin_start(r, bins, bin), *below = kb_float(b, r->type, -1);
    Inst *above = kb_cast(b, r->type, kb_size(b, r->node->in[0]->dims[axis]));
    range[0] = roi_sample_at(r, bins, start, below, -2);
    range[1] = roi_sample_at(r, bins, start, above, 3);
}

/* The largest of a bin: 0 without a sample, and with one that was left out, which counts as 0. */
static Inst *roi_max(const Roi *r, Inst *samples, Inst *const *rows, Inst *const *columns,
                     Inst *largest)
{
    Builder *b = &r->lw->b;
    Inst *zero = kb_float(b, r->type, 0), *none = kb_i64(b, 0);
    Inst *height = kb_op(b, LI_MAX, kb_sub(b, rows[1], rows[0]), none);
    Inst *width = kb_op(b, LI_MAX, kb_sub(b, columns[1], columns[0]), none);
    Inst *some_left = kb_op(b, LI_LT, kb_mul(b, height, width), samples);
    Inst *with_zero = roi_join(r, zero, largest);
    largest = kb_select(b, some_left, with_zero, largest);
    return kb_select(b, kb_op(b, LI_LE, samples, none), zero, largest);
}

Inst *point_roi_align(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    Roi r = {.lw = lw, .node = node, .channel = idx[1]};
    (void)output;
    r.type = x->dtype == DT_F64 ? DT_F64 : DT_F32;
    r.is_max = !strcmp(node_string(node, "mode"), "max");
    if (move_is_empty(x)) return kb_const(b, lower_type(x->dtype), 0);
    Inst *batch = kb_cast(b, DT_I64, lower_load(lw, node->in[2], idx));
    r.batch = move_clamp(b, batch, kb_size(b, x->dims[0]));
    Bins wide = roi_bins(&r, idx[0], 0, node_int(node, "output_width"));
    Bins high = roi_bins(&r, idx[0], 1, node_int(node, "output_height"));
    double first = r.is_max ? -INFINITY : 0;
    Cell *sum = kb_cell(b, "sum", (LType){r.type, 1}, kb_float(b, r.type, first));
    Inst *rows[2], *columns[2];
    roi_range(&r, &high, idx[2], 2, rows);
    roi_range(&r, &wide, idx[3], 3, columns);
    Inst *i = kb_for(b, LOOP_SERIAL, rows[0], rows[1], 1);
    Inst *j = kb_for(b, LOOP_SERIAL, columns[0], columns[1], 1);
    Inst *y = roi_place(&r, &high, idx[2], i), *at = roi_place(&r, &wide, idx[3], j);
    Inst *value = roi_sample(&r, y, at);
    kb_set(b, sum, roi_join(&r, value, kb_get(b, sum)));
    kb_end(b);
    kb_end(b);
    Inst *samples = kb_mul(b, high.samples, wide.samples), *result = kb_get(b, sum);
    if (r.is_max)
        result = roi_max(&r, samples, rows, columns, result);
    else {
        samples = kb_cast(b, r.type, kb_op(b, LI_MAX, samples, kb_i64(b, 1)));
        result = kb_op(b, LI_DIV, result, samples);
    }
    return kb_cast(b, lower_type(x->dtype), result);
}

/* ---- LRN: x / (bias + alpha / size * sum of squares of the channels around) ^ beta ---- */

static Inst *lrn_power(Builder *b, Inst *x, double beta)
{
    if (beta == 1) return x;
    if (beta == 0.5) return kb_op1(b, LI_SQRT, x);
    if (beta == 0.75) {
        Inst *root = kb_op1(b, LI_SQRT, x);
        return kb_mul(b, root, kb_op1(b, LI_SQRT, root));
    }
    return kb_op(b, LI_POW, x, scalar_like(b, x, beta));
}

Inst *point_lrn(Lower *lw, const Node *node, int output, Inst *const *idx)
{
    const Tensor *x = node->in[0];
    Builder *b = &lw->b;
    int64_t size = node_int(node, "size"), before = (size - 1) / 2;
    Inst *own[MAX_RANK] = {0}, *n = kb_size(b, x->dims[1]), *centre = lower_load(lw, x, idx);
    Inst *sum = scalar_like(b, centre, 0);
    (void)output;
    for (int i = 0; i < x->rank; i++) own[i] = idx[i];
    for (int64_t k = 0; k < size; k++) {
        Inst *c = kb_addi(b, idx[1], k - before), *inside = move_inside(b, c, n);
        own[1] = move_clamp(b, c, n);
        Inst *value = lower_load(lw, x, own);
        sum = kb_add(b, sum, kb_select(b, inside, kb_mul(b, value, value), scalar_like(b, sum, 0)));
    }
    double alpha = node_float(node, "alpha") / (double)size;
    sum = kb_add(b, kb_mul(b, sum, scalar_like(b, sum, alpha)),
                 scalar_like(b, sum, node_float(node, "bias")));
    return kb_op(b, LI_DIV, centre, lrn_power(b, sum, node_float(node, "beta")));
}
