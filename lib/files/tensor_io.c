/* Reading and writing tensors. The TensorProto reader works on the wire format (field numbers from
 * onnx.proto3) and copies nothing but the elements. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/files/tensor_io.h"

#include "frontend/tensor_fields.h"
#include "lib/files/maps.h"
#include "lib/files/proto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An error about one file: "PATH: MESSAGE". */
__attribute__((format(printf, 3, 4))) static int file_error(Diag *diag, const char *path,
                                                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *what = arena_vprintf(diag->arena, format, args);
    va_end(args);
    const char *file = diag->file;
    diag->file = path;
    int code = diag_error(diag, "%s", what);
    diag->file = file;
    return code;
}

int64_t host_elements(const HostTensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= tensor->dims[i];
    return count;
}

int host_alloc(HostTensor *tensor, Arena *arena)
{
    size_t bytes = dtype_size(tensor->type);
    int empty = 0;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0) return LPC_ERROR;
        if (tensor->dims[i] == 0) empty = 1;
    }
    for (int i = 0; i < tensor->rank && !empty; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes)) return LPC_ERROR;
    tensor->bytes = empty ? 0 : bytes;
    if (tensor->bytes > SIZE_MAX / 4) return LPC_ERROR;
    uintptr_t at = (uintptr_t)arena_alloc(arena, tensor->bytes + 64);
    tensor->data = (void *)((at + 63) / 64 * 64);
    return LPC_OK;
}

const char *host_shape_text(const HostTensor *tensor, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    text_printf(&text, "%s[", dtype_name(tensor->type));
    for (int i = 0; i < tensor->rank; i++)
        text_printf(&text, "%s%" PRId64, i ? "," : "", tensor->dims[i]);
    text_add(&text, "]");
    return text.data;
}

static double narrow_value(DType type, uint8_t held)
{
    if (dtype_is_code(type)) return (double)narrow_to_f32(type, held);
    return dtype_is_signed(type) ? (int8_t)held : held;
}

double host_value(const HostTensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->type) {
    case DT_BOOL:
    case DT_U8: return ((const uint8_t *)data)[i];
    case DT_I8: return ((const int8_t *)data)[i];
    case DT_I16: return ((const int16_t *)data)[i];
    case DT_U16: return ((const uint16_t *)data)[i];
    case DT_I32: return ((const int32_t *)data)[i];
    case DT_U32: return ((const uint32_t *)data)[i];
    case DT_I64: return (double)((const int64_t *)data)[i];
    case DT_U64: return (double)((const uint64_t *)data)[i];
    case DT_F16: return (double)f16_to_f32(((const uint16_t *)data)[i]);
    case DT_BF16: return (double)bf16_to_f32(((const uint16_t *)data)[i]);
    case DT_F32: return (double)((const float *)data)[i];
    case DT_F64: return ((const double *)data)[i];
    case DT_NONE:
    case DT_COUNT: return 0;
    default: return narrow_value(tensor->type, ((const uint8_t *)data)[i]);
    }
}

static void normalise_bool(HostTensor *tensor)
{
    if (tensor->type != DT_BOOL) return;
    uint8_t *data = tensor->data;
    for (size_t i = 0; i < tensor->bytes; i++) data[i] = data[i] != 0;
}

/* --- .npy: numpy.lib.format, versions 1 to 3 --- */

static const struct {
    const char *descr; /* without the byte order */
    DType type;
} npy_types[] = {{"b1", DT_BOOL}, {"i1", DT_I8},  {"u1", DT_U8},  {"i2", DT_I16},
                 {"u2", DT_U16},  {"i4", DT_I32}, {"u4", DT_U32}, {"i8", DT_I64},
                 {"u8", DT_U64},  {"f2", DT_F16}, {"f4", DT_F32}, {"f8", DT_F64}};

enum { NPY_TYPES = sizeof npy_types / sizeof *npy_types };

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
    if (size < start) return file_error(diag, path, "the .npy header is cut short");
    for (size_t i = 0; i < length_bytes; i++) length |= (size_t)data[8 + i] << (8 * i);
    if (length > size - start) return file_error(diag, path, "the .npy header is cut short");

    const char *header = arena_strndup(arena, (const char *)data + start, length);
    const char *descr = npy_entry(header, "'descr'"), *order = npy_entry(header, "'fortran_order'");
    if (!descr || !order || npy_shape(tensor, npy_entry(header, "'shape'")))
        return file_error(diag, path, "the .npy header is not understood (at most %d dimensions)",
                          TENSOR_RANK_MAX);
    if (descr[0] == '\'' && descr[1] && strchr("<|=", descr[1]))
        for (int i = 0; i < NPY_TYPES; i++)
            if (strncmp(descr + 2, npy_types[i].descr, 2) == 0 && descr[4] == '\'')
                tensor->type = npy_types[i].type;
    if (tensor->type == DT_NONE)
        return file_error(diag, path, "the .npy type %.12s is not supported", descr);
    if (strncmp(order, "True", 4) == 0 && tensor->rank > 1)
        return file_error(diag, path,
                          "the array is in Fortran order; save it with "
                          "numpy.ascontiguousarray");
    size_t rest = size - start - length;
    size_t bytes = dtype_size(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes))
            return file_error(diag, path, "the .npy shape is too large");
    if (bytes != rest)
        return file_error(diag, path, "the .npy shape needs %zu bytes, %zu are there", bytes, rest);
    if (host_alloc(tensor, arena)) return file_error(diag, path, "the .npy shape is too large");
    if (bytes) memcpy(tensor->data, data + start + length, bytes);
    return LPC_OK;
}

/* --- TensorProto --- */

typedef struct Proto {
    HostTensor *tensor;
    int has_raw;
    ProtoBytes raw;
    int64_t onnx_type;
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
    case TENSOR_STRING: proto->unsupported = "strings, which are not supported"; return LPC_OK;
    case TENSOR_EXTERNAL:
        proto->unsupported = "external data, which is not supported here";
        return LPC_OK;
    case TENSOR_LOCATION:
        if (field->value == 1) proto->unsupported = "external data, which is not supported here";
        return LPC_OK;
    default: return LPC_OK;
    }
}

/* Stores value number `index` given as bits of the field's own kind. */
static int proto_store(HostTensor *tensor, size_t index, uint64_t value)
{
    size_t size = dtype_size(tensor->type);
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

/* The elements of a whole message, as many as the tensor's type and shape say. */
static int proto_contents(const Proto *proto, Diag *diag, const char *path, ProtoBytes file)
{
    HostTensor *tensor = proto->tensor;
    size_t count = 0, wanted = tensor->bytes / dtype_size(tensor->type);
    if (proto->has_raw) {
        size_t got = (size_t)(proto->raw.end - proto->raw.at);
        if (got != tensor->bytes)
            return file_error(diag, path, "the shape needs %zu bytes, %zu are there", tensor->bytes,
                              got);
        if (got) memcpy(tensor->data, proto->raw.at, got);
    } else if (proto_elements(tensor, file, &count) || count != wanted) {
        return file_error(diag, path, "the shape needs %zu elements, the file has %s", wanted,
                          count > wanted ? "more" : "others or fewer");
    }
    return LPC_OK;
}

/* Elements of less than a byte come packed: read as the bytes that they fill, and taken apart. */
static int proto_packed(Proto *proto, Arena *arena, Diag *diag, const char *path, ProtoBytes file)
{
    HostTensor *tensor = proto->tensor;
    int64_t count = host_elements(tensor);
    HostTensor packed = {
        .type = DT_U8, .rank = 1, .dims = {dtype_const_bytes(tensor->type, count)}};
    if (host_alloc(&packed, arena)) return file_error(diag, path, "the shape is too large");
    proto->tensor = &packed;
    int code = proto_contents(proto, diag, path, file);
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
            return file_error(diag, path,
                              "neither a .npy nor a TensorProto file, or cut short "
                              "(at byte %zu)",
                              (size_t)(wire.at - data));
    if (proto.unsupported) return file_error(diag, path, "holds %s", proto.unsupported);
    tensor->type = dtype_from_onnx(proto.onnx_type);
    if (tensor->type == DT_NONE)
        return file_error(diag, path, "tensor type %" PRId64 " is not supported", proto.onnx_type);

    size_t bytes = dtype_size(tensor->type);
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)tensor->dims[i], &bytes))
            return file_error(diag, path, "the shape is too large");
    /* Elements take one byte of the file or more, or share it: refuse before memory is taken. */
    size_t in_byte = dtype_is_subbyte(tensor->type) ? 8 / (size_t)dtype_bits(tensor->type) : 1;
    if (bytes / dtype_size(tensor->type) / in_byte > size)
        return file_error(diag, path, "the shape needs %zu elements, they are not there",
                          bytes / dtype_size(tensor->type));
    if (host_alloc(tensor, arena)) return file_error(diag, path, "the shape is too large");
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
    if (!npy && maps_are_there(data, size))
        return maps_parse(tensor, arena, diag, path, data, size);
    TRY((npy ? npy_parse : proto_parse)(tensor, arena, diag, path, data, size));
    normalise_bool(tensor);
    return LPC_OK;
}

/* An open regular file and its size; NULL, reported, when it is none. */
static FILE *open_file(Diag *diag, const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file) {
        file_error(diag, path, "%s", strerror(errno));
        return NULL;
    }
    if (fstat(fileno(file), &info) || !S_ISREG(info.st_mode)) {
        fclose(file);
        file_error(diag, path, "not a regular file");
        return NULL;
    }
    *size = (size_t)info.st_size;
    return file;
}

int host_read_file(Arena *arena, Diag *diag, const char *path, uint8_t **data, size_t *size)
{
    FILE *file = open_file(diag, path, size);
    if (!file) return LPC_ERROR;
    *data = arena_alloc(arena, *size + 1);
    size_t got = fread(*data, 1, *size, file);
    fclose(file);
    return got == *size ? LPC_OK : file_error(diag, path, "cannot be read");
}

int host_read(HostTensor *tensor, Arena *arena, Diag *diag, const char *path)
{
    size_t size;
    FILE *file = open_file(diag, path, &size);
    if (!file) return LPC_ERROR;
    void *data = malloc(size ? size : 1); /* not of the arena: gone once parsed */
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    int code = !data         ? file_error(diag, path, "too large for this machine's memory")
               : got != size ? file_error(diag, path, "cannot be read")
                             : host_parse(tensor, arena, diag, path, data, size);
    free(data);
    return code;
}

static int write_file(Diag *diag, const char *path, const void *head, size_t head_size,
                      const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) return file_error(diag, path, "%s", strerror(errno));
    int failed = fwrite(head, 1, head_size, file) != head_size;
    failed |= size && fwrite(data, 1, size, file) != size;
    int reason = errno;
    if (fclose(file)) failed = 1, reason = errno;
    if (!failed) return LPC_OK;
    remove(path);
    return file_error(diag, path, "cannot be written: %s", strerror(reason));
}

int host_write_npy(const HostTensor *tensor, Diag *diag, const char *path)
{
    HostTensor wide = *tensor;
    if (tensor->type == DT_BF16 || dtype_is_code(tensor->type)) {
        wide.type = DT_F32;
        if (host_alloc(&wide, diag->arena)) return file_error(diag, path, "too large");
        for (int64_t i = 0; i < host_elements(tensor); i++)
            ((float *)wide.data)[i] = (float)host_value(tensor, i);
    } else {
        wide.type = dtype_held(tensor->type);
    }
    const char *descr = "";
    for (int i = 0; i < NPY_TYPES; i++)
        if (npy_types[i].type == wide.type) descr = npy_types[i].descr;
    char head[512] = "\x93NUMPY\x01";
    size_t length = 10;
    length +=
        (size_t)snprintf(head + length, 200, "{'descr': '%s%s', 'fortran_order': False, 'shape': (",
                         dtype_size(wide.type) == 1 ? "|" : "<", descr);
    for (int i = 0; i < wide.rank; i++)
        length += (size_t)snprintf(head + length, 30, "%" PRId64 "%s", wide.dims[i],
                                   wide.rank == 1      ? ","
                                   : i + 1 < wide.rank ? ", "
                                                       : "");
    length += (size_t)snprintf(head + length, 10, "), }");
    while ((length + 1) % 64) head[length++] = ' ';
    head[length++] = '\n';
    head[7] = 0;
    head[8] = (char)((length - 10) & 255);
    head[9] = (char)((length - 10) >> 8);
    return write_file(diag, path, head, length, wide.data, wide.bytes);
}

static void put_varint(Text *text, uint64_t value)
{
    for (;; value >>= 7) {
        char byte = (char)(value < 128 ? value : (value & 127) | 128);
        text_addn(text, &byte, 1);
        if (value < 128) return;
    }
}

static void put_key(Text *text, int number, int kind)
{
    put_varint(text, (uint64_t)(number << 3 | kind));
}

int host_write_pb(const HostTensor *tensor, Diag *diag, const char *path)
{
    Text text;
    text_init(&text, diag->arena);
    for (int i = 0; i < tensor->rank; i++) {
        put_key(&text, TENSOR_DIMS, 0);
        put_varint(&text, (uint64_t)tensor->dims[i]);
    }
    put_key(&text, TENSOR_TYPE, 0);
    put_varint(&text, (uint64_t)dtype_to_onnx(tensor->type));
    if (tensor->name && *tensor->name) {
        put_key(&text, TENSOR_NAME, 2);
        put_varint(&text, strlen(tensor->name));
        text_add(&text, tensor->name);
    }
    const void *data = tensor->data;
    size_t bytes = tensor->bytes;
    if (dtype_is_subbyte(tensor->type)) {
        int64_t count = host_elements(tensor);
        bytes = (size_t)dtype_const_bytes(tensor->type, count);
        void *packed = arena_alloc(diag->arena, bytes + 1);
        narrow_pack(tensor->type, count, data, packed);
        data = packed;
    }
    put_key(&text, TENSOR_RAW, 2);
    put_varint(&text, bytes);
    return write_file(diag, path, text.data, text.length, data, bytes);
}
