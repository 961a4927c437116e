/* Resize, the part that runs at compile time: reading the node, and the tables of axes whose sizes
 * are constant. The formulas are those of the ONNX reference implementation, in double. */
#include "passes/lower/moves/resize.h"

#include <math.h>
#include <string.h>

/* ---- Coordinates and weights ---- */

static double coordinate(const Resize *r, const ResizeAxis *a, int64_t at)
{
    double x = (double)at, in = (double)a->in->value, out_int = (double)a->out->value;
    double out = a->scale * in;
    if (!strcmp(r->coordinates, "asymmetric")) return x / a->scale;
    if (!strcmp(r->coordinates, "align_corners")) return out == 1 ? 0 : x * (in - 1) / (out - 1);
    if (!strcmp(r->coordinates, "tf_half_pixel_for_nn")) return (x + 0.5) / a->scale;
    if (!strcmp(r->coordinates, "pytorch_half_pixel") && out_int == 1) return -0.5;
    if (!strcmp(r->coordinates, "half_pixel_symmetric"))
        return in / 2 * (1 - out_int / out) + (x + 0.5) / a->scale - 0.5;
    if (r->crop) {
        double span = (a->roi_end - a->roi_begin) * (in - 1);
        double from = a->roi_begin * (in - 1);
        return from + (out_int == 1 ? span / 2 : x * span / (out_int - 1));
    }
    return (x + 0.5) / a->scale - 0.5;
}

static double cubic_weight(double distance, double a)
{
    double x = fabs(distance);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

const char *resize_nearest(const Resize *r, const ResizeAxis *a)
{
    if (strcmp(r->nearest, NEAREST_BEFORE_11) != 0) return r->nearest;
    return a->scale > 0 && a->scale < 1 ? "ceil" : "floor";
}

static double nearest_index(const Resize *r, const ResizeAxis *a, double x)
{
    const char *nearest = resize_nearest(r, a);
    if (nearest != r->nearest) x = (double)(float)x;
    if (!strcmp(nearest, "floor")) return floor(x);
    if (!strcmp(nearest, "ceil")) return ceil(x);
    return !strcmp(nearest, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5);
}

static double support(const Resize *r, const ResizeAxis *a)
{
    double half = r->cubic ? 2 : 1;
    return r->antialias && a->scale < 1 ? half / a->scale : half;
}

static int tap_count(const Resize *r, const ResizeAxis *a)
{
    if (r->nearest_mode) return 1;
    return (int)(2 - 2 * (floor(-support(r, a)) + 1));
}

/* The weights of one output element; they add up to 1. */
static void fill_taps(const Resize *r, ResizeAxis *a, int64_t at)
{
    double x = coordinate(r, a, at), sum = 0;
    int64_t n = a->in->value, *index = a->index + at * a->taps;
    double *weight = a->weight + at * a->taps;
    if (r->nearest_mode) {
        index[0] = (int64_t)nearest_index(r, a, x);
        weight[0] = sum = 1;
    } else {
        double base = floor(x), ratio = x - base;
        if (ratio == 0) ratio = 1, base -= 1;
        double shrink = r->antialias && a->scale < 1 ? a->scale : 1;
        int start = 1 - a->taps / 2;
        for (int t = 0; t < a->taps; t++) {
            double distance = (start + t - ratio) * shrink;
            double linear = 1 - fabs(distance);
            index[t] = (int64_t)base + start + t;
            weight[t] = r->cubic ? cubic_weight(distance, r->cubic_a) : linear > 0 ? linear : 0;
            if (r->exclude_outside && (index[t] < 0 || index[t] >= n)) weight[t] = 0;
            sum += weight[t];
        }
    }
    for (int t = 0; t < a->taps; t++) {
        index[t] = index[t] < 0 ? 0 : index[t] >= n ? n - 1 : index[t];
        if (sum != 0) weight[t] /= sum;
    }
    if (r->crop) a->outside[at] = x < 0 || x > (double)(n - 1);
}

/* ---- Simple cases of a table: no table ---- */

static bool repeats(const ResizeAxis *a, int64_t factor)
{
    for (int64_t i = 0; i < a->out->value; i++) {
        if (a->index[i] != i / factor) return false;
    }
    return true;
}

static bool strides(const ResizeAxis *a, int64_t factor)
{
    for (int64_t i = 0; i < a->out->value; i++) {
        if (a->index[i] != i * factor + a->index[0]) return false;
    }
    return true;
}

/* Leaves out taps whose weight is always 0. */
static void drop_taps(Arena *arena, ResizeAxis *a)
{
    int kept = 0, *from = arena_array(arena, (size_t)a->taps + 1, sizeof *from);
    for (int t = 0; t < a->taps; t++) {
        bool used = false;
        for (int64_t i = 0; i < a->out->value && !used; i++) used = a->weight[i * a->taps + t] != 0;
        if (used) from[kept++] = t;
    }
    if (kept == 0 || kept == a->taps) return;
    for (int64_t i = 0; i < a->out->value; i++) {
        for (int t = 0; t < kept; t++) {
            a->index[i * kept + t] = a->index[i * a->taps + from[t]];
            a->weight[i * kept + t] = a->weight[i * a->taps + from[t]];
        }
    }
    a->taps = kept;
}

static void simplify(Arena *arena, ResizeAxis *a)
{
    drop_taps(arena, a);
    if (a->taps != 1) return;
    for (int64_t i = 0; i < a->out->value; i++) {
        if (a->weight[i] != 1 || (a->outside && a->outside[i])) return;
    }
    int64_t n = a->out->value, factor = n > 1 ? a->index[1] - a->index[0] : 1;
    if (n && factor >= 1 && strides(a, factor)) {
        a->factor = factor;
        a->first = a->index[0];
        a->kind = factor == 1 && a->first == 0 ? RESIZE_SAME : RESIZE_STRIDE;
        return;
    }
    for (factor = 1; factor < n && a->index[factor] == 0;) factor++;
    if (n && factor > 1 && repeats(a, factor)) {
        a->factor = factor;
        a->kind = RESIZE_REPEAT;
    }
}

static void make_table(Lower *lw, const Resize *r, ResizeAxis *a)
{
    int64_t n = a->out->value;
    a->kind = RESIZE_TABLE;
    a->taps = tap_count(r, a);
    size_t cells = (size_t)(n * a->taps) + 1;
    a->index = arena_array(lw->arena, cells, sizeof *a->index);
    a->weight = arena_array(lw->arena, cells, sizeof *a->weight);
    if (r->crop) a->outside = arena_array(lw->arena, (size_t)n + 1, 1);
    for (int64_t i = 0; i < n; i++) fill_taps(r, a, i);
    simplify(lw->arena, a);
}

/* ---- Symbolic sizes ---- */

/* Does index = x / factor hold for a whole factor, whatever the size? */
static bool repeats_always(const Resize *r, const ResizeAxis *a)
{
    if (!r->nearest_mode) return false;
    if (!strcmp(r->coordinates, "asymmetric")) return !strcmp(resize_nearest(r, a), "floor");
    bool half = !strcmp(r->coordinates, "half_pixel") ||
                !strcmp(r->coordinates, "pytorch_half_pixel") ||
                !strcmp(r->coordinates, "half_pixel_symmetric");
    return half && !strncmp(r->nearest, "round", 5);
}

static int64_t whole_factor(Lower *lw, const ResizeAxis *a)
{
    int64_t in = size_upper(lw->sizes, a->in), out = size_upper(lw->sizes, a->out);
    if (in <= 0 || in == INT64_MAX || out % in) return 0;
    return size_muli(lw->sizes, a->in, out / in) == a->out ? out / in : 0;
}

static int make_formula(Lower *lw, const Resize *r, ResizeAxis *a)
{
    int64_t factor = whole_factor(lw, a);
    if (factor > 0 && a->scale == 0) a->scale = (double)factor;
    a->kind = RESIZE_FORMULA;
    a->taps = r->nearest_mode ? 1 : r->cubic ? 4 : 2;
    if (factor > 0 && a->scale == (double)factor && repeats_always(r, a)) {
        a->kind = RESIZE_REPEAT;
        a->factor = factor;
    }
    bool plain = !r->crop && !r->antialias && !r->exclude_outside &&
                 strcmp(r->coordinates, "half_pixel_symmetric") != 0;
    if (a->kind == RESIZE_REPEAT || plain) return 0;
    return diag_node(lw->diag, &r->node->origin,
                     "this form of resizing needs constant sizes: bind "
                     "the symbols with --bind");
}

/* ---- The node ---- */

static bool is_resized(const Node *node, int axis, int *position)
{
    const int64_t *axes;
    int count = node_ints(node, "axes", &axes), rank = node->in[0]->rank;
    *position = axis;
    if (!count) return true;
    for (int i = 0; i < count; i++) {
        *position = i;
        if ((axes[i] < 0 ? axes[i] + rank : axes[i]) == axis) return true;
    }
    return false;
}

/* With keep_aspect_ratio_policy all resized axes share one scale. */
static double shared_scale(Arena *arena, const Node *node)
{
    const char *policy = node_string(node, "keep_aspect_ratio_policy");
    int count = 0, position;
    const int64_t *sizes;
    double scale = 0;
    if (!node_in(node, 3) || !strcmp(policy, "stretch")) return 0;
    if (!tensor_known_ints(arena, node->in[3], &count, &sizes)) return 0;
    bool larger = !strcmp(policy, "not_smaller"), first = true;
    for (int i = 0; i < node->in[0]->rank; i++) {
        if (!is_resized(node, i, &position) || position >= count) continue;
        double s = (double)sizes[position] / (double)node->in[0]->dims[i]->value;
        if (first || (larger ? s > scale : s < scale)) scale = s;
        first = false;
    }
    return scale;
}

static int read_axis(Lower *lw, Resize *r, int i)
{
    const Node *node = r->node;
    ResizeAxis *a = &r->axis[i];
    int position, roi_count;
    a->in = node->in[0]->dims[i];
    a->out = node->out[0]->dims[i];
    a->kind = RESIZE_SAME;
    a->roi_end = 1;
    if (!is_resized(node, i, &position)) return 0;
    const Tensor *roi = node_in(node, 1), *scales = node_in(node, 2);
    double shared = shared_scale(lw->arena, node);
    bool is_const = size_is_const(a->in) && size_is_const(a->out);
    if (shared > 0)
        a->scale = shared;
    else if (node_in(node, 3) || !scales || !scales->data)
        a->scale = is_const && a->in->value ? (double)a->out->value / (double)a->in->value : 0;
    else
        a->scale = const_f64_at(scales, position);
    if (r->crop && roi && roi->data) {
        roi_count = (int)tensor_static_elements(roi) / 2;
        a->roi_begin = const_f64_at(roi, position);
        a->roi_end = const_f64_at(roi, roi_count + position);
    }
    bool whole = !r->crop || (a->roi_begin == 0 && a->roi_end == 1);
    if (a->in == a->out && whole && (a->scale == 0 || a->scale == 1)) return 0;
    if (!is_const) return make_formula(lw, r, a);
    if (a->in->value > 0) make_table(lw, r, a);
    return 0;
}

int resize_read(Lower *lw, const Node *node, Resize *r)
{
    memset(r, 0, sizeof *r);
    r->node = node;
    r->mode = node_string(node, "mode");
    r->coordinates = node_string(node, "coordinate_transformation_mode");
    r->nearest = node_string(node, "nearest_mode");
    r->nearest_mode = !strcmp(r->mode, "nearest");
    r->cubic = !strcmp(r->mode, "cubic");
    r->antialias = node_int(node, "antialias") != 0;
    r->exclude_outside = node_int(node, "exclude_outside") != 0;
    r->crop = !strcmp(r->coordinates, "tf_crop_and_resize");
    r->cubic_a = node_float(node, "cubic_coeff_a");
    r->extrapolation = node_float(node, "extrapolation_value");
    const Tensor *roi = node_in(node, 1);
    if (r->crop && (!roi || !roi->data))
        return diag_node(lw->diag, &node->origin, "roi: must be a constant");
    for (int i = 0; i < node->in[0]->rank; i++) TRY(read_axis(lw, r, i));
    return 0;
}
