/* Shape rules of operators that move, gather and make elements. */
#include "passes/shape/shape.h"

int shape_concat(Graph *g, Node *n)
{
    int axis;
    TRY(need_rank_min(g, n, 0, 1));
    TRY(shape_axis(g, n, "axis", n->in[0]->rank, &axis));
    Dims out = dims_of(n->in[0]);
    for (int k = 1; k < n->in_count; k++) {
        const Tensor *x = n->in[k];
        TRY(need_rank(g, n, k, out.rank));
        TRY(need_same_type(g, n, 0, k));
        for (int i = 0; i < out.rank; i++) {
            if (i == axis)
                out.at[i] = size_add(g->sizes, out.at[i], x->dims[i]);
            else
                TRY(dims_unify(g, n, "inputs", out.at[i], x->dims[i], &out.at[i]));
        }
    }
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_tile(Graph *g, Node *n)
{
    const Size *const *repeats;
    int count;
    TRY(need_values(g, n, 1, "repeats", &repeats, &count));
    Dims out = dims_of(n->in[0]);
    if (count != out.rank)
        return diag_node(g->diag, &n->origin, "repeats: expected %d values, got %d", out.rank,
                         count);
    for (int i = 0; i < count; i++) out.at[i] = size_mul(g->sizes, out.at[i], repeats[i]);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

/* The pads are brought to 2 * rank values without axes, so that lowering has one form. */
int shape_pad(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    const Size *const *pads, *zero = size_const(g->sizes, 0);
    int count, axes[MAX_RANK], axis_count;
    bool given;
    TRY(need_values(g, n, 1, "pads", &pads, &count));
    TRY(shape_axes_input(g, n, 3, x->rank, axes, &axis_count, &given));
    if (!given) {
        axis_count = x->rank;
        for (int i = 0; i < x->rank; i++) axes[i] = i;
    }
    if (count != 2 * axis_count)
        return diag_node(g->diag, &n->origin, "pads: expected %d values, got %d", 2 * axis_count,
                         count);
    const Size *full[2 * MAX_RANK];
    bool is_const = true;
    for (int i = 0; i < 2 * x->rank; i++) full[i] = zero;
    for (int i = 0; i < axis_count; i++) {
        full[axes[i]] = pads[i];
        full[axes[i] + x->rank] = pads[i + axis_count];
    }
    Dims out = dims_of(x);
    int64_t ints[2 * MAX_RANK];
    for (int i = 0; i < 2 * x->rank; i++) {
        int axis = i % x->rank;
        out.at[axis] = size_add(g->sizes, out.at[axis], full[i]);
        is_const &= size_is_const(full[i]);
        ints[i] = full[i]->value;
    }
    if (given && is_const) {
        n->in[1] = graph_const_i64(g, NULL, 2 * x->rank, ints);
        n->in[3] = NULL;
    } else if (given) {
        return unknown_input(g, n, 1, "pads");
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_gather(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *index = n->in[1];
    int axis;
    TRY(need_rank_min(g, n, 0, 1));
    TRY(shape_axis(g, n, "axis", x->rank, &axis));
    Dims out = {0};
    for (int i = 0; i < axis; i++) dims_push(&out, x->dims[i]);
    for (int i = 0; i < index->rank; i++) dims_push(&out, index->dims[i]);
    for (int i = axis + 1; i < x->rank; i++) dims_push(&out, x->dims[i]);
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_at(Graph *g, Node *n)
{
    int axis;
    TRY(need_rank_min(g, n, 0, 1));
    TRY(need_rank(g, n, 1, 0));
    const Tensor *x = n->in[0];
    TRY(shape_axis(g, n, "axis", x->rank, &axis));
    Dims out = {0};
    for (int i = 0; i < x->rank; i++) {
        if (i != axis) dims_push(&out, x->dims[i]);
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_gather_elements(Graph *g, Node *n)
{
    int axis;
    TRY(need_rank_min(g, n, 0, 1));
    TRY(need_rank(g, n, 1, n->in[0]->rank));
    TRY(shape_axis(g, n, "axis", n->in[0]->rank, &axis));
    for (int i = 0; i < n->in[0]->rank; i++) {
        const Size *have = n->in[0]->dims[i], *want = n->in[1]->dims[i];
        if (i != axis && size_is_const(have) && size_is_const(want) && want->value > have->value)
            return diag_node(g->diag, &n->origin, "indices: size %s on axis %d is over %s",
                             size_text(g->sizes, want), i, size_text(g->sizes, have));
    }
    return shape_set_like(g, n, 0, n->in[0]->dtype, n->in[1]);
}

int shape_gather_nd(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *index = n->in[1];
    TRY(need_rank_min(g, n, 0, 1));
    TRY(need_rank_min(g, n, 1, 1));
    int64_t batch = node_int(n, "batch_dims");
    const Size *last = index->dims[index->rank - 1];
    if (batch < 0 || batch >= index->rank || batch >= x->rank)
        return diag_node(g->diag, &n->origin, "batch_dims: %lld is out of range", (long long)batch);
    if (!size_is_const(last) || last->value < 1 || last->value > x->rank - batch)
        return diag_node(g->diag, &n->origin, "indices: the last size, %s, must be in 1..%lld",
                         size_text(g->sizes, last), (long long)(x->rank - batch));
    Dims out = {0};
    for (int i = 0; i < index->rank - 1; i++) dims_push(&out, index->dims[i]);
    for (int i = (int)(batch + last->value); i < x->rank; i++) dims_push(&out, x->dims[i]);
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_one_hot(Graph *g, Node *n)
{
    const Tensor *index = n->in[0];
    const Size *const *depth;
    int count, axis;
    TRY(need_values(g, n, 1, "depth", &depth, &count));
    if (count != 1) return diag_node(g->diag, &n->origin, "depth: expected 1 value, got %d", count);
    TRY(shape_axis(g, n, "axis", index->rank + 1, &axis));
    Dims out = {0};
    for (int i = 0; i < index->rank + 1; i++)
        dims_push(&out, i == axis ? depth[0] : index->dims[i < axis ? i : i - 1]);
    return shape_set(g, n, 0, n->in[2]->dtype, &out);
}

/* ceil((limit - start) / delta) for constants of a floating type. */
static int float_range(Graph *g, Node *n, int64_t *count)
{
    static const char *const names[] = {"start", "limit", "delta"};
    for (int i = 0; i < 3; i++) {
        if (!n->in[i]->data || tensor_static_elements(n->in[i]) != 1)
            return unknown_input(g, n, i, names[i]);
    }
    double start = const_f64_at(n->in[0], 0), limit = const_f64_at(n->in[1], 0);
    double delta = const_f64_at(n->in[2], 0);
    if (!(delta < 0 || delta > 0)) return diag_node(g->diag, &n->origin, "delta: is 0");
    double steps = (limit - start) / delta;
    if (!(steps < 1e15)) return diag_node(g->diag, &n->origin, "limit: too many elements");
    *count = 0;
    if (steps > 0) {
        *count = (int64_t)steps;
        if ((double)*count < steps) ++*count;
    }
    return 0;
}

int shape_range(Graph *g, Node *n)
{
    Dims out = {0};
    const Size *const *start, *const *limit;
    int64_t delta, length = 0;
    int count;
    for (int i = 0; i < 3; i++) {
        const Tensor *x = n->in[i];
        if (x->rank > 1 || (x->rank == 1 && !size_is(x->dims[0], 1)))
            return diag_node(g->diag, &n->origin, "input %d: expected a scalar", i);
    }
    if (dtype_is_float(n->in[0]->dtype)) {
        TRY(float_range(g, n, &length));
        dims_push(&out, size_const(g->sizes, length));
        return shape_set(g, n, 0, n->in[0]->dtype, &out);
    }
    TRY(need_values(g, n, 0, "start", &start, &count));
    TRY(need_values(g, n, 1, "limit", &limit, &count));
    TRY(need_int(g, n, 2, "delta", &delta));
    if (delta == 0 || delta == INT64_MIN) return diag_node(g->diag, &n->origin, "delta: is 0");
    const Size *span =
        delta > 0 ? size_sub(g->sizes, limit[0], start[0]) : size_sub(g->sizes, start[0], limit[0]);
    const Size *size =
        size_ceildiv(g->sizes, span, size_const(g->sizes, delta > 0 ? delta : -delta));
    if (size_lower(g->sizes, size) < 0) size = size_max(g->sizes, size, size_const(g->sizes, 0));
    dims_push(&out, size);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_constant_of_shape(Graph *g, Node *n)
{
    const Size *const *want;
    int count;
    TRY(need_values(g, n, 0, "input", &want, &count));
    Dims out = {0};
    for (int i = 0; i < count; i++) dims_push(&out, want[i]);
    const Attr *value = node_attr(n, "value");
    return shape_set(g, n, 0, value && value->tensor ? value->tensor->dtype : DT_F32, &out);
}

int shape_eye_like(Graph *g, Node *n)
{
    TRY(need_rank(g, n, 0, 2));
    DType type = n->in[0]->dtype;
    if (node_attr(n, "dtype")) type = dtype_from_onnx(node_int(n, "dtype"));
    if (type == DT_NONE) return diag_node(g->diag, &n->origin, "dtype: is not supported");
    return shape_set_like(g, n, 0, type, n->in[0]);
}

/* Sizes of blocks; the block must divide what it cuts, where that is a constant. */
static int block_size(Graph *g, Node *n, int64_t *block)
{
    TRY(need_rank(g, n, 0, 4));
    *block = node_int(n, "blocksize");
    if (*block > 0 && *block < 65536) return 0;
    return diag_node(g->diag, &n->origin, "blocksize: %lld is not a block size", (long long)*block);
}

static int divide_exactly(Graph *g, Node *n, const char *what, const Size *size, int64_t by,
                          const Size **out)
{
    if (size_is_const(size) && size->value % by)
        return diag_node(g->diag, &n->origin, "%s: %lld is not a multiple of %lld", what,
                         (long long)size->value, (long long)by);
    *out = size_divi(g->sizes, size, by);
    return 0;
}

int shape_depth_to_space(Graph *g, Node *n)
{
    int64_t block;
    TRY(block_size(g, n, &block));
    Dims out = dims_of(n->in[0]);
    TRY(divide_exactly(g, n, "channels", out.at[1], block * block, &out.at[1]));
    out.at[2] = size_muli(g->sizes, out.at[2], block);
    out.at[3] = size_muli(g->sizes, out.at[3], block);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_space_to_depth(Graph *g, Node *n)
{
    int64_t block;
    TRY(block_size(g, n, &block));
    Dims out = dims_of(n->in[0]);
    out.at[1] = size_muli(g->sizes, out.at[1], block * block);
    TRY(divide_exactly(g, n, "height", out.at[2], block, &out.at[2]));
    TRY(divide_exactly(g, n, "width", out.at[3], block, &out.at[3]));
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int shape_shape(Graph *g, Node *n)
{
    int64_t rank = n->in[0]->rank, start = node_int(n, "start"), end = rank;
    if (node_attr(n, "end")) end = node_int(n, "end");
    if (start < 0) start += rank;
    if (end < 0) end += rank;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    node_set_int(g, n, "start", start);
    node_set_int(g, n, "end", end);
    Dims out = {0};
    dims_push(&out, size_const(g->sizes, end - start));
    return shape_set(g, n, 0, DT_I64, &out);
}

int shape_size(Graph *g, Node *n)
{
    Dims out = {0};
    return shape_set(g, n, 0, DT_I64, &out);
}
