/* Nodes: each of the model's becomes one of ours, after its rewriter has brought it to the newest
 * form. A node that fails is reported, its outputs stand in so that what follows can be looked at,
 * too: the user hears about everything at once.
 *
 * inline.c, flex.c, sequence_map.c, loop.c and what belongs to loops (loop_change.c, loop_values.c, unroll.c)
 * call nodes_convert for the graphs inside a node, and are called by it: the files recurse as the model
 * does. */
#include "frontend/value.h"

#include <string.h>

static int read_inputs(Call *call)
{
    const Onnx__NodeProto *proto = call->proto;
    int failed = LPC_OK;
    call->in = arena_array(call->im->arena, proto->n_input + 1, sizeof(Tensor *));
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = proto->input[i];
        if (*name && !scope_find(call->scope, name, &call->in[i])) {
            failed = call_fail(call,
                               "input %zu, '%s', is not the output of any node, nor an input or "
                               "an initializer",
                               i, name);
        }
    }
    for (size_t i = 0; i < proto->n_input; i++) {
        if (call->in[i]) call->in_count = (int)i + 1;
    }
    return failed;
}

/* Optional outputs that end the list without a name are not there. Those of a variadic operator
 * are: how many there are says what each of them is. */
static void count_outputs(Call *call)
{
    const Onnx__NodeProto *proto = call->proto;
    OpCode op = op_find(call->op, strlen(call->op));
    const OpInfo *info = op == OP_COUNT ? NULL : op_info(op);
    call->out = arena_array(call->im->arena, proto->n_output, sizeof(Tensor *));
    for (size_t i = 0; i < proto->n_output; i++) {
        bool counts = info && (info->out_max == ANY || (int)i < info->out_min);
        if (counts || *proto->output[i]) call->out_count = (int)i + 1;
    }
}

static int check_count(const Call *call, const char *what, int got, int min, int max)
{
    if (got >= min && (got <= max || max == ANY)) return LPC_OK;
    if (max == ANY) return call_fail(call, "expected %d or more %s, got %d", min, what, got);
    if (min == max) return call_fail(call, "expected %d %s, got %d", min, what, got);
    return call_fail(call, "expected %d to %d %s, got %d", min, max, what, got);
}

static int check_arity(Call *call, const OpInfo *info)
{
    TRY(check_count(call, "inputs", call->in_count, info->in_min, info->in_max));
    TRY(check_count(call, "outputs", call->out_count, info->out_min, info->out_max));
    for (int i = 0; i < call->in_count; i++) {
        if (!call->in[i] && (i < info->in_min || info->in_max == ANY)) {
            return call_fail(call, "input %d is missing", i);
        }
    }
    return LPC_OK;
}

static int emit_call(Call *call)
{
    OpCode op = op_find(call->op, strlen(call->op));
    const OpInfo *info = op_info(op);
    if (call->opset && call->opset < info->since) {
        return call_fail(call, "operator needs opset %d, the model has %lld", info->since,
                         (long long)call->opset);
    }
    TRY(check_arity(call, info));
    TRY(attrs_check(call, info));
    for (int i = 0; i < call->out_count; i++) {
        bool needed = i < info->out_min && info->out_max != ANY;
        if (!call_out(call, i) && needed)
            call->out[i] = graph_tensor(call->im->graph, NULL, DT_NONE, -1, NULL);
    }
    Node *node = call_emit(call, op, call->in_count, call->in, call->out_count, call->out);
    node->attrs = call->attrs;
    node->attr_count = call->attr_count;
    return LPC_OK;
}

static bool is_supported(const Call *call)
{
    OpCode op = op_find(call->op, strlen(call->op));
    if (op != OP_COUNT && !(op_info(op)->traits & T_INTERNAL)) return true;
    return canon_knows(call->op, call->opset);
}

/* Operators with graphs inside, which become part of the one graph. */
static Rewrite *inliner(const char *op)
{
    static const Rule rules[] = {{"If", 0, if_inline},
                                 {"Loop", 0, loop_inline},
                                 {"Scan", 0, scan_inline},
                                 {"ai.onnx.preview::FlexAttention", 0, flex_inline},
                                 {"SequenceMap", 0, sequence_map_inline}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!strcmp(rules[i].op, op)) return rules[i].rewrite;
    }
    return NULL;
}

static int convert(Call *call)
{
    const struct CustomOp *custom = custom_find(call->im, call->op);
    const Onnx__FunctionProto *function = custom ? NULL : function_find(call->im, call->proto);
    Rewrite *inlines = function || custom ? NULL : inliner(call->op);
    if (!custom && !function && !inlines && !is_supported(call)) return custom_missing(call);
    if (!strchr(call->op, ':') && (call->opset < OPSET_MIN || call->opset > OPSET_MAX)) {
        return call_fail(call, "opset %lld is not supported, %d to %d are", (long long)call->opset,
                         OPSET_MIN, OPSET_MAX);
    }
    if (++call->im->made_nodes > MAX_MADE_NODES) return LPC_ERROR; /* told by nodes_convert */
    TRY(read_inputs(call));
    if (function) return function_inline(call, function);
    TRY(attrs_read(call));
    if (custom) return custom_emit(call, custom);
    if (inlines) return inlines(call);
    if (!value_rule_for(call->op)) TRY(value_refuse(call));
    TRY(canon_call(call));
    return call->done ? LPC_OK : emit_call(call);
}

static void start_call(Call *call, Scope *scope, const Onnx__NodeProto *proto, int index)
{
    Import *im = scope->im;
    const char *domain = proto->domain && strcmp(proto->domain, "ai.onnx") ? proto->domain : "";
    const char *op = proto->op_type ? proto->op_type : "";
    const char *name = proto->name && *proto->name ? proto->name : NULL;
    *call = (Call){.im = im, .scope = scope, .proto = proto};
    call->op =
        *domain ? arena_printf(im->arena, "%s::%s", domain, op) : arena_strdup(im->arena, op);
    if (!name && scope->is_body) name = call->op;
    if (name) call->name = arena_printf(im->arena, "%s%s", scope->prefix, name);
    call->origin = (Origin){.file = im->graph->file,
                            .node = call->name ? call->name : "",
                            .op = call->op,
                            .index = scope->index >= 0 ? scope->index : index};
    call->opset = scope_opset(scope, domain);
    count_outputs(call);
}

int nodes_convert(Scope *scope, Onnx__NodeProto **nodes, size_t count)
{
    Import *im = scope->im;
    size_t *order;
    int failed = LPC_OK;
    TRY(scope_order(scope, nodes, count, &order));
    for (size_t k = 0; k < count; k++) {
        Call call;
        start_call(&call, scope, nodes[order[k]], (int)order[k]);
        failed |= convert(&call);
        if (im->made_nodes > MAX_MADE_NODES) {
            if (!im->told_size) {
                im->told_size = true;
                return call_fail(&call,
                                 "the model has more than %d nodes once its functions are "
                                 "inlined",
                                 MAX_MADE_NODES);
            }
            return LPC_ERROR;
        }
        for (int i = 0; i < call.out_count; i++) {
            const char *name = call.proto->output[i];
            if (*name) scope_bind(scope, name, call.out[i] ? call.out[i] : call_out(&call, i));
        }
    }
    return failed;
}
