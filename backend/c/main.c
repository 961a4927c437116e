/* NAME_run: the main block of the program, which calls the kernels. */
#include "backend/c/emit.h"

#include "backend/arrays/arrays.h"

#include <string.h>

int c_kernel_position(const Program *program, const Kernel *kernel)
{
    int i = 0;
    while (i < program->kernel_count && program->kernels[i] != kernel) i++;
    return i;
}

static bool is_zero(const Size *size)
{
    return !size || size_is(size, 0);
}

/* "WORK_x + 4 * (past * 64)": where the argument starts in its memory. */
static const char *byte_offset(CEmit *e, const CallArg *arg)
{
    const char *base = e->buffer_names[arg->buffer->id];
    if (e->options->arrays && arg->buffer->class == BUFFER_CONST)
        base = NULL; /* an array of its own */
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

static const char *argument(CEmit *e, const CallArg *arg, bool written)
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
    if (constant && e->options->arrays) {
        int number = arrays_number(e->program, buffer);
        e->use_array[number] = true;
        return arena_printf(e->arena, "at_const(%s_weights_%d.values, %s)", e->program->name,
                            number, offset);
    }
    e->use_weights = e->use_weights || constant;
    if (constant) return arena_printf(e->arena, "at_const(weights, %s)", offset);
    return arena_printf(e->arena, "at(%s, %s)",
                        buffer->class == BUFFER_WORK ? "workspace" : "state", offset);
}

static const char *arguments(CEmit *e, const Inst *call, bool named, int indent, int column)
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
    } else if (kernel->is_extern || kernel_uses_sizes(kernel)) {
        list_add(&list, "sizes");
    }
    return list.text.data;
}

/* How many iterations a parallel kernel's loop has: (hi - lo) / step, rounded up. */
static const char *iteration_count(CEmit *e, const Inst *loop)
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

static void emit_parallel(CEmit *e, Text *out, const Inst *call, const char *name, int indent)
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

void c_check_symbol(CEmit *e, Text *out, int sym, int indent)
{
    const Symbol *symbol = sizes_symbol_at(e->program->sizes, sym);
    const char *name = e->sym_enums[sym];
    if (symbol->max < 0)
        text_printf(out, "%*sif (sizes[%s] < 0) return LPC_RUN_BOUND;\n", indent, "", name);
    else
        text_printf(out, "%*sif (sizes[%s] < 0 || sizes[%s] > %s) return LPC_RUN_BOUND;\n", indent,
                    "", name, name, c_int(e->arena, DT_I64, symbol->max).text);
}

static void emit_kernel_call(CEmit *e, Text *out, const Inst *call, int indent)
{
    const Kernel *kernel = call->callee;
    const char *name = e->kernel_names[c_kernel_position(e->program, kernel)];
    const char *what = *kernel->comment ? kernel->comment : kernel->name;
    text_printf(out, "%*s/* step %d: %s */\n", indent, "", e->step, c_comment_line(e->arena, what));
    if (kernel_parallel(kernel)) {
        emit_parallel(e, out, call, name, indent);
        return;
    }
    bool fails = kernel->is_extern || block_contains(&kernel->body, LI_FAIL);
    int column = indent + (int)strlen(name) + 10;
    const char *list = arguments(e, call, false, indent + 4, column);
    text_printf(out, "%*s%s%s(%s);\n", indent, "", fails ? "status = " : "", name, list);
    if (fails) text_printf(out, "%*sif (status != LPC_RUN_OK) return status;\n", indent, "");
    int count = sizes_symbol_count(e->program->sizes);
    bool *set = arena_array(e->arena, (size_t)count, sizeof *set);
    block_sets(&kernel->body, set);
    for (int i = 0; i < count; i++)
        if (set[i]) c_check_symbol(e, out, i, indent);
}

static void emit_call(CEmit *e, Text *out, const Inst *call, int indent)
{
    emit_kernel_call(e, out, call, indent);
    if (e->options->profile)
        text_printf(out, "%*slpc_profile_mark(%d);\n", indent, "",
                    c_kernel_position(e->program, call->callee));
}

/* ---- Branches, loops and symbols ---- */

static void emit_steps(CEmit *e, Text *out, const Block *block, int indent);

static const char *condition(CEmit *e, const Inst *inst)
{
    static const char *const relations[] = {"==", "!=", "<", "<=", ">", ">="};
    if (!inst->size)
        return arena_printf(e->arena, "*(const unsigned char *)%s == %d",
                            argument(e, &inst->args[0], false), (int)inst->value);
    const Size *apart = size_sub(e->program->sizes, inst->size, inst->right);
    if (size_is_const(apart)) /* compilers warn about comparing n with n */
        return relation_holds(inst->relation, apart->value, 0) ? "true" : "false";
    const char *right = c_paren(e->arena, c_size(e, inst->right, NULL), PREC_ADD);
    return arena_printf(e->arena, "%s %s %s",
                        c_paren(e->arena, c_size(e, inst->size, NULL), PREC_ADD),
                        relations[inst->relation - LI_EQ], right);
}

static void emit_if(CEmit *e, Text *out, const Inst *inst, int indent)
{
    text_printf(out, "%*sif (%s) {\n", indent, "", condition(e, inst));
    emit_steps(e, out, &inst->body, indent + 4);
    if (inst->els.count) text_printf(out, "%*s} else {\n", indent, "");
    emit_steps(e, out, &inst->els, indent + 4);
    text_printf(out, "%*s}\n", indent, "");
}

/* How many iterations there are at most: a constant, or a local named by the loop's step. */
static const char *trip_count(CEmit *e, Text *out, const Inst *loop, int step, int indent)
{
    const char *count = c_size(e, loop->size, NULL).text;
    if (!size_is_const(loop->size)) {
        text_printf(out, "%*sconst int64_t count_%d = %s;\n", indent, "", step, count);
        count = arena_printf(e->arena, "count_%d", step);
    }
    int64_t max = sizes_symbol_at(e->program->sizes, loop->sym)->max;
    if (max >= 0 && main_set_can_fail(e->program, loop->sym, loop->size))
        text_printf(out, "%*sif (%s > %s) return LPC_RUN_BOUND;\n", indent, "", count,
                    c_int(e->arena, DT_I64, max).text);
    return count;
}

static void emit_loop(CEmit *e, Text *out, const Inst *loop, int step, int indent)
{
    const char *done = arena_printf(e->arena, "sizes[%s]", e->sym_enums[loop->sym]);
    text_printf(out, "%*s/* step %d: loop */\n", indent, "", step);
    const char *count = trip_count(e, out, loop, step, indent);
    text_printf(out, "%*sfor (%s = 0; %s < %s; %s++) {\n", indent, "", done, done, count, done);
    if (loop->arg_count)
        text_printf(out, "%*sif (*(const unsigned char *)%s == 0) break;\n", indent + 4, "",
                    argument(e, &loop->args[0], false));
    emit_steps(e, out, &loop->body, indent + 4);
    text_printf(out, "%*s}\n", indent, "");
}

static void emit_set(CEmit *e, Text *out, const Inst *inst, int indent)
{
    const char *name = e->sym_enums[inst->sym];
    const char *value = inst->size ? c_size(e, inst->size, NULL).text
                                   : arena_printf(e->arena, "*(const int64_t *)%s",
                                                  argument(e, &inst->args[0], false));
    text_printf(out, "%*ssizes[%s] = %s;\n", indent, "", name, value);
    if (!inst->size || main_set_can_fail(e->program, inst->sym, inst->size))
        c_check_symbol(e, out, inst->sym, indent);
}

static void emit_steps(CEmit *e, Text *out, const Block *block, int indent)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_CALL) emit_call(e, out, inst, indent);
        int step = e->step++;
        switch (inst->op) {
        case LI_IF: emit_if(e, out, inst, indent); break;
        case LI_FOR: emit_loop(e, out, inst, step, indent); break;
        case LI_SETSYM: emit_set(e, out, inst, indent); break;
        default: break;
        }
    }
}

/* ---- The function ---- */

static void clear_symbols(CEmit *e, Text *out)
{
    SizeTable *table = e->program->sizes;
    const bool *set = program_sets(e->program, e->arena);
    for (int i = 0; i < sizes_symbol_count(table); i++)
        if (set[i] && sizes_symbol_at(table, i)->source == SYM_NODE)
            text_printf(out, "    sizes[%s] = 0;\n", e->sym_enums[i]);
}

void c_run(CEmit *e, Text *out)
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
    text_add(out, "    if (status != LPC_RUN_OK) return status;\n");
    clear_symbols(e, out);
    text_add(out, "\n");
    if (e->options->profile) text_add(out, "    lpc_profile_mark(-1);\n");
    text_add(out, steps.data);
    text_add(out, "    return LPC_RUN_OK;\n}\n");
}
