/* Known contents of small tensors: constants, and what shape inference has followed. */
#include "ir/graph.h"

#include <limits.h>
#include <math.h>

const Size *const *const_values(Graph *graph, const Tensor *tensor, int *count)
{
    int64_t elements = tensor_static_elements(tensor);
    if (elements < 0 || elements > INT_MAX || dtype_is_opaque(tensor->dtype)) return NULL;
    const Size **values = arena_array(graph->arena, (size_t)elements, sizeof *values);
    for (int64_t i = 0; i < elements; i++) {
        if (dtype_is_float(tensor->dtype)) {
            double value = const_f64_at(tensor, i);
            if (!(value > -1e15 && value < 1e15) || value != (double)(int64_t)value) return NULL;
            if (value == 0 && signbit(value)) return NULL; /* no size is -0.0 */
            values[i] = size_const(graph->sizes, (int64_t)value);
        } else {
            values[i] = size_const(graph->sizes, const_i64_at(tensor, i));
        }
    }
    if (count) *count = (int)elements;
    return values;
}

const Size *const *tensor_values(Graph *graph, Tensor *tensor, int *count)
{
    if (!tensor) return NULL;
    if (tensor->values) {
        if (count) *count = tensor->value_count;
        return tensor->values;
    }
    if (!tensor->data || !tensor_is_static(tensor)) return NULL;
    return tensor_static_elements(tensor) > MAX_VALUES ? NULL : const_values(graph, tensor, count);
}

Tensor *graph_sizes(Graph *g, int at, const Node *like, int count, const Size *const *values)
{
    bool is_const = true;
    int64_t *ints = arena_array(g->arena, (size_t)count, sizeof *ints);
    const Size **kept = arena_array(g->arena, (size_t)count, sizeof *kept);
    for (int i = 0; i < count; i++) {
        is_const &= size_is_const(values[i]);
        ints[i] = size_is_const(values[i]) ? values[i]->value : 0;
        kept[i] = values[i];
    }
    if (is_const) return graph_const_i64(g, NULL, count, ints);
    const Size *dims[] = {size_const(g->sizes, count)};
    Tensor *out = graph_tensor(g, NULL, DT_I64, 1, dims);
    out->values = kept;
    out->value_count = count;
    Node *node = graph_node_at(g, at, OP_VALUES, NULL, &like->origin, 0, NULL, 1, &out);
    node->region = like->region;
    return out;
}
