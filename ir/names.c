/* Names in use: open addressing, grown at three quarters full. */
#include "ir/names.h"

#include <stdint.h>
#include <string.h>

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

const char *names_unique(const NameTable *table, const char *base)
{
    if (!find(table, base)->name) return arena_strdup(table->arena, base);
    for (int i = 2;; i++) {
        const char *name = arena_printf(table->arena, "%s_%d", base, i);
        if (!find(table, name)->name) return name;
    }
}
