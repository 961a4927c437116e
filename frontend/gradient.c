/* Gradient (ai.onnx.preview.training): reverse-mode differentiation of the nodes between xs and y.
 *
 *     y = Mul(a, b);  d_a, d_b = Gradient(a, b) {xs = [a, b], y = y}
 * becomes
 *     y = Mul(a, b);  d_y = ones like y;  d_a, d_b = lpc.Backward(d_y, y, a, b) {of = Mul}
 *
 * It is done here because here all nodes are still there: later, those between constants would be
 * folded. What needs types and sizes is left to lpc.Backward, which knows whether there is a derivative:
 * operators on integers and bools need none. Where Gradient's inputs are other tensors than
 * xs and zs name, the nodes between are made again for those. */
#include "frontend/import.h"

#include <string.h>

typedef struct Derive {
    Call *call;
    Graph *graph;
    int nodes, tensors; /* those that there were before */
    Tensor *y;
    bool *is_needed; /* by node: y depends on it, and it on no more than xs and zs */
    /* By tensor id, of the tensors that were there: */
    bool *is_start;    /* named in xs or zs */
    bool *is_wanted;   /* y depends on it */
    bool *is_active;   /* depends on xs */
    Tensor **value;    /* stands for it; NULL: itself */
    Tensor **gradient; /* of y by it; NULL: none (yet) */
} Derive;

/* ---- What is asked for ---- */

static int name_list(const Call *call, const char *name, const char *const **names)
{
    const Attr *attr = attr_find(call, name);
    *names = NULL;
    if (!attr || !attr->count) return 0;
    if (attr->kind != ATTR_STRINGS) {
        call_fail(call, "%s: expected strings", name);
        return -1;
    }
    *names = attr->strings;
    return attr->count;
}

static int find_named(const Call *call, const char *what, const char *name, Tensor **tensor)
{
    if (scope_find(call->scope, name, tensor) && *tensor) return LPC_OK;
    return call_fail(call, "%s: '%s' is not computed before this node", what, name);
}

/* Binds the tensors of a list to the inputs from `from` on. */
static int bind_starts(Derive *d, const char *what, int from, int count, const char *const *names,
                       Tensor **tensors)
{
    for (int i = 0; i < count; i++) {
        TRY(find_named(d->call, what, names[i], &tensors[i]));
        int id = tensors[i]->id;
        if (!call_in(d->call, from + i))
            return call_fail(d->call, "input %d, the value of '%s', is missing", from + i,
                             names[i]);
        d->is_start[id] = true;
        d->value[id] = d->call->in[from + i];
        if (!from) d->is_active[id] = true;
    }
    return LPC_OK;
}

/* ---- Forward ---- */

static bool makes(const Node *node, const bool *wanted, const bool *start)
{
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = node->out[i];
        if (out && wanted[out->id] && !start[out->id]) return true;
    }
    return false;
}

static void find_needed(Derive *d)
{
    d->is_wanted[d->y->id] = true;
    for (int i = d->nodes - 1; i >= 0; i--) {
        const Node *node = d->graph->nodes[i];
        d->is_needed[i] = makes(node, d->is_wanted, d->is_start);
        for (int k = 0; d->is_needed[i] && k < node->in_count; k++)
            if (node->in[k]) d->is_wanted[node->in[k]->id] = true;
    }
}

static Tensor *value_of(const Derive *d, Tensor *tensor)
{
    return tensor && d->value[tensor->id] ? d->value[tensor->id] : tensor;
}

/* The node once more, with the values that stand for its inputs. */
static int again(Derive *d, const Node *node)
{
    Arena *arena = d->call->im->arena;
    if (node->region != d->call->scope->region || (op_info(node->op)->traits & T_INTERNAL))
        return call_fail(d->call,
                         "its inputs are not what xs and zs name, and '%s' (%s), in or behind a "
                         "loop or a branch, cannot be computed for others",
                         node->name, op_info(node->op)->name);
    Tensor **in = arena_array(arena, (size_t)node->in_count, sizeof *in);
    Tensor **out = arena_array(arena, (size_t)node->out_count, sizeof *out);
    for (int i = 0; i < node->in_count; i++) in[i] = value_of(d, node->in[i]);
    for (int i = 0; i < node->out_count; i++) {
        if (!node->out[i]) continue;
        out[i] = graph_tensor(d->graph, node->out[i]->name, DT_NONE, -1, NULL);
        if (!d->is_start[node->out[i]->id]) d->value[node->out[i]->id] = out[i];
    }
    Node *copy = call_emit(d->call, node->op, node->in_count, in, node->out_count, out);
    node_copy_attrs(d->graph, copy, node);
    return LPC_OK;
}

/* Input i carries a gradient: it depends on xs, and not only its size matters. */
static bool is_active_input(const Derive *d, const Node *node, int i)
{
    const Tensor *in = node->in[i];
    return in && d->is_active[in->id] && !op_is_size(node->op, i);
}

static int go_forward(Derive *d)
{
    for (int i = 0; i < d->nodes; i++) {
        const Node *node = d->graph->nodes[i];
        bool is_other = false, is_active = false;
        for (int k = 0; d->is_needed[i] && k < node->in_count; k++) {
            is_other |= value_of(d, node->in[k]) != node->in[k];
            is_active |= is_active_input(d, node, k);
        }
        if (is_other) TRY(again(d, node));
        for (int k = 0; is_active && k < node->out_count; k++) {
            const Tensor *out = node->out[k];
            if (out && !d->is_start[out->id]) d->is_active[out->id] = true;
        }
    }
    return LPC_OK;
}

/* ---- Backward ---- */

/* A tensor of `like`'s type and shape, all of one value. */
static Tensor *filled(Call *call, Tensor *like, double value)
{
    Tensor *number = call_make(call, OP_CAST_LIKE, call_scalar(call, DT_F32, value), like, NULL);
    Tensor *shape = call_make(call, OP_SHAPE, like, NULL, NULL);
    return call_make(call, OP_EXPAND, number, shape, NULL);
}

static void add_to(Derive *d, const Tensor *tensor, Tensor *part)
{
    Tensor **sum = &d->gradient[tensor->id];
    *sum = *sum ? call_make(d->call, OP_ADD, *sum, part, NULL) : part;
}

/* The gradients of a node's inputs from that of its output k. */
static int pass_back(Derive *d, const Node *node, int k)
{
    Arena *arena = d->call->im->arena;
    const OpInfo *info = op_info(node->op);
    if ((info->traits & T_INTERNAL) || node->region != d->call->scope->region)
        return call_fail(d->call, "y depends on xs through '%s' (%s), which has no derivative here",
                         node->name, info->name);
    size_t count = (size_t)node->in_count;
    Tensor **in = arena_array(arena, count + 2, sizeof *in);
    Tensor **out = arena_array(arena, count, sizeof *out);
    in[0] = d->gradient[node->out[k]->id];
    in[1] = value_of(d, node->out[k]);
    int last = 0;
    for (int i = 0; i < node->in_count; i++) {
        in[2 + i] = value_of(d, node->in[i]);
        if (!is_active_input(d, node, i)) continue;
        const char *name = arena_printf(arena, "%s.gradient", in[2 + i]->name);
        out[i] = graph_tensor(d->graph, name, DT_NONE, -1, NULL);
        last = i + 1;
    }
    Node *back = call_emit(d->call, OP_BACKWARD, node->in_count + 2, in, last, out);
    node_copy_attrs(d->graph, back, node);
    node_set_string(d->graph, back, "of", info->name);
    node_set_int(d->graph, back, "output", k);
    for (int i = 0; i < last; i++)
        if (out[i]) add_to(d, node->in[i], out[i]);
    return LPC_OK;
}

static int go_backward(Derive *d)
{
    if (d->is_active[d->y->id]) d->gradient[d->y->id] = filled(d->call, value_of(d, d->y), 1);
    for (int i = d->nodes - 1; i >= 0; i--) {
        const Node *node = d->graph->nodes[i];
        for (int k = 0; d->is_needed[i] && k < node->out_count; k++) {
            const Tensor *out = node->out[k];
            if (out && !d->is_start[out->id] && d->gradient[out->id]) TRY(pass_back(d, node, k));
        }
    }
    return LPC_OK;
}

/* ---- The node ---- */

static Derive start(Call *call)
{
    Arena *arena = call->im->arena;
    Graph *graph = call->im->graph;
    size_t tensors = (size_t)graph->tensor_count, nodes = (size_t)graph->node_count;
    return (Derive){.call = call,
                    .graph = graph,
                    .nodes = graph->node_count,
                    .tensors = graph->tensor_count,
                    .is_needed = arena_array(arena, nodes + 1, sizeof(bool)),
                    .is_start = arena_array(arena, tensors + 1, sizeof(bool)),
                    .is_wanted = arena_array(arena, tensors + 1, sizeof(bool)),
                    .is_active = arena_array(arena, tensors + 1, sizeof(bool)),
                    .value = arena_array(arena, tensors + 1, sizeof(Tensor *)),
                    .gradient = arena_array(arena, tensors + 1, sizeof(Tensor *))};
}

/* What y does not depend on has a gradient of zeros. */
static void give_results(Derive *d, int count, Tensor *const *xs)
{
    for (int i = 0; i < count; i++) {
        Tensor *out = call_out(d->call, i);
        if (!out) continue;
        Tensor *gradient = d->gradient[xs[i]->id];
        if (!gradient) gradient = filled(d->call, d->call->in[i], 0);
        call_emit(d->call, OP_IDENTITY, 1, &gradient, 1, &out);
    }
    d->call->done = true;
}

int decompose_gradient(Call *call)
{
    const char *const *xs, *const *zs, *y = attr_string(call, "y", NULL);
    int x_count = name_list(call, "xs", &xs), z_count = name_list(call, "zs", &zs);
    if (x_count < 0 || z_count < 0) return LPC_ERROR;
    if (!x_count || !y) return call_fail(call, "attribute 'xs' or 'y' is missing");
    if (call->in_count != x_count + z_count)
        return call_fail(call, "expected %d inputs, as many as xs and zs name, got %d",
                         x_count + z_count, call->in_count);
    if (call->out_count > x_count)
        return call_fail(call, "expected at most %d outputs, as many as xs names, got %d", x_count,
                         call->out_count);
    Derive d = start(call);
    size_t most = (size_t)(x_count > z_count ? x_count : z_count);
    Tensor **others = arena_array(call->im->arena, most, sizeof *others);
    Tensor **starts = arena_array(call->im->arena, most, sizeof *starts);
    TRY(find_named(call, "y", y, &d.y));
    TRY(bind_starts(&d, "zs", x_count, z_count, zs, others));
    TRY(bind_starts(&d, "xs", 0, x_count, xs, starts));
    find_needed(&d);
    TRY(go_forward(&d));
    TRY(go_backward(&d));
    give_results(&d, x_count, starts);
    return LPC_OK;
}
