/* Slice: its shape rule, and where it starts on each axis. */
#include "passes/shape/shape.h"

typedef struct AxisSlice {
    const Size *start, *length;
    int64_t step;
} AxisSlice;

/* Position `at` counted from the axis' start, clamped to [0, size] (step > 0). Constant positions
 * into symbolic sizes are taken to be inside, so that `x[1:]` has d - 1 elements and not
 * max(0, d - 1). */
static const Size *slice_forward(SizeTable *t, const Size *at, const Size *size, bool is_start)
{
    if (size_is_const(at)) {
        if (at->value < 0) {
            if (!size_is_const(size)) {
                int64_t upper = size_upper(t, size);
                if (upper != INT64_MAX && -(upper + 1) >= at->value) return size_const(t, 0);
                if (at->value <= INT32_MIN) return size_const(t, 0);
                return size_addi(t, size, at->value);
            }
            int64_t value = at->value + size->value;
            return size_const(t, value < 0 ? 0 : value);
        }
        if (at->value >= INT32_MAX && size_upper(t, size) >= at->value) return size;
        if (size_is_const(size)) return at->value < size->value ? at : size;
        if (size_lower(t, size) >= at->value) return at;
        if (is_start && (at->value == 0 || size_upper(t, size) >= at->value)) return at;
        if (size_upper(t, size) <= at->value) return size;
        return size_min(t, at, size);
    }
    if (at == size) return at;
    if (size_upper(t, at) < 0) return size_add(t, size, at);
    const Size *room = size_sub(t, size, at);
    if (size_lower(t, room) >= 0) return at;
    if (size_upper(t, room) <= 0) return size;
    return size_min(t, at, size);
}

/* For step < 0: start is clamped to [0, size - 1], end to [-1, size - 1]. */
static const Size *slice_backward(SizeTable *t, const Size *at, const Size *size, bool is_start)
{
    const Size *last = size_addi(t, size, -1);
    if (!size_is_const(at)) {
        const Size *room = size_sub(t, last, at);
        return size_lower(t, room) >= 0 ? at : size_min(t, at, last);
    }
    if (at->value >= INT32_MAX) return last;
    if (at->value >= 0) return size_min(t, at, last);
    int64_t floor = is_start ? 0 : -1;
    if (at->value <= INT32_MIN) return size_const(t, floor);
    const Size *from_end = size_addi(t, size, at->value);
    if (size_is_const(from_end) && from_end->value < floor) return size_const(t, floor);
    return from_end;
}

/* Known at run time only, so that nothing is known of its order. */
static bool is_measured(SizeTable *t, const Size *size)
{
    return size->kind == SIZE_SYM && sizes_symbol_at(t, size->sym)->source == SYM_NODE;
}

static void slice_axis(SizeTable *t, const Size *size, const Size *start, const Size *end,
                       int64_t step, AxisSlice *out)
{
    const Size *length;
    out->step = step;
    if (step > 0) {
        out->start = slice_forward(t, start, size, true);
        const Size *to = slice_forward(t, end, size, false);
        const Size *from = is_measured(t, start) || is_measured(t, end)
                               ? size_min(t, to, out->start) /* it may lie behind the end */
                               : out->start;
        length = size_sub(t, to, from);
    } else {
        out->start = slice_backward(t, start, size, true);
        length = size_sub(t, out->start, slice_backward(t, end, size, false));
    }
    int64_t distance = step > 0 ? step : -step;
    out->length = size_ceildiv(t, length, size_const(t, distance));
    if (size_upper(t, out->length) < 0) out->length = size_const(t, 0);
}

static int slice_all(Graph *g, Node *n, AxisSlice *out)
{
    const Tensor *x = n->in[0];
    const Size *const *starts, *const *ends;
    int start_count, end_count, axes[MAX_RANK], axis_count, step_count = 0;
    const int64_t *steps = NULL;
    bool given;
    TRY(need_values(g, n, 1, "starts", &starts, &start_count));
    TRY(need_values(g, n, 2, "ends", &ends, &end_count));
    TRY(shape_axes_input(g, n, 3, x->rank, axes, &axis_count, &given));
    if (node_in(n, 4)) TRY(need_ints(g, n, 4, "steps", &steps, &step_count));
    if (!given) {
        axis_count = start_count;
        for (int i = 0; i < axis_count && i < MAX_RANK; i++) axes[i] = i;
    }
    if (axis_count > x->rank)
        return diag_node(g->diag, &n->origin, "starts: %d values for rank %d", axis_count, x->rank);
    if (start_count != axis_count || end_count != axis_count ||
        (step_count && step_count != axis_count))
        return diag_node(g->diag, &n->origin,
                         "starts, ends, axes and steps have different lengths");
    for (int i = 0; i < x->rank; i++) out[i] = (AxisSlice){size_const(g->sizes, 0), x->dims[i], 1};
    for (int i = 0; i < axis_count; i++) {
        int64_t step = step_count ? steps[i] : 1;
        if (step == 0 || step == INT64_MIN)
            return diag_node(g->diag, &n->origin, "steps: %lld is not a step", (long long)step);
        slice_axis(g->sizes, x->dims[axes[i]], starts[i], ends[i], step, &out[axes[i]]);
    }
    return 0;
}

int shape_slice(Graph *g, Node *n)
{
    AxisSlice slices[MAX_RANK];
    TRY(slice_all(g, n, slices));
    Dims out = {0};
    for (int i = 0; i < n->in[0]->rank; i++) dims_push(&out, slices[i].length);
    return shape_set(g, n, 0, n->in[0]->dtype, &out);
}

int slice_params(Graph *graph, const Node *node, const Size **start, int64_t *step)
{
    AxisSlice slices[MAX_RANK];
    Node copy = *node; /* inputs may be rewritten: the node is not ours to change here */
    copy.in = arena_array(graph->arena, (size_t)node->in_count, sizeof *copy.in);
    for (int i = 0; i < node->in_count; i++) copy.in[i] = node->in[i];
    TRY(slice_all(graph, &copy, slices));
    for (int i = 0; i < node->in[0]->rank; i++) {
        start[i] = slices[i].start;
        step[i] = slices[i].step;
    }
    return 0;
}
