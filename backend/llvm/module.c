/* The module's functions: one per kernel. NAME_run, which calls them, is in main.c.
 *
 * A serial kernel becomes `KERNEL(pointers..., sizes)`. A parallel one becomes that with a range of
 * the loop's iterations as well, and a `KERNEL.task(args, begin, end)` for the thread pool, which
 * takes the pointers from a struct that NAME_run fills: the pointers then still are parameters,
 * noalias, of the function that holds the loops. A kernel with a FAIL returns its code. */
#include "backend/llvm/emit.h"
#include "runtime/lpc_model.h"
#include <assert.h>
#include <string.h>

static bool block_has(const Block *block, InstOp op)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == op || block_has(&inst->body, op) || block_has(&inst->els, op)) return true;
    }
    return false;
}

/* ---- Kernels ---- */

static void declare_kernel(LlvmEmit *e, const Kernel *kernel, Emitted *out)
{
    LLVMTypeRef *types = arena_array(e->arena, (size_t)kernel->param_count + 3, sizeof *types);
    bool parallel = kernel_parallel(kernel) != NULL;
    unsigned count = 0;
    for (int i = 0; i < kernel->param_count; i++)
        if (!kernel->params[i]->local) types[count++] = e->ptr;
    out->pointers = count;
    out->fails = kernel->is_extern || block_has(&kernel->body, LI_FAIL);
    types[count++] = e->ptr;
    types[count] = e->i32;
    if (parallel) out->args = LLVMStructTypeInContext(e->context, types, count + 1, 0);
    if (parallel) types[count++] = e->i64, types[count++] = e->i64;
    out->type = LLVMFunctionType(out->fails ? e->i32 : e->none, types, count, 0);
    out->function = emit_function(e, kernel->name, out->type,
                                  kernel->is_extern ? LLVMExternalLinkage : LLVMInternalLinkage);
    if (kernel->is_extern) LLVMSetSection(out->function, "");
}

/* Pointers to the parameters and local arrays, and sizes. */
static void open_parameters(LlvmEmit *e, const Kernel *kernel, const Emitted *k)
{
    unsigned at = 0;
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        if (!param->local) {
            emit_parameter(e, k->function, at, param);
            e->params[i] = LLVMGetParam(k->function, at++);
            continue;
        }
        LLVMTypeRef type = LLVMArrayType2(type_in_memory(e, param->dtype), (uint64_t)param->local);
        e->params[i] = LLVMBuildAlloca(e->entry_builder, type, param->name);
        LLVMSetAlignment(e->params[i], param->align > 64 ? (unsigned)param->align : 64);
    }
    e->sizes = LLVMGetParam(k->function, at);
    e->size_builder = e->entry_builder;
    emit_flag(e, k->function, at + 1, "nocapture", 0);
    emit_flag(e, k->function, at + 1, "noalias", 0);
    if (!block_has(&kernel->body, LI_SETSYM)) emit_flag(e, k->function, at + 1, "readonly", 0);
}

/* Iteration number n of a loop: lo + n * step. */
static LLVMValueRef iteration(LlvmEmit *e, const Inst *loop, LLVMValueRef number)
{
    LLVMValueRef scaled = LLVMBuildMul(e->builder, number, const_i64(e, loop->value), "");
    return LLVMBuildAdd(e->builder, value_of(e, loop->arg[0]), scaled, "");
}

static void define_kernel(LlvmEmit *e, const Kernel *kernel, const Emitted *k)
{
    const Inst *loop = kernel_parallel(kernel);
    emit_open_function(e, kernel, k->function);
    open_parameters(e, kernel, k);
    if (loop) {
        LLVMValueRef begin = LLVMGetParam(k->function, k->pointers + 1);
        LLVMValueRef end = LLVMGetParam(k->function, k->pointers + 2);
        LLVMValueRef hi = iteration(e, loop, end);
        emit_for_body(e, loop, iteration(e, loop, begin), hi);
    } else {
        emit_block(e, &kernel->body);
    }
    if (!emit_is_open(e)) return;
    if (k->fails)
        LLVMBuildRet(e->builder, const_i32(e, LPC_RUN_OK));
    else
        LLVMBuildRetVoid(e->builder);
}

/* void KERNEL.task(struct *args, i64 begin, i64 end) */
static void define_task(LlvmEmit *e, const Kernel *kernel, Emitted *k)
{
    char *name = arena_printf(e->arena, "%s.task", kernel->name);
    k->task = emit_function(e, name, e->task_fn, LLVMInternalLinkage);
    emit_open_function(e, kernel, k->task);
    LLVMValueRef *args = arena_array(e->arena, k->pointers + 3, sizeof *args);
    LLVMValueRef from = LLVMGetParam(k->task, 0);
    for (unsigned i = 0; i <= k->pointers; i++) {
        LLVMValueRef field = LLVMBuildStructGEP2(e->builder, k->args, from, i, "");
        args[i] = LLVMBuildLoad2(e->builder, e->ptr, field, "");
    }
    args[k->pointers + 1] = LLVMGetParam(k->task, 1);
    args[k->pointers + 2] = LLVMGetParam(k->task, 2);
    LLVMValueRef code = LLVMBuildCall2(e->builder, k->type, k->function, args, k->pointers + 3, "");
    if (k->fails) {
        LLVMBasicBlockRef bad = emit_new_block(e, "bad"), done = emit_new_block(e, "done");
        LLVMValueRef ok = LLVMBuildICmp(e->builder, LLVMIntEQ, code, const_i32(e, 0), "");
        LLVMBuildCondBr(e->builder, ok, done, bad);
        LLVMPositionBuilderAtEnd(e->builder, bad);
        LLVMValueRef field = LLVMBuildStructGEP2(e->builder, k->args, from, k->pointers + 1, "");
        LLVMValueRef store = LLVMBuildStore(e->builder, code, field);
        LLVMSetOrdering(store, LLVMAtomicOrderingMonotonic);
        LLVMSetAlignment(store, 4);
        LLVMBuildBr(e->builder, done);
        LLVMPositionBuilderAtEnd(e->builder, done);
    }
    LLVMBuildRetVoid(e->builder);
}

/* Of this build only; whoever includes model.h refers to it. */
static void define_build(LlvmEmit *e)
{
    if (!e->program->build) return;
    LLVMValueRef build = LLVMAddGlobal(e->module, e->i8, e->program->build);
    LLVMSetInitializer(build, LLVMConstInt(e->i8, 1, 0));
    LLVMSetGlobalConstant(build, 1);
}

/* The first kernel that is the same code as kernel i; i when there is none before it. */
static int first_same(const Program *program, int i)
{
    for (int k = 0; k < i; k++) {
        if (kernels_same(program->kernels[k], program->kernels[i])) return k;
    }
    return i;
}

/* The kernel's own name for a function that it shares, for profilers and the map of the code. */
static void name_again(LlvmEmit *e, const Kernel *kernel, const Emitted *k)
{
    LLVMValueRef alias = LLVMAddAlias2(e->module, k->type, 0, k->function, kernel->name);
    LLVMSetLinkage(alias, LLVMInternalLinkage);
}

void emit_module(LlvmEmit *e)
{
    const Program *program = e->program;
    Emitted *kernels = arena_array(e->arena, (size_t)program->kernel_count + 1, sizeof *kernels);
    int *same = arena_array(e->arena, (size_t)program->kernel_count + 1, sizeof *same);
    for (int i = 0; i < program->kernel_count; i++) {
        same[i] = first_same(program, i);
        if (same[i] == i) declare_kernel(e, program->kernels[i], &kernels[i]);
    }
    for (int i = 0; i < program->kernel_count; i++) {
        if (same[i] != i) {
            kernels[i] = kernels[same[i]];
            name_again(e, program->kernels[i], &kernels[i]);
            continue;
        }
        if (program->kernels[i]->is_extern) continue;
        define_kernel(e, program->kernels[i], &kernels[i]);
        if (kernel_parallel(program->kernels[i])) define_task(e, program->kernels[i], &kernels[i]);
    }
    emit_run(e, kernels);
    define_build(e);
}
