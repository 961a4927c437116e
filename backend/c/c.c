/* The emitted file: what it says about itself, the map of its memory, the checks of sizes, and
 * NAME_run, which calls the kernels in order. */
#include "backend/c/emit.h"

#include <stdlib.h>
#include <string.h>

/* ---- Names ---- */

static void name_symbols(Emit *e)
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

static void name_buffers(Emit *e)
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

static int kernel_position(const Program *program, const Kernel *kernel)
{
    int i = 0;
    while (i < program->kernel_count && program->kernels[i] != kernel) i++;
    return i;
}

/* Only kernels that something calls are emitted: an unused static function is a warning. */
static void name_kernels(Emit *e, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        name_kernels(e, &inst->body);
        if (inst->op != LI_CALL) continue;
        int at = kernel_position(e->program, inst->callee);
        if (e->kernel_names[at]) continue;
        const char *name = inst->callee->name; /* k_gamma, as libm has a gamma */
        if (!strchr(name, '_')) name = arena_printf(e->arena, "k_%s", name);
        e->kernel_names[at] = names_make(e->arena, &e->globals, NULL, name);
    }
}

static void make_names(Emit *e)
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

/* ---- NAME_run ---- */

static bool is_zero(const Size *size)
{
    return !size || size_is(size, 0);
}

/* "WORK_x + 4 * (past * 64)": where the argument starts in its memory. */
static const char *byte_offset(Emit *e, const CallArg *arg)
{
    const char *base = e->buffer_names[arg->buffer->id];
    int64_t bytes = (int64_t)dtype_size(arg->buffer->dtype);
    if (is_zero(arg->offset)) return base ? base : "0";
    const char *prefix = base ? arena_printf(e->arena, "%s + ", base) : "";
    if (size_is_const(arg->offset))
        return arena_printf(e->arena, "%s%s", prefix,
                            c_int(e->arena, DT_I64, arg->offset->value * bytes).text);
    Expr offset = c_size(e, arg->offset, NULL);
    if (bytes == 1) return arena_printf(e->arena, "%s%s", prefix, offset.text);
    return arena_printf(e->arena, "%s%d * %s", prefix, (int)bytes,
                        c_paren(e->arena, offset, PREC_UNARY));
}

static const char *argument(Emit *e, const CallArg *arg, bool written)
{
    const Buffer *buffer = arg->buffer;
    const char *offset = byte_offset(e, arg);
    bool input = buffer->class == BUFFER_INPUT, constant = buffer->class == BUFFER_CONST;
    if (written && (input || constant) && !e->status)
        e->status = diag_error(e->diag, "internal: C backend: buffer '%s' is written but is %s",
                               buffer->name, input ? "an input" : "constant");
    if (!input && buffer->class != BUFFER_OUTPUT && buffer->offset < 0 && !e->status)
        e->status = diag_error(e->diag, "internal: C backend: buffer '%s' has no place in memory",
                               buffer->name);
    e->use_in = e->use_in || input;
    e->use_out = e->use_out || buffer->class == BUFFER_OUTPUT;
    if (input && is_zero(arg->offset)) return arena_printf(e->arena, "in[%d]", buffer->index);
    if (input) {
        e->use_at = true;
        return arena_printf(e->arena, "at_const(in[%d], %s)", buffer->index, offset);
    }
    if (buffer->class == BUFFER_OUTPUT && is_zero(arg->offset))
        return arena_printf(e->arena, "out[%d]", buffer->index);
    e->use_at = true;
    if (buffer->class == BUFFER_OUTPUT)
        return arena_printf(e->arena, "at(out[%d], %s)", buffer->index, offset);
    e->use_work = e->use_work || buffer->class == BUFFER_WORK;
    e->use_state = e->use_state || buffer->class == BUFFER_STATE;
    e->use_weights = e->use_weights || constant;
    if (constant) return arena_printf(e->arena, "at_const(weights, %s)", offset);
    return arena_printf(e->arena, "at(%s, %s)",
                        buffer->class == BUFFER_WORK ? "workspace" : "state", offset);
}

static const char *arguments(Emit *e, const Inst *call, bool named, int indent, int column)
{
    List list = {.indent = indent, .column = column};
    text_init(&list.text, e->arena);
    const Kernel *kernel = call->callee;
    int next = 0;
    for (int i = 0; i < kernel->param_count && next < call->arg_count; i++) {
        const Param *param = kernel->params[i];
        if (param->local) continue;
        list_add(&list, argument(e, &call->args[next++], param->is_written));
    }
    if (named) {
        list_add(&list, "sizes");
        list_add(&list, block_contains(&kernel->body, LI_FAIL) ? "&error" : "NULL");
    } else if (kernel_uses_sizes(kernel)) {
        list_add(&list, "sizes");
    }
    return list.text.data;
}

/* How many iterations a parallel kernel's loop has: (hi - lo) / step, rounded up. */
static const char *iteration_count(Emit *e, const Inst *loop)
{
    SizeTable *table = e->program->sizes;
    const Inst *lo = loop->arg[0], *hi = loop->arg[1];
    if ((lo->op != LI_INT && lo->op != LI_SIZE) || (hi->op != LI_INT && hi->op != LI_SIZE)) {
        if (!e->status)
            e->status = diag_error(e->diag, "internal: C backend: a parallel loop's bounds vary");
        return "0";
    }
    const Size *from = lo->op == LI_INT ? size_const(table, lo->value) : lo->size;
    const Size *to = hi->op == LI_INT ? size_const(table, hi->value) : hi->size;
    const Size *n = size_ceildiv(table, size_sub(table, to, from), size_const(table, loop->value));
    return c_size(e, n, NULL).text;
}

static void emit_parallel(Emit *e, Text *out, const Inst *call, const char *name, int indent)
{
    bool fails = block_contains(&call->callee->body, LI_FAIL);
    int inner = indent + 4, column = inner + (int)strlen(name) + 21;
    const char *list = arguments(e, call, true, inner + 4, column);
    e->use_parallel = true;
    text_printf(out, "%*s{\n", indent, "");
    if (fails) text_printf(out, "%*s_Atomic int error = 0;\n", inner, "");
    text_printf(out, "%*sstruct %s_args args = {%s};\n", inner, "", name, list);
    text_printf(out, "%*srun_parallel(threads, %s, &args, %s);\n", inner, "", name,
                iteration_count(e, kernel_parallel(call->callee)));
    if (fails) text_printf(out, "%*sif (error != 0) return error;\n", inner, "");
    text_printf(out, "%*s}\n", indent, "");
}

static void set_symbols(const Block *block, bool *set)
{
    for (int i = 0; i < block->count; i++) {
        if (block->items[i]->op == LI_SETSYM) set[block->items[i]->sym] = true;
        set_symbols(&block->items[i]->body, set);
        set_symbols(&block->items[i]->els, set);
    }
}

static void check_symbol(Emit *e, Text *out, int sym, int indent)
{
    const Symbol *symbol = sizes_symbol_at(e->program->sizes, sym);
    const char *name = e->sym_enums[sym];
    if (symbol->max < 0)
        text_printf(out, "%*sif (sizes[%s] < 0) return LPC_RUN_BOUND;\n", indent, "", name);
    else
        text_printf(out, "%*sif (sizes[%s] < 0 || sizes[%s] > %s) return LPC_RUN_BOUND;\n", indent,
                    "", name, name, c_int(e->arena, DT_I64, symbol->max).text);
}

static void call_kernel(Emit *e, Text *out, const Inst *call, int indent)
{
    const Kernel *kernel = call->callee;
    const char *name = e->kernel_names[kernel_position(e->program, kernel)];
    const char *what = *kernel->comment ? kernel->comment : kernel->name;
    text_printf(out, "%*s/* step %d: %s */\n", indent, "", e->step, c_comment_line(e->arena, what));
    if (kernel_parallel(kernel)) {
        emit_parallel(e, out, call, name, indent);
        return;
    }
    bool fails = block_contains(&kernel->body, LI_FAIL);
    int column = indent + (int)strlen(name) + 10;
    const char *list = arguments(e, call, false, indent + 4, column);
    text_printf(out, "%*s%s%s(%s);\n", indent, "", fails ? "status = " : "", name, list);
    if (fails) text_printf(out, "%*sif (status != LPC_RUN_OK) return status;\n", indent, "");
    int count = sizes_symbol_count(e->program->sizes);
    bool *set = arena_array(e->arena, (size_t)count, sizeof *set);
    set_symbols(&kernel->body, set);
    for (int i = 0; i < count; i++)
        if (set[i]) check_symbol(e, out, i, indent);
}

static void emit_call(Emit *e, Text *out, const Inst *call, int indent)
{
    call_kernel(e, out, call, indent);
    if (e->options->profile)
        text_printf(out, "%*slpc_profile_mark(%d);\n", indent, "",
                    kernel_position(e->program, call->callee));
}

static void emit_steps(Emit *e, Text *out, const Block *block, int indent)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_CALL) emit_call(e, out, inst, indent);
        e->step++;
        if (inst->op != LI_IF) continue;
        text_printf(out, "%*sif (*(const unsigned char *)%s == %d) {\n", indent, "",
                    argument(e, &inst->args[0], false), (int)inst->value);
        emit_steps(e, out, &inst->body, indent + 4);
        text_printf(out, "%*s}\n", indent, "");
    }
}

static void emit_run(Emit *e, Text *out)
{
    const char *name = e->program->name;
    Text steps;
    text_init(&steps, e->arena);
    emit_steps(e, &steps, &e->program->main->body, 4);
    int width = (int)strlen(name) + 9;
    text_printf(
        out,
        "int %s_run(const void *const *in, void *const *out, int64_t *sizes, void *workspace,\n"
        "%*svoid *state, const lpc_threads *threads)\n{\n",
        name, width, "");
    const char *const unused[] = {e->use_in ? NULL : "in", e->use_out ? NULL : "out",
                                  e->use_work ? NULL : "workspace", e->use_state ? NULL : "state",
                                  e->use_parallel ? NULL : "threads"};
    for (int i = 0; i < 5; i++)
        if (unused[i]) text_printf(out, "    (void)%s;\n", unused[i]);
    if (e->use_weights) text_add(out, "    const unsigned char *const weights = weights_at;\n");
    text_add(out, "    int status = check_sizes(sizes);\n");
    text_add(out, "    if (status != LPC_RUN_OK) return status;\n\n");
    if (e->options->profile) text_add(out, "    lpc_profile_mark(-1);\n");
    text_add(out, steps.data);
    text_add(out, "    return LPC_RUN_OK;\n}\n");
}

/* ---- Above the kernels ---- */

static void emit_symbols(Emit *e, Text *out)
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

static void emit_check_sizes(Emit *e, Text *out)
{
    SizeTable *table = e->program->sizes;
    text_add(out, "/* Refuses sizes that the memory was not planned for. */\n"
                  "static int check_sizes(const int64_t *sizes)\n{\n    (void)sizes;\n");
    for (int i = 0; i < sizes_symbol_count(table); i++)
        if (sizes_symbol_at(table, i)->source != SYM_NODE) check_symbol(e, out, i, 4);
    text_add(out, "    return LPC_RUN_OK;\n}\n\n");
}

static int by_offset(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void map_row(Emit *e, Text *out, const Buffer *buffer)
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

static void emit_map(Emit *e, Text *out, BufferClass class, const char *heading)
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

static void emit_maps(Emit *e, Text *out)
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
    emit_map(e, out, BUFFER_CONST,
             arena_printf(e->arena,
                          "/* The weights, %lld bytes, in the object that defines "
                          "%s_weights. */\n",
                          (long long)p->const_bytes, p->name));
}

/* The inputs and outputs, and how the file is compiled. */
static void emit_title(Emit *e, Text *out)
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

static void emit_includes(Emit *e, Text *out)
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

static void emit_file(Emit *e, Text *out)
{
    const char *name = e->program->name;
    Text run;
    text_init(&run, e->arena);
    emit_run(e, &run); /* first: it tells what the top must have */
    if (e->status) return;
    emit_title(e, out);
    emit_includes(e, out);
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
    Emit e = {.arena = arena_new(), .program = program, .options = options, .diag = diag};
    text_init(&e.functions, e.arena);
    text_init(&e.types, e.arena);
    text_init(&e.helpers, e.arena);
    make_names(&e);
    for (int i = 0; i < program->kernel_count && !e.status; i++)
        if (e.kernel_names[i]) kernel_emit(&e, program->kernels[i], e.kernel_names[i]);
    if (!e.status) emit_file(&e, out);
    int status = e.status;
    arena_free(e.arena);
    return status;
}
