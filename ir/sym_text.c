/* Sizes: printing and parsing.
 *
 *     sum     = ["-"] product { ("+" | "-") product }
 *     product = factor { ("*" | "/" | "mod") factor }        from left to right; "/" is floor
 * division factor  = integer | symbol | "(" sum ")" | "floor(" sum ")" | "ceil(" product "/" factor
 * ")" | "min(" sum "," sum ")" | "max(" sum "," sum ")" symbol  = letter { letter | digit | "_" |
 * "." } | '"' any text, \" and \\ escaped '"'
 *
 * A symbol whose name is not such a word, or is a word of the grammar, prints in quotes. */
#include "ir/sym_poly.h"

#include <inttypes.h>
#include <string.h>

static const char *const reserved[] = {"floor", "ceil", "mod", "min", "max"};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    if (!is_letter(text[0])) return 0;
    while (is_letter(text[length]) || is_digit(text[length]) || text[length] == '.') length++;
    return length;
}

static bool is_reserved(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strlen(reserved[i]) == length && !memcmp(reserved[i], word, length)) return true;
    }
    return false;
}

/* ---- Printing ---- */

static void print_symbol(Text *out, const char *name)
{
    size_t length = strlen(name);
    if (length && word_length(name) == length && !is_reserved(name, length)) {
        text_add(out, name);
        return;
    }
    text_add(out, "\"");
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\') text_add(out, "\\");
        text_addn(out, c, 1);
    }
    text_add(out, "\"");
}

static bool is_negative(const Size *size)
{
    if (size->kind == SIZE_CONST) return size->value < 0;
    return size->kind == SIZE_MUL && size->a->kind == SIZE_CONST && size->a->value < 0;
}

static bool is_atom(const Size *size)
{
    return !is_negative(size) && size->kind != SIZE_ADD && size->kind != SIZE_MUL;
}

static void print_in_parens(Text *out, SizeTable *table, const Size *size, bool parens)
{
    if (parens) text_add(out, "(");
    size_print(out, table, size);
    if (parens) text_add(out, ")");
}

/* `a OP b` where products on the left need no parentheses. */
static void print_over(Text *out, SizeTable *table, const Size *size, const char *op)
{
    bool plain = is_atom(size->a) || (size->a->kind == SIZE_MUL && !is_negative(size->a));
    print_in_parens(out, table, size->a, !plain);
    text_add(out, op);
    print_in_parens(out, table, size->b, !is_atom(size->b));
}

static void print_product(Text *out, SizeTable *table, const Size *size)
{
    if (size->kind != SIZE_MUL) {
        print_in_parens(out, table, size, !is_atom(size));
        return;
    }
    if (size_is(size->a, -1)) {
        text_add(out, "-");
    } else if (size_is_const(size->a)) {
        text_printf(out, "%" PRId64 "*", size->a->value);
    } else {
        print_product(out, table, size->a);
        text_add(out, "*");
    }
    print_product(out, table, size->b);
}

static void print_sum(Text *out, SizeTable *table, const Size *size)
{
    size_print(out, table, size->a);
    const Size *term = size->b;
    if (is_negative(term)) {
        text_add(out, " - ");
        term = size_muli(table, term, -1);
    } else {
        text_add(out, " + ");
    }
    size_print(out, table, term);
}

void size_print(Text *out, SizeTable *table, const Size *size)
{
    switch (size->kind) {
    case SIZE_CONST: text_printf(out, "%" PRId64, size->value); break;
    case SIZE_SYM: print_symbol(out, sizes_symbol_at(table, size->sym)->name); break;
    case SIZE_ADD: print_sum(out, table, size); break;
    case SIZE_MUL: print_product(out, table, size); break;
    case SIZE_DIV:
        text_add(out, "floor(");
        print_over(out, table, size, "/");
        text_add(out, ")");
        break;
    case SIZE_MOD:
        text_add(out, "(");
        print_over(out, table, size, " mod ");
        text_add(out, ")");
        break;
    case SIZE_LEAST:
    case SIZE_MOST:
        text_add(out, size->kind == SIZE_LEAST ? "min(" : "max(");
        size_print(out, table, size->a);
        text_add(out, ", ");
        size_print(out, table, size->b);
        text_add(out, ")");
        break;
    }
}

const char *size_text(SizeTable *table, const Size *size)
{
    Text text;
    text_init(&text, size_arena(table));
    size_print(&text, table, size);
    return text.data;
}

/* ---- Parsing. Each function returns NULL, with `at` where it went wrong. ---- */

enum { MAX_NESTING = 200 };

typedef struct SizeReader {
    SizeTable *table;
    const char *at;
    int depth;
} SizeReader;

static const Size *read_sum(SizeReader *reader);

static void skip_space(SizeReader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t') reader->at++;
}

static bool take(SizeReader *reader, char c)
{
    const char *start = reader->at;
    skip_space(reader);
    if (*reader->at == c) {
        reader->at++;
        return true;
    }
    reader->at = start; /* spaces behind a size are not part of it */
    return false;
}

static bool take_word(SizeReader *reader, const char *word)
{
    const char *start = reader->at;
    skip_space(reader);
    size_t length = strlen(word);
    if (word_length(reader->at) == length && !memcmp(reader->at, word, length)) {
        reader->at += length;
        return true;
    }
    reader->at = start;
    return false;
}

static const Size *expect(SizeReader *reader, const Size *size, char c)
{
    return size && take(reader, c) ? size : NULL;
}

static const Size *read_integer(SizeReader *reader)
{
    int64_t value = 0;
    for (; is_digit(*reader->at); reader->at++)
        value = sat_add(sat_mul(value, 10), *reader->at - '0');
    return size_const(reader->table, value);
}

static const Size *read_quoted(SizeReader *reader)
{
    Text name;
    text_init(&name, size_arena(reader->table));
    for (reader->at++; *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\') reader->at++;
        if (!*reader->at) return NULL;
        text_addn(&name, reader->at, 1);
    }
    reader->at++;
    return size_sym(reader->table, sizes_symbol(reader->table, name.data));
}

static const Size *read_pair(SizeReader *reader, bool min)
{
    const Size *a = take(reader, '(') ? expect(reader, read_sum(reader), ',') : NULL;
    const Size *b = a ? expect(reader, read_sum(reader), ')') : NULL;
    if (!b) return NULL;
    return min ? size_min(reader->table, a, b) : size_max(reader->table, a, b);
}

static const Size *read_factor(SizeReader *reader);

/* ceil(a*b/c): everything before the "/" is the numerator. */
static const Size *read_ceil(SizeReader *reader)
{
    const Size *top = take(reader, '(') ? read_factor(reader) : NULL;
    while (top && take(reader, '*')) {
        const Size *factor = read_factor(reader);
        if (!factor) return NULL;
        top = size_mul(reader->table, top, factor);
    }
    top = expect(reader, top, '/');
    const Size *bottom = top ? expect(reader, read_factor(reader), ')') : NULL;
    return bottom ? size_ceildiv(reader->table, top, bottom) : NULL;
}

static const Size *read_name(SizeReader *reader)
{
    size_t length = word_length(reader->at);
    if (take_word(reader, "floor"))
        return take(reader, '(') ? expect(reader, read_sum(reader), ')') : NULL;
    if (take_word(reader, "ceil")) return read_ceil(reader);
    if (take_word(reader, "min")) return read_pair(reader, true);
    if (take_word(reader, "max")) return read_pair(reader, false);
    if (!length || is_reserved(reader->at, length)) return NULL;
    const char *name = arena_strndup(size_arena(reader->table), reader->at, length);
    reader->at += length;
    return size_sym(reader->table, sizes_symbol(reader->table, name));
}

static const Size *read_factor(SizeReader *reader)
{
    skip_space(reader);
    if (is_digit(*reader->at)) return read_integer(reader);
    if (*reader->at == '"') return read_quoted(reader);
    if (reader->depth >= MAX_NESTING) return NULL;
    reader->depth++;
    const Size *size =
        take(reader, '(') ? expect(reader, read_sum(reader), ')') : read_name(reader);
    reader->depth--;
    return size;
}

static const Size *read_product(SizeReader *reader)
{
    const Size *left = read_factor(reader);
    while (left) {
        char op = take(reader, '*') ? '*' : take(reader, '/') ? '/' : 'm';
        if (op == 'm' && !take_word(reader, "mod")) break;
        const Size *right = read_factor(reader);
        if (!right) return NULL;
        if (op == '*') left = size_mul(reader->table, left, right);
        if (op == '/') left = size_div(reader->table, left, right);
        if (op == 'm') left = size_mod(reader->table, left, right);
    }
    return left;
}

static const Size *read_sum(SizeReader *reader)
{
    bool negative = take(reader, '-');
    const Size *left = read_product(reader);
    if (left && negative) left = size_muli(reader->table, left, -1);
    while (left) {
        bool minus = take(reader, '-');
        if (!minus && !take(reader, '+')) break;
        const Size *right = read_product(reader);
        if (!right) return NULL;
        left = minus ? size_sub(reader->table, left, right) : size_add(reader->table, left, right);
    }
    return left;
}

const Size *size_parse(SizeTable *table, const char *text, const char **end)
{
    SizeReader reader = {.table = table, .at = text};
    const Size *size = read_sum(&reader);
    if (end) {
        *end = reader.at;
        return size;
    }
    skip_space(&reader);
    return *reader.at ? NULL : size;
}
