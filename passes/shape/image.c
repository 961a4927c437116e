/* Shape rules of resampling and of image patches. */
#include "passes/shape/shape.h"

#include <math.h>
#include <string.h>

/* ---- Resize ---- */

static int resize_axes(Graph *g, Node *n, int *axes, int *count)
{
    const int64_t *given;
    int rank = n->in[0]->rank;
    *count = node_ints(n, "axes", &given);
    if (!*count) {
        *count = rank;
        for (int i = 0; i < rank; i++) axes[i] = i;
        return 0;
    }
    if (*count > rank)
        return diag_node(g->diag, &n->origin, "axes: %d values for rank %d", *count, rank);
    for (int i = 0; i < *count; i++) TRY(shape_axis_value(g, n, "axes", given[i], rank, &axes[i]));
    return 0;
}

/* floor(size * scale), the scale taken as a fraction where the size is not a constant. */
static int scale_size(Graph *g, Node *n, const Size *size, double scale, const Size **out)
{
    if (!(scale > 0) || scale > 1e6)
        return diag_node(g->diag, &n->origin, "scales: %g is not a scale", scale);
    if (size_is_const(size)) {
        *out = size_const(g->sizes, (int64_t)floor((double)size->value * scale));
        return 0;
    }
    for (int64_t bottom = 1; bottom <= 64; bottom++) {
        double top = scale * (double)bottom;
        if (fabs(top - rint(top)) > 1e-6 * top) continue;
        *out = size_divi(g->sizes, size_muli(g->sizes, size, (int64_t)rint(top)), bottom);
        return 0;
    }
    return diag_node(g->diag, &n->origin,
                     "scales: %g times the size %s can not be written as a "
                     "size: bind its symbols with --bind",
                     scale, size_text(g->sizes, size));
}

/* scales (or roi, in two halves) given for some axes become one for all. */
static Tensor *spread(Graph *g, Tensor *x, int rank, const int *axes, int count, int halves)
{
    float *full = arena_array(g->arena, (size_t)rank * (size_t)halves, sizeof *full);
    for (int h = 0; h < halves; h++) {
        for (int i = 0; i < rank; i++) full[h * rank + i] = halves == 1 || h == 1 ? 1.0f : 0.0f;
        for (int i = 0; i < count; i++)
            full[h * rank + axes[i]] = (float)const_f64_at(x, h * count + i);
    }
    return graph_const(g, NULL, DT_F32, 1, (int64_t[]){rank * halves}, full);
}

/* The sizes asked for, fitted into (or around) with the input's aspect ratio. */
static int keep_aspect(Graph *g, Node *n, const int *axes, int count, bool larger, Dims *out)
{
    double scale = 0;
    for (int i = 0; i < count; i++) {
        const Size *in = n->in[0]->dims[axes[i]], *want = out->at[axes[i]];
        if (!size_is_const(in) || !size_is_const(want) || in->value < 1)
            return diag_node(g->diag, &n->origin,
                             "keep_aspect_ratio_policy: the input's size is "
                             "not known: bind its symbols with --bind");
        double s = (double)want->value / (double)in->value;
        if (i == 0 || (larger ? s > scale : s < scale)) scale = s;
    }
    for (int i = 0; i < count; i++) {
        double size = floor(scale * (double)n->in[0]->dims[axes[i]]->value + 0.5);
        out->at[axes[i]] = size_const(g->sizes, (int64_t)size);
    }
    return 0;
}

static int resize_by_sizes(Graph *g, Node *n, const int *axes, int count, Dims *out)
{
    const Size *const *sizes;
    int found;
    TRY(need_values(g, n, 3, "sizes", &sizes, &found));
    if (found != count)
        return diag_node(g->diag, &n->origin, "sizes: expected %d values, got %d", count, found);
    for (int i = 0; i < count; i++) out->at[axes[i]] = sizes[i];
    const char *policy = node_string(n, "keep_aspect_ratio_policy");
    if (!strcmp(policy, "stretch")) return 0;
    return keep_aspect(g, n, axes, count, !strcmp(policy, "not_smaller"), out);
}

int shape_resize(Graph *g, Node *n)
{
    int axes[MAX_RANK], count;
    Dims out = dims_of(n->in[0]);
    TRY(resize_axes(g, n, axes, &count));
    Tensor *roi = node_in(n, 1), *scales = node_in(n, 2);
    if (node_in(n, 3)) {
        TRY(resize_by_sizes(g, n, axes, count, &out));
        return shape_set(g, n, 0, n->in[0]->dtype, &out);
    }
    if (!scales) return diag_node(g->diag, &n->origin, "neither scales nor sizes are given");
    if (!scales->data) return unknown_input(g, n, 2, "scales");
    bool is_crop = !strcmp(node_string(n, "coordinate_transformation_mode"), "tf_crop_and_resize");
    if (is_crop && (!roi || !roi->data))
        return diag_node(g->diag, &n->origin, "roi: must be a constant");
    if (tensor_static_elements(scales) != count)
        return diag_node(g->diag, &n->origin, "scales: expected %d values, got %lld", count,
                         (long long)tensor_static_elements(scales));
    if (is_crop && tensor_static_elements(roi) != 2 * count)
        return diag_node(g->diag, &n->origin, "roi: expected %d values", 2 * count);
    for (int i = 0; i < count; i++) {
        double scale = const_f64_at(scales, i);
        if (is_crop) scale *= const_f64_at(roi, i + count) - const_f64_at(roi, i);
        TRY(scale_size(g, n, out.at[axes[i]], scale, &out.at[axes[i]]));
    }
    if (node_attr(n, "axes")) {
        n->in[2] = spread(g, scales, out.rank, axes, count, 1);
        if (is_crop) n->in[1] = spread(g, roi, out.rank, axes, count, 2);
        node_del_attr(n, "axes");
    }
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_center_crop_pad(Graph *g, Node *n)
{
    const Size *const *want;
    int count, axes[MAX_RANK], axis_count;
    TRY(need_values(g, n, 1, "shape", &want, &count));
    TRY(resize_axes(g, n, axes, &axis_count));
    if (count != axis_count)
        return diag_node(g->diag, &n->origin, "shape: expected %d values, got %d", axis_count,
                         count);
    Dims out = dims_of(n->in[0]);
    int64_t list[MAX_RANK];
    for (int i = 0; i < count; i++) {
        out.at[axes[i]] = want[i];
        list[i] = axes[i];
    }
    node_set_ints(g, n, "axes", axis_count, list);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* ---- Patches and grids ---- */

static int default_ints(Graph *g, Node *n, const char *attr, int count, int64_t fill)
{
    const int64_t *given;
    int found = node_ints(n, attr, &given);
    if (found && found != count)
        return diag_node(g->diag, &n->origin, "%s: expected %d values, got %d", attr, count, found);
    int64_t all[2 * MAX_RANK];
    for (int i = 0; i < count; i++) all[i] = fill;
    if (!found) node_set_ints(g, n, attr, count, all);
    return 0;
}

int shape_col2im(Graph *g, Node *n)
{
    const int64_t *image, *block;
    int64_t area = 1;
    int rank, count;
    TRY(need_rank(g, n, 0, 3));
    TRY(need_ints(g, n, 1, "image_shape", &image, &rank));
    TRY(need_ints(g, n, 2, "block_shape", &block, &count));
    if (count != rank || rank > MAX_RANK - 2)
        return diag_node(g->diag, &n->origin, "block_shape: expected %d values, got %d", rank,
                         count);
    TRY(default_ints(g, n, "dilations", rank, 1));
    TRY(default_ints(g, n, "strides", rank, 1));
    TRY(default_ints(g, n, "pads", 2 * rank, 0));
    for (int i = 0; i < rank; i++) {
        if (block[i] < 1 || block[i] > INT32_MAX || __builtin_mul_overflow(area, block[i], &area))
            return diag_node(g->diag, &n->origin, "block_shape: %lld is out of range",
                             (long long)block[i]);
    }
    const Size *channels = n->in[0]->dims[1];
    if (size_is_const(channels) && channels->value % area)
        return diag_node(g->diag, &n->origin, "block_shape: blocks of %lld do not divide %lld",
                         (long long)area, (long long)channels->value);
    Dims out = {.rank = 2, .at = {n->in[0]->dims[0], size_divi(g->sizes, channels, area)}};
    for (int i = 0; i < rank; i++) dims_push(&out, size_const(g->sizes, image[i]));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_grid_sample(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *grid = n->in[1];
    TRY(need_rank_min(g, n, 0, 3));
    TRY(need_rank(g, n, 1, x->rank));
    if (!size_is(grid->dims[x->rank - 1], x->rank - 2))
        return diag_node(g->diag, &n->origin, "grid: expected %d coordinates, got %s", x->rank - 2,
                         size_text(g->sizes, grid->dims[x->rank - 1]));
    Dims out = {.rank = 2, .at = {x->dims[0], x->dims[1]}};
    for (int i = 1; i < x->rank - 1; i++) dims_push(&out, grid->dims[i]);
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_affine_grid(Graph *g, Node *n)
{
    const Size *const *size;
    int count;
    TRY(need_values(g, n, 1, "size", &size, &count));
    if (count != 4 && count != 5)
        return diag_node(g->diag, &n->origin, "size: expected 4 or 5 values, got %d", count);
    Dims out = {.rank = 1, .at = {size[0]}};
    for (int i = 2; i < count; i++) dims_push(&out, size[i]);
    dims_push(&out, size_const(g->sizes, count - 2));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* x, boxes of five elements: the image, then left, top, right and bottom */
int shape_max_roi_pool(Graph *g, Node *n)
{
    const int64_t *pooled;
    TRY(need_rank(g, n, 0, 4));
    TRY(need_rank(g, n, 1, 2));
    int count = node_ints(n, "pooled_shape", &pooled);
    if (count != 2 || pooled[0] < 1 || pooled[1] < 1)
        return diag_node(g->diag, &n->origin, "pooled_shape: expected 2 positive values");
    const Size *five = n->in[1]->dims[1];
    if (size_is_const(five) && !size_is(five, 5))
        return diag_node(g->diag, &n->origin, "rois: expected 5 elements in each, got %lld",
                         (long long)five->value);
    Dims out = {.rank = 4,
                .at = {n->in[1]->dims[0], n->in[0]->dims[1], size_const(g->sizes, pooled[0]),
                       size_const(g->sizes, pooled[1])}};
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_roi_align(Graph *g, Node *n)
{
    TRY(need_rank(g, n, 0, 4));
    TRY(need_rank(g, n, 1, 2));
    int64_t height = node_int(n, "output_height"), width = node_int(n, "output_width");
    if (height < 1 || width < 1)
        return diag_node(g->diag, &n->origin, "output_height, output_width: must be positive");
    Dims out = {.rank = 4,
                .at = {n->in[1]->dims[0], n->in[0]->dims[1], size_const(g->sizes, height),
                       size_const(g->sizes, width)}};
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}
