/* Shape rules of operators of com.microsoft that have kernels of their own. */
#include "passes/shape/shape.h"

#include <string.h>

/* x, boxes [n, 4], the image of each box, [height, width] of what is cut out */
int shape_crop_and_resize(Graph *g, Node *n)
{
    const Size *const *crop, *both;
    int count;
    const char *mode = node_string(n, "mode");
    if (*mode && strcmp(mode, "bilinear") != 0 && strcmp(mode, "nearest") != 0)
        return diag_node(g->diag, &n->origin, "mode: expected bilinear or nearest, got '%s'", mode);
    TRY(need_float(g, n, 0));
    TRY(need_float(g, n, 1));
    TRY(need_rank(g, n, 0, 4));
    TRY(need_rank(g, n, 1, 2));
    TRY(need_values(g, n, 3, "crop_size", &crop, &count));
    if (count != 2)
        return diag_node(g->diag, &n->origin, "crop_size: expected 2 values, got %d", count);
    const Tensor *boxes = n->in[1];
    TRY(dims_unify(g, n, "values of a box", boxes->dims[1], size_const(g->sizes, 4), &both));
    TRY(need_vector(g, n, 2, "batch_indices", boxes->dims[0]));
    Dims out = {.rank = 4, .at = {boxes->dims[0], n->in[0]->dims[1], crop[0], crop[1]}};
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_inverse(Graph *g, Node *n)
{
    const Size *both;
    TRY(need_float(g, n, 0));
    TRY(need_rank_min(g, n, 0, 2));
    Dims out = dims_of(n->in[0]);
    TRY(dims_unify(g, n, "matrix", out.at[out.rank - 2], out.at[out.rank - 1], &both));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* The mask's batch and channels may differ from the input's. */
int shape_maxpool_with_mask(Graph *g, Node *n)
{
    TRY(need_float(g, n, 0));
    TRY(shape_pool(g, n));
    TRY(need_rank(g, n, 1, n->in[0]->rank));
    for (int i = 2; i < n->in[0]->rank; i++) {
        const Size *both;
        TRY(dims_unify(g, n, "mask", n->in[1]->dims[i], n->in[0]->dims[i], &both));
    }
    return 0;
}

/* A path from one corner to the other: from the longer side to both less one. */
int shape_dynamic_time_warping(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    TRY(need_float(g, n, 0));
    bool batched = x->rank == 3 && size_is(x->dims[0], 1);
    if (x->rank != 2 && !batched)
        return diag_node(g->diag, &n->origin, "expected a matrix, or one in a batch of 1");
    const Size *rows = x->dims[x->rank - 2], *columns = x->dims[x->rank - 1];
    const Size *length = size_const(g->sizes, 0);
    if (!size_is(rows, 0) && !size_is(columns, 0)) {
        const Size *both = size_add(g->sizes, rows, columns);
        length = shape_node_symbol(g, n, "length", size_upper(g->sizes, both));
    }
    Dims out = {.rank = 2, .at = {size_const(g->sizes, 2), length}};
    return shape_set(g, n, 0, DT_I32, &out);
}

/* source and current tokens, where the last match ended, predicted tokens */
int shape_bifurcation_detector(Graph *g, Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i] && n->in[i]->dtype != DT_I64)
            return diag_node(g->diag, &n->origin, "input %d: expected int64", i);
        if (i != 2 && n->in[i]) TRY(need_rank(g, n, i, 1));
    }
    TRY(need_elements(g, n, 2, "prev_suffix_match_idx", 1));
    int64_t least = node_int(n, "min_ngram_size"), most = node_int(n, "max_ngram_size");
    if (least < 1 || most < least)
        return diag_node(g->diag, &n->origin, "expected 1 <= min_ngram_size <= max_ngram_size");
    const Size *count = n->in[1]->dims[0];
    if (node_in(n, 3)) {
        const Size *both = size_add(g->sizes, count, n->in[3]->dims[0]);
        count = shape_node_symbol(g, n, "count", size_upper(g->sizes, both));
    }
    Dims out = {.rank = 1, .at = {count}};
    TRY(shape_set(g, n, 0, DT_I64, &out));
    return shape_set_like(g, n, 1, DT_I64, n->in[2]);
}
