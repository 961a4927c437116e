/* Arenas: memory by lifetime.
 *
 * Everything the compiler allocates lives in an arena and goes with it; there is no per-object free.
 * Under AddressSanitizer every object is its own malloc block, so that an overrun is seen at once. */
#ifndef LPC_IR_ARENA_H
#define LPC_IR_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

/* What happens when the machine is out of memory, on this thread: execution goes on at `to`, where it was
 * set with setjmp; NULL: lpc ends with a message, since a command has nothing better to do then. Returns
 * what was so before. What was allocated and not in the caller's hands by then is lost. */
jmp_buf *arena_escape(jmp_buf *to);
/* The same for those who allocate otherwise. */
_Noreturn void out_of_memory(void);

/* A new, empty arena. No function here returns when memory ends. */
Arena *arena_new(void);
void arena_free(Arena *arena);

/* `size` zeroed bytes, aligned for any type. size 0 gives a unique pointer. */
void *arena_alloc(Arena *arena, size_t size);
/* count * size zeroed bytes; an overflow is out of memory. */
void *arena_array(Arena *arena, size_t count, size_t size);
/* A copy of old (old_count elements) with room for new_count elements, the new ones zeroed. */
void *arena_grow(Arena *arena, const void *old, size_t old_count, size_t new_count, size_t size);
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t length);
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *arena, const char *format, va_list args);

/* Appends item to the growing array `array` with `count` used slots (capacity doubles at powers of
 * two, so no capacity is stored). `arena_push(a, list->items, list->count) = item;` */
#define arena_push(arena, array, count)                                                            \
    (*((array) = arena_room((arena), (array), (size_t)(count), sizeof *(array)),                   \
       &(array)[(count)++]))
void *arena_room(Arena *arena, void *array, size_t count, size_t size);

/* A growing text, in an arena. */
typedef struct Text {
    Arena *arena;
    char *data; /* always terminated */
    size_t length, capacity;
} Text;

void text_init(Text *text, Arena *arena);
void text_add(Text *text, const char *string);
void text_addn(Text *text, const char *string, size_t length);
void text_printf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
