/* Reads the text form of loops (docs/loops-text.md): the scanner, and what is outside kernels. */
#include "ir/loops_parse.h"
#include "ir/loops_words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The scanner. ---- */

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
    if (out->dtype == DT_NONE) return parse_fail(p, "a type");
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

/* ---- Symbols and buffers. ---- */

static int parse_symbol(Parser *p)
{
    const char *name;
    int64_t max = 0;
    int source = 0;
    TRY(parse_word(p, &name));
    TRY(parse_expect(p, "max"));
    TRY(parse_integer(p, &max));
    TRY(parse_choice(p, loops_source_words, "'input', 'state' or 'node'", &source));
    Symbol *symbol = sizes_symbol_at(p->program->sizes, sizes_symbol(p->program->sizes, name));
    symbol->max = max;
    symbol->source = (SymSource)source;
    return LPC_OK;
}

static Buffer *find_buffer(const Program *program, const char *name)
{
    for (int i = 0; i < program->buffer_count; i++)
        if (!strcmp(program->buffers[i]->name, name)) return program->buffers[i];
    return NULL;
}

static int parse_buffer(Parser *p)
{
    const char *name;
    LType type = {DT_NONE, 1};
    const Size *elements;
    int class = 0;
    TRY(parse_name(p, &name));
    if (find_buffer(p->program, name)) return parse_fail(p, "a new name for the buffer before");
    TRY(parse_expect(p, ":"));
    TRY(parse_type(p, &type));
    TRY(parse_expect(p, "["));
    TRY(parse_size(p, &elements));
    TRY(parse_expect(p, "]"));
    TRY(parse_choice(p, loops_buffer_words, "a class of buffers", &class));
    Buffer *buffer = program_buffer(p->program, name, (BufferClass)class, type.dtype, elements);
    if (class == BUFFER_INPUT || class == BUFFER_OUTPUT) {
        int64_t index = 0;
        TRY(parse_integer(p, &index));
        if (index != buffer->index) return parse_fail(p, "inputs and outputs in their order");
    }
    if (parse_accept(p, "bytes")) TRY(parse_integer(p, &buffer->max_bytes));
    if (parse_accept(p, "at")) TRY(parse_integer(p, &buffer->offset));
    if (parse_accept(p, "comment")) TRY(parse_quoted(p, &buffer->comment));
    return LPC_OK;
}

static int parse_memory(Parser *p)
{
    TRY(parse_expect(p, "work"));
    TRY(parse_integer(p, &p->program->work_bytes));
    TRY(parse_expect(p, "state"));
    TRY(parse_integer(p, &p->program->state_bytes));
    TRY(parse_expect(p, "const"));
    return parse_integer(p, &p->program->const_bytes);
}

/* ---- Main. ---- */

static int parse_main_buffer(Parser *p, Buffer **out)
{
    const char *name;
    TRY(parse_name(p, &name));
    *out = find_buffer(p->program, name);
    return *out ? LPC_OK : parse_fail(p, arena_printf(p->arena, "a buffer, not '%s'", name));
}

static int parse_call_arg(Parser *p, CallArg *out)
{
    out->offset = size_const(p->program->sizes, 0);
    TRY(parse_main_buffer(p, &out->buffer));
    if (!parse_accept(p, "[")) return LPC_OK;
    TRY(parse_size(p, &out->offset));
    return parse_expect(p, "]");
}

static int parse_call(Parser *p, Block *block)
{
    const char *name;
    TRY(parse_expect(p, "@"));
    TRY(parse_word(p, &name));
    Kernel *callee = NULL;
    for (int i = 0; i < p->program->kernel_count; i++)
        if (!strcmp(p->program->kernels[i]->name, name)) callee = p->program->kernels[i];
    if (!callee) return parse_fail(p, arena_printf(p->arena, "a kernel, not '%s'", name));
    TRY(parse_expect(p, "("));
    CallArg *args = NULL;
    int count = 0;
    while (!parse_accept(p, ")")) {
        if (count) TRY(parse_expect(p, ","));
        CallArg arg;
        TRY(parse_call_arg(p, &arg));
        arena_push(p->arena, args, count) = arg;
    }
    main_call(p->program, block, callee, count, args);
    return LPC_OK;
}

static int parse_symbol_name(Parser *p, int *sym)
{
    const char *name;
    TRY(parse_word(p, &name));
    *sym = sizes_find(p->program->sizes, name);
    return *sym < 0 ? parse_fail(p, arena_printf(p->arena, "a symbol, not '%s'", name)) : LPC_OK;
}

/* "size(" SIZE ")" when that comes next, else *out is NULL. */
static int parse_main_size(Parser *p, const Size **out)
{
    const char *before = p->at;
    int line = p->line;
    *out = NULL;
    if (!parse_accept(p, "size") || !parse_accept(p, "(")) {
        p->at = before; /* a buffer may be called that */
        p->line = line;
        return LPC_OK;
    }
    TRY(parse_size(p, out));
    return parse_expect(p, ")");
}

static int parse_main_block(Parser *p, Block *block);

static int parse_main_if(Parser *p, Block *block)
{
    static const char *const relations[] = {"eq", "ne", "lt", "le", "gt", "ge", NULL};
    const Size *left, *right;
    Inst *branch;
    TRY(parse_main_size(p, &left));
    if (left) {
        int relation = 0;
        TRY(parse_choice(p, relations, "'eq', 'ne', 'lt', 'le', 'gt' or 'ge'", &relation));
        TRY(parse_size(p, &right));
        branch = main_if_size(p->program, block, left, (InstOp)(LI_EQ + relation), right);
    } else {
        Buffer *cond;
        int64_t when = 0;
        TRY(parse_main_buffer(p, &cond));
        TRY(parse_expect(p, "is"));
        TRY(parse_integer(p, &when));
        branch = main_if(p->program, block, cond, when != 0);
    }
    TRY(parse_main_block(p, &branch->body));
    return parse_accept(p, "else") ? parse_main_block(p, &branch->els) : LPC_OK;
}

static int parse_loop(Parser *p, Block *block)
{
    int sym = 0;
    const Size *count;
    Buffer *cond = NULL;
    TRY(parse_symbol_name(p, &sym));
    TRY(parse_expect(p, "in"));
    TRY(parse_expect(p, "0.."));
    TRY(parse_size(p, &count));
    if (parse_accept(p, "while")) TRY(parse_main_buffer(p, &cond));
    return parse_main_block(p, &main_loop(p->program, block, sym, count, cond)->body);
}

static int parse_main_set(Parser *p, Block *block)
{
    int sym = 0;
    const Size *size;
    CallArg from;
    TRY(parse_symbol_name(p, &sym));
    TRY(parse_expect(p, ","));
    TRY(parse_main_size(p, &size));
    if (size) {
        main_set(p->program, block, sym, size);
        return LPC_OK;
    }
    TRY(parse_call_arg(p, &from));
    main_set_from(p->program, block, sym, from.buffer, from.offset);
    return LPC_OK;
}

static int parse_main_block(Parser *p, Block *block)
{
    static const char *const words[] = {"call", "if", "loop", "setsym", NULL};
    static int (*const readers[])(Parser *, Block *) = {parse_call, parse_main_if, parse_loop,
                                                        parse_main_set};
    TRY(parse_expect(p, "{"));
    if (++p->depth > 60) return parse_fail(p, "at most 60 blocks in one another");
    while (!parse_accept(p, "}")) {
        int which = 0;
        TRY(parse_choice(p, words, "'call', 'if', 'loop', 'setsym' or '}'", &which));
        TRY(readers[which](p, block));
    }
    p->depth--;
    return LPC_OK;
}

static int parse_program(Parser *p, SizeTable *sizes)
{
    const char *name;
    TRY(parse_expect(p, "program"));
    TRY(parse_expect(p, "@"));
    TRY(parse_word(p, &name));
    p->program = program_new(p->arena, sizes, name);
    while (!parse_accept(p, "main")) {
        if (parse_accept(p, "symbol"))
            TRY(parse_symbol(p));
        else if (parse_accept(p, "buffer"))
            TRY(parse_buffer(p));
        else if (parse_accept(p, "memory"))
            TRY(parse_memory(p));
        else if (parse_accept(p, "kernel"))
            TRY(parse_kernel(p));
        else
            return parse_fail(p, "'symbol', 'buffer', 'memory', 'kernel' or 'main'");
    }
    TRY(parse_main_block(p, &p->program->main->body));
    parse_skip(p);
    return *p->at ? parse_fail(p, "the end of the file") : LPC_OK;
}

int loops_parse(Arena *arena, Diag *diag, const char *text, const char *file, Program **out)
{
    Parser p = {.arena = arena, .diag = diag, .file = file, .at = text, .line = 1};
    TRY(parse_program(&p, sizes_new(arena)));
    TRY(loops_verify(p.program, diag));
    *out = p.program;
    return LPC_OK;
}
