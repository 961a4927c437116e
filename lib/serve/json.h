/* JSON, as it is read: a cursor over a text that goes forward and never back. Numbers keep all their digits, strings
 * go to an arena, and nothing else is stored. What is wrong is told once, with its place.
 *
 *     cursor_open(&c, '{');
 *     while (cursor_key(&c, &name)) if (!strcmp(name, "id")) id = cursor_string(&c, NULL); else cursor_skip(&c);
 *     if (c.failed) ...
 */
#ifndef LPC_LIB_SERVE_JSON_H
#define LPC_LIB_SERVE_JSON_H

#include "ir/diag.h"

#include <stdbool.h>

enum { CURSOR_DEPTH = 32 }; /* lists and objects in each other */

typedef struct Cursor {
    const char *begin, *at, *end; /* *end is 0 */
    Arena *arena;
    Diag *diag;
    bool failed;
    int depth;
    bool fresh[CURSOR_DEPTH]; /* nothing of it was read yet */
} Cursor;

/* text[length] must be 0. */
void cursor_init(Cursor *c, Arena *arena, Diag *diag, const char *text, size_t length);
/* What comes: one of { [ " 0 (a number) t f n, or 0 at the end and for what is none of these. */
char cursor_peek(Cursor *c);
/* Enters an object or a list: bracket is { or [. */
bool cursor_open(Cursor *c, char bracket);
/* The next name of the object, its value comes then; false: the object has ended, or something is wrong. */
bool cursor_key(Cursor *c, const char **name);
/* Whether another element of the list comes. */
bool cursor_element(Cursor *c);
/* A string; it may hold zeros: *length counts (NULL: of no interest, a zero is refused). */
const char *cursor_string(Cursor *c, size_t *length);
bool cursor_bool(Cursor *c, bool *value);
bool cursor_null(Cursor *c);
bool cursor_double(Cursor *c, double *value);
/* A whole number: its size, and whether it is below 0. A fraction of 0 (1.0, 1e3) is taken. */
bool cursor_whole(Cursor *c, bool *negative, uint64_t *size);
/* Any value. */
void cursor_skip(Cursor *c);
/* Nothing but blanks may follow. */
bool cursor_ended(Cursor *c);
/* Reports "WHAT at byte N"; returns false. */
bool cursor_fail(Cursor *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A string with its quotes, for a text that is written. */
void json_quote(Text *text, const char *string, size_t length);

#endif
