/* What a rewriter does with the node that it has: takes its inputs, makes nodes, binds outputs. */
#include "frontend/import.h"

#include <string.h>

int call_fail(const Call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(call->im->arena, format, args);
    va_end(args);
    missing_note(call, text, false);
    return diag_node(call->im->diag, &call->origin, "%s", text);
}

int call_unknown(const Call *call)
{
    static const char text[] = "operator is not supported";
    missing_note(call, text, true);
    return diag_node(call->im->diag, &call->origin, "%s", text);
}

Tensor *call_out(Call *call, int i)
{
    if (i >= call->out_count || !*call->proto->output[i]) return NULL;
    if (!call->out[i]) {
        const char *name = scope_name(call->scope, call->proto->output[i]);
        call->out[i] = graph_tensor(call->im->graph, name, DT_NONE, -1, NULL);
    }
    return call->out[i];
}

Tensor *call_in(const Call *call, int i)
{
    return i < call->in_count ? call->in[i] : NULL;
}

void call_set_in(Call *call, int i, Tensor *tensor)
{
    if (i >= call->in_count) {
        call->in = arena_grow(call->im->arena, call->in, (size_t)call->in_count, (size_t)i + 1,
                              sizeof(Tensor *));
        call->in_count = i + 1;
    }
    call->in[i] = tensor;
}

int call_alias(Call *call, int i, Tensor *value)
{
    if (i < call->out_count) call->out[i] = value;
    call->done = true;
    return LPC_OK;
}

Node *call_emit(Call *call, OpCode op, int in_count, Tensor *const *in, int out_count,
                Tensor *const *out)
{
    Graph *graph = call->im->graph;
    int at = graph->node_count;
    while (call->before && at > 0 && graph->nodes[at - 1] != call->before) at--;
    Node *node = graph_node_at(graph, call->before ? at - 1 : at, op, call->name, &call->origin,
                               in_count, in, out_count, out);
    node->region = call->scope->region;
    call->last = node;
    return node;
}

Tensor *call_make(Call *call, OpCode op, Tensor *a, Tensor *b, Tensor *c)
{
    Tensor *in[] = {a, b, c};
    int count = c ? 3 : b ? 2 : a ? 1 : 0;
    const char *base = call->out_count ? call->proto->output[0] : "";
    const char *name =
        arena_printf(call->im->arena, "%s.%s", scope_name(call->scope, base), op_info(op)->name);
    Tensor *out = graph_tensor(call->im->graph, name, DT_NONE, -1, NULL);
    call_emit(call, op, count, in, 1, &out);
    return out;
}

Node *call_last(Call *call)
{
    return call->last;
}

Tensor *call_i64(Call *call, int count, const int64_t *values)
{
    return graph_const_i64(call->im->graph, NULL, count, values);
}

Tensor *call_scalar(Call *call, DType dtype, double value)
{
    return graph_scalar(call->im->graph, NULL, dtype, value);
}

void call_become(Call *call, const char *op)
{
    call->op = op;
    call->opset = 0;
}
