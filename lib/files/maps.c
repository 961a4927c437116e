/* See maps.h. */
#include "lib/files/maps.h"

#include "lib/files/proto.h"
#include "lib/files/value_io.h"

#include <stdlib.h>
#include <string.h>

enum { SEQUENCE_TYPE = 2, SEQUENCE_MAP = 6, TYPE_MAP = 4 };

bool maps_are_there(const void *data, size_t size)
{
    ProtoBytes bytes = {data, (const uint8_t *)data + size};
    ProtoField field = {0};
    bool is_map = false, has_map = false;
    while (bytes.at != bytes.end) {
        if (proto_field(&bytes, &field)) return false;
        if (field.number == SEQUENCE_TYPE)
            is_map = field.kind == 0 && field.value == TYPE_MAP;
        else if (field.number == SEQUENCE_MAP)
            has_map = field.kind == 2;
        else if (field.number != 1)
            return false; /* a sequence's name, but dims of a tensor */
    }
    return is_map && has_map;
}

/* ---- One map ---- */

typedef struct Entry {
    bool is_word;
    int64_t number;
    HostText word;
    const HostTensor *value;
} Entry;

static int by_key(const void *a, const void *b)
{
    const Entry *one = a, *other = b;
    if (!one->is_word || !other->is_word)
        return one->number < other->number ? -1 : one->number > other->number;
    size_t least = one->word.length < other->word.length ? one->word.length : other->word.length;
    int order = least ? memcmp(one->word.bytes, other->word.bytes, least) : 0;
    if (order) return order;
    return one->word.length < other->word.length ? -1 : one->word.length > other->word.length;
}

/* The map's entries, keys ascending. */
static Entry *sorted(Arena *arena, const HostValue *map)
{
    Entry *entries = arena_array(arena, (size_t)map->count + 1, sizeof *entries);
    for (int i = 0; i < map->count; i++) {
        entries[i] = (Entry){.is_word = map->string_keys != NULL, .value = &map->items[i].tensor};
        if (map->string_keys)
            entries[i].word = map->string_keys[i];
        else
            entries[i].number = map->keys[i];
    }
    qsort(entries, (size_t)map->count, sizeof *entries, by_key);
    return entries;
}

/* One value behind the other; false: they are of several types or shapes, or no single elements, or no tensors
 * (DT_NONE). */
static bool put_values(uint8_t *to, DType type, const Entry *entries, int count)
{
    size_t size = dtype_size(type);
    if (count && type == DT_NONE) return false;
    for (int i = 0; i < count; i++) {
        const HostTensor *value = entries[i].value;
        if (value->type != type || value->bytes != size) return false;
        memcpy(to + (size_t)i * size, value->data, size);
    }
    return true;
}

static int put_words(HostTensor *keys, Arena *arena, Diag *diag, const char *path,
                     const Entry *entries)
{
    size_t longest = 0, count = (size_t)keys->dims[0];
    for (size_t i = 0; i < count; i++)
        if (entries[i].word.length > longest) longest = entries[i].word.length;
    if (longest > 4096)
        return host_file_error(diag, path, "a key of %zu bytes is too long", longest);
    keys->type = dtype_string((int64_t)longest);
    if (host_alloc(keys, arena)) return host_file_error(diag, path, "the map is too large");
    for (size_t i = 0; i < count; i++)
        string_put(keys->type, (uint8_t *)keys->data + i * dtype_size(keys->type),
                   entries[i].word.bytes, entries[i].word.length);
    return LPC_OK;
}

/* Strings come each with room for itself: all with room for the longest. */
static void widen_strings(Arena *arena, const Entry *entries, HostTensor *wide, DType *type,
                          Entry *out, int count)
{
    size_t length;
    for (int i = 0; i < count; i++)
        if (dtype_size(entries[i].value->type) > dtype_size(*type)) *type = entries[i].value->type;
    for (int i = 0; i < count; i++) {
        wide[i] = *entries[i].value;
        if (dtype_is_string(wide[i].type) && dtype_is_string(*type))
            host_strings_as(&wide[i], *type, arena, &length); /* never too long */
        out[i] = entries[i];
        out[i].value = &wide[i];
    }
}

int map_tensors(const HostValue *map, Arena *arena, Diag *diag, const char *path, HostTensor *keys,
                HostTensor *values)
{
    size_t count = (size_t)map->count;
    Entry *entries = sorted(arena, map);
    Entry *alike = arena_array(arena, count + 1, sizeof *alike);
    HostTensor *wide = arena_array(arena, count + 1, sizeof *wide);
    for (size_t i = 1; i < count; i++)
        if (!by_key(&entries[i - 1], &entries[i]))
            return host_file_error(diag, path, "a key stands twice in the map");
    *keys = (HostTensor){
        .name = (char *)(uintptr_t)"", .type = keys->type, .rank = 1, .dims = {map->count}};
    *values = (HostTensor){
        .name = (char *)(uintptr_t)"", .type = values->type, .rank = 1, .dims = {map->count}};
    if (count) keys->type = DT_I64;
    if (count) values->type = entries[0].value->type;
    widen_strings(arena, entries, wide, &values->type, alike, map->count);
    if (host_alloc(values, arena)) return host_file_error(diag, path, "the map is too large");
    if (!put_values(values->data, values->type, alike, map->count))
        return host_file_error(diag, path,
                               "a map's values: expected one element each, of one type");
    if (map->string_keys) return put_words(keys, arena, diag, path, entries);
    if (host_alloc(keys, arena)) return host_file_error(diag, path, "the map is too large");
    for (size_t i = 0; i < count; i++) ((int64_t *)keys->data)[i] = entries[i].number;
    return LPC_OK;
}

/* ---- A sequence of maps ---- */

static int broken(Diag *diag, const char *path)
{
    return host_file_error(diag, path,
                           "a sequence of maps that is not understood: expected the same keys in "
                           "all, and for each of them one number");
}

int maps_parse(HostTensor *tensor, Arena *arena, Diag *diag, const char *path, const void *data,
               size_t size)
{
    HostValue maps;
    *tensor = (HostTensor){.name = (char *)(uintptr_t)"", .rank = 2};
    TRY(host_parse_value(&maps, HOST_SEQUENCE, arena, diag, path, data, size));
    int columns = maps.count ? maps.items[0].count : 0;
    if (!columns || maps.items[0].kind != HOST_MAP) return broken(diag, path);
    tensor->type = maps.items[0].items[0].tensor.type;
    tensor->dims[0] = maps.count;
    tensor->dims[1] = columns;
    size_t row = (size_t)columns * dtype_size(tensor->type);
    if (dtype_is_string(tensor->type) || host_alloc(tensor, arena)) return broken(diag, path);
    for (int i = 0; i < maps.count; i++) {
        const HostValue *map = &maps.items[i];
        uint8_t *to = (uint8_t *)tensor->data + (size_t)i * row;
        if (map->kind != HOST_MAP || map->count != columns) return broken(diag, path);
        if (!put_values(to, tensor->type, sorted(arena, map), columns)) return broken(diag, path);
    }
    return LPC_OK;
}
