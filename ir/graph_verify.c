/* The graph's invariants. Everything that is broken is reported, each with its node. */
#include "ir/graph_verify.h"

#include <string.h>

static bool is_listed(const Verifier *v, const Tensor *tensor)
{
    return tensor->id >= 0 && tensor->id < v->graph->tensor_count &&
           v->graph->tensors[tensor->id] == tensor;
}

/* ---- Tensors ---- */

static void check_names(Verifier *v)
{
    const Graph *graph = v->graph;
    NameTable *names = names_new(graph->arena);
    for (int i = 0; i < graph->tensor_count; i++) {
        Tensor *tensor = graph->tensors[i];
        if (tensor->id != i)
            BROKEN_GRAPH(v, "tensor '%s': id %d at position %d", tensor->name, tensor->id, i);
        if (names_find(names, tensor->name))
            BROKEN_GRAPH(v, "two tensors are called '%s'", tensor->name);
        names_put(names, tensor->name, tensor);
    }
}

static void check_order(Verifier *v, const Tensor *tensor)
{
    unsigned seen = 0;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->order[i] < tensor->rank) seen |= 1u << tensor->order[i];
    }
    if (tensor->rank < 0 || seen != (1u << tensor->rank) - 1)
        BROKEN_GRAPH(v, "tensor '%s': its order is no permutation of its axes", tensor->name);
}

static void check_const(Verifier *v, const Tensor *tensor)
{
    int64_t elements = tensor_static_elements(tensor);
    if (tensor->producer && tensor->producer->op != OP_DELETED)
        BROKEN_GRAPH(v, "constant '%s' has a producer", tensor->name);
    if (elements < 0 || tensor->dtype == DT_NONE)
        BROKEN_GRAPH(v, "constant '%s' has no fixed type and shape", tensor->name);
    else if ((size_t)dtype_const_bytes(tensor->dtype, elements) != tensor->data->bytes)
        BROKEN_GRAPH(v, "constant '%s': %zu bytes for %lld elements of %s", tensor->name,
                     tensor->data->bytes, (long long)elements, dtype_name(tensor->dtype));
    if (tensor->data->scale && (tensor->dtype != DT_F32 || tensor->rank < 1))
        BROKEN_GRAPH(v, "constant '%s': only f32 with an axis can have a scale", tensor->name);
}

static void check_tensor(Verifier *v, const Tensor *tensor)
{
    if (tensor->rank < -1 || tensor->rank > MAX_RANK) {
        BROKEN_GRAPH(v, "tensor '%s': rank %d", tensor->name, tensor->rank);
        return;
    }
    for (int i = 0; i < tensor->rank; i++) {
        if (!tensor->dims[i])
            BROKEN_GRAPH(v, "tensor '%s': dimension %d is missing", tensor->name, i);
        else if (size_is_const(tensor->dims[i]) && tensor->dims[i]->value < 0)
            BROKEN_GRAPH(v, "tensor '%s': dimension %d is negative", tensor->name, i);
    }
    if (tensor->values && tensor->rank >= 0 && tensor_is_static(tensor) &&
        tensor_static_elements(tensor) != tensor->value_count)
        BROKEN_GRAPH(v, "tensor '%s': %d known values for %lld elements", tensor->name,
                     tensor->value_count, (long long)tensor_static_elements(tensor));
    if (tensor->has_order) check_order(v, tensor);
    if (tensor->data) check_const(v, tensor);
    if (tensor->is_inlined && (tensor->data || !tensor->producer))
        BROKEN_GRAPH(v, "tensor '%s' is inlined, but no node makes it", tensor->name);
}

/* ---- Nodes ---- */

static void check_arity(Verifier *v, const Node *node)
{
    const OpInfo *info = op_info(node->op);
    if (node->in_count < info->in_min || node->in_count > info->in_max)
        BROKEN(v, node, "%d inputs, expected %d to %d", node->in_count, info->in_min, info->in_max);
    if (node->out_count < info->out_min || node->out_count > info->out_max)
        BROKEN(v, node, "%d outputs, expected %d to %d", node->out_count, info->out_min,
               info->out_max);
    for (int i = 0; i < node->in_count && i < info->in_min; i++) {
        if (!node->in[i]) BROKEN(v, node, "input %d is missing", i);
    }
    for (int i = 0; i < node->out_count && i < info->out_min && info->out_max != ANY; i++) {
        if (!node->out[i]) BROKEN(v, node, "output %d is missing", i);
    }
}

/* A tensor that a node reads, under `what`. */
static void check_read(Verifier *v, const Node *node, const Tensor *tensor, const char *what)
{
    if (!is_listed(v, tensor))
        BROKEN(v, node, "%s '%s' is not a tensor of the graph", what, tensor->name);
    else if (!v->ready[tensor->id] && v->maker[tensor->id])
        BROKEN(v, node, "%s '%s' is made later, by node '%s'", what, tensor->name,
               v->maker[tensor->id]->name);
    else if (!v->ready[tensor->id])
        BROKEN(v, node, "%s '%s' is made by no node", what, tensor->name);
    else if (v->within[tensor->id])
        BROKEN(v, node, "%s '%s' is never stored: the epilogue of node '%s' consumes it", what,
               tensor->name, v->within[tensor->id]->name);
    else
        verify_sees(v, node, tensor, what);
}

static void check_branches(Verifier *v, const Node *node)
{
    for (const Region *r = node->region; r; r = r->parent) {
        const Tensor *cond = r->cond;
        if (r->kind != REGION_BRANCH) continue;
        check_read(v, node, cond, "condition");
        if (cond->dtype != DT_BOOL && cond->dtype != DT_NONE)
            BROKEN(v, node, "condition '%s' is %s, not bool", cond->name, dtype_name(cond->dtype));
        for (int d = 0; d < cond->rank; d++) {
            if (!size_is(cond->dims[d], 1))
                BROKEN(v, node, "condition '%s' is no scalar", cond->name);
        }
    }
}

static void check_outputs(Verifier *v, const Node *node)
{
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = node->out[i];
        if (!out) continue;
        if (!is_listed(v, out)) {
            BROKEN(v, node, "output '%s' is not a tensor of the graph", out->name);
            continue;
        }
        if (v->ready[out->id]) BROKEN(v, node, "output '%s' has a value already", out->name);
        if (out->producer != node)
            BROKEN(v, node, "output '%s' names node '%s' as its producer", out->name,
                   out->producer ? out->producer->name : "(none)");
        v->ready[out->id] = true;
    }
}

static void check_node(Verifier *v, const Node *node)
{
    if (node->op >= OP_COUNT) {
        BROKEN_GRAPH(v, "node '%s' has no valid operator", node->name);
        return;
    }
    if (names_find(v->names, node->name)) BROKEN(v, node, "another node has its name");
    names_put(v->names, node->name, (void *)(uintptr_t)node);
    if (node->op == OP_DELETED) return;
    check_arity(v, node);
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i]) check_read(v, node, node->in[i], "input");
    }
    check_branches(v, node);
    check_outputs(v, node);
}

/* Each epilogue node is element-wise, has one output, and reads the value before it. */
static void check_epilogue(Verifier *v, const Node *node)
{
    const Tensor *before = node->out_count ? node->out[0] : NULL;
    for (int e = 0; e < node->epilogue_count; e++) {
        const Node *part = node->epilogue[e];
        bool reads = false;
        for (int i = 0; i < part->in_count; i++) reads = reads || (before && part->in[i] == before);
        if (!reads)
            BROKEN(v, part, "is in the epilogue of '%s' without reading its value", node->name);
        if (part->out_count != 1 || !part->out[0])
            BROKEN(v, part, "is in an epilogue and has not one output");
        if (part->op < OP_COUNT && !(op_info(part->op)->traits & T_ELEMENTWISE) &&
            !op_info(part->op)->has_point)
            BROKEN(v, part, "is in an epilogue and is not element-wise");
        if (part->epilogue_count) BROKEN(v, part, "is in an epilogue and has one itself");
        if (part->region) BROKEN(v, part, "is in an epilogue and in a region of its own");
        before = node_has_output(part, 0) ? part->out[0] : NULL;
    }
    for (int e = -1; e < node->epilogue_count - 1; e++) {
        const Node *part = e < 0 ? node : node->epilogue[e];
        if (node_has_output(part, 0) && is_listed(v, part->out[0]))
            v->within[part->out[0]->id] = node;
    }
}

/* Which node makes which tensor, for messages. */
static void note_makers(Verifier *v)
{
    for (int n = 0; n < v->graph->node_count; n++) {
        const Node *node = v->graph->nodes[n];
        for (int e = -1; e < node->epilogue_count; e++) {
            const Node *part = e < 0 ? node : node->epilogue[e];
            for (int i = 0; i < part->out_count; i++) {
                const Tensor *out = part->out[i];
                if (out && is_listed(v, out)) v->maker[out->id] = part;
            }
        }
    }
}

/* ---- The graph ---- */

static void check_interface(Verifier *v)
{
    const Graph *graph = v->graph;
    for (int i = 0; i < graph->output_count; i++) {
        const Tensor *tensor = graph->outputs[i];
        if (!is_listed(v, tensor) || !v->ready[tensor->id])
            BROKEN_GRAPH(v, "output '%s' is made by no node", tensor->name);
        else if (v->within[tensor->id])
            BROKEN_GRAPH(v, "output '%s' is never stored: an epilogue consumes it", tensor->name);
        if (tensor->is_inlined)
            BROKEN_GRAPH(v, "output '%s' is inlined and so is never stored", tensor->name);
    }
    for (int i = 0; i < graph->state_count; i++) {
        const Tensor *in = graph->states[i].in, *out = graph->states[i].out;
        if (!in->is_state || in->state_out != out || !out->is_state_out)
            BROKEN_GRAPH(v, "state '%s' -> '%s': the tensors do not know of it", in->name,
                         out->name);
        if (!is_listed(v, out) || !v->ready[out->id])
            BROKEN_GRAPH(v, "state '%s' -> '%s': '%s' is made by no node", in->name, out->name,
                         out->name);
        if (in->dtype && out->dtype && in->dtype != out->dtype)
            BROKEN_GRAPH(v, "state '%s' is %s and '%s' is %s", in->name, dtype_name(in->dtype),
                         out->name, dtype_name(out->dtype));
    }
}

/* Inputs, constants and state have a value before the first node. */
static void mark_given(Verifier *v)
{
    const Graph *graph = v->graph;
    for (int i = 0; i < graph->tensor_count; i++) v->ready[i] = graph->tensors[i]->data != NULL;
    for (int i = 0; i < graph->input_count; i++) {
        const Tensor *input = graph->inputs[i];
        if (!is_listed(v, input)) {
            BROKEN_GRAPH(v, "input '%s' is not a tensor of the graph", input->name);
            continue;
        }
        if (input->producer) BROKEN_GRAPH(v, "input '%s' has a producer", input->name);
        v->ready[input->id] = true;
    }
    for (int i = 0; i < graph->state_count; i++) {
        if (is_listed(v, graph->states[i].in)) v->ready[graph->states[i].in->id] = true;
    }
}

int graph_verify(Graph *graph)
{
    size_t count = (size_t)graph->tensor_count;
    Verifier verifier = {.graph = graph, .diag = graph->diag}, *v = &verifier;
    v->ready = arena_array(graph->arena, count, sizeof *v->ready);
    v->maker = arena_array(graph->arena, count, sizeof *v->maker);
    v->within = arena_array(graph->arena, count, sizeof *v->within);
    v->names = names_new(graph->arena);
    check_names(v);
    for (int i = 0; i < graph->tensor_count; i++) check_tensor(v, graph->tensors[i]);
    note_makers(v);
    mark_given(v);
    for (int n = 0; n < graph->node_count; n++) {
        const Node *node = graph->nodes[n];
        v->owner = node;
        check_node(v, node);
        if (node->op == OP_DELETED) continue;
        for (int e = 0; e < node->epilogue_count; e++) check_node(v, node->epilogue[e]);
        check_epilogue(v, node);
    }
    verify_regions(v);
    check_interface(v);
    return v->broken ? LPC_ERROR : LPC_OK;
}
