/* Calls of model-local functions and branches of If become part of the one graph.
 *
 *     y = If(c) {then: t = A(x)} {else: e = B(x)}
 * becomes
 *     t = A(x) when c;  e = B(x) when not c;  y = lpc.Phi(c, t, e)
 * or, when c is a constant, only the branch that is taken. */
#include "frontend/value.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static bool same_domain(const char *a, const char *b)
{
    if (!a || !strcmp(a, "ai.onnx")) a = "";
    if (!b || !strcmp(b, "ai.onnx")) b = "";
    return !strcmp(a, b);
}

const Onnx__FunctionProto *function_find(const Import *im, const Onnx__NodeProto *proto)
{
    for (size_t i = 0; i < im->model->n_functions; i++) {
        const Onnx__FunctionProto *function = im->model->functions[i];
        if (function->name && same(function->name, proto->op_type) &&
            same_domain(function->domain, proto->domain) &&
            same(function->overload, proto->overload)) {
            return function;
        }
    }
    return NULL;
}

/* The call's attributes, and the function's defaults for the others. */
static NameTable *bind_attributes(Call *call, const Onnx__FunctionProto *function)
{
    NameTable *attrs = names_new(call->im->arena);
    for (size_t i = 0; i < function->n_attribute_proto; i++) {
        Onnx__AttributeProto *attr = function->attribute_proto[i];
        if (attr->name) names_put(attrs, attr->name, attr);
    }
    for (size_t i = 0; i < call->proto->n_attribute; i++) {
        const Onnx__AttributeProto *given = call->proto->attribute[i];
        const Onnx__AttributeProto *attr = attr_proto(call->scope, given);
        if (attr && given->name) names_put(attrs, given->name, (void *)(uintptr_t)attr);
    }
    return attrs;
}

static Scope *function_scope(Call *call, const Onnx__FunctionProto *function)
{
    Import *im = call->im;
    Scope *scope = scope_new(im, NULL);
    scope->attrs = bind_attributes(call, function);
    scope->opsets = function->opset_import;
    scope->opset_count = function->n_opset_import;
    scope->region = call->scope->region;
    scope->depth = call->scope->depth + 1;
    scope->index = call->origin.index;
    scope->prefix = call->name
                        ? arena_printf(im->arena, "%s/", call->name)
                        : arena_printf(im->arena, "%s%s/", call->scope->prefix, function->name);
    for (size_t i = 0; i < function->n_input; i++) {
        scope_bind(scope, function->input[i], call_in(call, (int)i));
    }
    scope->renames = names_new(im->arena);
    for (size_t i = 0; i < function->n_output && i < (size_t)call->out_count; i++) {
        if (!*call->proto->output[i]) continue;
        const char *name = scope_name(call->scope, call->proto->output[i]);
        names_put(scope->renames, function->output[i], (void *)(uintptr_t)name);
    }
    return scope;
}

static int too_deep(const Call *call)
{
    return call_fail(call, "functions and branches are nested more than %d deep (recursion?)",
                     MAX_INLINE_DEPTH);
}

int function_inline(Call *call, const Onnx__FunctionProto *function)
{
    if (call->scope->depth >= MAX_INLINE_DEPTH) return too_deep(call);
    if ((size_t)call->in_count > function->n_input) {
        return call_fail(call, "the function takes %zu inputs, got %d", function->n_input,
                         call->in_count);
    }
    if ((size_t)call->out_count > function->n_output) {
        return call_fail(call, "the function has %zu outputs, %d are used", function->n_output,
                         call->out_count);
    }
    call->im->made_nodes += CALL_COST;
    Scope *scope = function_scope(call, function);
    TRY(nodes_convert(scope, function->node, function->n_node));
    for (int i = 0; i < call->out_count; i++) {
        Tensor *tensor = NULL;
        if (!*call->proto->output[i]) continue;
        if (!scope_find(scope, function->output[i], &tensor) || !tensor) {
            return call_fail(call, "the function does not compute its output '%s'",
                             function->output[i]);
        }
        call->out[i] = tensor;
    }
    call->done = true;
    return LPC_OK;
}

/* ---- If ---- */

/* Puts the branch into the graph; results[i] is its output i. cond NULL: it is always taken. */
static int inline_branch(Call *call, const Onnx__GraphProto *graph, Tensor *cond, bool when,
                         Tensor **results)
{
    Scope *scope = scope_new(call->im, call->scope);
    scope->prefix = call->scope->prefix;
    scope->is_body = call->scope->is_body;
    scope->opsets = call->scope->opsets;
    scope->opset_count = call->scope->opset_count;
    scope->depth = call->scope->depth + 1;
    scope->index = call->scope->index >= 0 ? call->scope->index : call->origin.index;
    scope->region = call->scope->region;
    if (cond) scope->region = graph_branch(call->im->graph, scope->region, cond, when);
    if (graph->n_input) return call_fail(call, "its branches may not have inputs");
    scope_hint(scope, graph->value_info, graph->n_value_info);
    TRY(scope_constants(scope, graph));
    TRY(nodes_convert(scope, graph->node, graph->n_node));
    for (int i = 0; i < call->out_count; i++) {
        const char *name = graph->output[i]->name;
        if (!name || !scope_find(scope, name, &results[i]) || !results[i]) {
            return call_fail(call, "a branch does not compute its output '%s'", name ? name : "");
        }
    }
    return LPC_OK;
}

static int find_branch(Call *call, const char *name, const Onnx__GraphProto **graph)
{
    const Onnx__AttributeProto *attr = attr_proto_find(call, name);
    if (!attr || !attr->g) return call_fail(call, "attribute '%s' is missing", name);
    *graph = attr->g;
    if ((*graph)->n_output >= (size_t)call->out_count) return LPC_OK;
    return call_fail(call, "%s has %zu outputs, %d are used", name, (*graph)->n_output,
                     call->out_count);
}

static int check_condition(Call *call)
{
    const Tensor *cond = call_in(call, 0);
    if (!cond || call->in_count != 1) return call_fail(call, "expected 1 input, the condition");
    TRY(value_refuse(call));
    if (cond->dtype != DT_NONE && cond->dtype != DT_BOOL) {
        return call_fail(call, "its condition is %s, not bool", dtype_name(cond->dtype));
    }
    if (tensor_is_static(cond) && tensor_static_elements(cond) != 1) {
        return call_fail(call, "its condition is not one value");
    }
    return call->scope->depth >= MAX_INLINE_DEPTH ? too_deep(call) : LPC_OK;
}

/* Where there are sequences and optionals, what a branch does may only work when it is taken. */
static bool is_known(Call *call, int64_t *taken)
{
    Tensor *cond = call->in[0];
    if (!cond->data && !call->im->has_values) return false;
    return known_int(call->im, cond, taken);
}

int if_inline(Call *call)
{
    const Onnx__GraphProto *then_graph, *else_graph;
    Tensor *cond = call_in(call, 0);
    int64_t taken;
    TRY(check_condition(call));
    TRY(find_branch(call, "then_branch", &then_graph));
    TRY(find_branch(call, "else_branch", &else_graph));
    Tensor **then_results = arena_array(call->im->arena, (size_t)call->out_count, sizeof(Tensor *));
    Tensor **else_results = arena_array(call->im->arena, (size_t)call->out_count, sizeof(Tensor *));
    call->done = true;
    if (is_known(call, &taken)) {
        TRY(inline_branch(call, taken ? then_graph : else_graph, NULL, taken != 0, then_results));
        for (int i = 0; i < call->out_count; i++) call->out[i] = then_results[i];
        return LPC_OK;
    }
    TRY(inline_branch(call, then_graph, cond, true, then_results));
    TRY(inline_branch(call, else_graph, cond, false, else_results));
    for (int i = 0; i < call->out_count; i++) {
        Tensor *in[] = {cond, then_results[i], else_results[i]};
        if (handle_value(in[1]) || handle_value(in[2])) {
            TRY(value_join(call, cond, in[1], in[2], &call->out[i]));
            continue;
        }
        Tensor *out = call_out(call, i);
        if (out) call_emit(call, OP_PHI, 3, in, 1, &out);
    }
    return LPC_OK;
}
