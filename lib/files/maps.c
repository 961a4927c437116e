/* Reading sequences of maps, on the wire format as tensor_io.c does. Field numbers are onnx-data.proto's. */
#include "lib/files/maps.h"

#include "frontend/wire.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEQUENCE_TYPE = 2,
    SEQUENCE_TENSOR = 3,
    SEQUENCE_MAP = 6,
    TYPE_MAP = 4,
    MAP_KEY = 3,
    MAP_WORD = 4,
    MAP_VALUES = 5
};

typedef struct Field {
    uint32_t number;
    int kind; /* 0 varint, 2 bytes; others are passed over */
    uint64_t value;
    const uint8_t *bytes;
    size_t size;
} Field;

/* The field at data[*at], which goes behind it; false, and *at stays, at the end and where the file is
 * broken. */
static bool next_field(const uint8_t *data, size_t size, size_t *at, Field *field)
{
    size_t end = *at;
    uint64_t key, length = 0;
    if (end == size || !wire_varint(data, size, &end, &key) || key >> 32) return false;
    *field = (Field){.number = (uint32_t)(key >> 3), .kind = (int)(key & 7)};
    if (field->kind == 0 && !wire_varint(data, size, &end, &field->value)) return false;
    if (field->kind == 1) length = 8;
    if (field->kind == 5) length = 4;
    if (field->kind == 2 && !wire_varint(data, size, &end, &length)) return false;
    if ((field->kind > 2 && field->kind != 5) || length > size - end) return false;
    field->bytes = data + end;
    field->size = (size_t)length;
    *at = end + field->size;
    return true;
}

bool maps_are_there(const void *data, size_t size)
{
    size_t at = 0;
    Field field;
    bool is_map = false, has_map = false;
    while (next_field(data, size, &at, &field)) {
        if (field.number == SEQUENCE_TYPE)
            is_map = field.kind == 0 && field.value == TYPE_MAP;
        else if (field.number == SEQUENCE_MAP)
            has_map = field.kind == 2;
        else if (field.number != 1)
            return false; /* a sequence's name, but dims of a tensor */
    }
    return at == size && is_map && has_map;
}

/* ---- One map ---- */

typedef struct Entry {
    int64_t number;
    const uint8_t *word; /* NULL: the key is the number */
    size_t length;
    HostTensor value;
} Entry;

static int by_key(const void *a, const void *b)
{
    const Entry *one = a, *other = b;
    if (!one->word || !other->word)
        return one->number < other->number ? -1 : one->number > other->number;
    size_t least = one->length < other->length ? one->length : other->length;
    int order = memcmp(one->word, other->word, least);
    if (order) return order;
    return one->length < other->length ? -1 : one->length > other->length;
}

typedef struct Map {
    Entry *entries;
    int keys, values;
} Map;

static Entry *entry(Map *map, Arena *arena, int at, int *count)
{
    int most = map->keys > map->values ? map->keys : map->values;
    if (at == most) {
        Entry *more = &arena_push(arena, map->entries, most);
        memset(more, 0, sizeof *more);
    }
    ++*count;
    return &map->entries[at];
}

/* Numbers stand one by one or packed. */
static bool add_keys(Map *map, Arena *arena, const Field *field)
{
    size_t at = 0;
    uint64_t value = field->value;
    if (field->number == MAP_WORD) {
        Entry *word = entry(map, arena, map->keys, &map->keys);
        word->word = field->bytes;
        word->length = field->size;
        return field->kind == 2;
    }
    do {
        if (field->kind == 2 && !wire_varint(field->bytes, field->size, &at, &value)) return false;
        entry(map, arena, map->keys, &map->keys)->number = (int64_t)value;
    } while (field->kind == 2 && at < field->size);
    return field->kind == 0 || field->kind == 2;
}

static int broken(Diag *diag, const char *path)
{
    const char *file = diag->file;
    diag->file = path;
    int code =
        diag_error(diag, "a sequence of maps that is not understood: expected the same keys in "
                         "all, and for each of them one number");
    diag->file = file;
    return code;
}

static int add_values(Map *map, Arena *arena, Diag *diag, const char *path, const Field *sequence)
{
    size_t at = 0;
    Field field;
    while (next_field(sequence->bytes, sequence->size, &at, &field)) {
        if (field.number != SEQUENCE_TENSOR) continue;
        HostTensor *value = &entry(map, arena, map->values, &map->values)->value;
        if (maps_are_there(field.bytes, field.size)) return broken(diag, path);
        TRY(host_parse(value, arena, diag, path, field.bytes, field.size));
    }
    return at == sequence->size ? LPC_OK : broken(diag, path);
}

static int read_map(Map *map, Arena *arena, Diag *diag, const char *path, const Field *bytes)
{
    size_t at = 0;
    Field field;
    while (next_field(bytes->bytes, bytes->size, &at, &field)) {
        bool is_key = field.number == MAP_KEY || field.number == MAP_WORD;
        if (is_key && !add_keys(map, arena, &field)) return broken(diag, path);
        if (field.number == MAP_VALUES && field.kind == 2)
            TRY(add_values(map, arena, diag, path, &field));
    }
    if (at != bytes->size || map->keys != map->values || !map->keys) return broken(diag, path);
    qsort(map->entries, (size_t)map->keys, sizeof *map->entries, by_key);
    return LPC_OK;
}

/* ---- All maps ---- */

static int as_tensor(HostTensor *tensor, Arena *arena, Diag *diag, const char *path,
                     const Map *maps, int count)
{
    int columns = maps[0].keys;
    tensor->type = maps[0].entries[0].value.type;
    tensor->rank = 2;
    tensor->dims[0] = count;
    tensor->dims[1] = columns;
    size_t size = dtype_size(tensor->type);
    if (host_alloc(tensor, arena)) return broken(diag, path);
    for (int i = 0; i < count; i++) {
        if (maps[i].keys != columns) return broken(diag, path);
        for (int k = 0; k < columns; k++) {
            const HostTensor *value = &maps[i].entries[k].value;
            if (value->type != tensor->type || value->bytes != size) return broken(diag, path);
            memcpy((char *)tensor->data + (size_t)(i * columns + k) * size, value->data, size);
        }
    }
    return LPC_OK;
}

int maps_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size)
{
    size_t at = 0;
    Field field;
    Map *maps = NULL;
    int count = 0;
    *tensor = (HostTensor){.name = (char *)(uintptr_t)""};
    while (next_field(data, size, &at, &field)) {
        if (field.number == 1 && field.kind == 2)
            tensor->name = arena_strndup(arena, (const char *)field.bytes, field.size);
        if (field.number != SEQUENCE_MAP || field.kind != 2) continue;
        Map *map = &arena_push(arena, maps, count);
        *map = (Map){0};
        TRY(read_map(map, arena, diag, path, &field));
    }
    return as_tensor(tensor, arena, diag, path, maps, count);
}
