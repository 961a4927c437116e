/* lpc.Backward: runs the rule of the operator that it names, and brings what comes out to the inputs'
 * shapes. */
#include "passes/expand/build/gradient.h"
#include "passes/expand/expand.h"

#include <string.h>

enum { GIVEN = 2 }; /* inputs before the forward node's own: the gradient and its output */

/* Sums over what broadcasting repeated, then repeats over what is only said once. */
static Tensor *fit(Expand *x, Tensor *t, const Tensor *like)
{
    int64_t axes[MAX_RANK];
    int count = 0, more = x_rank(x, t) - like->rank;
    for (int i = 0; i < more; i++) axes[count++] = i;
    if (count) t = x_reduce_many(x, OP_REDUCE_SUM, t, count, axes, false);
    count = 0;
    more = x_rank(x, t) - like->rank; /* 0, or the gradient has fewer axes */
    for (int i = 0; i < x_rank(x, t); i++) {
        if (size_is(like->dims[i - more], 1) && !size_is(t->dims[i], 1)) axes[count++] = i;
    }
    if (count) t = x_reduce_many(x, OP_REDUCE_SUM, t, count, axes, true);
    bool same = x_rank(x, t) == like->rank;
    for (int i = 0; same && i < x_rank(x, t); i++) same = t->dims[i] == like->dims[i];
    return same ? t : x_expand(x, t, like->rank, like->dims);
}

/* The gradient of what is no float: integers and bools change in steps. */
static Tensor *nothing(Expand *x)
{
    return x_scalar(x, DT_F32, 0);
}

static int all_zero(Expand *x)
{
    for (int i = 0; i < x->n->out_count; i++) x_result(x, i, nothing(x));
    return 0;
}

/* The forward node once more: rules may trust what its shape rule has checked and made explicit. Nothing
 * uses its results, so that it goes. */
static const Node *forward_node(Expand *x, OpCode op)
{
    const Attr *attrs = x->n->attrs;
    size_t count = (size_t)x->n->attr_count;
    x->waiting.attrs = arena_grow(x->g->arena, attrs, count, count, sizeof *attrs);
    x->waiting.attr_count = x->n->attr_count;
    Tensor *y = x_op(x, op, x->n->in_count - GIVEN, x->n->in + GIVEN);
    if (!x_ok(x)) return NULL;
    const Tensor *was = x_in(x, 1), *g = x_in(x, 0);
    if (y->rank == was->rank && y->dtype == was->dtype && g->dtype == y->dtype &&
        g->rank == y->rank)
        return y->producer;
    x_fail(x, "its inputs are not what %s has", op_info(op)->name);
    return NULL;
}

int expand_backward(Expand *x)
{
    const char *of = node_string(x->n, "of");
    OpCode op = op_find(of, strlen(of));
    if (!dtype_is_float(x_in(x, 1)->dtype)) return all_zero(x);
    if (op == OP_COUNT || !x->rules[op].gradient)
        return x_fail(x, "y depends on xs through %s, which has no derivative here", of);
    if (node_int(x->n, "output"))
        return x_fail(x, "y depends on xs through output %d of %s, which has no derivative here",
                      (int)node_int(x->n, "output"), of);
    const Node *forward = forward_node(x, op);
    if (!forward) return x->code;
    Backward b = {.x = x, .n = forward, .g = x_in(x, 0), .y = x_in(x, 1)};
    b.to = arena_array(x->g->arena, (size_t)x->n->in_count, sizeof *b.to);
    TRY(x->rules[op].gradient(&b));
    for (int i = 0; i < x->n->out_count && x_ok(x); i++) {
        if (!x_wants(x, i)) continue;
        Tensor *in = node_in(forward, i);
        if (in && !dtype_is_float(in->dtype)) {
            x_result(x, i, nothing(x));
        } else if (in && b.to[i]) {
            x_result(x, i, x_cast(x, fit(x, b.to[i], in), in->dtype));
        } else {
            return x_fail(x, "y depends on xs through input %d of %s, which has no derivative here",
                          i, of);
        }
    }
    return 0;
}
