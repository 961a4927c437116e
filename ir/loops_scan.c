/* The scanner of the text form of loops. */
#include "ir/loops_parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int parse_fail(Parser *p, const char *expected)
{
    size_t length = strcspn(p->at, " \t\n,(){}[]");
    if (length == 0 && *p->at) length = 1;
    if (length > 40) length = 40;
    return diag_error(p->diag, "%s:%d: expected %s, got '%.*s'", p->file, p->line, expected,
                      (int)length, *p->at ? p->at : "end of file");
}

void parse_skip(Parser *p)
{
    for (;; p->at++) {
        if (*p->at == '#') p->at += strcspn(p->at, "\n");
        if (*p->at == '\n')
            p->line++;
        else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r')
            return;
    }
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool parse_accept(Parser *p, const char *token)
{
    parse_skip(p);
    size_t length = strlen(token);
    if (strncmp(p->at, token, length)) return false;
    if (is_word_char(token[length - 1]) && is_word_char(p->at[length])) return false;
    p->at += length;
    return true;
}

int parse_expect(Parser *p, const char *token)
{
    if (parse_accept(p, token)) return LPC_OK;
    return parse_fail(p, arena_printf(p->arena, "'%s'", token));
}

int parse_word(Parser *p, const char **out)
{
    parse_skip(p);
    size_t length = 0;
    while (is_word_char(p->at[length])) length++;
    if (length == 0 || isdigit((unsigned char)*p->at)) return parse_fail(p, "a name");
    *out = arena_strndup(p->arena, p->at, length);
    p->at += length;
    return LPC_OK;
}

int parse_quoted(Parser *p, const char **out)
{
    TRY(parse_expect(p, "\""));
    Text text;
    text_init(&text, p->arena);
    for (; *p->at && *p->at != '"'; p->at++) {
        if (*p->at == '\n') break;
        if (*p->at == '\\' && p->at[1] == 'n') {
            text_add(&text, "\n");
            p->at++;
            continue;
        }
        if (*p->at == '\\' && p->at[1]) p->at++;
        text_addn(&text, p->at, 1);
    }
    *out = text.data;
    if (*p->at != '"') return parse_fail(p, "'\"' at the end of a string");
    p->at++;
    return LPC_OK;
}

int parse_name(Parser *p, const char **out)
{
    parse_skip(p);
    return *p->at == '"' ? parse_quoted(p, out) : parse_word(p, out);
}

int parse_integer(Parser *p, int64_t *out)
{
    parse_skip(p);
    const char *digits = p->at + (*p->at == '-');
    if (!isdigit((unsigned char)*digits)) return parse_fail(p, "an integer");
    char *end;
    errno = 0;
    *out = (int64_t)strtoll(p->at, &end, 10);
    if (errno) return parse_fail(p, "an integer of 64 bits");
    p->at = end;
    return LPC_OK;
}

int parse_number(Parser *p, double *out)
{
    parse_skip(p);
    const char *start = p->at + (*p->at == '-');
    if (!isdigit((unsigned char)*start) && strncmp(start, "inf", 3) && strncmp(start, "nan", 3))
        return parse_fail(p, "a number");
    char *end;
    *out = strtod(p->at, &end);
    p->at = end;
    return LPC_OK;
}

int parse_type(Parser *p, LType *out)
{
    parse_skip(p);
    size_t length = strcspn(p->at, "x \t\n,:.;()[]{}=");
    out->lanes = 1;
    out->dtype = dtype_from_name(p->at, length);
    if (out->dtype == DT_NONE || dtype_held(out->dtype) != out->dtype)
        return parse_fail(p, "a type");
    p->at += length;
    if (*p->at != 'x') return LPC_OK;
    p->at++;
    int64_t lanes;
    TRY(parse_integer(p, &lanes));
    if (lanes < 2 || lanes > 64) return parse_fail(p, "2 to 64 lanes");
    out->lanes = (int)lanes;
    return LPC_OK;
}

int parse_size(Parser *p, const Size **out)
{
    parse_skip(p);
    const char *end = p->at;
    *out = size_parse(p->program->sizes, p->at, &end);
    p->at = end;
    return *out ? LPC_OK : parse_fail(p, "a size");
}

int parse_choice(Parser *p, const char *const *words, const char *what, int *out)
{
    for (int i = 0; words[i]; i++) {
        if (!parse_accept(p, words[i])) continue;
        *out = i;
        return LPC_OK;
    }
    return parse_fail(p, what);
}
