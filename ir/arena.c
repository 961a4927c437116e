/* Arenas: chunks that double in size; under ASan one malloc block per object. */
#include "ir/arena.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_APART 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_APART 1
#endif
#endif
#ifndef ARENA_APART
#define ARENA_APART 0
#endif

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *next;
    size_t used, size;
};

struct Arena {
    Chunk *chunks; /* newest first */
};

enum { ALIGN = 16, FIRST_CHUNK = 16384, LARGEST_CHUNK = 1 << 20 };

static _Thread_local jmp_buf *escape; /* where to go on; NULL: nowhere */

jmp_buf *arena_escape(jmp_buf *to)
{
    jmp_buf *before = escape;
    escape = to;
    return before;
}

_Noreturn void out_of_memory(void)
{
    if (escape) longjmp(*escape, 1);
    fputs("lpc: out of memory\n", stderr);
    exit(1);
}

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX - ALIGN) out_of_memory();
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

Arena *arena_new(void)
{
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena) out_of_memory();
    return arena;
}

void arena_free(Arena *arena)
{
    if (!arena) return;
    for (Chunk *chunk = arena->chunks; chunk;) {
        Chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(arena);
}

static Chunk *chunk_new(Arena *arena, size_t size)
{
    size_t header = round_up(sizeof(Chunk));
    if (size > SIZE_MAX - header) out_of_memory();
    Chunk *chunk = calloc(1, header + size);
    if (!chunk) out_of_memory();
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(Arena *arena, size_t size)
{
    size_t header = round_up(sizeof(Chunk));
    if (ARENA_APART) return (char *)chunk_new(arena, size ? size : 1) + header;
    size = round_up(size ? size : 1);
    Chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t want = chunk ? chunk->size * 2 : FIRST_CHUNK;
        if (want > LARGEST_CHUNK) want = LARGEST_CHUNK;
        chunk = chunk_new(arena, want > size ? want : size);
    }
    void *result = (char *)chunk + header + chunk->used;
    chunk->used += size;
    return result;
}

void *arena_array(Arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) out_of_memory();
    return arena_alloc(arena, count * size);
}

void *arena_grow(Arena *arena, const void *old, size_t old_count, size_t new_count, size_t size)
{
    void *result = arena_array(arena, new_count, size);
    size_t keep = old_count < new_count ? old_count : new_count;
    if (keep) memcpy(result, old, keep * size);
    return result;
}

void *arena_room(Arena *arena, void *array, size_t count, size_t size)
{
    if (count == 0) return arena_array(arena, 4, size);
    if (count < 4 || (count & (count - 1))) return array;
    return arena_grow(arena, array, count, count * 2, size);
}

char *arena_strndup(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(Arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    if (length > 0) vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void text_init(Text *text, Arena *arena)
{
    text->arena = arena;
    text->length = 0;
    text->capacity = 64;
    text->data = arena_alloc(arena, text->capacity);
}

void text_addn(Text *text, const char *string, size_t length)
{
    if (text->capacity - text->length <= length) {
        size_t want = (text->length + length + 1) * 2;
        text->data = arena_grow(text->arena, text->data, text->length, want, 1);
        text->capacity = want;
    }
    if (length) memcpy(text->data + text->length, string, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_add(Text *text, const char *string)
{
    text_addn(text, string, strlen(string));
}

void text_printf(Text *text, const char *format, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof small) {
        text_addn(text, small, (size_t)length);
    } else if (length >= 0) {
        text_add(text, arena_vprintf(text->arena, format, again));
    }
    va_end(again);
}
