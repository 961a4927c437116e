/* The data of loops: programs, buffers, kernels, instructions and what is known of them. The
 * functions that append code to a kernel are in loops_build.c, those for main in loops_main.c. */
#include "ir/loops.h"

#include <assert.h>

typedef struct InstInfo {
    const char *name;
    int args;
    char class;
} InstInfo;

/* The class letters of LPC_INSTS as characters. */
#define X(id, text, count, letter) {text, count, #letter[0]},
static const InstInfo inst_table[LI_COUNT] = {LPC_INSTS(X)};
#undef X

const char *inst_name(InstOp op)
{
    return (unsigned)op < LI_COUNT ? inst_table[op].name : "?";
}

int inst_args(InstOp op)
{
    return (unsigned)op < LI_COUNT ? inst_table[op].args : 0;
}

char inst_class(InstOp op)
{
    return (char)((unsigned)op < LI_COUNT ? inst_table[op].class : '?');
}

static Kernel *kernel_new(Program *program, const char *name)
{
    Kernel *kernel = arena_alloc(program->arena, sizeof *kernel);
    kernel->program = program;
    kernel->name = arena_strdup(program->arena, name);
    kernel->comment = "";
    kernel->origin = (Origin){.file = NULL, .node = "", .op = "", .index = -1};
    return kernel;
}

Program *program_new(Arena *arena, SizeTable *sizes, const char *name)
{
    Program *program = arena_alloc(arena, sizeof *program);
    program->arena = program->code = arena;
    program->sizes = sizes;
    program->name = arena_strdup(arena, name);
    program->main = kernel_new(program, "main");
    return program;
}

Buffer *program_buffer(Program *program, const char *name, BufferClass class, DType dtype,
                       const Size *elements)
{
    Buffer *buffer = arena_alloc(program->arena, sizeof *buffer);
    buffer->name = arena_strdup(program->arena, name);
    buffer->class = class;
    dtype = dtype_held(dtype); /* loops know nothing of narrow types */
    buffer->dtype = dtype;
    buffer->elements = elements;
    buffer->id = program->buffer_count;
    buffer->offset = buffer->tensor = -1;
    buffer->comment = "";
    buffer->first = buffer->last = -1;
    int64_t upper = size_upper(program->sizes, elements);
    int64_t bytes = (int64_t)dtype_size(dtype);
    buffer->max_bytes = upper > INT64_MAX / bytes ? INT64_MAX : upper * bytes;
    if (class == BUFFER_INPUT) buffer->index = program->input_count++;
    if (class == BUFFER_OUTPUT) buffer->index = program->output_count++;
    arena_push(program->arena, program->buffers, program->buffer_count) = buffer;
    return buffer;
}

Kernel *program_kernel(Program *program, const char *name)
{
    Kernel *kernel = kernel_new(program, name);
    arena_push(program->arena, program->kernels, program->kernel_count) = kernel;
    return kernel;
}

Inst *kernel_parallel(const Kernel *kernel)
{
    if (kernel->body.count != 1) return NULL;
    Inst *only = kernel->body.items[0];
    return only->op == LI_FOR && only->kind == LOOP_PARALLEL ? only : NULL;
}
