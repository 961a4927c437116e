/* Known contents of small tensors, as sizes.
 *
 * Models compute shapes with tensors: Shape, Gather, Concat, Mul, ... Following the contents of
 * those tensors as symbolic sizes makes the shape inputs of Reshape, Expand, Slice and the like
 * known at compile time. Contents are followed through floating point too while they are whole
 * numbers (old exporters compute sizes as Floor(Cast(size) * scale)). */
#include "passes/shape/values.h"

/* Whether an input's contents must be known for any element of an output to be. */
static bool needs_input(OpCode op, int in)
{
    unsigned needs = shape_rules[op].values_need;
    return needs == ~0u || (in < 32 && (needs >> in & 1u));
}

static bool can_follow(const Tensor *x)
{
    if (!x || !tensor_is_static(x) || dtype_is_narrow(x->dtype) || dtype_is_opaque(x->dtype))
        return false;
    bool is_list = x->rank == 1 && dtype_is_int(x->dtype);
    return tensor_static_elements(x) <= (is_list ? MAX_VALUES : FOLLOWED_VALUES);
}

/* Elements of narrower types wrap around, sizes do not. */
static bool has_room(DType type, const Size *s)
{
    return !size_is_const(s) || !dtype_is_int(type) ||
           (s->value >= dtype_min(type) && s->value <= dtype_max(type));
}

/* Sets the output's values when all its elements are known. */
static void infer_output(Values *v, int out)
{
    Tensor *y = v->n->out[out];
    if (!can_follow(y) || y->data) return;
    int64_t count = tensor_static_elements(y);
    const Size **values = arena_array(v->g->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        int64_t at[MAX_RANK];
        values_unflatten(y, i, at);
        values[i] = shape_rules[v->n->op].values(v, out, i, at);
        if (!values[i] || !has_room(y->dtype, values[i])) return;
    }
    y->values = values;
    y->value_count = (int)count;
}

void values_infer(Graph *g, Node *n)
{
    Values v = {.g = g, .n = n};
    bool worth = false;
    if (!shape_rules[n->op].values) return;
    for (int k = 0; k < n->out_count; k++) {
        if (!n->out[k]) continue;
        n->out[k]->values = NULL;
        worth |= can_follow(n->out[k]);
    }
    if (!worth) return;
    v.in = arena_array(g->arena, (size_t)n->in_count + 1, sizeof *v.in);
    v.count = arena_array(g->arena, (size_t)n->in_count + 1, sizeof *v.count);
    for (int k = 0; k < n->in_count; k++) {
        v.in[k] = tensor_values(g, n->in[k], &v.count[k]);
        if (!v.in[k] && n->in[k] && needs_input(n->op, k)) return;
    }
    for (int k = 0; k < n->out_count; k++) infer_output(&v, k);
}
