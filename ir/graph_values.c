/* Known contents of small tensors: constants, and what shape inference has followed. */
#include "ir/graph.h"

#include <limits.h>

const Size *const *const_values(Graph *graph, const Tensor *tensor, int *count)
{
    int64_t elements = tensor_static_elements(tensor);
    if (elements < 0 || elements > INT_MAX) return NULL;
    const Size **values = arena_array(graph->arena, (size_t)elements, sizeof *values);
    for (int64_t i = 0; i < elements; i++) {
        if (dtype_is_float(tensor->dtype)) {
            double value = const_f64_at(tensor, i);
            if (!(value > -1e15 && value < 1e15) || value != (double)(int64_t)value) return NULL;
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
