/* Element types of inputs: column TYPES of ir/ops.def. A node on other ones is told here, before any rule
 * takes what it does not know for something else. */
#include "passes/shape/shape.h"

#include <stdio.h>
#include <string.h>

/* Classes of types, as in docs/operators.md; what is none of them is the name of a type. */
static bool is_of_class(DType type, const char *word, size_t length)
{
    static const struct {
        const char *word;
        const char *types; /* between spaces */
    } classes[] = {
        {"f", " f16 bf16 f32 f64 "}, {"i", " i8 i16 i32 i64 "},
        {"u", " u8 u16 u32 u64 "},   {"b", " bool "},
        {"index", " i32 i64 "},      {"num", " f16 bf16 f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 "},
    };
    char name[32];
    if (length == 3 && !memcmp(word, "all", 3)) return true;
    if (length == 1 && *word == 's') return dtype_is_string(type);
    if (length == 1 && *word == 'n') return dtype_is_narrow(type);
    if (length == 1 && *word == 'c') return dtype_is_complex(type);
    snprintf(name, sizeof name, " %s ", dtype_name(type));
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].word) == length && !memcmp(classes[i].word, word, length))
            return strstr(classes[i].types, name) != NULL;
    }
    return dtype_from_name(word, length) == type;
}

/* "f+i32": any of these */
static bool is_one_of(DType type, const char *words, size_t length)
{
    for (const char *at = words, *end = words + length; at < end;) {
        size_t word = strcspn(at, "+ ");
        if (is_of_class(type, at, word)) return true;
        at += word + 1;
    }
    return false;
}

static const char *words_text(Graph *g, const char *words, size_t length)
{
    static const char *const said[][2] = {{"f", "floating point"},  {"i", "i8 to i64"},
                                          {"u", "u8 to u64"},       {"b", "bool"},
                                          {"s", "strings"},         {"n", "narrow types"},
                                          {"c", "complex numbers"}, {"index", "i32 or i64"},
                                          {"num", "numbers"}};
    Text text;
    text_init(&text, g->arena);
    for (const char *at = words, *end = words + length; at < end;) {
        size_t word = strcspn(at, "+ ");
        const char *name = arena_printf(g->arena, "%.*s", (int)word, at);
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
            if (!strcmp(said[i][0], name)) name = said[i][1];
        }
        text_add(&text, at == words ? "" : " or ");
        text_add(&text, name);
        at += word + 1;
    }
    return text.data;
}

/* One group of words for each input; the last is for all that follow. */
int types_check(Graph *g, const Node *n)
{
    const char *at = op_info(n->op)->types;
    if (!at) return 0;
    for (int i = 0; i < n->in_count; i++) {
        size_t length = strcspn(at, " ");
        const Tensor *x = n->in[i];
        if (x && !is_one_of(x->dtype, at, length))
            return diag_node(g->diag, &n->origin, "input %d, '%s': expected %s, got %s", i, x->name,
                             words_text(g, at, length),
                             dtype_is_string(x->dtype) ? "strings" : dtype_name(x->dtype));
        if (at[length]) at += length + 1;
    }
    return 0;
}
