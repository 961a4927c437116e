/* Types, sizes and known contents of all tensors, in one walk.
 *
 *     before   %y = Conv(%x, %w) {auto_pad = "SAME_UPPER"}
 *     after    %y: f32[1, 8, 14, 14] = Conv(%x, %w) {kernel_shape = [3, 3], strides = [2, 2], ...}
 *
 * Branches of If whose condition becomes known are cut as the walk reaches them, so that what is
 * wrong or unknown in a branch that is never taken is no error. */
#include "passes/shape/walk.h"

#include "ir/custom.h"

#include <string.h>

/* ---- Branches ---- */

/* 1 and 0: the condition is known, -1: not. */
static int condition_value(Graph *g, Tensor *cond)
{
    int count;
    const Size *const *values = tensor_values(g, cond, &count);
    if (!values || count != 1 || !size_is_const(values[0])) return -1;
    return values[0]->value != 0;
}

static bool has_failed(const Walk *w, const Tensor *cond, bool when)
{
    for (int i = 0; i < w->failed_count; i++) {
        if (w->failed[i].cond == cond && w->failed[i].when == when) return true;
    }
    return false;
}

static bool is_in_branch(const Node *n, const Tensor *cond, bool when)
{
    for (const Region *r = n->region; r; r = r->parent) {
        if (r->kind == REGION_BRANCH && r->cond == cond && r->when == when) return true;
    }
    return false;
}

/* Forgets the error of a node in a branch and gives the branch up, unless the other one failed too. */
static bool give_up_branch(Walk *w, Node *n, int errors_before)
{
    const Region *r = n->region;
    while (r != w->trial && (r->kind != REGION_BRANCH || has_failed(w, r->cond, !r->when)))
        r = r->parent;
    if (r == w->trial) return false;
    arena_push(w->graph->arena, w->failed, w->failed_count) = (Branch){r->cond, r->when};
    w->graph->diag->count = errors_before;
    for (int i = 0; i < w->graph->node_count; i++) {
        Node *other = w->graph->nodes[i];
        if (is_in_branch(other, r->cond, r->when)) other->op = OP_DELETED;
    }
    return true;
}

/* The region without branches that are always taken; *dead: in one that never is. */
static Region *without_known(Graph *g, Region *region, bool *dead)
{
    if (!region) return NULL;
    Region *parent = without_known(g, region->parent, dead);
    if (region->kind == REGION_BODY) {
        region->parent = parent;
        return region;
    }
    int value = condition_value(g, region->cond);
    if (value < 0)
        return parent == region->parent ? region
                                        : graph_branch(g, parent, region->cond, region->when);
    if ((value != 0) != region->when) *dead = true;
    return parent;
}

/* Leaves branches that are always taken; deletes the node when it is in one that never is. */
static void prune_branches(Graph *g, Node *n)
{
    bool dead = false;
    n->region = without_known(g, n->region, &dead);
    if (dead) n->op = OP_DELETED;
}

static bool is_dead(const Tensor *x)
{
    return x->producer && x->producer->op == OP_DELETED;
}

static bool is_result(const Graph *g, const Tensor *x)
{
    return graph_is_output(g, x) || x->is_state_out;
}

static bool is_given(const Graph *g, const Tensor *x)
{
    for (int i = 0; i < g->input_count; i++) {
        if (g->inputs[i] == x) return true;
    }
    return x->data || x->is_state;
}

/* Which of a Phi's last two inputs is the only one left: 0 and 1, or -1. */
static int side_taken(Graph *g, const Node *n, Tensor *const *sides)
{
    int value = n->in_count == 3 ? condition_value(g, n->in[0]) : -1;
    if (value >= 0) return !value;
    bool first = is_dead(sides[0]), second = is_dead(sides[1]);
    return first || second ? first : -1;
}

/* The side that can not be taken becomes the other one; `fails` says which that was. */
static bool close_failed_side(const Walk *w, Node *n)
{
    if (n->in_count != 3) return false;
    for (int when = 0; when < 2; when++) {
        if (!has_failed(w, n->in[0], when != 0)) continue;
        n->in[when ? 1 : 2] = n->in[when ? 2 : 1];
        node_set_int(w->graph, n, "fails", when);
        return true;
    }
    return false;
}

/* Inputs are (condition,) then, else. A result keeps a tensor of its own. */
static bool take_side(const Walk *w, Node *n)
{
    Graph *g = w->graph;
    if (n->op != OP_PHI || n->in_count < 2) return false;
    if (close_failed_side(w, n)) return false;
    Tensor **sides = n->in + n->in_count - 2, *out = n->out[0];
    int taken = side_taken(g, n, sides);
    if (taken < 0) return false;
    Tensor *side = sides[taken];
    if (is_result(g, out) && (is_given(g, side) || is_result(g, side))) {
        n->op = OP_IDENTITY;
        n->in[0] = side;
        n->in_count = 1;
        return false;
    }
    graph_replace(g, out, side);
    n->op = OP_DELETED;
    return true;
}

/* ---- Folding ---- */

static void put_value(void *data, DType dtype, int64_t i, int64_t value)
{
    char *at = (char *)data + (size_t)i * dtype_size(dtype);
    switch (dtype) {
    case DT_F32: memcpy(at, &(float){(float)value}, sizeof(float)); break;
    case DT_F64: memcpy(at, &(double){(double)value}, sizeof(double)); break;
    case DT_F16: memcpy(at, &(uint16_t){f32_to_f16((float)value)}, sizeof(uint16_t)); break;
    case DT_BF16: memcpy(at, &(uint16_t){f32_to_bf16((float)value)}, sizeof(uint16_t)); break;
    default:
        for (size_t b = 0; b < dtype_size(dtype); b++) at[b] = (char)(uint64_t)(value >> (8 * b));
    }
}

static bool has_constant_values(const Tensor *x)
{
    if (!x->values || x->data || !tensor_is_static(x)) return false;
    for (int i = 0; i < x->value_count; i++) {
        if (!size_is_const(x->values[i])) return false;
    }
    return true;
}

static void values_to_data(Graph *g, Tensor *x)
{
    size_t bytes = (size_t)x->value_count * dtype_size(x->dtype);
    void *data = arena_alloc(g->arena, bytes);
    for (int i = 0; i < x->value_count; i++) put_value(data, x->dtype, i, x->values[i]->value);
    Const *constant = arena_alloc(g->arena, sizeof *constant);
    *constant = (Const){.data = data, .bytes = bytes, .is_literal = true};
    x->data = constant;
}

enum { FOLD_ELEMENTS = 4 << 20 };

/* A constant of a narrow type has it to be small: what makes more bytes of it is done at run time. */
static bool widens(const Node *n)
{
    enum { SMALL = 256 };
    bool narrow = false;
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *x = n->in[i];
        narrow |= x && dtype_is_narrow(x->dtype) && tensor_static_elements(x) > SMALL;
    }
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *y = n->out[i];
        if (y && narrow && tensor_static_elements(y) > SMALL && !dtype_is_narrow(y->dtype))
            return true;
    }
    return false;
}

bool shapes_can_fold(const Graph *g, const Node *n)
{
    if (n->op == OP_PHI || n->op == OP_DELETED || n->body || op_info(n->op)->expands) return false;
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i] && !n->in[i]->data) return false;
    }
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *y = n->out[i];
        if (!y) continue;
        if (is_result(g, y) || !tensor_is_static(y)) return false;
        if (tensor_static_elements(y) > FOLD_ELEMENTS) return false;
    }
    if (n->op == OP_CUSTOM && (!n->custom || n->custom->impure)) return false;
    return n->in_count > 0 && !widens(n);
}

/* Constants have no producer: the node goes when all its outputs have become constants. */
void shapes_release(Graph *g, Node *n)
{
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i] && (!n->out[i]->data || is_result(g, n->out[i]))) return;
    }
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        n->out[i]->producer = NULL;
        n->out[i]->values = NULL;
    }
    n->op = OP_DELETED;
    n->out_count = 0;
}

/* Outputs whose contents are all constants become constants, all or none: then the node goes. */
static int fold_constants(const Walk *w, Node *n)
{
    Graph *g = w->graph;
    bool all = n->out_count > 0;
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *x = n->out[i];
        if (x) all &= !is_result(g, x) && has_constant_values(x);
    }
    for (int i = 0; i < n->out_count && all; i++) {
        if (n->out[i]) values_to_data(g, n->out[i]);
    }
    /* quantised weights stay so for pass_fuse_quantized, which is about them */
    if (!all && n->op != OP_DEQUANTIZE_LINEAR && shapes_can_fold(g, n)) TRY(w->fold(g, n));
    shapes_release(g, n);
    return 0;
}

/* ---- The walk ---- */

static int check_inputs(Graph *g, Node *n)
{
    const OpInfo *info = op_info(n->op);
    for (int i = 0; i < n->in_count && !n->body; i++) {
        if (n->in[i] || (i >= info->in_min && info->in_max != ANY)) continue;
        return diag_node(g->diag, &n->origin, "input %d is missing", i);
    }
    return 0;
}

/* Where arithmetic would take what loops hold of an element for its value. */
static int check_narrow(Graph *g, const Node *n)
{
    const OpInfo *info = op_info(n->op);
    if ((info->traits & T_NARROW) || info->expands) return 0;
    for (int i = 0; i < n->in_count + n->out_count; i++) {
        const Tensor *x = i < n->in_count ? n->in[i] : n->out[i - n->in_count];
        if (!x || !dtype_is_narrow(x->dtype)) continue;
        return diag_node(g->diag, &n->origin, "'%s': elements of %s can be moved and cast only",
                         x->name, dtype_name(x->dtype));
    }
    return 0;
}

static bool inputs_known(const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i] && (n->in[i]->rank < 0 || n->in[i]->dtype == DT_NONE)) return false;
    }
    return true;
}

static void forget_outputs(Node *n)
{
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        n->out[i]->rank = -1;
        n->out[i]->dtype = DT_NONE;
    }
}

/* Only some operators know what to do with a string or a complex number. */
static int check_opaque(Graph *g, const Node *n)
{
    unsigned traits = n->body ? T_STRINGS | T_COMPLEX : op_info(n->op)->traits;
    for (int i = 0; i < n->in_count; i++) {
        DType type = n->in[i] ? n->in[i]->dtype : DT_NONE;
        if (dtype_is_string(type) && !(traits & T_STRINGS))
            return diag_node(g->diag, &n->origin, "input %d: strings are not supported here", i);
        if (dtype_is_complex(type) && !(traits & T_COMPLEX))
            return diag_node(g->diag, &n->origin,
                             "input %d: complex numbers are not supported here: they are moved, "
                             "not computed with",
                             i);
    }
    return 0;
}

static int check_results(Graph *g, const Node *n)
{
    if (n->body || (op_info(n->op)->traits & T_COMPLEX)) return 0;
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i] && dtype_is_complex(n->out[i]->dtype))
            return diag_node(g->diag, &n->origin, "complex numbers are moved, not made");
    }
    return 0;
}

static int run_own_rule(Graph *g, Node *n, ExpandNode *expand)
{
    const ShapeRules *rules = &shape_rules[n->op];
    TRY(types_check(g, n));
    if (op_info(n->op)->expands) return expand(g, n);
    TRY(check_opaque(g, n));
    if (rules->shape) TRY(rules->shape(g, n));
    TRY(check_results(g, n));
    if (rules->check) TRY(rules->check(g, n));
    return check_narrow(g, n);
}

int shapes_infer_node(Graph *g, Node *n, ExpandNode *expand)
{
    TRY(check_inputs(g, n));
    TRY(run_own_rule(g, n, expand));
    values_infer(g, n);
    return 0;
}

/* The operator's own rule; loops know more than their nodes. */
static int run_rule(Walk *w, int at)
{
    Node *n = w->graph->nodes[at];
    if (n->op == OP_LOOP_ENTER) return walk_enter(w, at);
    if (n->op == OP_LOOP_LEAVE) return walk_leave(w, n);
    return run_own_rule(w->graph, n, w->expand);
}

static int infer_node(Walk *w, int at);

/* What was put before a node, and that node again; what it said before is forgotten. */
static int infer_measured(Walk *w, int at, int made, int errors_before)
{
    int failed = 0;
    w->graph->diag->count = errors_before;
    for (int i = at; i <= at + made; i++) failed |= infer_node(w, i);
    return failed;
}

static int infer_node(Walk *w, int at)
{
    Graph *g = w->graph;
    Node *n = g->nodes[at];
    int errors = g->diag->count;
    if (n->op == OP_DELETED || n->op == OP_VALUES) return 0;
    prune_branches(g, n);
    if (n->op == OP_DELETED || take_side(w, n)) return 0;
    int code = check_inputs(g, n);
    if (!code && !inputs_known(n)) {
        forget_outputs(n); /* an earlier node is wrong and has been reported */
        return 0;
    }
    if (!code) code = run_rule(w, at);
    if (code == SHAPE_UNKNOWN && !w->trial) {
        int made = measure_inputs(g, at, shape_rules);
        if (made) return infer_measured(w, at, made, errors);
    }
    if (code && code != SHAPE_UNKNOWN && give_up_branch(w, n, errors)) return 0;
    if (code) {
        forget_outputs(n);
        return LPC_ERROR;
    }
    if (n->body) return 0;
    values_infer(g, n);
    return fold_constants(w, n);
}

static int walk_range(Walk *w, int from, int to)
{
    int failed = 0;
    for (int i = from; i < to; i++) {
        int before = w->graph->node_count;
        bool is_loop = w->graph->nodes[i]->body != NULL; /* minds its own range */
        if (infer_node(w, i)) failed = LPC_ERROR;
        int made = is_loop ? 0 : w->graph->node_count - before; /* and inferred */
        i += made;
        to += made;
    }
    return failed;
}

/* A bound that the user gave is one of some size. */
static int check_bounded(Graph *g)
{
    int failed = 0;
    for (int i = 0; i < g->bounded_count; i++) {
        const Symbol *symbol = sizes_symbol_at(g->sizes, g->bounded[i]);
        if (symbol->source != SYM_NODE)
            failed = diag_error(g->diag, "--max %s=%lld: the model has no size '%s'", symbol->name,
                                (long long)symbol->max, symbol->name);
    }
    g->bounded_count = 0;
    return failed;
}

/* Requires topological order; makes the attributes that lowering reads explicit, keeps the nodes'
 * meaning. Every wrong node is reported. */
int shapes_infer(Graph *g, FoldNode *fold, ExpandNode *expand)
{
    Walk walk = {.graph = g, .fold = fold, .expand = expand, .range = walk_range};
    int failed = walk_range(&walk, 0, g->node_count) | check_bounded(g);
    if (failed) return LPC_ERROR;
    graph_sweep(g);
    return 0;
}
