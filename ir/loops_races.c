/* See loops_races.h. */
#include "ir/loops_races.h"

/* A mark is 0, or the iteration that touched the piece, with a bit for writing, or this: */
static const uint32_t READ_BY_MANY = UINT32_MAX;

void races_watch(Races *r, Arena *arena, const uint8_t *begin, const uint8_t *end)
{
    if (begin >= end) return;
    int kept = 0;
    for (int i = 0; i < r->count; i++) {
        const RaceSpan *span = &r->spans[i];
        if (span->end <= begin || end <= span->begin) {
            r->spans[kept++] = *span;
            continue;
        }
        if (span->begin < begin) begin = span->begin;
        if (span->end > end) end = span->end;
    }
    r->count = kept;
    arena_push(arena, r->spans, r->count) = (RaceSpan){begin, end, NULL};
}

void races_start(Races *r, Arena *arena, size_t piece)
{
    r->piece = piece;
    for (int i = 0; i < r->count; i++) {
        size_t bytes = (size_t)(r->spans[i].end - r->spans[i].begin);
        r->spans[i].marks = arena_array(arena, bytes / piece + 1, sizeof(uint32_t));
    }
}

/* Iterations that are 2^30 apart are taken for one. */
static bool touch_piece(uint32_t *mark, int64_t iteration, bool writes)
{
    uint32_t own = ((uint32_t)(iteration & 0x3fffffff) + 1) << 1;
    if (*mark == 0 || (*mark != READ_BY_MANY && (*mark & ~1u) == own)) {
        *mark = own | (*mark & 1u) | writes;
        return true;
    }
    bool written = *mark != READ_BY_MANY && (*mark & 1u);
    *mark = READ_BY_MANY;
    return !written && !writes;
}

bool races_touch(Races *r, const uint8_t *at, size_t bytes, bool writes)
{
    for (int i = 0; i < r->count; i++) {
        const RaceSpan *span = &r->spans[i];
        if (at < span->begin || at >= span->end) continue;
        size_t first = (size_t)(at - span->begin) / r->piece;
        size_t last = (size_t)(at - span->begin + (ptrdiff_t)bytes - 1) / r->piece;
        for (size_t k = first; k <= last; k++)
            if (!touch_piece(&span->marks[k], r->iteration, writes)) return false;
        return true;
    }
    return true;
}
