/* The graph: making tensors and nodes, uses, replacement. */
#include "ir/graph.h"
#include "ir/names.h"

#include <stdbool.h>
#include <string.h>

/* "dir/net.onnx" -> "net": a C identifier. */
static const char *identifier_of(Arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash) file = slash + 1;
    const char *dot = strrchr(file, '.');
    size_t length = dot && dot != file ? (size_t)(dot - file) : strlen(file);
    if (!length) return "model";
    return names_identifier(arena, arena_strndup(arena, file, length));
}

Graph *graph_new(Arena *arena, Diag *diag, const char *file)
{
    Graph *graph = arena_alloc(arena, sizeof *graph);
    graph->arena = arena;
    graph->diag = diag;
    graph->sizes = sizes_new(arena);
    graph->file = arena_strdup(arena, file ? file : "model");
    graph->name = identifier_of(arena, graph->file);
    graph->tensor_names = names_new(arena);
    graph->node_names = names_new(arena);
    graph->strings = dtype_string(DEFAULT_STRING);
    return graph;
}

DType graph_dtype(const Graph *graph, int64_t onnx)
{
    return onnx == dtype_to_onnx(graph->strings) ? graph->strings : dtype_from_onnx(onnx);
}

bool node_has_strings(const Node *node)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] && dtype_is_string(node->in[i]->dtype)) return true;
    }
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && dtype_is_string(node->out[i]->dtype)) return true;
    }
    return false;
}

/* ---- Tensors ---- */

Tensor *graph_tensor(Graph *graph, const char *name, DType dtype, int rank, const Size *const *dims)
{
    Tensor *tensor = arena_alloc(graph->arena, sizeof *tensor);
    tensor->id = graph->tensor_count;
    if (!name || !*name) name = arena_printf(graph->arena, "t%d", tensor->id);
    tensor->name = names_unique(graph->tensor_names, name);
    tensor->dtype = dtype;
    tensor->rank = rank;
    for (int i = 0; i < rank; i++) tensor->dims[i] = dims[i];
    names_put(graph->tensor_names, tensor->name, tensor);
    arena_push(graph->arena, graph->tensors, graph->tensor_count) = tensor;
    return tensor;
}

Tensor *graph_find_tensor(const Graph *graph, const char *name)
{
    Tensor *found = names_find(graph->tensor_names, name);
    if (found && !strcmp(found->name, name)) return found;
    for (int i = 0; i < graph->tensor_count; i++) { /* renamed by hand */
        if (!strcmp(graph->tensors[i]->name, name)) return graph->tensors[i];
    }
    return NULL;
}

bool tensor_is_static(const Tensor *tensor)
{
    if (tensor->rank < 0) return false;
    for (int i = 0; i < tensor->rank; i++) {
        if (!size_is_const(tensor->dims[i])) return false;
    }
    return true;
}

int64_t tensor_static_elements(const Tensor *tensor)
{
    if (!tensor_is_static(tensor)) return -1;
    int64_t elements = 1;
    bool fits = true, empty = false; /* nothing, though the other sizes' product may be too large */
    for (int i = 0; i < tensor->rank; i++) {
        empty = empty || tensor->dims[i]->value == 0;
        if (fits) fits = !__builtin_mul_overflow(elements, tensor->dims[i]->value, &elements);
    }
    return empty ? 0 : fits ? elements : INT64_MAX;
}

const Size *tensor_elements(SizeTable *sizes, const Tensor *tensor)
{
    const Size *elements = size_const(sizes, 1);
    for (int i = 0; i < tensor->rank; i++) elements = size_mul(sizes, elements, tensor->dims[i]);
    return elements;
}

/* ---- Nodes ---- */

static Tensor **copy_tensors(Arena *arena, int count, Tensor *const *tensors)
{
    Tensor **copy = arena_array(arena, (size_t)count, sizeof *copy);
    for (int i = 0; i < count; i++) copy[i] = tensors[i];
    return copy;
}

Node *graph_node_at(Graph *graph, int at, OpCode op, const char *name, const Origin *origin,
                    int in_count, Tensor *const *in, int out_count, Tensor *const *out)
{
    Node *node = arena_alloc(graph->arena, sizeof *node);
    node->id = graph->next_node_id++;
    node->op = op;
    if (!name || !*name) name = arena_printf(graph->arena, "%s_%d", op_info(op)->name, node->id);
    node->name = names_unique(graph->node_names, name);
    names_put(graph->node_names, node->name, node);
    node->origin = origin ? *origin : (Origin){NULL, node->name, op_info(op)->name, -1};
    node->in = copy_tensors(graph->arena, in_count, in);
    node->in_count = in_count;
    node->out = copy_tensors(graph->arena, out_count, out);
    node->out_count = out_count;
    node->layer = -1;
    for (int i = 0; i < out_count; i++) {
        if (out[i]) out[i]->producer = node;
    }
    arena_push(graph->arena, graph->nodes, graph->node_count) = node;
    for (int i = graph->node_count - 1; i > at; i--) graph->nodes[i] = graph->nodes[i - 1];
    graph->nodes[at] = node;
    return node;
}

Node *graph_node(Graph *graph, OpCode op, const char *name, const Origin *origin, int in_count,
                 Tensor *const *in, int out_count, Tensor *const *out)
{
    return graph_node_at(graph, graph->node_count, op, name, origin, in_count, in, out_count, out);
}

Tensor *node_result(const Node *node)
{
    const Node *last = node->epilogue_count ? node->epilogue[node->epilogue_count - 1] : node;
    return last->out_count ? last->out[0] : NULL;
}

bool node_has_output(const Node *node, int i)
{
    return i >= 0 && i < node->out_count && node->out[i];
}

Tensor *node_in(const Node *node, int i)
{
    return i >= 0 && i < node->in_count ? node->in[i] : NULL;
}

/* ---- Uses ---- */

static int node_uses(const Node *node, const Tensor *tensor)
{
    int uses = 0;
    for (int i = 0; i < node->in_count; i++) uses += node->in[i] == tensor;
    for (const Region *r = node->region; r; r = r->parent) uses += r->cond == tensor;
    for (int i = 0; i < node->epilogue_count; i++) uses += node_uses(node->epilogue[i], tensor);
    return uses;
}

int graph_uses(const Graph *graph, const Tensor *tensor)
{
    int uses = 0;
    for (int i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i]->op != OP_DELETED) uses += node_uses(graph->nodes[i], tensor);
    }
    for (int i = 0; i < graph->output_count; i++) uses += graph->outputs[i] == tensor;
    for (int i = 0; i < graph->state_count; i++) uses += graph->states[i].out == tensor;
    return uses;
}

bool graph_is_output(const Graph *graph, const Tensor *tensor)
{
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == tensor) return true;
    }
    return false;
}

static bool is_input(const Graph *graph, const Tensor *tensor)
{
    for (int i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i] == tensor) return true;
    }
    return false;
}

static void replace_in_node(Node *node, const Tensor *from, Tensor *to)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] == from) node->in[i] = to;
    }
    for (int i = 0; i < node->epilogue_count; i++) replace_in_node(node->epilogue[i], from, to);
}

/* An output's name is part of the model's interface and goes with the output, unless the new
 * tensor's own name is, too. */
static void move_output_name(Graph *graph, Tensor *from, Tensor *to)
{
    if (to->data || is_input(graph, to) || graph_is_output(graph, to)) return;
    const char *name = from->name;
    from->name = to->name;
    to->name = name;
    names_put(graph->tensor_names, from->name, from);
    names_put(graph->tensor_names, to->name, to);
}

void graph_replace(Graph *graph, Tensor *from, Tensor *to)
{
    if (from == to) return;
    for (int i = 0; i < graph->node_count; i++) replace_in_node(graph->nodes[i], from, to);
    for (int i = 0; i < graph->region_count; i++) {
        if (graph->regions[i]->cond == from) graph->regions[i]->cond = to;
    }
    if (graph_is_output(graph, from)) move_output_name(graph, from, to);
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == from) graph->outputs[i] = to;
    }
    for (int i = 0; i < graph->state_count; i++) {
        StatePair *pair = &graph->states[i];
        if (pair->out != from) continue;
        pair->out = to;
        pair->in->state_out = to;
        from->is_state_out = false;
        to->is_state_out = true;
    }
}
