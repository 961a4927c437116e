/* Names in use: open addressing, grown at three quarters full. */
#include "ir/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef struct Entry {
    const char *name;
    void *thing;
} Entry;

struct NameTable {
    Arena *arena;
    Entry *entries;
    size_t capacity, count; /* capacity is a power of two */
};

NameTable *names_new(Arena *arena)
{
    NameTable *table = arena_alloc(arena, sizeof *table);
    table->arena = arena;
    table->capacity = 64;
    table->entries = arena_array(arena, table->capacity, sizeof *table->entries);
    return table;
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* The entry of that name, or the free one where it would go. */
static Entry *find(const NameTable *table, const char *name)
{
    size_t at = (size_t)hash_name(name) & (table->capacity - 1);
    while (table->entries[at].name && strcmp(table->entries[at].name, name) != 0)
        at = (at + 1) & (table->capacity - 1);
    return &table->entries[at];
}

void *names_find(const NameTable *table, const char *name)
{
    return find(table, name)->thing;
}

static void grow(NameTable *table)
{
    Entry *old = table->entries;
    size_t old_capacity = table->capacity;
    table->capacity *= 2;
    table->entries = arena_array(table->arena, table->capacity, sizeof *table->entries);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].name) *find(table, old[i].name) = old[i];
    }
}

void names_put(NameTable *table, const char *name, void *thing)
{
    if ((table->count + 1) * 4 > table->capacity * 3) grow(table);
    Entry *entry = find(table, name);
    if (!entry->name) table->count++;
    *entry = (Entry){name, thing};
}

void names_remove(NameTable *table, const char *name)
{
    find(table, name)->thing = NULL; /* the entry stays: others are found behind it */
}

const char *names_unique(const NameTable *table, const char *base)
{
    if (!names_find(table, base)) return arena_strdup(table->arena, base);
    for (int i = 2;; i++) {
        const char *name = arena_printf(table->arena, "%s_%d", base, i);
        if (!names_find(table, name)) return name;
    }
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_ours(const char *name)
{
    return !strncasecmp(name, "lpc", 3) && (!name[3] || name[3] == '_');
}

const char *names_identifier(Arena *arena, const char *name)
{
    bool digit = *name >= '0' && *name <= '9', same = *name && *name != '_' && !digit;
    for (const char *c = name; *c; c++) same = same && is_word(*c);
    if (same && !is_ours(name)) return arena_strdup(arena, name);
    /* Bytes that are part of no word vanish at the ends and become one '_' inside. */
    Text text;
    text_init(&text, arena);
    if (digit || is_ours(name)) text_add(&text, "m_");
    bool gap = false;
    for (const char *c = name; *c; c++) {
        if (is_word(*c) && *c != '_') {
            if (gap && text.length) text_add(&text, "_");
            text_addn(&text, c, 1);
            gap = false;
        } else {
            gap = true;
        }
    }
    return arena_printf(arena, "%s_%06llx", text.length ? text.data : "model",
                        (unsigned long long)(hash_name(name) & 0xffffff));
}
