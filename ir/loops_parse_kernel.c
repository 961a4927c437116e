/* Reads kernels of the loops text form. Instructions are made as they stand, nothing is folded; the
 * verifier checks types and scopes afterwards, so that here only the form matters. */
#include "ir/loops_parse.h"
#include "ir/loops_words.h"

#include <string.h>

enum { MAX_ID = 1 << 22 };

static int parse_block(Parser *p, Block *block);

static int parse_id(Parser *p, int *out)
{
    int64_t id = 0;
    TRY(parse_expect(p, "%"));
    TRY(parse_integer(p, &id));
    if (id < 0 || id >= MAX_ID) return parse_fail(p, "a smaller value number before");
    *out = (int)id;
    return LPC_OK;
}

/* Makes the instruction that defines %id (id < 0: that has no value). */
static int define(Parser *p, InstOp op, int id, Inst **out)
{
    Inst *inst = arena_alloc(p->arena, sizeof *inst);
    *out = inst;
    inst->op = op;
    inst->type = (LType){DT_NONE, 1};
    inst->id = id;
    if (id < 0) return LPC_OK;
    if (id >= p->value_room) {
        int room = id * 2 + 64;
        p->values =
            arena_grow(p->arena, p->values, (size_t)p->value_room, (size_t)room, sizeof(Inst *));
        p->value_room = room;
    }
    if (p->values[id]) return parse_fail(p, "a new value number before");
    p->values[id] = inst;
    if (id >= p->next_id) p->next_id = id + 1;
    return LPC_OK;
}

/* ---- Operands. ---- */

static int parse_literal(Parser *p, Inst **out)
{
    parse_skip(p);
    /* An integer, unless a point that is not the ".." of a range, an exponent or a word follows. */
    const char *end = p->at + (*p->at == '-');
    while (*end >= '0' && *end <= '9') end++;
    bool real = end == p->at + (*p->at == '-') || (*end == '.' && end[1] != '.') || *end == 'e';
    const char *start = p->at;
    int line = p->line;
    LType type = {DT_I64, 1};
    int64_t integer = 0;
    double number = 0;
    if (real)
        TRY(parse_number(p, &number));
    else
        TRY(parse_integer(p, &integer));
    if (*p->at == ':') {
        p->at++;
        TRY(parse_type(p, &type));
    }
    if (type.dtype == DT_F32 || type.dtype == DT_F64) {
        p->at = start; /* again, as a number: 3:f32, -0:f32 */
        p->line = line;
        TRY(parse_number(p, &number));
        TRY(parse_expect(p, ":"));
        TRY(parse_type(p, &type));
        *out = kb_float(&p->b, type.dtype, number);
    } else {
        if (real || dtype_is_float(type.dtype)) return parse_fail(p, "':f32' or ':f64'");
        *out = kb_int(&p->b, type.dtype, integer);
    }
    return type.lanes == 1 ? LPC_OK : parse_fail(p, "a scalar type before");
}

static int parse_operand(Parser *p, Inst **out)
{
    parse_skip(p);
    if (*p->at == '%') {
        int id;
        TRY(parse_id(p, &id));
        if (id >= p->value_room || !p->values[id]) return parse_fail(p, "a known value before");
        *out = p->values[id];
        return LPC_OK;
    }
    if (parse_accept(p, "size")) {
        const Size *size;
        TRY(parse_expect(p, "("));
        TRY(parse_size(p, &size));
        TRY(parse_expect(p, ")"));
        *out = kb_size(&p->b, size);
        return LPC_OK;
    }
    return parse_literal(p, out);
}

/* NAME[index], with `, value` when stored, then stride and limit. */
static int parse_place(Parser *p, Inst *inst)
{
    const char *name;
    const Kernel *kernel = p->b.kernel;
    TRY(parse_word(p, &name));
    for (int i = 0; i < kernel->param_count; i++)
        if (!strcmp(kernel->params[i]->name, name)) inst->param = kernel->params[i];
    if (!inst->param) return parse_fail(p, arena_printf(p->arena, "a parameter, not '%s'", name));
    TRY(parse_expect(p, "["));
    TRY(parse_operand(p, &inst->arg[0]));
    TRY(parse_expect(p, "]"));
    if (inst->op == LI_STORE) {
        TRY(parse_expect(p, ","));
        TRY(parse_operand(p, &inst->arg[1]));
    }
    if (parse_accept(p, "stride")) TRY(parse_operand(p, &inst->stride));
    if (parse_accept(p, "limit")) TRY(parse_operand(p, &inst->limit));
    return LPC_OK;
}

static int parse_cell_name(Parser *p, Cell **out)
{
    const char *name;
    int64_t id = 0;
    TRY(parse_word(p, &name));
    TRY(parse_expect(p, "."));
    TRY(parse_integer(p, &id));
    const Kernel *kernel = p->b.kernel;
    if (id < 0 || id >= kernel->cell_count || strcmp(kernel->cells[id]->name, name))
        return parse_fail(p, arena_printf(p->arena, "a cell, not '%s.%d'", name, (int)id));
    *out = kernel->cells[id];
    return LPC_OK;
}

/* ---- Instructions with a value. ---- */

static int find_op(Parser *p, InstOp *out)
{
    const char *name;
    TRY(parse_word(p, &name));
    for (int op = 0; op < LI_COUNT; op++) {
        char class = inst_class((InstOp)op);
        bool valued =
            op == LI_LOAD || op == LI_GET || (class != 'M' && class != 'C' && class != 'K');
        if (!valued || strcmp(inst_name((InstOp)op), name)) continue;
        *out = (InstOp)op;
        return LPC_OK;
    }
    return parse_fail(p, arena_printf(p->arena, "an instruction, not '%s'", name));
}

static int parse_pure(Parser *p, Inst *inst, LType type)
{
    InstOp op = inst->op;
    for (int i = 0; i < inst_args(op); i++) {
        if (i) TRY(parse_expect(p, ","));
        TRY(parse_operand(p, &inst->arg[i]));
    }
    if (op == LI_LANE) {
        TRY(parse_expect(p, ","));
        TRY(parse_integer(p, &inst->value));
    }
    if (op == LI_DOT4) {
        inst->value = parse_accept(p, "unsigned");
        if (!inst->value) TRY(parse_expect(p, "signed"));
    }
    bool across = op == LI_LANE || op == LI_HADD || op == LI_HMIN || op == LI_HMAX;
    bool relation = inst_class(op) == 'R';
    LType shown = across || relation ? inst->arg[0]->type : type;
    if (shown.dtype != type.dtype || shown.lanes != type.lanes)
        return parse_fail(p, "the operand's type after the instruction's name before");
    inst->type = relation ? (LType){DT_BOOL, type.lanes} : across ? (LType){type.dtype, 1} : type;
    return LPC_OK;
}

static int parse_valued(Parser *p, Inst **out)
{
    int id = 0;
    InstOp op = LI_COUNT;
    LType type = {DT_NONE, 1};
    TRY(parse_id(p, &id));
    TRY(parse_expect(p, "="));
    TRY(find_op(p, &op));
    TRY(define(p, op, id, out));
    Inst *inst = *out;
    if (op == LI_GET) {
        TRY(parse_cell_name(p, &inst->cell));
        inst->type = inst->cell->type;
        return LPC_OK;
    }
    TRY(parse_expect(p, "."));
    TRY(parse_type(p, &type));
    if (op != LI_LOAD) return parse_pure(p, inst, type);
    inst->type = type;
    return parse_place(p, inst);
}

/* ---- Statements. ---- */

static int parse_for(Parser *p, LoopKind kind, Inst **out)
{
    int id = 0;
    TRY(parse_id(p, &id));
    TRY(define(p, LI_FOR, id, out));
    Inst *loop = *out;
    loop->kind = kind;
    loop->type = (LType){DT_I64, 1};
    TRY(parse_expect(p, "in"));
    TRY(parse_operand(p, &loop->arg[0]));
    TRY(parse_expect(p, ".."));
    TRY(parse_operand(p, &loop->arg[1]));
    TRY(parse_expect(p, "step"));
    TRY(parse_integer(p, &loop->value));
    return parse_block(p, &loop->body);
}

static int parse_if(Parser *p, Inst *branch)
{
    TRY(parse_operand(p, &branch->arg[0]));
    TRY(parse_block(p, &branch->body));
    return parse_accept(p, "else") ? parse_block(p, &branch->els) : LPC_OK;
}

static int parse_set(Parser *p, Inst *inst)
{
    TRY(parse_cell_name(p, &inst->cell));
    TRY(parse_expect(p, ","));
    return parse_operand(p, &inst->arg[0]);
}

static int parse_setsym(Parser *p, Inst *inst)
{
    const char *name;
    TRY(parse_word(p, &name));
    inst->sym = sizes_find(p->program->sizes, name);
    if (inst->sym < 0) return parse_fail(p, arena_printf(p->arena, "a symbol, not '%s'", name));
    TRY(parse_expect(p, ","));
    return parse_operand(p, &inst->arg[0]);
}

static int parse_statement(Parser *p, Inst **out)
{
    parse_skip(p);
    if (*p->at == '%') return parse_valued(p, out);
    for (int kind = 0; loops_kind_words[kind]; kind++)
        if (parse_accept(p, loops_kind_words[kind])) return parse_for(p, (LoopKind)kind, out);
    static const InstOp plain[] = {LI_STORE, LI_SET, LI_IF, LI_BREAK, LI_FAIL, LI_SETSYM};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!parse_accept(p, inst_name(plain[i]))) continue;
        TRY(define(p, plain[i], -1, out));
        switch (plain[i]) {
        case LI_STORE: return parse_place(p, *out);
        case LI_SET: return parse_set(p, *out);
        case LI_IF: return parse_if(p, *out);
        case LI_FAIL: return parse_integer(p, &(*out)->value);
        case LI_SETSYM: return parse_setsym(p, *out);
        default: return LPC_OK;
        }
    }
    return parse_fail(p, "an instruction or '}'");
}

static int parse_statements(Parser *p, Block *block)
{
    while (!parse_accept(p, "}")) {
        Inst *inst;
        TRY(parse_statement(p, &inst));
        arena_push(p->arena, block->items, block->count) = inst;
    }
    return LPC_OK;
}

static int parse_block(Parser *p, Block *block)
{
    TRY(parse_expect(p, "{"));
    if (++p->depth > 60) return parse_fail(p, "at most 60 blocks in one another");
    TRY(parse_statements(p, block));
    p->depth--;
    return LPC_OK;
}

/* ---- The head of a kernel. ---- */

/* "[n]" or "[n from f]": so many elements, from element f on. */
static int parse_reach(Parser *p, Param *param)
{
    SizeTable *sizes = p->program->sizes;
    const Size *count, *first = size_const(sizes, 0);
    TRY(parse_size(p, &count));
    if (parse_accept(p, "from")) TRY(parse_size(p, &first));
    kb_reach(&p->b, param, first, size_add(sizes, first, count));
    return parse_expect(p, "]");
}

static int parse_param(Parser *p, bool local)
{
    const char *name;
    LType type = {DT_NONE, 1};
    int64_t number = 0;
    TRY(parse_word(p, &name));
    for (int i = 0; i < p->b.kernel->param_count; i++)
        if (!strcmp(p->b.kernel->params[i]->name, name))
            return parse_fail(p, "a new name for the parameter before");
    TRY(parse_expect(p, ":"));
    TRY(parse_type(p, &type));
    LType viewed = {DT_NONE, 1};
    if (!local && parse_accept(p, "of")) TRY(parse_type(p, &viewed));
    Param *param;
    if (local) {
        TRY(parse_expect(p, "["));
        TRY(parse_integer(p, &number));
        TRY(parse_expect(p, "]"));
        if (number <= 0 || number > 1 << 24) return parse_fail(p, "1 to 2^24 elements before");
        param = kb_local(&p->b, name, type.dtype, number);
    } else {
        param = kb_param(&p->b, name, type.dtype, false, false);
        param->viewed = viewed.dtype;
        if (parse_accept(p, "[")) TRY(parse_reach(p, param));
        param->is_read = parse_accept(p, "read");
        param->is_written = parse_accept(p, "write");
        param->noalias = parse_accept(p, "noalias");
    }
    if (!parse_accept(p, "align")) return LPC_OK;
    TRY(parse_integer(p, &number));
    if (number < 1 || number > 4096) return parse_fail(p, "an alignment of 1 to 4096 before");
    param->align = (int)number;
    return LPC_OK;
}

static int parse_cell(Parser *p)
{
    const char *name;
    int64_t id = 0;
    LType type = {DT_NONE, 1};
    TRY(parse_word(p, &name));
    TRY(parse_expect(p, "."));
    TRY(parse_integer(p, &id));
    if (id != p->b.kernel->cell_count) return parse_fail(p, "cells in their order before");
    TRY(parse_expect(p, ":"));
    TRY(parse_type(p, &type));
    Cell *cell = kb_cell(&p->b, name, type, NULL);
    static const InstOp ops[] = {LI_ADD, LI_MIN, LI_MAX, LI_FMA};
    if (!parse_accept(p, "reduce")) return LPC_OK;
    for (int i = 0; i < 4; i++) {
        if (!parse_accept(p, inst_name(ops[i]))) continue;
        cell->reduce = ops[i];
        return LPC_OK;
    }
    return parse_fail(p, "'add', 'min', 'max' or 'fma'");
}

static int parse_origin(Parser *p, Origin *origin)
{
    int64_t index = 0;
    TRY(parse_quoted(p, &origin->file));
    if (!*origin->file) origin->file = NULL;
    TRY(parse_quoted(p, &origin->node));
    TRY(parse_quoted(p, &origin->op));
    TRY(parse_integer(p, &index));
    origin->index = (int)(index < -1 || index > INT32_MAX ? -1 : index);
    return LPC_OK;
}

static int parse_head(Parser *p, Kernel *kernel)
{
    TRY(parse_expect(p, "("));
    while (!parse_accept(p, ")")) {
        if (kernel->param_count) TRY(parse_expect(p, ","));
        TRY(parse_param(p, false));
    }
    TRY(parse_expect(p, "{"));
    if (parse_accept(p, "comment")) TRY(parse_quoted(p, &kernel->comment));
    if (parse_accept(p, "origin")) TRY(parse_origin(p, &kernel->origin));
    if (parse_accept(p, "cost")) {
        TRY(parse_number(p, &kernel->cost.flops));
        TRY(parse_number(p, &kernel->cost.bytes));
    }
    while (parse_accept(p, "local")) TRY(parse_param(p, true));
    while (parse_accept(p, "cell")) TRY(parse_cell(p));
    return LPC_OK;
}

/* Values keep their numbers; what has none in the text is numbered after them. */
static void number_block(Parser *p, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        if (block->items[i]->id < 0) block->items[i]->id = p->next_id++;
        number_block(p, &block->items[i]->body);
        number_block(p, &block->items[i]->els);
    }
}

int parse_kernel(Parser *p)
{
    const char *name;
    TRY(parse_expect(p, "@"));
    TRY(parse_word(p, &name));
    for (int i = 0; i < p->program->kernel_count; i++)
        if (!strcmp(p->program->kernels[i]->name, name))
            return parse_fail(p, "a new name for the kernel before");
    Kernel *kernel = program_kernel(p->program, name);
    builder_init(&p->b, kernel);
    p->values = NULL;
    p->value_room = p->next_id = 0;
    TRY(parse_head(p, kernel));
    TRY(parse_statements(p, &kernel->body));
    number_block(p, &kernel->body);
    for (int i = 0; i < kernel->const_count; i++) kernel->consts[i]->id = p->next_id++;
    kernel->next_id = p->next_id;
    return LPC_OK;
}
