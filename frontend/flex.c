/* FlexAttention: its graphs become part of the one graph, between the products.
 *
 *     y = FlexAttention(q, k, v) {score_mod(s): A(s)} {prob_mod(p): B(p)}
 * becomes
 *     s = lpc.FlexScores(q, k);  p = Softmax(A(s));  y = lpc.FlexValues(B(p), v)
 * and without graphs an Attention. */
#include "frontend/import.h"

static const Onnx__GraphProto *find_graph(const Call *call, const char *name)
{
    const Onnx__AttributeProto *attr = attr_proto_find(call, name);
    return attr ? attr->g : NULL;
}

static Scope *graph_scope(Call *call, const char *name)
{
    Scope *scope = scope_new(call->im, call->scope);
    const char *node = call->name ? call->name : call->op;
    scope->prefix = arena_printf(call->im->arena, "%s/%s/", node, name);
    scope->is_body = call->scope->is_body;
    scope->opsets = call->scope->opsets;
    scope->opset_count = call->scope->opset_count;
    scope->depth = call->scope->depth + 1;
    scope->index = call->scope->index >= 0 ? call->scope->index : call->origin.index;
    scope->region = call->scope->region;
    return scope;
}

/* The graph applied to *value, which becomes its result; without a graph it stays. */
static int apply_graph(Call *call, const char *name, Tensor **value)
{
    const Onnx__GraphProto *graph = find_graph(call, name);
    if (!graph) return LPC_OK;
    if (call->scope->depth >= MAX_INLINE_DEPTH)
        return call_fail(call, "graphs are nested more than %d deep", MAX_INLINE_DEPTH);
    if (graph->n_input != 1 || graph->n_output != 1 || !graph->input[0]->name)
        return call_fail(call, "%s: expected 1 input and 1 output, got %zu and %zu", name,
                         graph->n_input, graph->n_output);
    Scope *scope = graph_scope(call, name);
    scope_bind(scope, graph->input[0]->name, *value);
    scope_hint(scope, graph->value_info, graph->n_value_info);
    TRY(scope_constants(scope, graph));
    TRY(nodes_convert(scope, graph->node, graph->n_node));
    const char *result = graph->output[0]->name;
    if (!result || !scope_find(scope, result, value) || !*value)
        return call_fail(call, "%s does not compute its output '%s'", name, result ? result : "");
    return LPC_OK;
}

static void copy_attr(Call *call, const char *name)
{
    Graph *graph = call->im->graph;
    const Attr *attr = attr_find(call, name);
    if (!attr) return;
    if (attr->kind == ATTR_FLOAT)
        node_set_float(graph, call_last(call), name, attr->floats[0]);
    else
        node_set_int(graph, call_last(call), name, attr->ints[0]);
}

static int check_call(Call *call)
{
    if (call->in_count != 3 || !call_in(call, 0) || !call_in(call, 1))
        return call_fail(call, "expected 3 inputs, got %d", call->in_count);
    const Attr *scale = attr_find(call, "scale"), *type = attr_find(call, "softmax_precision");
    if (scale && scale->kind != ATTR_FLOAT) return call_fail(call, "scale: expected a float");
    if (type && type->kind != ATTR_INT)
        return call_fail(call, "softmax_precision: expected an int");
    return LPC_OK;
}

int flex_inline(Call *call)
{
    TRY(check_call(call));
    Tensor *out = call_out(call, 0);
    call->done = true;
    if (!out) return LPC_OK;
    if (!find_graph(call, "score_mod") && !find_graph(call, "prob_mod")) {
        call_emit(call, OP_ATTENTION, 3, call->in, 1, &out);
        copy_attr(call, "scale");
        copy_attr(call, "softmax_precision");
        return LPC_OK;
    }
    Tensor *value = call_make(call, OP_FLEX_SCORES, call->in[0], call->in[1], NULL);
    copy_attr(call, "scale");
    copy_attr(call, "softmax_precision");
    TRY(apply_graph(call, "score_mod", &value));
    value = call_make(call, OP_SOFTMAX, value, NULL, NULL);
    node_set_int(call->im->graph, call_last(call), "axis", -1);
    TRY(apply_graph(call, "prob_mod", &value));
    Tensor *in[] = {value, call->in[2]};
    call_emit(call, OP_FLEX_VALUES, 2, in, 1, &out);
    return LPC_OK;
}
