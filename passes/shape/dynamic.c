/* Shape rules of operators whose output sizes depend on data: they make a symbol that the node
 * computes at run time, bounded by what the inputs' sizes allow; and of lpc.Phi, which joins the
 * two sides of an If. */
#include "passes/shape/shape.h"

static const Size *counted(Graph *g, Node *n, const char *suffix, const Size *most)
{
    if (size_is(most, 0)) return most;
    return shape_node_symbol(g, n, suffix, size_upper(g->sizes, most));
}

static const Size *elements_of(Graph *g, const Tensor *x)
{
    return tensor_elements(g->sizes, x);
}

/* How many of a constant's first `limit` elements are not 0. */
static int64_t count_non_zero(const Tensor *x, int64_t limit)
{
    int64_t count = 0;
    for (int64_t i = 0; i < limit; i++) count += const_f64_at(x, i) != 0;
    return count;
}

int shape_non_zero(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    const Size *count = x->data ? size_const(g->sizes, count_non_zero(x, tensor_static_elements(x)))
                                : counted(g, n, "count", elements_of(g, x));
    Dims out = {.rank = 2, .at = {size_const(g->sizes, x->rank), count}};
    return shape_set(g, n, 0, DT_I64, &out);
}

/* Without an axis the input counts as flat: *out, its dimensions, gets rank 1. *most is the size that
 * a selection along the axis starts from. */
static int axis_or_flat(Graph *g, Node *n, Dims *out, int *axis, const Size **most)
{
    const Tensor *x = n->in[0];
    *axis = 0;
    if (node_attr(n, "axis")) {
        TRY(shape_axis(g, n, "axis", x->rank, axis));
        *most = x->dims[*axis];
    } else {
        out->rank = 1;
        *most = elements_of(g, x);
    }
    return LPC_OK;
}

int shape_compress(Graph *g, Node *n)
{
    const Tensor *x = n->in[0], *condition = n->in[1];
    Dims out = dims_of(x);
    int axis;
    const Size *most;
    TRY(need_rank(g, n, 1, 1));
    TRY(axis_or_flat(g, n, &out, &axis, &most));
    if (condition->data && size_is_const(most)) {
        int64_t limit = tensor_static_elements(condition);
        if (limit > most->value) limit = most->value;
        out.at[axis] = size_const(g->sizes, count_non_zero(condition, limit));
    } else {
        out.at[axis] = counted(g, n, "count", size_min(g->sizes, most, condition->dims[0]));
    }
    return shape_set(g, n, 0, x->dtype, &out);
}

int shape_unique(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    Dims out = dims_of(x), list = {.rank = 1};
    int axis;
    const Size *most;
    TRY(axis_or_flat(g, n, &out, &axis, &most));
    const Size *count = counted(g, n, "count", most);
    out.at[axis] = list.at[0] = count;
    TRY(shape_set(g, n, 0, x->dtype, &out));
    TRY(shape_set(g, n, 1, DT_I64, &list));
    TRY(shape_set(g, n, 3, DT_I64, &list));
    list.at[0] = most;
    return shape_set(g, n, 2, DT_I64, &list);
}

int shape_nms(Graph *g, Node *n)
{
    SizeTable *t = g->sizes;
    TRY(need_rank(g, n, 0, 3));
    TRY(need_rank(g, n, 1, 3));
    const Size *boxes = n->in[0]->dims[1], *each = size_const(t, 0), *const * most;
    int count;
    if (node_in(n, 2)) { /* absent: 0, no box at all */
        Tensor *limit = n->in[2];
        most = tensor_values(g, limit, &count);
        each = most && count == 1 ? size_min(t, boxes, most[0]) : boxes;
    }
    const Size *all = size_mul(t, size_mul(t, n->in[1]->dims[0], n->in[1]->dims[1]), each);
    Dims out = {.rank = 2, .at = {counted(g, n, "count", all), size_const(t, 3)}};
    return shape_set(g, n, 0, DT_I64, &out);
}

int shape_phi(Graph *g, Node *n)
{
    int last = n->in_count - 1; /* (condition,) then, else */
    const Tensor *a = n->in[last - 1], *b = n->in[last];
    TRY(need_same_type(g, n, last - 1, last));
    if (a->rank != b->rank)
        return diag_node(
            g->diag, &n->origin,
            "the branches give different ranks, %d and %d, which a result can not have, "
            "and the condition is not known at compile time: bind sizes with --bind, inputs "
            "with --bind-input",
            a->rank, b->rank);
    Dims out = dims_of(a);
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] == b->dims[i]) continue;
        int64_t x = size_upper(g->sizes, a->dims[i]), y = size_upper(g->sizes, b->dims[i]);
        out.at[i] = shape_node_symbol(g, n, arena_printf(g->arena, "size%d", i), x > y ? x : y);
    }
    return shape_set(g, n, 0, a->dtype, &out);
}
