/* Constants: a TensorProto's elements, in the mapped file where they can stay, else converted. */
#include "frontend/import.h"
#include "frontend/tensor_fields.h"
#include "frontend/wire.h"

#include <inttypes.h>
#include <string.h>

enum { EXTERNAL = 1 };

const char *onnx_type_name(int64_t number)
{
    static const char *const others[] = {[0] = "undefined", [8] = "string"};
    DType type = dtype_from_onnx(number);
    if (type != DT_NONE) return dtype_name(type);
    if (number >= 0 && (size_t)number < sizeof others / sizeof *others && others[number]) {
        return others[number];
    }
    return "unknown";
}

int fail_at(Import *im, const Origin *origin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(im->arena, format, args);
    va_end(args);
    return origin ? diag_node(im->diag, origin, "%s", text) : diag_error(im->diag, "%s", text);
}

/* Number of elements; false on a bad dimension or when the bytes do not fit 62 bits. */
static bool count_elements(const int64_t *dims, size_t rank, size_t element, int64_t *count)
{
    int64_t product = 1;
    bool empty = false, fits = true;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0) return false;
        if (dims[i] == 0)
            empty = true;
        else if (product > (INT64_MAX / 2 / (int64_t)element) / dims[i])
            fits = false;
        else
            product *= dims[i];
    }
    *count = empty ? 0 : product;
    return empty || fits;
}

static int read_header(Import *im, const Onnx__TensorProto *proto, const Origin *origin,
                       const char *what, Elements *elements, int64_t *count)
{
    elements->dtype = graph_dtype(im->graph, proto->data_type);
    if (elements->dtype == DT_NONE) {
        return fail_at(im, origin, "%s: element type %s (%d) is not supported", what,
                       onnx_type_name(proto->data_type), proto->data_type);
    }
    if (proto->n_dims > MAX_RANK) {
        return fail_at(im, origin, "%s: has %zu dimensions, at most %d are supported", what,
                       proto->n_dims, MAX_RANK);
    }
    elements->rank = (int)proto->n_dims;
    for (size_t i = 0; i < proto->n_dims; i++) elements->dims[i] = proto->dims[i];
    if (!count_elements(proto->dims, proto->n_dims, dtype_size(elements->dtype), count)) {
        return fail_at(im, origin, "%s: its dimensions are negative or too large", what);
    }
    return LPC_OK;
}

static int wrong_count(Import *im, const Origin *origin, const char *what, int64_t want,
                       uint64_t got, const char *unit)
{
    return fail_at(im, origin, "%s: its shape needs %" PRId64 " %s, the model has %" PRIu64, what,
                   want, unit, got);
}

static void store_int(void *data, DType type, int64_t i, uint64_t value)
{
    size_t size = dtype_size(type);
    if (type == DT_BOOL) value = value != 0;
    memcpy((uint8_t *)data + (size_t)i * size, &value, size); /* little-endian hosts only */
}

/* Entries of a list, or of raw data, that make so many elements: those of less than a byte come packed, complex
 * numbers as two. */
static int64_t entries_of(DType type, int64_t count)
{
    if (dtype_is_complex(type)) return 2 * count;
    return dtype_is_subbyte(type) ? dtype_const_bytes(type, count) : count;
}

/* A long list of varints left in the file. */
static int decode_mapped(Import *im, const Onnx__TensorProto *proto, const Origin *origin,
                         const char *what, int64_t count, Elements *elements)
{
    size_t at = proto->mapped_offset, end = at + proto->mapped_length;
    uint64_t value;
    if ((uint64_t)count > proto->mapped_length) { /* a varint takes a byte at least */
        return wrong_count(im, origin, what, count, proto->mapped_length, "elements");
    }
    void *data = arena_array(im->arena, (size_t)count, dtype_size(elements->dtype));
    for (int64_t i = 0; i < count; i++) {
        if (at >= end) return wrong_count(im, origin, what, count, (uint64_t)i, "elements");
        if (!wire_varint(im->bytes, end, &at, &value)) {
            return fail_at(im, origin, "%s: element %" PRId64 " is damaged", what, i);
        }
        store_int(data, elements->dtype, i, value);
    }
    if (at != end) return fail_at(im, origin, "%s: has more elements than its shape", what);
    elements->data = data;
    return LPC_OK;
}

static int read_mapped(Import *im, const Onnx__TensorProto *proto, const Origin *origin,
                       const char *what, int64_t count, Elements *elements)
{
    uint64_t need = (uint64_t)count * dtype_size(dtype_part(elements->dtype));
    uint32_t field = proto->mapped_field;
    if (field != TENSOR_RAW && field != tensor_list_field(elements->dtype)) {
        return fail_at(im, origin, "%s: its elements are in a list of another type", what);
    }
    if (field != TENSOR_RAW && field != TENSOR_FLOAT && field != TENSOR_DOUBLE) {
        return decode_mapped(im, proto, origin, what, count, elements);
    }
    if (proto->mapped_length != need) {
        return wrong_count(im, origin, what, (int64_t)need, proto->mapped_length, "bytes");
    }
    elements->data = im->bytes + proto->mapped_offset;
    elements->is_mapped = im->map_count > 0; /* else the model is in the caller's memory */
    return LPC_OK;
}

/* Short lists, which protobuf-c has unpacked. */
static int read_list(Import *im, const Onnx__TensorProto *proto, const Origin *origin,
                     const char *what, int64_t count, Elements *elements)
{
    size_t have;
    switch (tensor_list_field(elements->dtype)) {
    case TENSOR_FLOAT: have = proto->n_float_data; break;
    case TENSOR_DOUBLE: have = proto->n_double_data; break;
    case TENSOR_INT64: have = proto->n_int64_data; break;
    case TENSOR_UINT64: have = proto->n_uint64_data; break;
    default: have = proto->n_int32_data; break;
    }
    if ((uint64_t)count != have) return wrong_count(im, origin, what, count, have, "elements");
    void *data = arena_array(im->arena, have, dtype_size(dtype_part(elements->dtype)));
    elements->data = data;
    for (int64_t i = 0; i < count; i++) {
        switch (tensor_list_field(elements->dtype)) {
        case TENSOR_FLOAT: memcpy((float *)data + i, &proto->float_data[i], sizeof(float)); break;
        case TENSOR_DOUBLE:
            memcpy((double *)data + i, &proto->double_data[i], sizeof(double));
            break;
        case TENSOR_INT64:
            store_int(data, elements->dtype, i, (uint64_t)proto->int64_data[i]);
            break;
        case TENSOR_UINT64: store_int(data, elements->dtype, i, proto->uint64_data[i]); break;
        default:
            store_int(data, elements->dtype, i, (uint64_t)(int64_t)proto->int32_data[i]);
            break;
        }
    }
    return LPC_OK;
}

/* One string as an element of the graph's type. */
static int put_string(Import *im, const Origin *origin, const char *what, const void *text,
                      size_t length, void *to)
{
    DType type = im->graph->strings;
    if (string_put(type, to, text, length)) return LPC_OK;
    return fail_at(im, origin, "%s: a string of %zu bytes; --max-string gives room for %" PRId64,
                   what, length, dtype_string_max(type));
}

static int read_strings(Import *im, const Onnx__TensorProto *proto, const Origin *origin,
                        const char *what, int64_t count, Elements *elements)
{
    size_t size = dtype_size(elements->dtype), have = proto->n_string_data;
    if ((uint64_t)count != have) return wrong_count(im, origin, what, count, have, "elements");
    uint8_t *data = arena_array(im->arena, have, size);
    for (size_t i = 0; i < have; i++) {
        ProtobufCBinaryData text = proto->string_data[i];
        TRY(put_string(im, origin, what, text.data, text.len, data + i * size));
    }
    elements->data = data;
    return LPC_OK;
}

int tensor_of_words(Import *im, const Origin *origin, const char *what, int rank, int count,
                    const char *const *words, Elements *elements)
{
    DType type = im->graph->strings;
    size_t size = dtype_size(type);
    uint8_t *data = arena_array(im->arena, (size_t)count, size);
    *elements = (Elements){.dtype = type, .rank = rank, .dims = {count}, .data = data};
    for (int i = 0; i < count; i++)
        TRY(put_string(im, origin, what, words[i], strlen(words[i]), data + (size_t)i * size));
    return LPC_OK;
}

int tensor_read(Import *im, const Onnx__TensorProto *proto, const Origin *origin, const char *what,
                Elements *elements)
{
    int64_t count = 0;
    *elements = (Elements){0};
    TRY(read_header(im, proto, origin, what, elements, &count));
    if (dtype_is_string(elements->dtype))
        return read_strings(im, proto, origin, what, count, elements);
    count = entries_of(elements->dtype, count);
    if (proto->data_location == EXTERNAL) {
        elements->is_mapped = true;
        return load_external(im, proto, (size_t)count * dtype_size(dtype_part(elements->dtype)),
                             what, &elements->data);
    }
    if (proto->has_mapped_field && (proto->mapped_length > 0 || count > 0)) {
        return read_mapped(im, proto, origin, what, count, elements);
    }
    return read_list(im, proto, origin, what, count, elements);
}

/* Position of element k of a sparse tensor, -1 when its index is outside. */
static int64_t sparse_position(const Elements *dense, const Elements *indices, int64_t k)
{
    int64_t position = 0, index;
    int64_t columns = indices->rank == 2 ? indices->dims[1] : 0;
    if (!columns) {
        memcpy(&index, (const uint8_t *)indices->data + k * 8, 8);
        return index;
    }
    for (int64_t j = 0; j < columns; j++) {
        memcpy(&index, (const uint8_t *)indices->data + (k * columns + j) * 8, 8);
        if (index < 0 || index >= dense->dims[j]) return -1;
        position = position * dense->dims[j] + index;
    }
    return position;
}

static bool sparse_fits(const Elements *values, const Elements *indices, int rank)
{
    if (rank < 1 || values->rank != 1 || indices->dtype != DT_I64) return false;
    if (indices->rank < 1 || indices->rank > 2 || indices->dims[0] != values->dims[0]) return false;
    return indices->rank == 1 || indices->dims[1] == rank;
}

int tensor_read_sparse(Import *im, const Onnx__SparseTensorProto *proto, const Origin *origin,
                       const char *what, Elements *elements)
{
    Elements values, indices;
    int64_t count = 0;
    if (!proto->values || !proto->indices || proto->n_dims > MAX_RANK) {
        return fail_at(im, origin, "%s: sparse tensor without values, indices or shape", what);
    }
    TRY(tensor_read(im, proto->values, origin, what, &values));
    TRY(tensor_read(im, proto->indices, origin, what, &indices));
    *elements = (Elements){.dtype = values.dtype, .rank = (int)proto->n_dims};
    if (dtype_is_subbyte(values.dtype))
        return fail_at(im, origin, "%s: sparse tensors of %s are not supported", what,
                       dtype_name(values.dtype));
    size_t size = dtype_size(values.dtype);
    for (size_t i = 0; i < proto->n_dims; i++) elements->dims[i] = proto->dims[i];
    if (!count_elements(elements->dims, proto->n_dims, size, &count) ||
        (uint64_t)count > MAX_DENSE_BYTES / size) {
        return fail_at(im, origin, "%s: its dimensions are negative or too large", what);
    }
    if (!sparse_fits(&values, &indices, elements->rank)) {
        return fail_at(im, origin, "%s: sparse values and indices do not fit", what);
    }
    uint8_t *data = arena_array(im->arena, (size_t)count, size);
    for (int64_t k = 0; k < values.dims[0]; k++) {
        int64_t at = sparse_position(elements, &indices, k);
        if (at < 0 || at >= count) return fail_at(im, origin, "%s: index outside its shape", what);
        memcpy(data + (size_t)at * size, (const uint8_t *)values.data + (size_t)k * size, size);
    }
    elements->data = data;
    return LPC_OK;
}

Tensor *elements_tensor(Import *im, const char *name, const Elements *elements)
{
    Tensor *tensor = graph_const(im->graph, name, elements->dtype, elements->rank, elements->dims,
                                 elements->data);
    Const *data = arena_alloc(im->arena, sizeof *data);
    *data = *tensor->data;
    data->is_mapped = elements->is_mapped;
    data->is_literal = elements->is_literal;
    tensor->data = data;
    return tensor;
}
