/* The verifier of loops: every rule at the top of loops.h that can be seen in the code. It is run
 * on text that a person wrote and, in debug builds, after every pass, so it trusts nothing but
 * pointers. The first broken rule of a kernel is reported. */
#include "ir/loops.h"
#include "ir/loops_lanes.h"
#include "ir/loops_verify_symbols.h"

#include <string.h>

typedef struct Verifier {
    const Program *program;
    const Kernel *kernel;
    Diag *diag;
    const Inst **visible; /* by id: the instruction whose value can be used here */
    const Inst *loop;     /* innermost */
    int depth;            /* blocks around, the kernel's body included */
} Verifier;

static int broken(const Verifier *v, const Inst *inst, const char *rule)
{
    return diag_error(v->diag, "kernel '%s': %%%d (%s): %s", v->kernel->name, inst->id,
                      inst_name(inst->op), rule);
}

#define REQUIRE(condition, rule)                                                                   \
    do {                                                                                           \
        if (!(condition)) return broken(v, inst, rule);                                            \
    } while (0)

static bool is_type(const Inst *inst, DType dtype, int lanes)
{
    return inst->type.dtype == dtype && inst->type.lanes == lanes;
}

static bool same_type(LType a, LType b)
{
    return a.dtype == b.dtype && a.lanes == b.lanes;
}

static bool is_half(DType dtype)
{
    return dtype == DT_F16 || dtype == DT_BF16;
}

static bool is_real(DType dtype)
{
    return dtype == DT_F32 || dtype == DT_F64;
}

static int check_use(const Verifier *v, const Inst *inst, const Inst *used)
{
    REQUIRE(used, "an operand is missing");
    REQUIRE(used->id >= 0 && used->id < v->kernel->next_id && v->visible[used->id] == used,
            "uses a value that is not defined before it, or in a block that does not enclose it");
    REQUIRE(used->type.dtype != DT_NONE, "uses an instruction that has no value");
    return LPC_OK;
}

static int check_index(const Verifier *v, const Inst *inst, const Inst *index, const char *rule)
{
    TRY(check_use(v, inst, index));
    REQUIRE(is_type(index, DT_I64, 1), rule);
    return LPC_OK;
}

static int check_memory(const Verifier *v, const Inst *inst)
{
    const Param *param = inst->param;
    REQUIRE(param && param->index >= 0 && param->index < v->kernel->param_count &&
                v->kernel->params[param->index] == param,
            "names a parameter of another kernel");
    TRY(check_index(v, inst, inst->arg[0], "the index must be an i64 scalar"));
    if (inst->stride) TRY(check_index(v, inst, inst->stride, "the stride must be an i64 scalar"));
    if (inst->limit) TRY(check_index(v, inst, inst->limit, "the limit must be an i64 scalar"));
    if (inst->op == LI_LOAD) {
        REQUIRE(param->is_read, "loads from a parameter that is not read");
        REQUIRE(inst->type.dtype == param->dtype, "has another type than the parameter");
        return LPC_OK;
    }
    TRY(check_use(v, inst, inst->arg[1]));
    REQUIRE(param->is_written, "stores to a parameter that is not written");
    REQUIRE(inst->arg[1]->type.dtype == param->dtype, "stores another type than the parameter's");
    return LPC_OK;
}

static int check_cell(const Verifier *v, const Inst *inst)
{
    const Cell *cell = inst->cell;
    REQUIRE(cell && cell->id >= 0 && cell->id < v->kernel->cell_count &&
                v->kernel->cells[cell->id] == cell,
            "names a cell of another kernel");
    if (inst->op == LI_SET) TRY(check_use(v, inst, inst->arg[0]));
    const Inst *value = inst->op == LI_SET ? inst->arg[0] : inst;
    REQUIRE(same_type(value->type, cell->type), "has another type than the cell");
    return LPC_OK;
}

/* ---- Pure instructions: operands are visible by now. ---- */

static int check_arithmetic(const Verifier *v, const Inst *inst)
{
    char class = inst_class(inst->op);
    InstOp op = inst->op;
    LType type = inst->arg[0]->type;
    if (inst->arg[1]) REQUIRE(same_type(type, inst->arg[1]->type), "operands of different types");
    LType result = class == 'R' ? (LType){DT_BOOL, type.lanes} : type;
    REQUIRE(same_type(inst->type, result), "has the wrong type");
    REQUIRE(!is_half(type.dtype), "arithmetic on a half float");
    bool bits = (op >= LI_AND && op <= LI_XOR) || op == LI_NOT;
    bool order = op == LI_MIN || op == LI_MAX || class == 'R';
    if (type.dtype == DT_BOOL) REQUIRE(bits || order, "arithmetic on bool");
    REQUIRE(type.dtype != DT_NONE, "an operand has no value");
    bool integer = bits || op == LI_SHL || op == LI_SHR || op == LI_REM;
    if (is_real(type.dtype)) REQUIRE(!integer, "needs integers");
    bool real = class == 'F' || class == 'G' || (op >= LI_SQRT && op <= LI_TRUNC);
    if (!is_real(type.dtype)) REQUIRE(!real, "needs f32 or f64");
    return LPC_OK;
}

static int check_horizontal(const Verifier *v, const Inst *inst)
{
    LType type = inst->arg[0]->type;
    REQUIRE((type.lanes & (type.lanes - 1)) == 0, "lanes are no power of two");
    REQUIRE(is_type(inst, type.dtype, 1), "has the wrong type");
    REQUIRE(!is_half(type.dtype) && type.dtype != DT_BOOL, "arithmetic on this type");
    return LPC_OK;
}

static int check_other(const Verifier *v, const Inst *inst)
{
    const Inst *a = inst->arg[0], *c = inst->arg[1], *d = inst->arg[2];
    LType type = inst->type;
    switch (inst->op) {
    case LI_FMA:
        REQUIRE(same_type(a->type, type) && same_type(c->type, type) && same_type(d->type, type),
                "operands of different types");
        REQUIRE(is_real(type.dtype), "needs f32 or f64");
        return LPC_OK;
    case LI_SELECT:
        REQUIRE(is_type(a, DT_BOOL, type.lanes), "the condition must be bool, with as many lanes");
        REQUIRE(same_type(c->type, type) && same_type(d->type, type),
                "operands of different types");
        return LPC_OK;
    case LI_CAST: REQUIRE(a->type.lanes == type.lanes, "changes the lanes"); return LPC_OK;
    case LI_BITCAST:
        REQUIRE(a->type.lanes == type.lanes, "changes the lanes");
        REQUIRE(dtype_size(a->type.dtype) == dtype_size(type.dtype), "changes the size");
        return LPC_OK;
    case LI_SPLAT: REQUIRE(is_type(a, type.dtype, 1), "needs a scalar of its type"); return LPC_OK;
    case LI_IOTA: REQUIRE(dtype_is_int(type.dtype), "needs an integer type"); return LPC_OK;
    case LI_LANE:
        REQUIRE(is_type(inst, a->type.dtype, 1), "has the wrong type");
        REQUIRE(inst->value >= 0 && inst->value < a->type.lanes, "there is no such lane");
        return LPC_OK;
    case LI_HADD:
    case LI_HMIN:
    case LI_HMAX: return check_horizontal(v, inst);
    case LI_DOT4:
        REQUIRE(type.dtype == DT_I32 && same_type(a->type, type) && same_type(c->type, type) &&
                    same_type(d->type, type),
                "needs three operands of i32 and as many lanes");
        return LPC_OK;
    default: return broken(v, inst, "unknown");
    }
}

static int check_pure(const Verifier *v, const Inst *inst)
{
    for (int i = 0; i < inst_args(inst->op); i++) TRY(check_use(v, inst, inst->arg[i]));
    return inst_class(inst->op) == 'O' ? check_other(v, inst) : check_arithmetic(v, inst);
}

/* ---- Control. ---- */

static int check_block(Verifier *v, const Block *block);

static int check_for(Verifier *v, const Inst *inst)
{
    TRY(check_index(v, inst, inst->arg[0], "bounds must be i64 scalars"));
    TRY(check_index(v, inst, inst->arg[1], "bounds must be i64 scalars"));
    REQUIRE(inst->value > 0, "the step must be positive");
    REQUIRE(is_type(inst, DT_I64, 1), "the variable must be an i64 scalar");
    if (inst->kind == LOOP_UNROLLED)
        REQUIRE(inst->arg[0]->op == LI_INT && inst->arg[1]->op == LI_INT,
                "an unrolled loop must have constant bounds");
    if (inst->kind == LOOP_PARALLEL)
        REQUIRE(v->depth == 1 && v->kernel->body.count == 1,
                "a parallel loop must be the only instruction of its kernel");
    const Inst *outer = v->loop;
    v->loop = inst;
    v->visible[inst->id] = inst;
    TRY(check_block(v, &inst->body));
    v->visible[inst->id] = NULL;
    v->loop = outer;
    REQUIRE(inst->els.count == 0, "a loop has no else");
    return LPC_OK;
}

static int check_if(Verifier *v, const Inst *inst)
{
    TRY(check_use(v, inst, inst->arg[0]));
    REQUIRE(is_type(inst->arg[0], DT_BOOL, 1), "the condition must be a bool scalar");
    TRY(check_block(v, &inst->body));
    return check_block(v, &inst->els);
}

static int check_inst(Verifier *v, const Inst *inst)
{
    REQUIRE((unsigned)inst->op < LI_COUNT, "unknown");
    REQUIRE(inst->type.lanes >= 1 && inst->type.lanes <= LANES_MAX, "has too many lanes");
    switch (inst->op) {
    case LI_LOAD:
    case LI_STORE: return check_memory(v, inst);
    case LI_GET:
    case LI_SET: return check_cell(v, inst);
    case LI_FOR: return check_for(v, inst);
    case LI_IF: return check_if(v, inst);
    case LI_BREAK:
        REQUIRE(v->loop && v->loop->kind == LOOP_SERIAL, "does not stand in a serial loop");
        return LPC_OK;
    case LI_FAIL: REQUIRE(inst->value > 0, "the code must be positive"); return LPC_OK;
    case LI_SETSYM:
        REQUIRE(inst->sym >= 0 && inst->sym < sizes_symbol_count(v->program->sizes),
                "there is no such symbol");
        return check_index(v, inst, inst->arg[0], "needs an i64 scalar");
    case LI_INT:
    case LI_FLT:
    case LI_SIZE:
    case LI_CALL: return broken(v, inst, "cannot stand in a kernel's block");
    default: return check_pure(v, inst);
    }
}

static int check_block(Verifier *v, const Block *block)
{
    v->depth++;
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        REQUIRE(inst->id >= 0 && inst->id < v->kernel->next_id, "its id is out of range");
        REQUIRE(!v->visible[inst->id], "its id is taken");
        TRY(check_inst(v, inst));
        if (inst->op != LI_FOR && inst->op != LI_IF) v->visible[inst->id] = inst;
    }
    for (int i = 0; i < block->count; i++) v->visible[block->items[i]->id] = NULL;
    v->depth--;
    return LPC_OK;
}

static int verify_kernel(const Program *program, const Kernel *kernel, Diag *diag)
{
    Verifier verifier = {.program = program, .kernel = kernel, .diag = diag};
    Verifier *v = &verifier;
    v->visible = arena_array(program->arena, (size_t)kernel->next_id + 1, sizeof(Inst *));
    for (int i = 0; i < kernel->const_count; i++) {
        const Inst *inst = kernel->consts[i];
        REQUIRE(inst->id >= 0 && inst->id < kernel->next_id && !v->visible[inst->id],
                "a constant's id is taken");
        v->visible[inst->id] = inst;
    }
    for (int i = 0; i < kernel->cell_count; i++)
        if (kernel->cells[i]->id != i)
            return diag_error(diag, "kernel '%s': cell '%s' is broken", kernel->name,
                              kernel->cells[i]->name);
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        if (param->index != i)
            return diag_error(diag, "kernel '%s': parameter '%s' is broken", kernel->name,
                              param->name);
        bool bytes = param->viewed == DT_I8 || param->viewed == DT_U8;
        if (param->viewed && (!bytes || param->is_written || param->local))
            return diag_error(diag,
                              "kernel '%s': parameter '%s': a view is of bytes, and only read",
                              kernel->name, param->name);
    }
    if (kernel->is_extern && (kernel->body.count || kernel->cell_count))
        return diag_error(diag, "kernel '%s' is extern, and has a body", kernel->name);
    return check_block(v, &kernel->body);
}

/* ---- Main. ---- */

static bool has_kernel(const Program *program, const Kernel *kernel)
{
    for (int i = 0; i < program->kernel_count; i++)
        if (program->kernels[i] == kernel) return true;
    return false;
}

static int check_args(const Program *program, Diag *diag, const Inst *inst, const char *what,
                      int wanted)
{
    if (inst->arg_count != wanted)
        return diag_error(diag, "main: %s: expected %d arguments, got %d", what, wanted,
                          inst->arg_count);
    for (int k = 0; k < inst->arg_count; k++) {
        const Buffer *buffer = inst->args[k].buffer;
        if (!buffer || buffer->id < 0 || buffer->id >= program->buffer_count ||
            program->buffers[buffer->id] != buffer || !inst->args[k].offset)
            return diag_error(diag, "main: an argument is no buffer of the program");
    }
    return LPC_OK;
}

/* What belongs to the caller, and weights, are only read. */
static int check_written(Diag *diag, const Inst *inst)
{
    const Kernel *kernel = inst->callee;
    for (int i = 0, k = 0; i < kernel->param_count; i++) {
        if (kernel->params[i]->local) continue;
        const Buffer *buffer = inst->args[k++].buffer;
        bool given = buffer->class == BUFFER_INPUT;
        if (kernel->params[i]->is_written && (given || buffer->class == BUFFER_CONST))
            return diag_error(diag, "main: %s writes to '%s', which is %s", kernel->name,
                              buffer->name, given ? "an input" : "constant");
    }
    return LPC_OK;
}

/* Does the buffer have all elements that the parameter says it reaches? Told where that is so or not
 * whatever the symbols are; the evaluator looks at the rest when it runs. */
static int check_reach(const Program *program, Diag *diag, const Kernel *kernel, const Param *param,
                       const CallArg *arg)
{
    if (!param->end) return LPC_OK;
    SizeTable *sizes = program->sizes;
    int64_t one = (int64_t)dtype_size(arg->buffer->dtype), size = (int64_t)dtype_size(param->dtype);
    const Size *start = size_muli(sizes, arg->offset, one);
    const Size *from = size_add(sizes, start, size_muli(sizes, param->first, size));
    const Size *to = size_add(sizes, start, size_muli(sizes, param->end, size));
    const Size *left = size_sub(sizes, size_muli(sizes, arg->buffer->elements, one), to);
    const Size *count = size_sub(sizes, param->end, param->first);
    if (size_upper(sizes, count) <= 0) return LPC_OK; /* none */
    if (size_upper(sizes, from) >= 0 && size_upper(sizes, left) >= 0) return LPC_OK;
    return diag_error(diag, "main: %s: '%s' reaches %s elements from %s on, '%s' has %s from 0 on",
                      kernel->name, param->name, size_text(sizes, count),
                      size_text(sizes, size_add(sizes, arg->offset, param->first)),
                      arg->buffer->name, size_text(sizes, arg->buffer->elements));
}

/* Is the buffer what the kernel takes, and does the argument start inside it, on an element? One of a size
 * that is 0 has no elements, and views of it start anywhere. */
static int check_passed(const Program *program, Diag *diag, const Kernel *kernel,
                        const Param *param, const CallArg *arg)
{
    const Buffer *buffer = arg->buffer;
    DType wanted = param->viewed ? param->viewed : param->dtype;
    if (buffer->dtype != wanted)
        return diag_error(diag, "main: %s: parameter '%s' is of %s, buffer '%s' has %s",
                          kernel->name, param->name, dtype_name(wanted), buffer->name,
                          dtype_name(buffer->dtype));
    const Size *offset = arg->offset, *left = size_sub(program->sizes, buffer->elements, offset);
    if (size_is(buffer->elements, 0)) return LPC_OK;
    if ((size_is_const(offset) && offset->value < 0) || (size_is_const(left) && left->value < 0))
        return diag_error(diag, "main: %s: '%s' starts at element %s of buffer '%s', which has %s",
                          kernel->name, param->name, size_text(program->sizes, offset),
                          buffer->name, size_text(program->sizes, buffer->elements));
    int64_t size = (int64_t)dtype_size(param->dtype);
    if (param->viewed && size_is_const(offset) &&
        offset->value * (int64_t)dtype_size(param->viewed) % size)
        return diag_error(diag, "main: %s: '%s' starts within an element of %s", kernel->name,
                          param->name, dtype_name(param->dtype));
    return check_reach(program, diag, kernel, param, arg);
}

static int check_call(const Program *program, Diag *diag, const Inst *inst)
{
    if (!inst->callee || !has_kernel(program, inst->callee))
        return diag_error(diag, "main: a call of a kernel that the program does not have");
    int wanted = 0;
    for (int k = 0; k < inst->callee->param_count; k++)
        if (!inst->callee->params[k]->local) wanted++;
    TRY(check_args(program, diag, inst, inst->callee->name, wanted));
    for (int k = 0, at = 0; k < inst->callee->param_count; k++) {
        const Param *param = inst->callee->params[k];
        if (!param->local) TRY(check_passed(program, diag, inst->callee, param, &inst->args[at++]));
    }
    return check_written(diag, inst);
}

/* The one buffer whose element is read. */
static int check_element(const Program *program, Diag *diag, const Inst *inst, const char *what,
                         DType dtype)
{
    TRY(check_args(program, diag, inst, what, 1));
    const Buffer *buffer = inst->args[0].buffer;
    if (buffer->dtype == dtype) return LPC_OK;
    return diag_error(diag, "main: %s: buffer '%s' is %s, expected %s", what, buffer->name,
                      dtype_name(buffer->dtype), dtype_name(dtype));
}

/* A symbol that main sets: one that nobody else gives. */
static int check_set_symbol(const Program *program, Diag *diag, const Inst *inst, const char *what)
{
    if (inst->sym < 0 || inst->sym >= sizes_symbol_count(program->sizes))
        return diag_error(diag, "main: %s: there is no such symbol", what);
    const Symbol *symbol = sizes_symbol_at(program->sizes, inst->sym);
    if (symbol->source == SYM_NODE) return LPC_OK;
    return diag_error(diag, "main: %s: symbol '%s' is given by an input or the state", what,
                      symbol->name);
}

static int check_main_if(const Program *program, Diag *diag, const Inst *inst)
{
    if (!inst->size) return check_element(program, diag, inst, "if", DT_BOOL);
    if (!inst->right || inst_class(inst->relation) != 'R')
        return diag_error(diag, "main: if: expected two sizes and a relation");
    return check_args(program, diag, inst, "if", 0);
}

static int check_loop(const Program *program, Diag *diag, const Inst *inst)
{
    TRY(check_set_symbol(program, diag, inst, "loop"));
    if (!inst->size) return diag_error(diag, "main: loop: expected a count");
    if (inst->arg_count) TRY(check_element(program, diag, inst, "loop", DT_BOOL));
    if (inst->els.count) return diag_error(diag, "main: a loop has no else");
    return LPC_OK;
}

/* After its body has been found good. */
static int check_loop_symbol(const Program *program, Diag *diag, const Inst *inst)
{
    size_t symbols = (size_t)sizes_symbol_count(program->sizes);
    bool *set = arena_array(program->arena, symbols, sizeof *set);
    block_sets(&inst->body, set);
    if (!set[inst->sym]) return LPC_OK;
    return diag_error(diag, "main: loop: its body sets its symbol '%s'",
                      sizes_symbol_at(program->sizes, inst->sym)->name);
}

static int check_set(const Program *program, Diag *diag, const Inst *inst)
{
    TRY(check_set_symbol(program, diag, inst, "setsym"));
    if (inst->size) return check_args(program, diag, inst, "setsym", 0);
    return check_element(program, diag, inst, "setsym", DT_I64);
}

static int check_main(const Program *program, Diag *diag, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        switch (inst->op) {
        case LI_CALL: TRY(check_call(program, diag, inst)); break;
        case LI_IF: TRY(check_main_if(program, diag, inst)); break;
        case LI_FOR: TRY(check_loop(program, diag, inst)); break;
        case LI_SETSYM: TRY(check_set(program, diag, inst)); break;
        default: return diag_error(diag, "main: '%s' cannot stand here", inst_name(inst->op));
        }
        bool never = inst->op == LI_FOR && size_upper(program->sizes, inst->size) <= 0;
        if (!never) TRY(check_main(program, diag, &inst->body));
        TRY(check_main(program, diag, &inst->els));
        if (inst->op == LI_FOR) TRY(check_loop_symbol(program, diag, inst));
    }
    return LPC_OK;
}

int loops_verify(const Program *program, Diag *diag)
{
    for (int i = 0; i < program->kernel_count; i++)
        TRY(verify_kernel(program, program->kernels[i], diag));
    TRY(check_main(program, diag, &program->main->body));
    return loops_verify_symbols(program, diag);
}
