/* Identifiers, constants, comments and lists as C text. */
#include "backend/c/emit.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Identifiers ---- */

/* Words that a name of ours must not be: C's, and what emitted files use themselves. */
static const char *const reserved[] = {
    "auto",      "break",     "case",         "char",          "const",    "continue", "default",
    "do",        "double",    "else",         "enum",          "extern",   "float",    "for",
    "goto",      "if",        "inline",       "int",           "long",     "register", "restrict",
    "return",    "short",     "signed",       "sizeof",        "static",   "struct",   "switch",
    "typedef",   "union",     "unsigned",     "void",          "volatile", "while",    "bool",
    "true",      "false",     "asm",          "typeof",        "alignas",  "alignof",  "noreturn",
    "nullptr",   "constexpr", "thread_local", "static_assert", "NULL",     "INFINITY", "NAN",
    "NOINLINE",  "INLINE",    "linux",        "unix",          "i386",     "arm",      "memcpy",
    "sizes",     "args",      "arg",          "begin",         "end",      "error",    "INT8_MIN",
    "INT16_MIN", "INT32_MIN", "INT64_MIN",    "INT64_C",       "UINT64_C"};

const char *math_name(InstOp op, DType type)
{
    static const char *const names[LI_COUNT][2] = {
#define X(id, name, args, class) [LI_##id] = {name, name "f"},
        LPC_INSTS(X)
#undef X
    };
    char class = inst_class(op);
    if (op == LI_ABS) return type == DT_F32 ? "fabsf" : "fabs";
    bool unary =
        op == LI_SQRT || op == LI_FLOOR || op == LI_CEIL || op == LI_RINT || op == LI_TRUNC;
    if (!unary && class != 'F' && class != 'G') return NULL;
    return names[op][type == DT_F32];
}

static bool is_libm(const char *name)
{
    static const char *const others[] = {"fma",    "fmin", "fmax",  "round", "cbrt",
                                         "exp2",   "log2", "log10", "hypot", "tgamma",
                                         "lgamma", "logb", "scalb"};
    size_t length = strlen(name);
    if (length && (name[length - 1] == 'f' || name[length - 1] == 'l')) length--;
    for (int op = LI_ABS; op <= LI_ATAN2; op++) {
        const char *text = math_name((InstOp)op, DT_F64);
        if (text &&
            ((strlen(text) == length && !strncmp(text, name, length)) || !strcmp(text, name)))
            return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i]) == length && !strncmp(others[i], name, length)) return true;
    return false;
}

/* Types and helpers start with an element type: f32x8, i64_min. */
static bool is_typed(const char *name)
{
    for (DType type = DT_BOOL; type < DT_COUNT; type = (DType)(type + 1)) {
        const char *text = dtype_name(type);
        size_t length = strlen(text);
        if (strncmp(name, text, length)) continue;
        const char *rest = name + length;
        if (*rest == 'x' && isdigit((unsigned char)rest[1])) return true;
        if (*rest == '_' && type != DT_BOOL) return true;
    }
    return false;
}

bool c_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (!strcmp(reserved[i], name)) return true;
    size_t length = strlen(name);
    if (name[0] == '_') return true;
    if (length > 2 && !strcmp(name + length - 2, "_t")) return true; /* int64_t and the like */
    static const char *const prefixes[] = {"SYM_", "WORK_", "CONST_", "STATE_", "lpc_", "LPC_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) return true;
    return is_typed(name) || is_libm(name);
}

const char *c_identifier(Arena *arena, const char *text)
{
    Text out;
    text_init(&out, arena);
    if (isdigit((unsigned char)text[0])) text_add(&out, "n");
    for (; *text && out.length < 48; text++) {
        unsigned char c = (unsigned char)*text;
        char safe = c < 128 && isalnum(c) ? (char)c : '_';
        if (safe == '_' && (!out.length || out.data[out.length - 1] == '_')) continue;
        text_addn(&out, &safe, 1);
    }
    return out.length ? out.data : "n";
}

bool names_have(const Names *names, const char *name)
{
    for (int i = 0; names && i < names->count; i++)
        if (!strcmp(names->items[i], name)) return true;
    return false;
}

void names_add(Arena *arena, Names *names, const char *name)
{
    arena_push(arena, names->items, names->count) = name;
}

const char *names_make(Arena *arena, Names *names, const Names *outer, const char *text)
{
    const char *base = c_identifier(arena, text);
    if (c_reserved(base)) base = arena_printf(arena, "v_%s", base);
    const char *name = base;
    for (int i = 2; names_have(names, name) || names_have(outer, name); i++)
        name = arena_printf(arena, "%s_%d", base, i);
    names_add(arena, names, name);
    return name;
}

/* ---- Constants ---- */

static Expr number(Arena *arena, const char *text)
{
    return (Expr){arena_strdup(arena, text), text[0] == '-' ? PREC_UNARY : PREC_POSTFIX};
}

Expr c_int(Arena *arena, DType type, int64_t value)
{
    char text[40];
    switch (type) {
    case DT_U32: snprintf(text, sizeof text, "%" PRIu32 "U", (uint32_t)value); break;
    case DT_U64: snprintf(text, sizeof text, "UINT64_C(%" PRIu64 ")", (uint64_t)value); break;
    case DT_BOOL: return (Expr){value ? "true" : "false", PREC_POSTFIX};
    default:
        if (type == DT_I32 && value == INT32_MIN) return (Expr){"INT32_MIN", PREC_POSTFIX};
        if (value == INT64_MIN) return (Expr){"INT64_MIN", PREC_POSTFIX};
        if (value > INT32_MAX || value <= INT32_MIN)
            snprintf(text, sizeof text, "%sINT64_C(%" PRId64 ")", value < 0 ? "-" : "",
                     value < 0 ? -value : value);
        else
            snprintf(text, sizeof text, "%" PRId64, value);
    }
    return number(arena, text);
}

static bool round_trips(DType type, const char *text, double value)
{
    if (type == DT_F64) return strtod(text, NULL) == value;
    return strtof(text, NULL) == (float)value;
}

Expr c_float(Arena *arena, DType type, double value)
{
    if (type == DT_F16 || type == DT_BF16) {
        unsigned bits = type == DT_F16 ? f32_to_f16((float)value) : f32_to_bf16((float)value);
        return (Expr){arena_printf(arena, "0x%04x", bits), PREC_POSTFIX};
    }
    const char *suffix = type == DT_F32 ? "f" : "";
    if (isnan(value)) return (Expr){"NAN", PREC_POSTFIX};
    if (type == DT_F32) value = (double)(float)value;
    if (isinf(value)) return number(arena, value < 0 ? "-INFINITY" : "INFINITY");
    char text[48];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (round_trips(type, text, value)) break;
    }
    const char *point = strpbrk(text, ".e") ? "" : ".0";
    return number(arena, arena_printf(arena, "%s%s%s", text, point, suffix));
}

const char *c_paren(Arena *arena, Expr expr, Prec least)
{
    return expr.prec >= least ? expr.text : arena_printf(arena, "(%s)", expr.text);
}

/* ---- Comments ---- */

/* Bytes that could end the comment, open another or confuse a reader's terminal are replaced. */
static void comment_char(Text *out, const char *text)
{
    unsigned char c = (unsigned char)*text;
    char safe = c < 32 || c > 126 ? '_' : (char)c;
    text_addn(out, &safe, 1);
    bool trigraph = c == '?' && text[1] == '?';
    if (trigraph || (c == '*' && text[1] == '/') || (c == '/' && text[1] == '*'))
        text_add(out, " ");
}

void c_comment(Text *out, const char *text, int indent)
{
    text_printf(out, "%*s/* ", indent, "");
    for (; *text; text++) {
        if (*text != '\n')
            comment_char(out, text);
        else if (text[1])
            text_printf(out, "\n%*s * ", indent, "");
    }
    text_add(out, " */\n");
}

const char *c_comment_line(Arena *arena, const char *text)
{
    Text out;
    text_init(&out, arena);
    for (; *text && *text != '\n'; text++) comment_char(&out, text);
    return out.data;
}

/* ---- Lists ---- */

void list_add(List *list, const char *item)
{
    int width = (int)strlen(item);
    if (list->text.length && list->column + width > 97) {
        text_printf(&list->text, ",\n%*s", list->indent, "");
        list->column = list->indent;
    } else if (list->text.length) {
        text_add(&list->text, ", ");
    }
    text_add(&list->text, item);
    list->column += width + 2;
}
