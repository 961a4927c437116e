/* The text form of loops, printed. docs/loops-text.md describes it; loops_parse.c reads it back. */
#include "ir/loops.h"
#include "ir/loops_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const loops_buffer_words[] = {"input", "output", "work", "const", "state", NULL};
const char *const loops_kind_words[] = {"serial", "unrolled", "vector", "parallel", NULL};
const char *const loops_source_words[] = {"input", "state", "node", NULL};

bool loops_is_word(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_') return false;
    return true;
}

static void print_quoted(Text *out, const char *string)
{
    text_add(out, "\"");
    for (const char *p = string; *p; p++) {
        if (*p == '\n')
            text_add(out, "\\n");
        else if (*p == '"' || *p == '\\')
            text_printf(out, "\\%c", *p);
        else
            text_addn(out, p, 1);
    }
    text_add(out, "\"");
}

/* Buffers may have names that are no words; those are quoted. */
static void print_name(Text *out, const char *name)
{
    if (loops_is_word(name))
        text_add(out, name);
    else
        print_quoted(out, name);
}

static void print_size(Text *out, const Program *program, const Size *size)
{
    size_print(out, program->sizes, size);
}

static void print_type(Text *out, LType type)
{
    text_add(out, dtype_name(type.dtype));
    if (type.lanes > 1) text_printf(out, "x%d", type.lanes);
}

/* The shortest decimal that reads back as the same number. */
static void print_number(Text *out, DType dtype, double number)
{
    if (isnan(number)) {
        text_add(out, "nan");
        return;
    }
    char digits[40];
    for (int precision = dtype == DT_F32 ? 6 : 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (dtype == DT_F32) back = (double)(float)back;
        if (!memcmp(&back, &number, sizeof back)) break;
    }
    text_add(out, digits);
}

static void print_operand(Text *out, const Program *program, const Inst *inst)
{
    switch (inst->op) {
    case LI_INT:
        text_printf(out, "%" PRId64, inst->value);
        if (inst->type.dtype != DT_I64) text_printf(out, ":%s", dtype_name(inst->type.dtype));
        return;
    case LI_FLT:
        print_number(out, inst->type.dtype, inst->number);
        text_printf(out, ":%s", dtype_name(inst->type.dtype));
        return;
    case LI_SIZE:
        text_add(out, "size(");
        print_size(out, program, inst->size);
        text_add(out, ")");
        return;
    default: text_printf(out, "%%%d", inst->id); return;
    }
}

typedef struct Printer {
    Text *out;
    const Program *program;
} Printer;

static void operand(const Printer *p, const char *before, const Inst *inst)
{
    text_add(p->out, before);
    print_operand(p->out, p->program, inst);
}

static void indent(const Printer *p, int depth)
{
    for (int i = 0; i < depth; i++) text_add(p->out, "    ");
}

static void print_place(const Printer *p, const Inst *inst)
{
    text_printf(p->out, " %s", inst->param->name);
    operand(p, "[", inst->arg[0]);
    text_add(p->out, "]");
    if (inst->op == LI_STORE) operand(p, ", ", inst->arg[1]);
    if (inst->stride) operand(p, " stride ", inst->stride);
    if (inst->limit) operand(p, " limit ", inst->limit);
}

/* The type after an instruction's name: its value's, or its operand's where that says more. */
static LType shown_type(const Inst *inst)
{
    char class = inst_class(inst->op);
    bool of_operand = class == 'R' || inst->op == LI_LANE || inst->op == LI_HADD ||
                      inst->op == LI_HMIN || inst->op == LI_HMAX;
    return of_operand ? inst->arg[0]->type : inst->type;
}

static void print_pure(const Printer *p, const Inst *inst)
{
    text_printf(p->out, "%%%d = %s.", inst->id, inst_name(inst->op));
    print_type(p->out, shown_type(inst));
    for (int i = 0; i < inst_args(inst->op); i++) operand(p, i ? ", " : " ", inst->arg[i]);
    if (inst->op == LI_LANE) text_printf(p->out, ", %" PRId64, inst->value);
    if (inst->op == LI_DOT4) text_add(p->out, inst->value == 1 ? " unsigned" : " signed");
}

static void print_block(const Printer *p, const Block *block, int depth);

static void print_braces(const Printer *p, const Block *block, int depth)
{
    text_add(p->out, " {\n");
    print_block(p, block, depth + 1);
    indent(p, depth);
    text_add(p->out, "}");
}

static void print_for(const Printer *p, const Inst *inst, int depth)
{
    text_printf(p->out, "%s %%%d in ", loops_kind_words[inst->kind], inst->id);
    print_operand(p->out, p->program, inst->arg[0]);
    operand(p, "..", inst->arg[1]);
    text_printf(p->out, " step %" PRId64, inst->value);
    print_braces(p, &inst->body, depth);
}

/* ---- Of main. ---- */

static void print_call_arg(const Printer *p, const CallArg *arg)
{
    print_name(p->out, arg->buffer->name);
    if (size_is(arg->offset, 0)) return;
    text_add(p->out, "[");
    print_size(p->out, p->program, arg->offset);
    text_add(p->out, "]");
}

static void print_call(const Printer *p, const Inst *inst)
{
    text_printf(p->out, "call @%s(", inst->callee->name);
    for (int i = 0; i < inst->arg_count; i++) {
        if (i) text_add(p->out, ", ");
        print_call_arg(p, &inst->args[i]);
    }
    text_add(p->out, ")");
}

static void print_loop(const Printer *p, const Inst *inst, int depth)
{
    text_printf(p->out, "loop %s in 0..", sizes_symbol_at(p->program->sizes, inst->sym)->name);
    print_size(p->out, p->program, inst->size);
    if (inst->arg_count) text_add(p->out, " while ");
    if (inst->arg_count) print_call_arg(p, &inst->args[0]);
    print_braces(p, &inst->body, depth);
}

/* ---- Of both. ---- */

static void print_setsym(const Printer *p, const Inst *inst)
{
    text_printf(p->out, "setsym %s, ", sizes_symbol_at(p->program->sizes, inst->sym)->name);
    if (inst->arg_count) {
        print_call_arg(p, &inst->args[0]);
    } else if (inst->size) {
        text_add(p->out, "size(");
        print_size(p->out, p->program, inst->size);
        text_add(p->out, ")");
    } else {
        print_operand(p->out, p->program, inst->arg[0]);
    }
}

static void print_if(const Printer *p, const Inst *inst, int depth)
{
    text_add(p->out, "if ");
    if (inst->size) {
        text_add(p->out, "size(");
        print_size(p->out, p->program, inst->size);
        text_printf(p->out, ") %s ", inst_name(inst->relation));
        print_size(p->out, p->program, inst->right);
    } else if (inst->arg_count) {
        print_name(p->out, inst->args[0].buffer->name);
        text_printf(p->out, " is %d", inst->value != 0);
    } else {
        print_operand(p->out, p->program, inst->arg[0]);
    }
    print_braces(p, &inst->body, depth);
    if (!inst->els.count) return;
    text_add(p->out, " else");
    print_braces(p, &inst->els, depth);
}

static void print_inst(const Printer *p, const Inst *inst, int depth)
{
    Text *out = p->out;
    switch (inst->op) {
    case LI_LOAD:
        text_printf(out, "%%%d = load.", inst->id);
        print_type(out, inst->type);
        print_place(p, inst);
        break;
    case LI_STORE:
        text_add(out, "store");
        print_place(p, inst);
        break;
    case LI_GET:
        text_printf(out, "%%%d = get %s.%d", inst->id, inst->cell->name, inst->cell->id);
        break;
    case LI_SET:
        text_printf(out, "set %s.%d", inst->cell->name, inst->cell->id);
        operand(p, ", ", inst->arg[0]);
        break;
    case LI_FOR:
        if (inst->size)
            print_loop(p, inst, depth);
        else
            print_for(p, inst, depth);
        break;
    case LI_IF: print_if(p, inst, depth); break;
    case LI_BREAK: text_add(out, "break"); break;
    case LI_FAIL: text_printf(out, "fail %" PRId64, inst->value); break;
    case LI_SETSYM: print_setsym(p, inst); break;
    case LI_CALL: print_call(p, inst); break;
    default: print_pure(p, inst); break;
    }
}

static void print_block(const Printer *p, const Block *block, int depth)
{
    for (int i = 0; i < block->count; i++) {
        indent(p, depth);
        print_inst(p, block->items[i], depth);
        text_add(p->out, "\n");
    }
}

/* ---- Kernels. ---- */

static void print_reach(Text *out, SizeTable *sizes, const Param *param)
{
    text_printf(out, "[%s", size_text(sizes, size_sub(sizes, param->end, param->first)));
    if (!size_is(param->first, 0)) text_printf(out, " from %s", size_text(sizes, param->first));
    text_add(out, "]");
}

static void print_param(Text *out, SizeTable *sizes, const Param *param)
{
    text_printf(out, "%s: %s", param->name, dtype_name(param->dtype));
    if (param->viewed) text_printf(out, " of %s", dtype_name(param->viewed));
    if (param->local) text_printf(out, "[%" PRId64 "]", param->local);
    if (param->end) print_reach(out, sizes, param);
    if (!param->local && param->is_read) text_add(out, " read");
    if (!param->local && param->is_written) text_add(out, " write");
    if (!param->local && param->noalias) text_add(out, " noalias");
    int usual = param->local ? 64 : (int)dtype_size(param->dtype);
    if (param->align != usual) text_printf(out, " align %d", param->align);
}

static void print_head(Text *out, const Kernel *kernel)
{
    text_printf(out, "%skernel @%s(", kernel->is_extern ? "extern " : "", kernel->name);
    bool first = true;
    for (int i = 0; i < kernel->param_count; i++) {
        if (kernel->params[i]->local) continue;
        text_add(out, first ? "" : ", ");
        print_param(out, kernel->program->sizes, kernel->params[i]);
        first = false;
    }
    text_add(out, ") {\n");
    if (kernel->comment && *kernel->comment) {
        text_add(out, "    comment ");
        print_quoted(out, kernel->comment);
        text_add(out, "\n");
    }
    const Origin *origin = &kernel->origin;
    if (origin->file || origin->index >= 0) {
        text_add(out, "    origin ");
        print_quoted(out, origin->file ? origin->file : "");
        text_add(out, " ");
        print_quoted(out, origin->node ? origin->node : "");
        text_add(out, " ");
        print_quoted(out, origin->op ? origin->op : "");
        text_printf(out, " %d\n", origin->index);
    }
    if (kernel->cost.flops != 0 || kernel->cost.bytes != 0) {
        text_add(out, "    cost ");
        print_number(out, DT_F64, kernel->cost.flops);
        text_add(out, " ");
        print_number(out, DT_F64, kernel->cost.bytes);
        text_add(out, "\n");
    }
}

static void print_declarations(Text *out, const Kernel *kernel)
{
    for (int i = 0; i < kernel->param_count; i++) {
        if (!kernel->params[i]->local) continue;
        text_add(out, "    local ");
        print_param(out, kernel->program->sizes, kernel->params[i]);
        text_add(out, "\n");
    }
    for (int i = 0; i < kernel->cell_count; i++) {
        const Cell *cell = kernel->cells[i];
        text_printf(out, "    cell %s.%d: ", cell->name, cell->id);
        print_type(out, cell->type);
        if (cell->reduce != LI_COUNT) text_printf(out, " reduce %s", inst_name(cell->reduce));
        text_add(out, "\n");
    }
}

void loops_print_kernel(Text *out, const Kernel *kernel)
{
    Printer printer = {out, kernel->program};
    print_head(out, kernel);
    print_declarations(out, kernel);
    print_block(&printer, &kernel->body, 1);
    text_add(out, "}\n");
}

/* ---- Programs. ---- */

static void print_buffer(Text *out, const Program *program, const Buffer *buffer)
{
    text_add(out, "buffer ");
    print_name(out, buffer->name);
    text_printf(out, ": %s[", dtype_name(buffer->dtype));
    print_size(out, program, buffer->elements);
    text_printf(out, "] %s", loops_buffer_words[buffer->class]);
    if (buffer->class == BUFFER_INPUT || buffer->class == BUFFER_OUTPUT)
        text_printf(out, " %d", buffer->index);
    text_printf(out, " bytes %" PRId64, buffer->max_bytes);
    if (buffer->offset >= 0) text_printf(out, " at %" PRId64, buffer->offset);
    if (buffer->comment && *buffer->comment) {
        text_add(out, " comment ");
        print_quoted(out, buffer->comment);
    }
    text_add(out, "\n");
}

void loops_print(Text *out, const Program *program)
{
    text_printf(out, "program @%s\n", program->name);
    for (int i = 0; i < sizes_symbol_count(program->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(program->sizes, i);
        text_printf(out, "symbol %s max %" PRId64 " %s\n", symbol->name, symbol->max,
                    loops_source_words[symbol->source]);
    }
    for (int i = 0; i < program->buffer_count; i++) print_buffer(out, program, program->buffers[i]);
    if (program->work_bytes || program->state_bytes || program->const_bytes)
        text_printf(out, "memory work %" PRId64 " state %" PRId64 " const %" PRId64 "\n",
                    program->work_bytes, program->state_bytes, program->const_bytes);
    for (int i = 0; i < program->kernel_count; i++) {
        text_add(out, "\n");
        loops_print_kernel(out, program->kernels[i]);
    }
    Printer printer = {out, program};
    text_add(out, "\nmain {\n");
    print_block(&printer, &program->main->body, 1);
    text_add(out, "}\n");
}
