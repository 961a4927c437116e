/* What a loop's body does to what it carries, read off before it is converted. */
#include "frontend/loop.h"

#include <string.h>

static bool works_on_values(const Import *im, Onnx__NodeProto *const *nodes, size_t count,
                            int depth)
{
    if (depth > MAX_INLINE_DEPTH) return false;
    for (size_t n = 0; n < count; n++) {
        const Onnx__FunctionProto *function = function_find(im, nodes[n]);
        const char *op = nodes[n]->op_type ? nodes[n]->op_type : "";
        if (function && works_on_values(im, function->node, function->n_node, depth + 1))
            return true;
        if (function) continue;
        if (!strcmp(op, "SequenceMap") || (value_rule_for(op) && strcmp(op, "Identity")))
            return true;
        for (size_t a = 0; a < nodes[n]->n_attribute; a++) {
            const Onnx__GraphProto *graph = nodes[n]->attribute[a]->g;
            if (graph && works_on_values(im, graph->node, graph->n_node, depth + 1)) return true;
        }
    }
    return false;
}

bool loop_carries_values(const Call *call)
{
    for (int i = 0; i < call->in_count; i++) {
        if (handle_value(call->in[i])) return true;
    }
    return false;
}

bool loop_has_values(const Call *call, const Onnx__GraphProto *body)
{
    return loop_carries_values(call) || works_on_values(call->im, body->node, body->n_node, 0);
}

const Onnx__NodeProto *loop_maker(const Onnx__GraphProto *body, const char *name)
{
    for (size_t n = 0; n < body->n_node; n++) {
        const Onnx__NodeProto *node = body->node[n];
        for (size_t i = 0; i < node->n_output; i++) {
            if (!strcmp(node->output[i], name)) return node;
        }
    }
    return NULL;
}

static const Onnx__GraphProto *graph_of(const Onnx__NodeProto *node, const char *name)
{
    for (size_t a = 0; a < node->n_attribute; a++) {
        if (node->attribute[a]->name && !strcmp(node->attribute[a]->name, name))
            return node->attribute[a]->g;
    }
    return NULL;
}

static size_t output_index(const Onnx__NodeProto *node, const char *name)
{
    size_t i = 0;
    while (i < node->n_output && strcmp(node->output[i], name) != 0) i++;
    return i;
}

/* How a sequence came to be from another one. */
typedef struct Trace {
    const Onnx__GraphProto *graph;
    const char *in,
        *out; /* from the one to the other, backwards; in NULL: to what is not made here */
    int64_t times;
    bool any; /* otherwise than by appending */
    int depth;
} Trace;

static void trace(Trace *t);

/* Of an inner loop: what it does to the value that it carries. */
static void trace_loop(Trace *t, const Onnx__NodeProto *node)
{
    const Onnx__GraphProto *body = graph_of(node, "body");
    size_t k = output_index(node, t->out);
    if (!body || k + 2 >= node->n_input || k + 2 >= body->n_input || k + 1 >= body->n_output) {
        t->any = true;
        return;
    }
    Trace inner = {.graph = body, .in = body->input[k + 2]->name, .depth = t->depth + 1};
    inner.out = body->output[k + 1]->name;
    inner.any = !inner.in;
    trace(&inner);
    t->any |= inner.any;
    if (inner.times) t->times = -1;
    t->out = node->input[k + 2];
}

/* Both branches append as much to what they see from outside. */
static void trace_if(Trace *t, const Onnx__NodeProto *node)
{
    Trace sides[2];
    for (int i = 0; i < 2; i++) {
        const Onnx__GraphProto *graph = graph_of(node, i ? "else_branch" : "then_branch");
        size_t k = output_index(node, t->out);
        if (!graph || k >= graph->n_output) {
            t->any = true;
            return;
        }
        sides[i] = (Trace){.graph = graph, .out = graph->output[k]->name, .depth = t->depth + 1};
        trace(&sides[i]);
        t->any |= sides[i].any;
    }
    if (t->any) return;
    t->any = sides[0].times != sides[1].times || strcmp(sides[0].out, sides[1].out) != 0;
    t->times = t->times < 0 || sides[0].times < 0 ? -1 : t->times + sides[0].times;
    t->out = sides[0].out;
}

static void trace_insert(Trace *t, const Onnx__NodeProto *node)
{
    t->any |= node->n_input > 2 && *node->input[2];
    if (t->times >= 0) t->times++;
    t->out = node->input[0];
}

static void trace(Trace *t)
{
    if (!t->out || t->depth > MAX_INLINE_DEPTH) t->any = true;
    for (size_t step = 0; !t->any && !(t->in && !strcmp(t->in, t->out)); step++) {
        const Onnx__NodeProto *node = loop_maker(t->graph, t->out);
        const char *op = node && node->op_type && node->n_input ? node->op_type : "";
        if (!node && !t->in) return;
        if (step > t->graph->n_node)
            t->any = true;
        else if (!strcmp(op, "SequenceInsert"))
            trace_insert(t, node);
        else if (!strcmp(op, "Loop"))
            trace_loop(t, node);
        else if (!strcmp(op, "If"))
            trace_if(t, node);
        else if (!strcmp(op, "Identity"))
            t->out = node->input[0];
        else
            t->any = true;
    }
}

Change loop_change(const Onnx__GraphProto *body, const char *in, const char *out, int64_t *times)
{
    Trace t = {.graph = body, .in = in, .out = out};
    if (!in) t.any = true;
    trace(&t);
    *times = t.times;
    return t.any ? CHANGE_ANY : t.times ? CHANGE_APPENDS : CHANGE_NONE;
}
