/* Regular expressions to trees. See regex.h. */
#include "passes/lower/strings/regex.h"

#include <ctype.h>
#include <string.h>

enum { DEEPEST = 100, MOST_REPEATS = 1000 };

typedef struct Parser {
    Arena *arena;
    const char *at, *end;
    const char *problem;
    bool any_case, dot_all, lines; /* flags i, s, m */
    int depth;
} Parser;

static Regex *fail(Parser *p, const char *problem)
{
    if (!p->problem) p->problem = problem;
    p->at = p->end;
    return NULL;
}

static Regex *make(Parser *p, RegexKind kind, Regex *a, Regex *c)
{
    Regex *regex = arena_alloc(p->arena, sizeof *regex);
    *regex = (Regex){.kind = kind, .a = a, .c = c};
    return regex;
}

static Regex *make_assert(Parser *p, RegexAssert what)
{
    Regex *regex = make(p, REGEX_ASSERT, NULL, NULL);
    regex->what = what;
    return regex;
}

static Regex *make_chars(Parser *p, Chars chars, bool negated)
{
    Regex *regex = make(p, REGEX_CHARS, NULL, NULL);
    if (p->any_case) chars_fold_case(p->arena, &chars);
    if (negated) chars_negate(p->arena, &chars);
    chars_normalise(&chars);
    regex->chars = chars;
    return regex;
}

static Regex *make_character(Parser *p, int32_t c)
{
    Chars chars = {0};
    chars_add(p->arena, &chars, c, c);
    return make_chars(p, chars, false);
}

static bool take(Parser *p, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, text, length) != 0) return false;
    p->at += length;
    return true;
}

static int32_t character(Parser *p)
{
    int32_t c = utf8_read(&p->at, p->end);
    if (c < 0) fail(p, "is no UTF-8");
    return c;
}

/* ---- Escapes ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static int32_t number(Parser *p, int base, int most)
{
    int32_t value = 0;
    for (int i = 0; i < most && p->at < p->end && digit_of(*p->at) < base; i++)
        if (value <= LAST_CHARACTER) value = value * base + digit_of(*p->at++);
    return value;
}

static int32_t hexadecimal(Parser *p)
{
    bool braces = take(p, "{");
    const char *start = p->at;
    int32_t value = number(p, 16, braces ? 8 : 2);
    bool whole = braces ? p->at > start && take(p, "}") : p->at == start + 2;
    if (whole && value <= LAST_CHARACTER) return value;
    fail(p, "has a wrong \\x");
    return -1;
}

/* The character that an escape (behind the backslash) stands for, -1: it is none. */
static int32_t escaped_character(Parser *p)
{
    static const char letters[] = "aftnrv", codes[] = "\a\f\t\n\r\v";
    char c = *p->at;
    const char *found = memchr(letters, c, sizeof letters - 1);
    if (found) {
        p->at++;
        return codes[found - letters];
    }
    if (c == 'x') {
        p->at++;
        return hexadecimal(p);
    }
    bool octal = c == '0' ||
                 (c >= '1' && c <= '7' && p->end - p->at > 1 && p->at[1] >= '0' && p->at[1] <= '7');
    if (octal) return number(p, 8, 3);
    if (isalnum((unsigned char)c)) return -1;
    return character(p);
}

/* \d and its kin, with their negations. */
static bool escaped_class(Parser *p, Chars *chars)
{
    Chars own = {0};
    char name = (char)tolower((unsigned char)*p->at);
    if (!strchr("dsw", name) || !chars_add_class(p->arena, &own, &name, 1)) return false;
    if (*p->at++ != name) chars_negate(p->arena, &own);
    for (int i = 0; i < own.count; i++)
        chars_add(p->arena, chars, own.ranges[i].first, own.ranges[i].last);
    return true;
}

static Regex *quoted(Parser *p)
{
    Regex *all = make(p, REGEX_EMPTY, NULL, NULL);
    while (p->at < p->end && !take(p, "\\E"))
        all = make(p, REGEX_CAT, all, make_character(p, character(p)));
    return all;
}

static Regex *escape(Parser *p)
{
    static const struct {
        char letter;
        RegexAssert what;
    } asserts[] = {{'A', ASSERT_TEXT_BEGIN},
                   {'z', ASSERT_TEXT_END},
                   {'b', ASSERT_WORD_EDGE},
                   {'B', ASSERT_NO_WORD_EDGE}};
    Chars chars = {0};
    if (p->at == p->end) return fail(p, "ends with a backslash");
    for (size_t i = 0; i < sizeof asserts / sizeof *asserts; i++) {
        if (*p->at != asserts[i].letter) continue;
        p->at++;
        return make_assert(p, asserts[i].what);
    }
    if (take(p, "Q")) return quoted(p);
    if (take(p, "C")) return make(p, REGEX_BYTE, NULL, NULL);
    if (*p->at == 'p' || *p->at == 'P')
        return fail(p, "has \\p: classes of Unicode are not supported");
    if (escaped_class(p, &chars)) return make_chars(p, chars, false);
    int32_t c = escaped_character(p);
    return c < 0 ? fail(p, "has an escape that is not supported") : make_character(p, c);
}

/* ---- Classes in brackets ---- */

static bool posix_class(Parser *p, Chars *chars)
{
    Chars own = {0};
    const char *start = p->at;
    if (!take(p, "[:")) return false;
    bool negated = take(p, "^");
    const char *name = p->at;
    while (p->at < p->end && isalpha((unsigned char)*p->at)) p->at++;
    size_t length = (size_t)(p->at - name);
    if (!take(p, ":]")) {
        p->at = start;
        return false;
    }
    if (length < 2 || !chars_add_class(p->arena, &own, name, length))
        fail(p, "has an unknown class [: :]");
    if (negated) chars_negate(p->arena, &own);
    for (int i = 0; i < own.count; i++)
        chars_add(p->arena, chars, own.ranges[i].first, own.ranges[i].last);
    return true;
}

static int32_t class_character(Parser *p)
{
    if (!take(p, "\\")) return character(p);
    int32_t c = p->at < p->end ? escaped_character(p) : -1;
    if (c < 0) fail(p, "has an escape that is not supported in [ ]");
    return c;
}

static Regex *bracket(Parser *p)
{
    Chars chars = {0};
    bool negated = take(p, "^");
    for (bool first = true; p->at < p->end && (first || *p->at != ']'); first = false) {
        if (posix_class(p, &chars)) continue;
        if (*p->at == '\\' && p->end - p->at > 1) {
            p->at++;
            if (escaped_class(p, &chars)) continue;
            p->at--;
        }
        int32_t low = class_character(p), high = low;
        if (p->end - p->at > 1 && *p->at == '-' && p->at[1] != ']') {
            p->at++;
            high = class_character(p);
        }
        if (high < low) return fail(p, "has a range that ends before it begins");
        chars_add(p->arena, &chars, low, high);
    }
    if (!take(p, "]")) return fail(p, "lacks a ]");
    return make_chars(p, chars, negated);
}

/* ---- Groups ---- */

static Regex *alternatives(Parser *p);

/* (?flags) holds until the group around it ends, (?flags: ...) within it. */
static Regex *flags_group(Parser *p, const Parser *before)
{
    bool on = true;
    for (; p->at < p->end && *p->at != ')' && *p->at != ':'; p->at++) {
        switch (*p->at) {
        case 'i': p->any_case = on; break;
        case 's': p->dot_all = on; break;
        case 'm': p->lines = on; break;
        case 'U': break; /* which of several lengths: the longest in any case */
        case '-':
            if (!on) return fail(p, "has flags that are not known");
            on = false;
            break;
        default: return fail(p, "has flags that are not known");
        }
    }
    if (take(p, ")")) return make(p, REGEX_EMPTY, NULL, NULL);
    if (!take(p, ":")) return fail(p, "lacks a )");
    Regex *inside = alternatives(p);
    p->any_case = before->any_case;
    p->dot_all = before->dot_all;
    p->lines = before->lines;
    return take(p, ")") ? inside : fail(p, "lacks a )");
}

/* ?P<name> or ?<name>: nobody asks for it. */
static bool skip_name(Parser *p)
{
    if (!take(p, "?P<") && !take(p, "?<")) return false;
    while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_')) p->at++;
    if (!take(p, ">")) fail(p, "has a group with a wrong name, or looks behind");
    return true;
}

static Regex *group(Parser *p)
{
    Parser before = *p;
    if (!skip_name(p) && take(p, "?")) return flags_group(p, &before);
    Regex *inside = alternatives(p);
    p->any_case = before.any_case;
    p->dot_all = before.dot_all;
    p->lines = before.lines;
    return take(p, ")") ? inside : fail(p, "lacks a )");
}

/* ---- Sequences ---- */

static Regex *dot(Parser *p)
{
    Chars chars = {0};
    chars_add(p->arena, &chars, 0, p->dot_all ? LAST_CHARACTER : '\n' - 1);
    if (!p->dot_all) chars_add(p->arena, &chars, '\n' + 1, LAST_CHARACTER);
    Regex *regex = make(p, REGEX_CHARS, NULL, NULL);
    regex->chars = chars;
    return regex;
}

static Regex *atom(Parser *p)
{
    if (take(p, "(")) return group(p);
    if (take(p, "[")) return bracket(p);
    if (take(p, ".")) return dot(p);
    if (take(p, "\\")) return escape(p);
    if (take(p, "^")) return make_assert(p, p->lines ? ASSERT_LINE_BEGIN : ASSERT_TEXT_BEGIN);
    if (take(p, "$")) return make_assert(p, p->lines ? ASSERT_LINE_END : ASSERT_TEXT_END);
    if (strchr("*+?", *p->at)) return fail(p, "has nothing before a repetition");
    return make_character(p, character(p));
}

/* {n}, {n,} or {n,m}; anything else in braces is text. */
static bool counts(Parser *p, int *least, int *most)
{
    const char *start = p->at;
    if (!take(p, "{") || p->at == p->end || !isdigit((unsigned char)*p->at)) {
        p->at = start;
        return false;
    }
    *least = *most = number(p, 10, 5);
    if (take(p, ",")) {
        bool open = p->at < p->end && !isdigit((unsigned char)*p->at);
        *most = open ? -1 : number(p, 10, 5);
    }
    if (!take(p, "}")) {
        p->at = start;
        return false;
    }
    if (*least > MOST_REPEATS || *most > MOST_REPEATS || (*most >= 0 && *most < *least))
        fail(p, "has counts of repetition out of order, or above 1000");
    return true;
}

static bool repetition(Parser *p, int *least, int *most)
{
    *least = 0;
    *most = -1;
    if (take(p, "*")) return true;
    if (take(p, "+")) {
        *least = 1;
        return true;
    }
    if (take(p, "?")) {
        *most = 1;
        return true;
    }
    return counts(p, least, most);
}

static Regex *repeated(Parser *p)
{
    int least, most;
    Regex *regex = atom(p);
    if (p->problem || !repetition(p, &least, &most)) return regex;
    take(p, "?"); /* as few as possible: the same texts match */
    Regex *all = make(p, REGEX_REPEAT, regex, NULL);
    all->least = least;
    all->most = most;
    if (p->at < p->end && strchr("*+?", *p->at)) return fail(p, "has a repetition of a repetition");
    return all;
}

static Regex *alternatives(Parser *p)
{
    Regex *all = NULL;
    if (++p->depth > DEEPEST) return fail(p, "is nested too deeply");
    do {
        Regex *sequence = make(p, REGEX_EMPTY, NULL, NULL);
        while (p->at < p->end && *p->at != '|' && *p->at != ')')
            sequence = make(p, REGEX_CAT, sequence, repeated(p));
        all = all ? make(p, REGEX_ALT, all, sequence) : sequence;
    } while (take(p, "|"));
    p->depth--;
    return all;
}

Regex *regex_parse(Arena *arena, const char *pattern, const char **problem)
{
    Parser p = {.arena = arena, .at = pattern, .end = pattern + strlen(pattern)};
    Regex *regex = alternatives(&p);
    if (p.at < p.end) fail(&p, "has a ) too many");
    *problem = p.problem;
    return p.problem ? NULL : regex;
}
