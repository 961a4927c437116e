/* Blocks, loops and instructions of a kernel. */
#include "backend/llvm/emit.h"
#include <assert.h>

void emit_open_function(LlvmEmit *e, const Kernel *kernel, LLVMValueRef function)
{
    e->kernel = kernel;
    e->function = function;
    e->break_to = NULL;
    e->values = arena_array(e->arena, (size_t)kernel->next_id + 1, sizeof *e->values);
    e->params = arena_array(e->arena, (size_t)kernel->param_count + 1, sizeof *e->params);
    e->cells = arena_array(e->arena, (size_t)kernel->cell_count + 1, sizeof *e->cells);
    LLVMBasicBlockRef entry = emit_new_block(e, "entry"), body = emit_new_block(e, "body");
    LLVMPositionBuilderAtEnd(e->builder, entry);
    LLVMPositionBuilderBefore(e->entry_builder, LLVMBuildBr(e->builder, body));
    LLVMPositionBuilderAtEnd(e->builder, body);
    sizes_forget(e);
}

/* A cell is a stack slot until LLVM's sroa makes registers of it. */
static LLVMValueRef cell_slot(LlvmEmit *e, const Cell *cell)
{
    if (!e->cells[cell->id])
        e->cells[cell->id] = LLVMBuildAlloca(e->entry_builder, type_of(e, cell->type), "");
    return e->cells[cell->id];
}

/* ---- Loops ---- */

/* The iterations of a loop whose variable runs lo, lo + step, ... below hi, tested at the end. */
static void emit_loop(LlvmEmit *e, const Inst *loop, LLVMValueRef lo, LLVMValueRef hi)
{
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    LLVMBasicBlockRef body = emit_new_block(e, "loop"), after = emit_new_block(e, "done");
    LLVMValueRef any = LLVMBuildICmp(e->builder, LLVMIntSLT, lo, hi, "");
    LLVMBuildCondBr(e->builder, any, body, after);
    LLVMPositionBuilderAtEnd(e->builder, body);
    LLVMValueRef variable = LLVMBuildPhi(e->builder, e->i64, "");
    LLVMAddIncoming(variable, &lo, &before, 1);
    LLVMBasicBlockRef outer = e->break_to;
    if (loop->kind == LOOP_SERIAL) e->break_to = after;
    e->values[loop->id] = variable;
    emit_block(e, &loop->body);
    e->break_to = outer;
    if (emit_is_open(e)) {
        LLVMValueRef next = LLVMBuildNSWAdd(e->builder, variable, const_i64(e, loop->value), "");
        LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->builder);
        LLVMAddIncoming(variable, &next, &latch, 1);
        LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntSLT, next, hi, "");
        LLVMBuildCondBr(e->builder, more, body, after);
    }
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_for(LlvmEmit *e, const Inst *loop)
{
    LLVMValueRef lo = value_of(e, loop->arg[0]), hi = value_of(e, loop->arg[1]);
    bool constant = LLVMIsAConstantInt(lo) && LLVMIsAConstantInt(hi);
    if (loop->kind != LOOP_UNROLLED || !constant) {
        emit_loop(e, loop, lo, hi);
        return;
    }
    int64_t last = LLVMConstIntGetSExtValue(hi);
    for (int64_t i = LLVMConstIntGetSExtValue(lo); i < last && emit_is_open(e); i += loop->value) {
        e->values[loop->id] = const_i64(e, i);
        emit_block(e, &loop->body);
    }
}

void emit_for_body(LlvmEmit *e, const Inst *loop, LLVMValueRef lo, LLVMValueRef hi)
{
    emit_loop(e, loop, lo, hi);
}

static void emit_if(LlvmEmit *e, const Inst *inst)
{
    LLVMBasicBlockRef then = emit_new_block(e, "then"), after = emit_new_block(e, "end");
    LLVMBasicBlockRef other = inst->els.count ? emit_new_block(e, "else") : after;
    LLVMBuildCondBr(e->builder, value_of(e, inst->arg[0]), then, other);
    LLVMPositionBuilderAtEnd(e->builder, then);
    emit_block(e, &inst->body);
    emit_goto(e, after);
    if (inst->els.count) {
        LLVMPositionBuilderAtEnd(e->builder, other);
        emit_block(e, &inst->els);
        emit_goto(e, after);
    }
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_setsym(LlvmEmit *e, const Inst *inst)
{
    LLVMValueRef index = const_i64(e, inst->sym);
    LLVMValueRef to = LLVMBuildGEP2(e->builder, e->i64, e->sizes, &index, 1, "");
    LLVMBuildStore(e->builder, value_of(e, inst->arg[0]), to);
}

static void emit_set(LlvmEmit *e, const Inst *inst)
{
    LLVMValueRef to = cell_slot(e, inst->cell);
    LLVMBuildStore(e->builder, value_of(e, inst->arg[0]), to);
}

static void emit_control(LlvmEmit *e, const Inst *inst)
{
    switch (inst->op) {
    case LI_STORE: emit_store(e, inst); break;
    case LI_SET: emit_set(e, inst); break;
    case LI_FOR: emit_for(e, inst); break;
    case LI_IF: emit_if(e, inst); break;
    case LI_BREAK:
        assert(e->break_to && "BREAK outside a loop");
        LLVMBuildBr(e->builder, e->break_to);
        break;
    case LI_FAIL: LLVMBuildRet(e->builder, const_i32(e, inst->value)); break;
    case LI_SETSYM: emit_setsym(e, inst); break;
    default: assert(false && "not in a kernel");
    }
}

/* ---- Values ---- */

static LLVMValueRef emit_other(LlvmEmit *e, const Inst *inst, LLVMValueRef *args)
{
    LLVMTypeRef type = type_of(e, inst->type);
    switch (inst->op) {
    case LI_LOAD: return emit_load(e, inst);
    case LI_GET: return LLVMBuildLoad2(e->builder, type, cell_slot(e, inst->cell), "");
    case LI_FMA:
        if (!dtype_is_float(inst->type.dtype)) {
            LLVMValueRef product = LLVMBuildMul(e->builder, args[0], args[1], "");
            return LLVMBuildAdd(e->builder, product, args[2], "");
        }
        return call_intrinsic(e, "llvm.fma", &type, 1, args, 3);
    case LI_SELECT: return LLVMBuildSelect(e->builder, args[0], args[1], args[2], "");
    case LI_CAST: return emit_cast(e, inst->arg[0]->type, inst->type, args[0]);
    case LI_BITCAST: return LLVMBuildBitCast(e->builder, args[0], type, "");
    case LI_SPLAT: return splat(e, args[0], inst->type.lanes);
    case LI_IOTA: return const_iota(type_of_dtype(e, inst->type.dtype), inst->type.lanes);
    case LI_LANE:
        return LLVMBuildExtractElement(e->builder, args[0], const_i32(e, inst->value), "");
    case LI_HADD:
    case LI_HMIN:
    case LI_HMAX: return emit_horizontal(e, inst->op, inst->arg[0]->type, args[0]);
    case LI_DOT4:
        return emit_dot4(e, inst->type.lanes, inst_dot_left(inst), args[0], args[1], args[2]);
    default: assert(false && "not a value"); return NULL;
    }
}

static LLVMValueRef emit_value(LlvmEmit *e, const Inst *inst)
{
    LLVMValueRef args[3] = {NULL, NULL, NULL};
    for (int i = 0; i < inst_args(inst->op); i++) args[i] = value_of(e, inst->arg[i]);
    switch (inst_class(inst->op)) {
    case 'B':
    case 'G': return emit_binary(e, inst->op, inst->type, args[0], args[1]);
    case 'U':
    case 'F': return emit_unary(e, inst->op, inst->type, args[0]);
    case 'R': return emit_relation(e, inst->op, inst->arg[0]->type, args[0], args[1]);
    default: return emit_other(e, inst, args);
    }
}

void emit_block(LlvmEmit *e, const Block *block)
{
    for (int i = 0; i < block->count && emit_is_open(e); i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_INT || inst->op == LI_FLT || inst->op == LI_SIZE) continue;
        if (inst_class(inst->op) == 'C' || inst->op == LI_STORE || inst->op == LI_SET)
            emit_control(e, inst);
        else
            e->values[inst->id] = emit_value(e, inst);
    }
}
