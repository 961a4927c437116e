/* Tensors from bytes. The TensorProto reader works on the wire format (field numbers from
 * onnx.proto3) and copies nothing but the elements. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/files/tensor_io.h"
#include "lib/files/tensor_strings.h"

#include "frontend/tensor_fields.h"
#include "lib/files/npy.h"
#include "lib/files/proto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void normalise_bool(HostTensor *tensor)
{
    if (tensor->type != DT_BOOL) return;
    uint8_t *data = tensor->data;
    for (size_t i = 0; i < tensor->bytes; i++) data[i] = data[i] != 0;
}

/* --- .npy: numpy.lib.format, versions 1 to 3 --- */

/* The text after 'key': in the header's dictionary, or NULL. */
static const char *npy_entry(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':') at++;
    return at;
}

static int npy_shape(HostTensor *tensor, const char *at)
{
    if (!at || *at++ != '(') return LPC_ERROR;
    for (;;) {
        while (*at == ' ' || *at == ',') at++;
        if (*at == ')') return LPC_OK;
        char *end;
        errno = 0;
        long long value = strtoll(at, &end, 10);
        if (end == at || errno || value < 0 || tensor->rank == TENSOR_RANK_MAX) return LPC_ERROR;
        tensor->dims[tensor->rank++] = value;
        at = end;
    }
}

static int npy_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path,
                     const uint8_t *data, size_t size)
{
    size_t length_bytes = size > 6 && data[6] == 1 ? 2 : 4, start = 8 + length_bytes, length = 0;
    if (size < start) return host_file_error(diag, path, "the .npy header is cut short");
    for (size_t i = 0; i < length_bytes; i++) length |= (size_t)data[8 + i] << (8 * i);
    if (length > size - start) return host_file_error(diag, path, "the .npy header is cut short");

    const char *header = arena_strndup(arena, (const char *)data + start, length);
    const char *descr = npy_entry(header, "'descr'"), *order = npy_entry(header, "'fortran_order'");
    if (!descr || !order || npy_shape(tensor, npy_entry(header, "'shape'")))
        return host_file_error(diag, path,
                               "the .npy header is not understood (at most %d dimensions)",
                               TENSOR_RANK_MAX);
    if (descr[0] == '\'' && descr[1] && strchr("<|=", descr[1])) tensor->type = npy_type(descr + 2);
    size_t element = npy_string_bytes(descr);
    if (tensor->type == DT_NONE) tensor->type = npy_string_type(descr);
    if (tensor->type == DT_NONE)
        return host_file_error(diag, path, "the .npy type %.12s is not supported", descr);
    if (strncmp(order, "True", 4) == 0 && tensor->rank > 1)
        return host_file_error(diag, path,
                               "the array is in Fortran order; save it with "
                               "numpy.ascontiguousarray");
    size_t rest = size - start - length;
    size_t bytes = dtype_is_string(tensor->type) ? element : dtype_size(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes))
            return host_file_error(diag, path, "the .npy shape is too large");
    if (bytes != rest)
        return host_file_error(diag, path, "the .npy shape needs %zu bytes, %zu are there", bytes,
                               rest);
    if (host_alloc(tensor, arena))
        return host_file_error(diag, path, "the .npy shape is too large");
    if (dtype_is_string(tensor->type))
        npy_get_strings(tensor, descr, data + start + length);
    else if (bytes)
        memcpy(tensor->data, data + start + length, bytes);
    return LPC_OK;
}

/* --- TensorProto --- */

typedef struct Proto {
    HostTensor *tensor;
    int has_raw;
    ProtoBytes raw;
    int64_t onnx_type;
    size_t longest; /* bytes of a string */
    const char *unsupported;
} Proto;

static int proto_dims(HostTensor *tensor, const ProtoField *field)
{
    ProtoBytes packed = field->bytes;
    uint64_t value = field->value;
    do {
        if (field->kind == 2 && packed.at == packed.end) return LPC_OK;
        if (field->kind == 2) TRY(proto_varint(&packed, &value));
        if (tensor->rank == TENSOR_RANK_MAX || value > INT64_MAX) return LPC_ERROR;
        tensor->dims[tensor->rank++] = (int64_t)value;
    } while (field->kind == 2);
    return LPC_OK;
}

static int proto_head_field(Proto *proto, Arena *arena, const ProtoField *field)
{
    switch (field->number) {
    case TENSOR_DIMS:
        if (field->kind != 0 && field->kind != 2) return LPC_ERROR;
        return proto_dims(proto->tensor, field);
    case TENSOR_TYPE:
        if (field->kind != 0) return LPC_ERROR;
        proto->onnx_type = field->value > 1000 ? 1000 : (int64_t)field->value;
        return LPC_OK;
    case TENSOR_NAME:
        if (field->kind != 2) return LPC_ERROR;
        proto->tensor->name = arena_strndup(arena, (const char *)field->bytes.at,
                                            (size_t)(field->bytes.end - field->bytes.at));
        return LPC_OK;
    case TENSOR_RAW:
        if (field->kind != 2) return LPC_ERROR;
        proto->has_raw = 1;
        proto->raw = field->bytes;
        return LPC_OK;
    case TENSOR_SEGMENT:
        proto->unsupported = "a sequence, an optional or a segment, not one plain tensor";
        return LPC_OK;
    case TENSOR_STRING:
        if (field->kind != 2) return LPC_ERROR;
        size_t length = (size_t)(field->bytes.end - field->bytes.at);
        if (length > proto->longest) proto->longest = length;
        return LPC_OK;
    case TENSOR_EXTERNAL:
        proto->unsupported = "external data, which is not supported here";
        return LPC_OK;
    case TENSOR_LOCATION:
        if (field->value == 1) proto->unsupported = "external data, which is not supported here";
        return LPC_OK;
    default: return LPC_OK;
    }
}

/* Stores value number `index` given as bits of the field's own kind; of complex numbers one part. */
static int proto_store(HostTensor *tensor, size_t index, uint64_t value)
{
    size_t size = dtype_size(dtype_part(tensor->type));
    if (index >= tensor->bytes / size) return LPC_ERROR;
    memcpy((uint8_t *)tensor->data + index * size, &value, size); /* little-endian, truncating */
    return LPC_OK;
}

static int proto_elements(HostTensor *tensor, ProtoBytes wire, size_t *count)
{
    uint32_t number = tensor_list_field(tensor->type);
    size_t fixed = number == TENSOR_FLOAT ? 4 : number == TENSOR_DOUBLE ? 8 : 0;
    ProtoField field;
    while (wire.at != wire.end) {
        TRY(proto_field(&wire, &field));
        if (field.number != number) continue;
        uint64_t value = field.value;
        ProtoBytes packed = field.bytes;
        if (field.kind == 0 && !fixed) {
            TRY(proto_store(tensor, (*count)++, value));
            continue;
        }
        if (field.kind == 0) return LPC_ERROR;
        while (packed.at != packed.end) {
            value = 0;
            if (fixed) {
                if ((size_t)(packed.end - packed.at) < fixed) return LPC_ERROR;
                memcpy(&value, packed.at, fixed);
                packed.at += fixed;
            } else {
                TRY(proto_varint(&packed, &value));
            }
            TRY(proto_store(tensor, (*count)++, value));
        }
    }
    return LPC_OK;
}

/* The type of a tensor's elements; strings have room for the longest. */
static DType proto_type(const Proto *proto)
{
    if (proto->onnx_type != dtype_to_onnx(dtype_string(0)))
        return dtype_from_onnx(proto->onnx_type);
    return proto->longest > 4096 ? DT_NONE : dtype_string((int64_t)proto->longest);
}

static int proto_strings(HostTensor *tensor, ProtoBytes wire, size_t *count)
{
    size_t size = dtype_size(tensor->type);
    ProtoField field;
    while (wire.at != wire.end) {
        TRY(proto_field(&wire, &field));
        if (field.number != TENSOR_STRING) continue;
        if (*count >= tensor->bytes / size) return LPC_ERROR;
        uint8_t *to = (uint8_t *)tensor->data + (*count)++ * size;
        string_put(tensor->type, to, field.bytes.at, (size_t)(field.bytes.end - field.bytes.at));
    }
    return LPC_OK;
}

/* The elements of a whole message, as many as the tensor's type and shape say. */
static int proto_contents(const Proto *proto, Diag *diag, const char *path, ProtoBytes file)
{
    HostTensor *tensor = proto->tensor;
    size_t count = 0, wanted = tensor->bytes / dtype_size(dtype_part(tensor->type));
    if (proto->has_raw) {
        size_t got = (size_t)(proto->raw.end - proto->raw.at);
        if (got != tensor->bytes)
            return host_file_error(diag, path, "the shape needs %zu bytes, %zu are there",
                                   tensor->bytes, got);
        if (got) memcpy(tensor->data, proto->raw.at, got);
    } else if ((dtype_is_string(tensor->type) ? proto_strings : proto_elements)(tensor, file,
                                                                                &count) ||
               count != wanted) {
        return host_file_error(diag, path, "the shape needs %zu elements, the file has %s", wanted,
                               count > wanted ? "more" : "others or fewer");
    }
    return LPC_OK;
}

/* Elements of less than a byte come packed: read as the bytes that they fill, and taken apart. */
static int proto_packed(const Proto *whole, Arena *arena, Diag *diag, const char *path,
                        ProtoBytes file)
{
    HostTensor *tensor = whole->tensor;
    Proto proto = *whole;
    int64_t count = host_elements(tensor);
    HostTensor packed = {
        .type = DT_U8, .rank = 1, .dims = {dtype_const_bytes(tensor->type, count)}};
    if (host_alloc(&packed, arena)) return host_file_error(diag, path, "the shape is too large");
    proto.tensor = &packed;
    int code = proto_contents(&proto, diag, path, file);
    if (!code) narrow_unpack(tensor->type, count, packed.data, tensor->data);
    return code;
}

static int proto_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path,
                       const uint8_t *data, size_t size)
{
    Proto proto = {.tensor = tensor};
    ProtoBytes wire = {data, data + size};
    ProtoField field = {0};
    while (wire.at != wire.end)
        if (proto_field(&wire, &field) || proto_head_field(&proto, arena, &field))
            return host_file_error(diag, path,
                                   "neither a .npy nor a TensorProto file, or cut short "
                                   "(at byte %zu)",
                                   (size_t)(wire.at - data));
    if (proto.unsupported) return host_file_error(diag, path, "holds %s", proto.unsupported);
    tensor->type = proto_type(&proto);
    if (tensor->type == DT_NONE && proto.longest)
        return host_file_error(diag, path, "a string of %zu bytes is too long", proto.longest);
    if (tensor->type == DT_NONE)
        return host_file_error(diag, path, "tensor type %" PRId64 " is not supported",
                               proto.onnx_type);

    size_t bytes = dtype_size(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes))
            return host_file_error(diag, path, "the shape is too large");
    /* Elements take one byte of the file or more, or share it: refuse before memory is taken. */
    size_t in_byte = dtype_is_subbyte(tensor->type) ? 8 / (size_t)dtype_bits(tensor->type) : 1;
    if (bytes / dtype_size(tensor->type) / in_byte > size)
        return host_file_error(diag, path, "the shape needs %zu elements, they are not there",
                               bytes / dtype_size(tensor->type));
    if (host_alloc(tensor, arena)) return host_file_error(diag, path, "the shape is too large");
    ProtoBytes file = {data, data + size};
    if (dtype_is_subbyte(tensor->type)) return proto_packed(&proto, arena, diag, path, file);
    return proto_contents(&proto, diag, path, file);
}

/* --- both --- */

int host_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size)
{
    *tensor = (HostTensor){.name = (char *)(uintptr_t)""};
    int npy = size >= 8 && memcmp(data, "\x93NUMPY", 6) == 0;
    TRY((npy ? npy_parse : proto_parse)(tensor, arena, diag, path, data, size));
    normalise_bool(tensor);
    return LPC_OK;
}
