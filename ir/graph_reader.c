/* Reading the graph's text form word by word; see ir/graph_reader.h. */
#include "ir/graph_reader.h"

#include <stdlib.h>
#include <string.h>

bool reader_fail(GraphReader *r, const char *format, const char *what)
{
    if (r->failed) return false;
    int line = 1;
    for (const char *c = r->text; c < r->at; c++) line += *c == '\n';
    const char *message = arena_printf(r->arena, "line %d: ", line);
    Text text;
    text_init(&text, r->arena);
    text_add(&text, message);
    const char *hole = strstr(format, "%s");
    text_addn(&text, format, hole ? (size_t)(hole - format) : strlen(format));
    if (hole) {
        text_add(&text, what);
        text_add(&text, hole + 2);
    }
    diag_error(r->diag, "%s", text.data);
    r->failed = true;
    r->at += strlen(r->at);
    return false;
}

/* Spaces, and lines whose first character is '#'. */
void reader_skip(GraphReader *r)
{
    bool line_start = r->at == r->text;
    for (;; r->at++) {
        if (*r->at == '\n')
            line_start = true;
        else if (*r->at == '#' && line_start)
            r->at += strcspn(r->at, "\n") - 1;
        else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
            return;
    }
}

size_t reader_word_length(const char *text, const char *more)
{
    size_t length = 0;
    for (;; length++) {
        char c = text[length];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && !(c && strchr(more, c)))
            return length;
    }
}

bool reader_peek(GraphReader *r, char c)
{
    reader_skip(r);
    return *r->at == c;
}

bool reader_take(GraphReader *r, char c)
{
    if (!reader_peek(r, c)) return false;
    r->at++;
    return true;
}

bool reader_expect(GraphReader *r, char c)
{
    char what[2] = {c, 0};
    return reader_take(r, c) || reader_fail(r, "expected '%s'", what);
}

bool reader_take_word(GraphReader *r, const char *word)
{
    reader_skip(r);
    size_t length = strlen(word);
    if (reader_word_length(r->at, "") != length || memcmp(r->at, word, length) != 0) return false;
    r->at += length;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

const char *reader_string(GraphReader *r)
{
    Text text;
    text_init(&text, r->arena);
    if (!reader_expect(r, '"')) return "";
    for (; *r->at != '"'; r->at++) {
        char c = *r->at;
        if (c == '\\' && r->at[1] == 'x' && hex_digit(r->at[2]) >= 0 && hex_digit(r->at[3]) >= 0) {
            c = (char)(hex_digit(r->at[2]) * 16 + hex_digit(r->at[3]));
            r->at += 3;
        } else if (c == '\\') {
            c = *++r->at;
        }
        if (!c) {
            reader_fail(r, "a string does not end", "");
            return "";
        }
        text_addn(&text, &c, 1);
    }
    r->at++;
    return text.data;
}

const char *reader_word(GraphReader *r, const char *more, const char *what)
{
    if (reader_peek(r, '"')) return reader_string(r);
    size_t length = reader_word_length(r->at, more);
    if (!length) reader_fail(r, "expected %s", what);
    const char *word = arena_strndup(r->arena, r->at, length);
    r->at += length;
    return word;
}

int64_t reader_int(GraphReader *r)
{
    reader_skip(r);
    const char *digits = r->at + (*r->at == '-');
    if (*digits < '0' || *digits > '9') {
        reader_fail(r, "expected an integer", "");
        return 0;
    }
    char *end;
    bool unsigned_only = *r->at != '-';
    int64_t value = unsigned_only ? (int64_t)strtoull(r->at, &end, 10) : strtoll(r->at, &end, 10);
    r->at = end;
    return value;
}

int reader_small(GraphReader *r, int limit)
{
    int64_t value = reader_int(r);
    if (value >= -1 && value <= limit) return (int)value;
    reader_fail(r, "the number is out of range", "");
    return 0;
}

/* The length of a number at `at`; *is_float: it is written as one. */
size_t reader_number_length(const char *at, bool *is_float)
{
    size_t sign = *at == '-';
    if (!strncmp(at + sign, "inf", 3) || !strncmp(at + sign, "nan", 3)) {
        *is_float = true;
        return sign + 3;
    }
    size_t length = sign + strspn(at + sign, "0123456789");
    *is_float = false;
    if (length == sign) return 0;
    if (at[length] == '.') {
        *is_float = true;
        length += 1 + strspn(at + length + 1, "0123456789");
    }
    if (at[length] == 'e') {
        *is_float = true;
        length++;
        if (at[length] == '+' || at[length] == '-') length++;
        length += strspn(at + length, "0123456789");
    }
    return length;
}

double reader_double(GraphReader *r)
{
    bool is_float;
    reader_skip(r);
    size_t length = reader_number_length(r->at, &is_float);
    if (!length) reader_fail(r, "expected a number", "");
    const char *number = arena_strndup(r->arena, r->at, length);
    r->at += length;
    return strtod(number, NULL);
}
