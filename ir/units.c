/* Bytes and seconds as people write and read them. */
#include "ir/units.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double parse_bytes(const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},         {"B", 1},        {"kB", 1e3},    {"KB", 1e3},
                 {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},   {"KiB", 1024},
                 {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    char *end;
    if (!isdigit((unsigned char)*text)) return -1;
    double value = strtod(text, &end);
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!strcmp(end, units[i].name)) return value * units[i].bytes;
    }
    return -1;
}

const char *bytes_text(Arena *arena, double bytes)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (fabs(bytes) >= 999.95 && unit < 4) bytes /= 1000, unit++;
    return arena_printf(arena, unit ? "%.1f %s" : "%.0f %s", bytes, names[unit]);
}

const char *seconds_text(Arena *arena, double seconds)
{
    if (seconds == 0) return "0";
    if (seconds < 1e-3) return arena_printf(arena, "%.3g us", seconds * 1e6);
    if (seconds < 1) return arena_printf(arena, "%.4g ms", seconds * 1e3);
    return arena_printf(arena, "%.4g s", seconds);
}
