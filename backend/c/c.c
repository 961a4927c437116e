/* The emitted file: what it says about itself, the map of its memory, the checks of sizes. */
#include "backend/c/emit.h"

#include "backend/arrays/arrays.h"

#include <stdlib.h>
#include <string.h>

/* ---- Names ---- */

static void name_symbols(CEmit *e)
{
    SizeTable *table = e->program->sizes;
    int count = sizes_symbol_count(table);
    Names taken = {0};
    e->sym_enums = arena_array(e->arena, (size_t)count, sizeof *e->sym_enums);
    for (int i = 0; i < count; i++) {
        const char *name = c_identifier(e->arena, sizes_symbol_at(table, i)->name);
        const char *base = arena_printf(e->arena, "SYM_%s", name);
        e->sym_enums[i] = base;
        for (int n = 2; names_have(&taken, e->sym_enums[i]); n++)
            e->sym_enums[i] = arena_printf(e->arena, "%s_%d", base, n);
        names_add(e->arena, &taken, e->sym_enums[i]);
    }
}

static void name_buffers(CEmit *e)
{
    static const char *const prefixes[] = {
        [BUFFER_WORK] = "WORK", [BUFFER_CONST] = "CONST", [BUFFER_STATE] = "STATE"};
    const Program *program = e->program;
    Names taken = {0};
    e->buffer_names = arena_array(e->arena, (size_t)program->buffer_count, sizeof *e->buffer_names);
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_INPUT || buffer->class == BUFFER_OUTPUT) continue;
        const char *text = arena_printf(e->arena, "%s_%s", prefixes[buffer->class],
                                        c_identifier(e->arena, buffer->name));
        const char *name = text;
        for (int n = 2; names_have(&taken, name); n++)
            name = arena_printf(e->arena, "%s_%d", text, n);
        names_add(e->arena, &taken, name);
        e->buffer_names[buffer->id] = name;
    }
}

/* Only kernels that something calls are emitted: an unused static function is a warning. */
static void name_kernels(CEmit *e, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        name_kernels(e, &inst->body);
        name_kernels(e, &inst->els);
        if (inst->op != LI_CALL) continue;
        int at = c_kernel_position(e->program, inst->callee);
        if (e->kernel_names[at]) continue;
        if (inst->callee->is_extern) {
            e->kernel_names[at] = inst->callee->name;
            continue;
        }
        const char *name = inst->callee->name; /* k_gamma, as libm has a gamma */
        if (!strchr(name, '_')) name = arena_printf(e->arena, "k_%s", name);
        e->kernel_names[at] = names_make(e->arena, &e->globals, NULL, name);
    }
}

static void make_names(CEmit *e)
{
    const char *name = e->program->name;
    names_add(e->arena, &e->globals, arena_printf(e->arena, "%s_run", name));
    names_add(e->arena, &e->globals, arena_printf(e->arena, "%s_weights", name));
    static const char *const ours[] = {"at", "at_const", "run_parallel", "check_sizes",
                                       "weights_at"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        names_add(e->arena, &e->globals, ours[i]);
    e->kernel_names =
        arena_array(e->arena, (size_t)e->program->kernel_count, sizeof *e->kernel_names);
    name_symbols(e);
    name_buffers(e);
    name_kernels(e, &e->program->main->body);
}

/* ---- Above the kernels ---- */

static void emit_symbols(CEmit *e, Text *out)
{
    SizeTable *table = e->program->sizes;
    int count = sizes_symbol_count(table);
    static const char *const sources[] = {[SYM_INPUT] = "set by an input's shape",
                                          [SYM_STATE] = "kept by the state",
                                          [SYM_NODE] = "set by a kernel"};
    if (count) text_add(out, "/* Positions in `sizes`. */\nenum {\n");
    for (int i = 0; i < count; i++) {
        const Symbol *symbol = sizes_symbol_at(table, i);
        const char *bound = symbol->max < 0
                                ? "no bound"
                                : arena_printf(e->arena, "at most %lld", (long long)symbol->max);
        text_printf(out, "    %s = %d%s /* %s; %s */\n", e->sym_enums[i], i,
                    i + 1 < count ? "," : "", bound, sources[symbol->source]);
    }
    if (count) text_add(out, "};\n\n");
}

static void emit_check_sizes(CEmit *e, Text *out)
{
    const bool *given = program_given(e->program, e->arena);
    text_add(out, "/* Refuses sizes that the memory was not planned for. */\n"
                  "static int check_sizes(const int64_t *sizes)\n{\n    (void)sizes;\n");
    for (int i = 0; i < sizes_symbol_count(e->program->sizes); i++)
        if (given[i]) c_check_symbol(e, out, i, 4);
    text_add(out, "    return LPC_RUN_OK;\n}\n\n");
}

static int by_offset(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void map_row(CEmit *e, Text *out, const Buffer *buffer)
{
    const char *elements = size_text(e->program->sizes, buffer->elements);
    text_printf(out, "#define %-38s %10lld /* %lld bytes: %s %s", e->buffer_names[buffer->id],
                (long long)buffer->offset, (long long)buffer->max_bytes, dtype_name(buffer->dtype),
                c_comment_line(e->arena, elements));
    if (buffer->class == BUFFER_WORK && buffer->first >= 0)
        text_printf(out, ", steps %d..%d", buffer->first, buffer->last);
    if (buffer->comment && *buffer->comment)
        text_printf(out, ", %s", c_comment_line(e->arena, buffer->comment));
    text_add(out, " */\n");
}

static void emit_map(CEmit *e, Text *out, BufferClass class, const char *heading)
{
    const Program *program = e->program;
    Buffer **rows = arena_array(e->arena, (size_t)program->buffer_count, sizeof *rows);
    int count = 0;
    for (int i = 0; i < program->buffer_count; i++) {
        Buffer *buffer = program->buffers[i];
        if (buffer->class == class && buffer->offset >= 0) rows[count++] = buffer;
    }
    if (!count) return;
    qsort(rows, (size_t)count, sizeof *rows, by_offset);
    text_add(out, heading);
    for (int i = 0; i < count; i++) map_row(e, out, rows[i]);
    text_add(out, "\n");
}

static void emit_maps(CEmit *e, Text *out)
{
    const Program *p = e->program;
    emit_map(
        e, out, BUFFER_WORK,
        arena_printf(e->arena,
                     "/* The workspace, %lld bytes: where each buffer starts, its largest size,\n"
                     " * and the first and last step of %s_run that uses it. */\n",
                     (long long)p->work_bytes, p->name));
    emit_map(e, out, BUFFER_STATE,
             arena_printf(e->arena, "/* The state, %lld bytes: kept from one run to the next. */\n",
                          (long long)p->state_bytes));
    if (e->options->arrays) return; /* they have no place of lpc's choosing */
    emit_map(e, out, BUFFER_CONST,
             arena_printf(e->arena,
                          "/* The weights, %lld bytes, in the object that defines "
                          "%s_weights. */\n",
                          (long long)p->const_bytes, p->name));
}

/* The inputs and outputs, and how the file is compiled. */
static void emit_title(CEmit *e, Text *out)
{
    const Program *p = e->program;
    const char *title = e->options->title ? e->options->title : p->name;
    text_printf(out, "/* %s\n *\n", c_comment_line(e->arena, title));
    text_printf(out, " * Made by lpc: do not edit. %s defines %s_run (see lpc_model.h).\n",
                e->options->portable ? "Plain ISO C11;" : "C11 with vector extensions;", p->name);
    if (!e->options->portable && e->options->vector_bits)
        text_printf(out, " * Written for vector registers of %d bits.\n", e->options->vector_bits);
    text_add(
        out,
        " * Compile with -std=c11 -O3 -fno-math-errno -fno-trapping-math; not with -ffast-math,\n"
        " * nor with -std=gnuNN unless -ffp-contract=off is given: results would change.\n *\n");
    static const char *const arrays[] = {[BUFFER_INPUT] = "in", [BUFFER_OUTPUT] = "out"};
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *buffer = p->buffers[i];
        if (buffer->class != BUFFER_INPUT && buffer->class != BUFFER_OUTPUT) continue;
        text_printf(out, " * %s[%d]: %s, %s, at most %lld bytes\n", arrays[buffer->class],
                    buffer->index, c_comment_line(e->arena, buffer->name),
                    dtype_name(buffer->dtype), (long long)buffer->max_bytes);
    }
    text_add(out, " */\n");
}

static void emit_includes(CEmit *e, Text *out)
{
    text_add(out, "#include \"lpc_model.h\"\n\n");
    if (e->use_math) text_add(out, "#include <math.h>\n");
    text_add(out, "#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>\n");
    if (e->use_intrinsics)
        text_add(out, "#if defined(__SSE2__)\n#include <immintrin.h>\n#elif defined(__aarch64__)\n"
                      "#include <arm_neon.h>\n#endif\n");
    text_add(out, "\n#if defined(__clang__)\n"
                  "#pragma STDC FP_CONTRACT OFF /* gcc: -std=c11 says so */\n#endif\n"
                  "#if defined(__GNUC__)\n"
                  "#define NOINLINE __attribute__((noinline))\n"
                  "#define INLINE static inline __attribute__((always_inline, unused))\n"
                  "#else\n#define NOINLINE\n#define INLINE static inline\n#endif\n\n");
    if (e->types.length)
        text_add(out, "#if defined(__GNUC__) /* about calls that are all inlined */\n"
                      "#pragma GCC diagnostic ignored \"-Wpsabi\"\n#endif\n\n");
}

static const char at_text[] = "INLINE void *at(void *memory, int64_t offset)\n"
                              "{\n"
                              "    return (unsigned char *)memory + offset;\n"
                              "}\n\n"
                              "INLINE const void *at_const(const void *memory, int64_t offset)\n"
                              "{\n"
                              "    return (const unsigned char *)memory + offset;\n"
                              "}\n\n";

static const char parallel_text[] =
    "/* Runs kernel over [0, n), on the threads if there are any. */\n"
    "static void run_parallel(const lpc_threads *threads,\n"
    "                         void (*kernel)(void *arg, int64_t begin, int64_t end), void *arg,\n"
    "                         int64_t n)\n"
    "{\n"
    "    if (threads && n > 1)\n"
    "        threads->parallel_for(threads->pool, kernel, arg, n);\n"
    "    else if (n > 0)\n"
    "        kernel(arg, 0, n);\n"
    "}\n\n";

/* The arrays of weights that some kernel reads. */
static void emit_arrays(CEmit *e, Text *out)
{
    const Program *p = e->program;
    bool any = false;
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *b = p->buffers[i];
        if (!e->use_array[b->id]) continue;
        if (!any) text_add(out, "/* The weights, in weights_1.c and so on. */\n");
        any = true;
        text_printf(out, "%s /* %s */\n", arrays_declaration(e->arena, p, b),
                    c_comment_line(e->arena, b->name));
    }
    if (any) text_add(out, "\n");
}

/* Vectors, and weights from objects, have the byte order of the machines that lpc knows. */
static void emit_byte_order(CEmit *e, Text *out)
{
    if (e->options->portable && !e->use_weights) return;
    text_printf(out,
                "#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__\n"
                "#error \"%s and this machine is big-endian: use lpc --portable --weights c\"\n"
                "#endif\n\n",
                e->options->portable ? "the weights are little-endian"
                                     : "these vectors are little-endian");
}

static void emit_file(CEmit *e, Text *out)
{
    const char *name = e->program->name;
    Text run;
    text_init(&run, e->arena);
    c_run(e, &run); /* first: it tells what the top must have */
    if (e->status) return;
    emit_title(e, out);
    emit_includes(e, out);
    emit_byte_order(e, out);
    emit_arrays(e, out);
    if (e->use_weights)
        text_printf(
            out,
            "extern const unsigned char %s_weights[];\n"
            "/* Read at run time, so that only this 64-bit address needs to reach the weights,\n"
            " * however far away the linker puts them. */\n"
            "static const unsigned char *const volatile weights_at = %s_weights;\n\n",
            name, name);
    text_printf(out, "lpc_run_fn %s_run;\n\n", name);
    if (e->program->build)
        text_printf(out,
                    "/* Of this build only; whoever includes model.h refers to it. */\n"
                    "extern const unsigned char %s;\nconst unsigned char %s = 1;\n\n",
                    e->program->build, e->program->build);
    if (e->options->profile) text_add(out, "extern void lpc_profile_mark(int32_t kernel);\n\n");
    emit_symbols(e, out);
    emit_maps(e, out);
    if (e->types.length) text_printf(out, "%s\n", e->types.data);
    if (e->use_at) text_add(out, at_text);
    text_add(out, e->helpers.data);
    text_add(out, e->functions.data);
    emit_check_sizes(e, out);
    if (e->use_parallel) text_add(out, parallel_text);
    text_add(out, run.data);
}

int backend_c_emit(const Program *program, const CEmitOptions *options, Diag *diag, Text *out)
{
    CEmit e = {.arena = arena_new(), .program = program, .options = options, .diag = diag};
    text_init(&e.functions, e.arena);
    text_init(&e.types, e.arena);
    text_init(&e.helpers, e.arena);
    e.use_array = arena_array(e.arena, (size_t)program->buffer_count + 1, sizeof *e.use_array);
    make_names(&e);
    for (int i = 0; i < program->kernel_count && !e.status; i++)
        if (e.kernel_names[i]) kernel_emit(&e, program->kernels[i], e.kernel_names[i]);
    if (!e.status) emit_file(&e, out);
    int status = e.status;
    arena_free(e.arena);
    return status;
}
