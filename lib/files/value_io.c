/* Reading values that are no tensors. Field numbers are those of onnx-data.proto: messages of sequences and
 * optionals have one list for each kind of element, of which only one is used. */
#include "lib/files/value_io.h"

#include "lib/files/proto.h"

enum {
    MOST_DEPTH = 8,
    FIELD_TYPE = 2, /* of the elements, or of a map's keys */
    FIELD_TENSOR = 3,
    FIELD_SPARSE = 4,
    FIELD_SEQUENCE = 5,
    FIELD_MAP = 6,
    FIELD_OPTIONAL = 7,
    MAP_KEYS = 3,
    MAP_STRING_KEYS = 4,
    MAP_VALUES = 5
};

typedef struct Reader {
    Arena *arena;
    Diag *diag;
    const char *path;
} Reader;

static int damaged(const Reader *r, const char *what)
{
    return diag_error(r->diag, "%s: %s", r->path, what);
}

static const char *const names[] = {"a tensor", "a sequence", "a map", "an optional"};

static int read_value(const Reader *r, HostValue *value, ProtoBytes bytes, int depth);

/* ---- Maps ---- */

static int add_keys(const Reader *r, HostValue *value, const ProtoField *field, int *count)
{
    ProtoBytes packed = field->bytes;
    uint64_t key = field->value;
    if (field->kind != 0 && field->kind != 2) return damaged(r, "a map's keys are damaged");
    while (field->kind == 0 || packed.at != packed.end) {
        if (field->kind == 2 && proto_varint(&packed, &key))
            return damaged(r, "a map's keys are damaged");
        arena_push(r->arena, value->keys, *count) = (int64_t)key;
        if (field->kind == 0) break;
    }
    return LPC_OK;
}

static int read_map(const Reader *r, HostValue *value, ProtoBytes bytes, int depth)
{
    ProtoField field = {0};
    HostValue values = {.kind = HOST_SEQUENCE};
    int keys = 0, strings = 0;
    while (bytes.at != bytes.end) {
        if (proto_field(&bytes, &field)) return damaged(r, "the map is cut short");
        if (field.number == MAP_KEYS) TRY(add_keys(r, value, &field, &keys));
        if (field.number == MAP_STRING_KEYS && field.kind == 2) {
            size_t length = (size_t)(field.bytes.end - field.bytes.at);
            arena_push(r->arena, value->string_keys, strings) =
                (HostText){(const char *)field.bytes.at, length};
        }
        if (field.number == MAP_VALUES && field.kind == 2)
            TRY(read_value(r, &values, field.bytes, depth + 1));
    }
    value->items = values.items;
    value->count = values.count;
    if (keys + strings == values.count && (!keys || !strings)) return LPC_OK;
    return damaged(r, "the map has not as many keys as values");
}

/* ---- Sequences and optionals ---- */

static int add_item(const Reader *r, HostValue *value, const ProtoField *field, int depth)
{
    static const HostKind kinds[] = {[FIELD_TENSOR] = HOST_TENSOR,
                                     [FIELD_SEQUENCE] = HOST_SEQUENCE,
                                     [FIELD_MAP] = HOST_MAP,
                                     [FIELD_OPTIONAL] = HOST_OPTIONAL};
    if (field->number < FIELD_TENSOR || field->number > FIELD_OPTIONAL) return LPC_OK;
    if (field->number == FIELD_SPARSE) return damaged(r, "sparse tensors are not supported");
    if (field->kind != 2) return damaged(r, "an element is damaged");
    HostValue item = {.kind = kinds[field->number]};
    TRY(read_value(r, &item, field->bytes, depth + 1));
    arena_push(r->arena, value->items, value->count) = item;
    return LPC_OK;
}

static int read_value(const Reader *r, HostValue *value, ProtoBytes bytes, int depth)
{
    ProtoField field = {0};
    if (depth > MOST_DEPTH) return damaged(r, "values are nested too deeply");
    if (value->kind == HOST_TENSOR)
        return host_parse(&value->tensor, r->arena, r->diag, r->path, bytes.at,
                          (size_t)(bytes.end - bytes.at));
    if (value->kind == HOST_MAP) return read_map(r, value, bytes, depth);
    while (bytes.at != bytes.end) {
        if (proto_field(&bytes, &field))
            return diag_error(r->diag, "%s: not %s, or cut short", r->path, names[value->kind]);
        TRY(add_item(r, value, &field, depth));
    }
    if (value->kind != HOST_OPTIONAL || value->count <= 1) return LPC_OK;
    return damaged(r, "the optional holds more than one value");
}

int host_parse_value(HostValue *value, HostKind kind, Arena *arena, Diag *diag, const char *path,
                     const void *data, size_t size)
{
    Reader reader = {arena, diag, path};
    const char *file = diag->file;
    *value = (HostValue){.kind = kind};
    diag->file = NULL; /* messages have the path */
    int code = read_value(&reader, value, (ProtoBytes){data, (const uint8_t *)data + size}, 0);
    diag->file = file;
    return code;
}

int host_read_value(HostValue *value, HostKind kind, Arena *arena, Diag *diag, const char *path)
{
    uint8_t *bytes;
    size_t size;
    *value = (HostValue){.kind = kind};
    TRY(host_read_file(arena, diag, path, &bytes, &size));
    return host_parse_value(value, kind, arena, diag, path, bytes, size);
}
