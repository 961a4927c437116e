/* Classes of characters. See regex.h. */
#include "passes/lower/strings/regex.h"
#include "passes/lower/strings/unicode_case.h"

#include <stdlib.h>
#include <string.h>

void chars_add(Arena *arena, Chars *chars, int32_t first, int32_t last)
{
    if (first > last) return;
    arena_push(arena, chars->ranges, chars->count) = (CharRange){first, last};
}

static int by_first(const void *a, const void *c)
{
    const CharRange *one = a, *other = c;
    return one->first < other->first ? -1 : one->first > other->first;
}

void chars_normalise(Chars *chars)
{
    int kept = 0;
    if (!chars->count) return;
    qsort(chars->ranges, (size_t)chars->count, sizeof *chars->ranges, by_first);
    for (int i = 0; i < chars->count; i++) {
        CharRange range = chars->ranges[i], *last = &chars->ranges[kept - 1];
        if (kept && range.first <= last->last + 1) {
            if (range.last > last->last) last->last = range.last;
        } else {
            chars->ranges[kept++] = range;
        }
    }
    chars->count = kept;
}

void chars_negate(Arena *arena, Chars *chars)
{
    Chars others = {0};
    int32_t next = 0;
    chars_normalise(chars);
    for (int i = 0; i < chars->count; i++) {
        chars_add(arena, &others, next, chars->ranges[i].first - 1);
        next = chars->ranges[i].last + 1;
    }
    chars_add(arena, &others, next, LAST_CHARACTER);
    *chars = others;
}

/* ---- Case ---- */

static void add_mapped(Arena *arena, Chars *to, CharRange range, const CaseRange *map)
{
    int32_t first = range.first > map->first ? range.first : map->first;
    int32_t last = range.last < map->last ? range.last : map->last;
    first += (map->stride - (first - map->first) % map->stride) % map->stride;
    if (first > last) return;
    if (map->stride == 1) {
        chars_add(arena, to, first + map->delta, last + map->delta);
        return;
    }
    for (int32_t c = first; c <= last; c += map->stride)
        chars_add(arena, to, c + map->delta, c + map->delta);
}

static void add_table(Arena *arena, Chars *to, CharRange range, const CaseRange *table, int count)
{
    for (int i = 0; i < count; i++) add_mapped(arena, to, range, &table[i]);
}

/* Twice, since some characters share one of the other case: k, K and the Kelvin sign. */
void chars_fold_case(Arena *arena, Chars *chars)
{
    static const CaseRange ascii[] = {{'A', 'Z', 1, 32}, {'a', 'z', 1, -32}};
    for (int round = 0; round < 2; round++) {
        Chars all = {0};
        for (int i = 0; i < chars->count; i++) {
            CharRange range = chars->ranges[i];
            chars_add(arena, &all, range.first, range.last);
            add_table(arena, &all, range, ascii, 2);
            add_table(arena, &all, range, case_upper, case_upper_count);
            add_table(arena, &all, range, case_lower, case_lower_count);
        }
        *chars = all;
        chars_normalise(chars);
    }
}

/* ---- Named classes: of ASCII ---- */

bool chars_add_class(Arena *arena, Chars *chars, const char *name, size_t length)
{
    static const struct {
        const char *name;
        const char *ranges; /* pairs */
    } classes[] = {{"d", "09"},         {"s", "\t\n\f\r  "},   {"w", "09AZaz__"},
                   {"alnum", "09AZaz"}, {"alpha", "AZaz"},     {"blank", "\t\t  "},
                   {"digit", "09"},     {"graph", "!~"},       {"lower", "az"},
                   {"print", " ~"},     {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
                   {"upper", "AZ"},     {"word", "09AZaz__"},  {"xdigit", "09AFaf"}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].name) != length || strncmp(classes[i].name, name, length)) continue;
        for (const char *r = classes[i].ranges; *r; r += 2) chars_add(arena, chars, r[0], r[1]);
        return true;
    }
    bool control = length == 5 && !strncmp(name, "cntrl", 5);
    if (!control && (length != 5 || strncmp(name, "ascii", 5) != 0)) return false;
    chars_add(arena, chars, 0, control ? 31 : 127);
    if (control) chars_add(arena, chars, 127, 127);
    return true;
}

int32_t utf8_read(const char **at, const char *end)
{
    const uint8_t *c = (const uint8_t *)*at;
    int more = c[0] < 0x80 ? 0 : c[0] < 0xc2 ? -1 : c[0] < 0xe0 ? 1 : c[0] < 0xf0 ? 2 : 3;
    if (more < 0 || c[0] > 0xf4 || end - *at <= more) return -1;
    int32_t value = more == 0 ? c[0] : c[0] & (0x3f >> more);
    for (int i = 1; i <= more; i++) {
        if ((c[i] & 0xc0) != 0x80) return -1;
        value = value << 6 | (c[i] & 0x3f);
    }
    *at += more + 1;
    return value;
}
