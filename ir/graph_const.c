/* Constants: making them and reading their elements. Mapped data may be unaligned. */
#include "ir/graph_text.h"
#include "ir/loops_lanes.h"

#include <limits.h>
#include <string.h>

Tensor *graph_const(Graph *graph, const char *name, DType dtype, int rank, const int64_t *dims,
                    const void *data)
{
    const Size *sizes[MAX_RANK];
    for (int i = 0; i < rank; i++) sizes[i] = size_const(graph->sizes, dims[i]);
    if (!name) name = arena_printf(graph->arena, "c%d", graph->tensor_count);
    Tensor *tensor = graph_tensor(graph, name, dtype, rank, sizes);
    Const *constant = arena_alloc(graph->arena, sizeof *constant);
    constant->data = data;
    constant->bytes = (size_t)dtype_const_bytes(dtype, tensor_static_elements(tensor));
    tensor->data = constant;
    return tensor;
}

Tensor *graph_const_i64(Graph *graph, const char *name, int count, const int64_t *values)
{
    int64_t *copy = arena_array(graph->arena, (size_t)count, sizeof *copy);
    for (int i = 0; i < count; i++) copy[i] = values[i];
    int64_t dims[1] = {count};
    return graph_const(graph, name, DT_I64, 1, dims, copy);
}

/* Casts a double to an integer type without undefined behaviour: it saturates, NaN becomes 0. */
static int64_t to_int(DType dtype, double value)
{
    if (value != value) return 0;
    if (value <= (double)dtype_min(dtype)) return dtype_min(dtype);
    if (value >= (double)dtype_max(dtype)) return dtype_max(dtype);
    return (int64_t)value;
}

void store_element(DType dtype, void *to, double value, int64_t whole)
{
    float single = (float)value;
    uint16_t half = dtype == DT_BF16 ? f32_to_bf16(single) : f32_to_f16(single);
    uint8_t byte = dtype_is_code(dtype) ? f32_to_narrow(dtype, single) : (uint8_t)whole;
    uint16_t two = (uint16_t)whole;
    uint32_t four = (uint32_t)whole;
    const void *from = &whole;
    switch (dtype) {
    case DT_F64: from = &value; break;
    case DT_F32: from = &single; break;
    case DT_F16:
    case DT_BF16: from = &half; break;
    default:
        if (dtype_size(dtype) == 1) from = &byte;
        if (dtype_size(dtype) == 2) from = &two;
        if (dtype_size(dtype) == 4) from = &four;
    }
    memcpy(to, from, dtype_size(dtype));
}

Tensor *graph_scalar(Graph *graph, const char *name, DType dtype, double value)
{
    if (dtype_is_string(dtype)) /* there are no strings of numbers: the empty one */
        return graph_const(graph, name, dtype, 0, NULL,
                           arena_alloc(graph->arena, dtype_size(dtype)));
    DType part = dtype_part(dtype); /* of a complex number the real one; the other is 0 */
    void *data = arena_alloc(graph->arena, 2 * sizeof(double));
    store_element(part, data, value, dtype_is_float(part) ? 0 : to_int(part, value));
    narrow_pack(part, 1, data, data);
    return graph_const(graph, name, dtype, 0, NULL, data);
}

/* ---- Reading ---- */

/* The factor that element i is multiplied with. */
static double scale_at(const Tensor *tensor, int64_t i)
{
    const float *scale = tensor->data->scale;
    if (!scale || tensor->rank < 1) return 1;
    int64_t slice = 1;
    for (int d = 1; d < tensor->rank; d++) slice *= tensor->dims[d]->value;
    float factor;
    memcpy(&factor, (const char *)scale + (size_t)(i / slice) * sizeof factor, sizeof factor);
    return factor;
}

static int64_t read_int(DType dtype, const void *from)
{
    LaneValue value;
    memcpy(value.bytes, from, dtype_size(dtype));
    return lane_to_int(dtype, &value);
}

static double read_float(DType dtype, const void *from)
{
    uint16_t half;
    float single;
    double value;
    switch (dtype) {
    case DT_F16: memcpy(&half, from, sizeof half); return (double)f16_to_f32(half);
    case DT_BF16: memcpy(&half, from, sizeof half); return (double)bf16_to_f32(half);
    case DT_F32: memcpy(&single, from, sizeof single); return (double)single;
    default: memcpy(&value, from, sizeof value); return value;
    }
}

static const void *element(const Tensor *tensor, int64_t i)
{
    return (const char *)tensor->data->data + (size_t)i * dtype_size(tensor->dtype);
}

int64_t const_held_at(const Tensor *tensor, int64_t i)
{
    if (!dtype_is_code(tensor->dtype)) return const_i64_at(tensor, i);
    return narrow_at(tensor->dtype, tensor->data->data, i);
}

/* Elements of narrow types: as small integers, or as what their codes say. */
static double narrow_number(const Tensor *tensor, int64_t i)
{
    uint8_t held = narrow_at(tensor->dtype, tensor->data->data, i);
    if (dtype_is_code(tensor->dtype)) return (double)narrow_to_f32(tensor->dtype, held);
    return (double)read_int(dtype_held(tensor->dtype), &held);
}

double const_f64_at(const Tensor *tensor, int64_t i)
{
    if (dtype_is_narrow(tensor->dtype)) return narrow_number(tensor, i);
    const void *from = element(tensor, i);
    if (tensor->dtype == DT_U64) return (double)(uint64_t)read_int(DT_U64, from);
    if (!dtype_is_float(tensor->dtype)) return (double)read_int(tensor->dtype, from);
    double value = read_float(tensor->dtype, from);
    if (tensor->dtype != DT_F32 || !tensor->data->scale) return value;
    return (double)((float)value * (float)scale_at(tensor, i)); /* the product that is emitted */
}

int64_t const_i64_at(const Tensor *tensor, int64_t i)
{
    if (dtype_is_float(tensor->dtype) || dtype_is_narrow(tensor->dtype))
        return to_int(DT_I64, const_f64_at(tensor, i));
    return read_int(tensor->dtype, element(tensor, i));
}

bool const_is_uniform(const Tensor *tensor, double *value)
{
    int64_t count = tensor_static_elements(tensor);
    if (!tensor->data || count <= 0 || dtype_is_opaque(tensor->dtype)) return false;
    /* doubles would confuse large integers, and codes that mean the same number */
    bool whole = !dtype_is_float(tensor->dtype) || dtype_is_code(tensor->dtype);
    double first = const_f64_at(tensor, 0);
    int64_t first_int = whole ? const_held_at(tensor, 0) : 0;
    for (int64_t i = 0; i < count; i++) {
        if (whole ? const_held_at(tensor, i) != first_int : const_f64_at(tensor, i) != first)
            return false;
    }
    *value = first;
    return true;
}

/* ---- Contents that are known at compile time ---- */

static bool known_const(const Tensor *tensor, int *count)
{
    if (!tensor->data || dtype_is_float(tensor->dtype) || tensor->dtype == DT_NONE) return false;
    if (dtype_is_opaque(tensor->dtype)) return false;
    int64_t elements = tensor_static_elements(tensor);
    if (elements < 0 || elements > INT_MAX) return false;
    *count = (int)elements;
    return true;
}

bool tensor_known_ints(Arena *arena, const Tensor *tensor, int *count, const int64_t **values)
{
    int found;
    if (!tensor) return false;
    bool is_const = known_const(tensor, &found);
    if (!is_const && !tensor->values) return false;
    if (!is_const) found = tensor->value_count;
    int64_t *ints = arena_array(arena, (size_t)found + 1, sizeof *ints);
    for (int i = 0; i < found; i++) {
        const Size *size = is_const ? NULL : tensor->values[i];
        if (!is_const && (!size || !size_is_const(size))) return false;
        ints[i] = is_const ? const_i64_at(tensor, i) : size->value;
    }
    *count = found;
    *values = ints;
    return true;
}

bool tensor_known_sizes(const Graph *graph, const Tensor *tensor, int *count,
                        const Size *const **values)
{
    int found;
    if (!tensor) return false;
    if (!known_const(tensor, &found)) {
        if (!tensor->values) return false;
        *count = tensor->value_count;
        *values = tensor->values;
        return true;
    }
    const Size **sizes = arena_array(graph->arena, (size_t)found + 1, sizeof *sizes);
    for (int i = 0; i < found; i++) sizes[i] = size_const(graph->sizes, const_i64_at(tensor, i));
    *count = found;
    *values = sizes;
    return true;
}
