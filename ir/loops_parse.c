/* Reads the text form of loops (docs/loops-text.md): what is outside kernels. */
#include "ir/loops_parse.h"
#include "ir/loops_words.h"

#include <string.h>

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
    Buffer *buffer = program_buffer(p->program, name, (BufferClass) class, type.dtype, elements);
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

/* A kernel that is elsewhere: it has a head only. */
static int parse_extern(Parser *p)
{
    TRY(parse_expect(p, "kernel"));
    TRY(parse_kernel(p));
    Kernel *kernel = p->program->kernels[p->program->kernel_count - 1];
    kernel->is_extern = true;
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
        else if (parse_accept(p, "extern"))
            TRY(parse_extern(p));
        else if (parse_accept(p, "kernel"))
            TRY(parse_kernel(p));
        else
            return parse_fail(p, "'symbol', 'buffer', 'memory', 'kernel', 'extern' or 'main'");
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
