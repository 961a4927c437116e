/* See json.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cursor_init(Cursor *c, Arena *arena, Diag *diag, const char *text, size_t length)
{
    *c = (Cursor){.begin = text, .at = text, .end = text + length, .arena = arena, .diag = diag};
}

bool cursor_fail(Cursor *c, const char *format, ...)
{
    char what[256];
    va_list args;
    if (c->failed) return false;
    c->failed = true;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)diag_error(c->diag, "JSON: %s at byte %td", what, c->at - c->begin);
    return false;
}

static void skip_blanks(Cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

char cursor_peek(Cursor *c)
{
    skip_blanks(c);
    if (c->failed || c->at == c->end) return 0;
    if (is_digit(*c->at) || *c->at == '-') return '0';
    return strchr("{[\"tfn", *c->at) && *c->at ? *c->at : 0;
}

/* ---- Objects and lists ---- */

bool cursor_open(Cursor *c, char bracket)
{
    if (cursor_peek(c) != bracket)
        return cursor_fail(c, "expected %s", bracket == '{' ? "an object" : "a list");
    if (c->depth == CURSOR_DEPTH) return cursor_fail(c, "more than %d levels", CURSOR_DEPTH);
    c->fresh[c->depth++] = true;
    c->at++;
    return true;
}

/* Whether another member follows, its comma read; else the closing bracket is read. */
static bool has_more(Cursor *c, char closing)
{
    skip_blanks(c);
    if (c->failed) return false;
    bool fresh = c->fresh[c->depth - 1];
    c->fresh[c->depth - 1] = false;
    if (c->at < c->end && *c->at == closing) {
        c->at++;
        c->depth--;
        return false;
    }
    if (fresh) return true;
    if (c->at == c->end || *c->at != ',') return cursor_fail(c, "expected ',' or '%c'", closing);
    c->at++;
    return true;
}

bool cursor_key(Cursor *c, const char **name)
{
    if (!has_more(c, '}')) return false;
    *name = cursor_string(c, NULL);
    if (!*name) return false;
    skip_blanks(c);
    if (c->at == c->end || *c->at != ':') return cursor_fail(c, "expected ':'");
    c->at++;
    return true;
}

bool cursor_element(Cursor *c)
{
    return has_more(c, ']');
}

/* ---- Strings ---- */

static int hex_value(char letter)
{
    if (is_digit(letter)) return letter - '0';
    letter = (char)(letter | 32);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1: there are none. */
static int32_t read_unit(Cursor *c)
{
    int32_t unit = 0;
    if (c->end - c->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(c->at[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    c->at += 4;
    return unit;
}

/* What follows \u: a character, perhaps of two units; -1: none. */
static int32_t read_escaped(Cursor *c)
{
    int32_t high = read_unit(c);
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u') return -1;
    c->at += 2;
    int32_t low = read_unit(c);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static char *put_utf8(char *to, int32_t character)
{
    if (character < 0x80) {
        *to++ = (char)character;
        return to;
    }
    int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const int heads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(heads[more] | character >> (6 * more));
    while (more--) *to++ = (char)(0x80 | ((character >> (6 * more)) & 0x3f));
    return to;
}

/* What follows a backslash; NULL: nothing that may. */
static char *read_escape(Cursor *c, char *to)
{
    static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *found = *c->at ? strchr(from, *c->at) : NULL;
    if (found) {
        c->at++;
        *to = means[found - from];
        return to + 1;
    }
    if (*c->at != 'u') return NULL;
    c->at++;
    int32_t character = read_escaped(c);
    return character < 0 ? NULL : put_utf8(to, character);
}

/* Where the string that begins at the cursor ends: at its second quote; NULL: nowhere. */
static const char *string_end(const Cursor *c)
{
    for (const char *at = c->at + 1; at < c->end; at++) {
        if (*at == '"') return at;
        if (*at == '\\') at++;
    }
    return NULL;
}

const char *cursor_string(Cursor *c, size_t *length)
{
    if (cursor_peek(c) != '"') return cursor_fail(c, "expected a string"), NULL;
    const char *end = string_end(c);
    if (!end) return cursor_fail(c, "a string has no end"), NULL;
    char *text = arena_alloc(c->arena, (size_t)(end - c->at)), *to = text;
    for (c->at++; c->at < end;) {
        if ((unsigned char)*c->at < 32)
            return cursor_fail(c, "a control character in a string"), NULL;
        if (*c->at != '\\') {
            *to++ = *c->at++;
            continue;
        }
        c->at++;
        to = read_escape(c, to);
        if (!to) return cursor_fail(c, "no such escape"), NULL;
    }
    c->at = end + 1;
    if (length)
        *length = (size_t)(to - text);
    else if (memchr(text, 0, (size_t)(to - text)))
        return cursor_fail(c, "a zero in a string"), NULL;
    return text;
}

/* ---- Words and numbers ---- */

static bool take_word(Cursor *c, const char *word)
{
    size_t length = strlen(word);
    if (cursor_peek(c) != *word || (size_t)(c->end - c->at) < length ||
        memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

bool cursor_bool(Cursor *c, bool *value)
{
    *value = take_word(c, "true");
    return *value || take_word(c, "false") || cursor_fail(c, "expected true or false");
}

bool cursor_null(Cursor *c)
{
    return take_word(c, "null") || cursor_fail(c, "expected null");
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at)) at++;
    return at;
}

/* The end of the number at the cursor, by JSON's rules; NULL: it is none. *whole: it has neither a fraction nor an
 * exponent. (The text ends with a zero.) */
static const char *number_end(const Cursor *c, bool *whole)
{
    const char *at = c->at + (*c->at == '-'), *digits = at;
    at = skip_digits(at);
    if (at == digits || (*digits == '0' && at > digits + 1)) return NULL;
    *whole = *at != '.' && *at != 'e' && *at != 'E';
    if (*at == '.') {
        digits = ++at;
        at = skip_digits(at);
        if (at == digits) return NULL;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '+' || *at == '-') at++;
        digits = at;
        at = skip_digits(at);
        if (at == digits) return NULL;
    }
    return at;
}

bool cursor_double(Cursor *c, double *value)
{
    bool whole;
    const char *end = cursor_peek(c) == '0' ? number_end(c, &whole) : NULL;
    if (!end) return cursor_fail(c, "expected a number");
    *value = strtod(c->at, NULL);
    c->at = end;
    return true;
}

bool cursor_whole(Cursor *c, bool *negative, uint64_t *size)
{
    bool whole = false;
    const char *end = cursor_peek(c) == '0' ? number_end(c, &whole) : NULL;
    if (!end) return cursor_fail(c, "expected a whole number");
    *negative = *c->at == '-';
    if (whole) {
        errno = 0;
        *size = strtoull(c->at + *negative, NULL, 10);
        if (errno) return cursor_fail(c, "a number of more than 64 bits");
    } else {
        double value = strtod(c->at + *negative, NULL);
        if (!(value < 0x1p53) || value != (double)(uint64_t)value)
            return cursor_fail(c, "expected a whole number");
        *size = (uint64_t)value;
    }
    c->at = end;
    return true;
}

/* ---- Whatever there is ---- */

void cursor_skip(Cursor *c)
{
    bool truth;
    double number;
    const char *name;
    switch (cursor_peek(c)) {
    case '{':
        if (!cursor_open(c, '{')) return;
        while (cursor_key(c, &name)) cursor_skip(c);
        return;
    case '[':
        if (!cursor_open(c, '[')) return;
        while (cursor_element(c)) cursor_skip(c);
        return;
    case '"': (void)cursor_string(c, &(size_t){0}); return;
    case '0': (void)cursor_double(c, &number); return;
    case 'n': (void)cursor_null(c); return;
    case 0: (void)cursor_fail(c, "expected a value"); return;
    default: (void)cursor_bool(c, &truth);
    }
}

bool cursor_ended(Cursor *c)
{
    skip_blanks(c);
    return c->at == c->end || cursor_fail(c, "something behind the end");
}

/* ---- Writing ---- */

void json_quote(Text *text, const char *string, size_t length)
{
    text_add(text, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char letter = (unsigned char)string[i];
        if (letter == '"' || letter == '\\')
            text_printf(text, "\\%c", letter);
        else if (letter < 32 || letter == 127)
            text_printf(text, "\\u%04x", letter);
        else
            text_addn(text, string + i, 1);
    }
    text_add(text, "\"");
}
