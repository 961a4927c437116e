/* Inputs that determine sizes and are known at run time only: each is read into symbols, which the rest
 * of the graph then has as sizes.
 *
 *     before   %y = Slice(%x, %starts, %ends)                  %ends is computed
 *     after    %e: i64[1] = lpc.Measure(%ends, %limits)        its value is the symbol ends_value
 *              %y = Slice(%x, %starts, %e)
 *
 * A symbol's bound follows from the operator, or the user gives it (--max ends_value=N). A run in which it is
 * exceeded ends with LPC_RUN_BOUND. */
#include "passes/shape/shape.h"

#include <string.h>

/* ---- What operators say ---- */

/* Whatever the user allows. */
const Size *measured_any(Graph *g, const Node *n, int in, int k)
{
    (void)g, (void)n, (void)in, (void)k;
    return NULL;
}

/* At most as many as there are. */
const Size *measured_top_k(Graph *g, const Node *n, int in, int k)
{
    int64_t axis = node_int(n, "axis");
    const Tensor *x = n->in[0];
    (void)g, (void)in, (void)k;
    if (axis < 0) axis += x->rank;
    return axis >= 0 && axis < x->rank ? x->dims[axis] : NULL;
}

/* The same elements in another shape. */
const Size *measured_reshape(Graph *g, const Node *n, int in, int k)
{
    (void)in, (void)k;
    return tensor_elements(g->sizes, n->in[0]);
}

/* A place on the axis that input 3 names, or on axis k. */
const Size *measured_slice(Graph *g, const Node *n, int in, int k)
{
    const Tensor *x = n->in[0];
    int64_t axis = k;
    int count;
    (void)in;
    if (node_in(n, 4)) { /* backwards, places mean something else */
        const Size *const *steps = tensor_values(g, n->in[4], &count);
        if (!steps || k >= count || !size_is_const(steps[k]) || steps[k]->value < 0) return NULL;
    }
    if (node_in(n, 3)) {
        const Size *const *axes = tensor_values(g, n->in[3], &count);
        if (!axes || k >= count || !size_is_const(axes[k])) return NULL;
        axis = axes[k]->value < 0 ? axes[k]->value + x->rank : axes[k]->value;
    }
    return axis >= 0 && axis < x->rank ? x->dims[axis] : NULL;
}

/* ---- Reading ---- */

enum { MOST_MEASURED = MAX_RANK * 2 }; /* a number for each axis, or for both ends of each */

static bool can_measure(Graph *g, Tensor *x)
{
    return x && !x->data && dtype_is_int(x->dtype) && tensor_is_static(x) &&
           tensor_static_elements(x) <= MOST_MEASURED && !tensor_values(g, x, NULL);
}

/* The sizes that reading needs, as a list: what each element may be at most; then, of a shape, what a 0 in
 * it stands for, which is the axis of what is reshaped. NULL: nothing is known. */
static Tensor *limits_of(Graph *g, int at, int in, int count, const ShapeRules *rules)
{
    Node *n = g->nodes[at];
    const Size *list[2 * MOST_MEASURED];
    bool is_shape = !strcmp(rules[n->op].measured_as, "shape");
    for (int k = 0; k < count; k++) {
        list[k] = rules[n->op].measured(g, n, in, k);
        if (!list[k]) return NULL;
        list[count + k] = k < n->in[0]->rank ? n->in[0]->dims[k] : size_const(g->sizes, 0);
    }
    return graph_sizes(g, at, n, is_shape ? 2 * count : count, list);
}

/* Where sizes may be 0, others may be anything: no elements bound them. */
static bool is_boundless(const Node *n)
{
    return node_attr(n, "allowzero") && node_int(n, "allowzero");
}

/* Reads input `in` of the node at `at`. Returns how many nodes were put before it. */
static int measure(Graph *g, int at, int in, const ShapeRules *rules)
{
    Node *n = g->nodes[at];
    Tensor *x = n->in[in], *out = graph_tensor(g, NULL, DT_NONE, -1, NULL);
    int before = g->node_count;
    Tensor *from[] = {x, limits_of(g, at, in, (int)tensor_static_elements(x), rules)};
    int place = at + g->node_count - before;
    Node *node =
        graph_node_at(g, place, OP_MEASURE, x->name, &n->origin, from[1] ? 2 : 1, from, 1, &out);
    node->region = n->region;
    node_set_string(g, node, "as", rules[n->op].measured_as);
    if (node_attr(n, "allowzero")) node_set_int(g, node, "zero", !node_int(n, "allowzero"));
    n->in[in] = out;
    return g->node_count - before;
}

int measure_inputs(Graph *g, int at, const ShapeRules *rules)
{
    Node *n = g->nodes[at];
    int made = 0;
    if (!rules[n->op].measured || region_body(n->region) || is_boundless(n)) return 0;
    for (int in = 0; in < n->in_count && in < 32; in++) {
        if (rules[n->op].measured_in >> in & 1 && can_measure(g, n->in[in]))
            made += measure(g, at + made, in, rules);
    }
    return made;
}

/* ---- lpc.Measure ---- */

/* The symbol of element k. limit: NULL when only the user can know. */
static Symbol *symbol_of(Graph *g, Node *n, int k, const Size *limit, int *index)
{
    bool single = tensor_static_elements(n->in[0]) == 1;
    const char *suffix = single ? "value" : arena_printf(g->arena, "value%d", k);
    *index = shape_node_symbol_index(g, n, suffix);
    Symbol *symbol = sizes_symbol_at(g->sizes, *index);
    int64_t most = limit ? size_upper(g->sizes, limit) : INT64_MAX;
    if (most != INT64_MAX && (symbol->max < 0 || symbol->max > most)) symbol->max = most;
    return symbol;
}

int shape_measure(Graph *g, Node *n)
{
    const Tensor *x = n->in[0];
    Tensor *out = n->out[0];
    int count = (int)tensor_static_elements(x);
    const Size *const *limits = node_in(n, 1) ? tensor_values(g, n->in[1], NULL) : NULL;
    Text missing;
    text_init(&missing, g->arena);
    TRY(shape_set_like(g, n, 0, x->dtype, x));
    out->values = arena_array(g->arena, (size_t)count + 1, sizeof *out->values);
    out->value_count = count;
    for (int k = 0; k < count; k++) {
        int index;
        const Symbol *symbol = symbol_of(g, n, k, limits ? limits[k] : NULL, &index);
        out->values[k] = size_sym(g->sizes, index);
        if (symbol->max < 0) text_printf(&missing, " --max %s=N", symbol->name);
    }
    if (!missing.length) return 0;
    g->unknown_sizes++;
    return diag_node(
        g->diag, &n->origin,
        "'%s' determines sizes and is not known at compile time: give a bound with%s, or "
        "the contents of the model's input that it is computed from with --bind-input",
        x->name, missing.data);
}
