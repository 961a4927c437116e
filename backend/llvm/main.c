/* NAME_run: the main block of the program. */
#include "backend/llvm/emit.h"
#include "runtime/lpc_model.h"

enum { ARG_IN, ARG_OUT, ARG_SIZES, ARG_WORK, ARG_STATE, ARG_THREADS, ARG_COUNT };

typedef struct Run {
    LlvmEmit *e;
    const Emitted *kernels;
    LLVMValueRef function;
    LLVMValueRef weights; /* global that points to NAME_weights */
} Run;

static LLVMValueRef plus_bytes(LlvmEmit *e, LLVMValueRef pointer, LLVMValueRef bytes)
{
    if (LLVMIsAConstantInt(bytes) && LLVMConstIntGetSExtValue(bytes) == 0) return pointer;
    return LLVMBuildGEP2(e->builder, e->i8, pointer, &bytes, 1, "");
}

static LLVMValueRef load_slot(LlvmEmit *e, LLVMValueRef array, int index)
{
    LLVMValueRef at = const_i64(e, index);
    LLVMValueRef from = LLVMBuildGEP2(e->builder, e->ptr, array, &at, 1, "");
    return LLVMBuildLoad2(e->builder, e->ptr, from, "");
}

static LLVMValueRef buffer_pointer(Run *run, const Buffer *buffer)
{
    LlvmEmit *e = run->e;
    LLVMValueRef base = NULL;
    switch (buffer->class) {
    case BUFFER_INPUT: return load_slot(e, LLVMGetParam(run->function, ARG_IN), buffer->index);
    case BUFFER_OUTPUT: return load_slot(e, LLVMGetParam(run->function, ARG_OUT), buffer->index);
    case BUFFER_WORK: base = LLVMGetParam(run->function, ARG_WORK); break;
    case BUFFER_STATE: base = LLVMGetParam(run->function, ARG_STATE); break;
    case BUFFER_CONST: base = LLVMBuildLoad2(e->builder, e->ptr, run->weights, ""); break;
    }
    return plus_bytes(e, base, const_i64(e, buffer->offset < 0 ? 0 : buffer->offset));
}

static LLVMValueRef arg_pointer(Run *run, const CallArg *arg)
{
    LlvmEmit *e = run->e;
    LLVMValueRef base = buffer_pointer(run, arg->buffer);
    LLVMValueRef offset = arg->offset ? size_value(e, arg->offset) : const_i64(e, 0);
    LLVMValueRef size = const_i64(e, (int64_t)dtype_size(arg->buffer->dtype));
    return plus_bytes(e, base, LLVMBuildMul(e->builder, offset, size, ""));
}

/* Returns `code` when `bad` holds; goes on else. */
static void return_if(LlvmEmit *e, LLVMValueRef bad, LLVMValueRef code)
{
    LLVMBasicBlockRef leave = emit_new_block(e, "fail"), stay = emit_new_block(e, "go");
    LLVMBuildCondBr(e->builder, bad, leave, stay);
    LLVMPositionBuilderAtEnd(e->builder, leave);
    LLVMBuildRet(e->builder, code);
    LLVMPositionBuilderAtEnd(e->builder, stay);
}

/* 0 <= sizes[sym] <= max in one unsigned comparison. */
static void check_symbol(LlvmEmit *e, int sym)
{
    int64_t max = sizes_symbol_at(e->program->sizes, sym)->max;
    LLVMValueRef value = size_value(e, size_sym(e->program->sizes, sym));
    LLVMValueRef most = const_i64(e, max < 0 ? INT64_MAX : max);
    return_if(e, LLVMBuildICmp(e->builder, LLVMIntUGT, value, most, ""),
              const_i32(e, LPC_RUN_BOUND));
}

static void check_set_symbols(LlvmEmit *e, const Kernel *kernel)
{
    int count = sizes_symbol_count(e->program->sizes);
    bool *set = arena_array(e->arena, (size_t)count + 1, sizeof *set);
    block_sets(&kernel->body, set);
    for (int i = 0; i < count; i++)
        if (set[i]) check_symbol(e, i);
}

static void return_code(LlvmEmit *e, LLVMValueRef code)
{
    return_if(e, LLVMBuildICmp(e->builder, LLVMIntNE, code, const_i32(e, LPC_RUN_OK), ""), code);
}

static void call_serial(Run *run, const Inst *call, const Emitted *k)
{
    LlvmEmit *e = run->e;
    LLVMValueRef *args = arena_array(e->arena, k->pointers + 1, sizeof *args);
    for (unsigned i = 0; i < k->pointers; i++) args[i] = arg_pointer(run, &call->args[i]);
    args[k->pointers] = e->sizes;
    LLVMValueRef code = LLVMBuildCall2(e->builder, k->type, k->function, args, k->pointers + 1, "");
    if (k->fails) return_code(e, code);
}

/* Iterations of a parallel kernel: its bounds are in no block, so that they are known here too. */
static LLVMValueRef iterations(LlvmEmit *e, const Inst *loop)
{
    LLVMBuilderRef at = e->builder;
    LLVMValueRef lo = value_of(e, loop->arg[0]), hi = value_of(e, loop->arg[1]);
    LLVMValueRef span = LLVMBuildSub(at, hi, lo, "");
    LLVMValueRef any = LLVMBuildICmp(at, LLVMIntSGT, span, const_i64(e, 0), "");
    span = LLVMBuildSelect(at, any, span, const_i64(e, 0), "");
    LLVMValueRef up = LLVMBuildAdd(at, span, const_i64(e, loop->value - 1), "");
    return LLVMBuildUDiv(at, up, const_i64(e, loop->value), "");
}

/* threads ? threads->parallel_for(threads->pool, task, args, n) : task(args, 0, n) */
static void run_task(Run *run, const Emitted *k, LLVMValueRef args, LLVMValueRef n)
{
    LlvmEmit *e = run->e;
    LLVMBuilderRef at = e->builder;
    LLVMBasicBlockRef alone = emit_new_block(e, "alone"), pool = emit_new_block(e, "pool");
    LLVMBasicBlockRef done = emit_new_block(e, "done");
    LLVMValueRef threads = LLVMGetParam(run->function, ARG_THREADS);
    LLVMBuildCondBr(at, LLVMBuildIsNull(at, threads, ""), alone, pool);
    LLVMPositionBuilderAtEnd(at, alone);
    LLVMValueRef direct[3] = {args, const_i64(e, 0), n};
    LLVMBuildCall2(at, e->task_fn, k->task, direct, 3, "");
    LLVMBuildBr(at, done);
    LLVMPositionBuilderAtEnd(at, pool);
    LLVMTypeRef types[4] = {e->ptr, e->ptr, e->ptr, e->i64};
    LLVMTypeRef type = LLVMFunctionType(e->none, types, 4, 0);
    LLVMValueRef parallel_for = load_slot(e, threads, 0);
    LLVMValueRef pooled[4] = {load_slot(e, threads, 1), k->task, args, n};
    LLVMBuildCall2(at, type, parallel_for, pooled, 4, "");
    LLVMBuildBr(at, done);
    LLVMPositionBuilderAtEnd(at, done);
}

static void call_parallel(Run *run, const Inst *call, const Emitted *k)
{
    LlvmEmit *e = run->e;
    LLVMValueRef args = LLVMBuildAlloca(e->entry_builder, k->args, "");
    for (unsigned i = 0; i <= k->pointers + 1; i++) {
        LLVMValueRef value = i < k->pointers    ? arg_pointer(run, &call->args[i])
                             : i == k->pointers ? e->sizes
                                                : const_i32(e, LPC_RUN_OK);
        LLVMBuildStore(e->builder, value, LLVMBuildStructGEP2(e->builder, k->args, args, i, ""));
    }
    run_task(run, k, args, iterations(e, kernel_parallel(call->callee)));
    if (!k->fails) return;
    LLVMValueRef code = LLVMBuildStructGEP2(e->builder, k->args, args, k->pointers + 1, "");
    return_code(e, LLVMBuildLoad2(e->builder, e->i32, code, ""));
}

/* lpc_profile_mark(position): what ran since the last mark was this kernel; -1: none. */
static void mark(Run *run, int position)
{
    LlvmEmit *e = run->e;
    if (!e->options->profile) return;
    LLVMTypeRef type = LLVMFunctionType(e->none, &e->i32, 1, 0);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, "lpc_profile_mark");
    if (!function) function = LLVMAddFunction(e->module, "lpc_profile_mark", type);
    LLVMValueRef argument = const_i32(e, position);
    LLVMBuildCall2(e->builder, type, function, &argument, 1, "");
}

static const Emitted *emitted(const Run *run, const Kernel *kernel)
{
    int i = 0;
    while (run->e->program->kernels[i] != kernel) i++;
    return &run->kernels[i];
}

static void emit_main(Run *run, const Block *block);

/* ---- Branches, loops and symbols ---- */

static LLVMIntPredicate predicate_of(InstOp relation)
{
    switch (relation) {
    case LI_EQ: return LLVMIntEQ;
    case LI_NE: return LLVMIntNE;
    case LI_LT: return LLVMIntSLT;
    case LI_LE: return LLVMIntSLE;
    case LI_GT: return LLVMIntSGT;
    default: return LLVMIntSGE;
    }
}

/* Is element 0 of a bool buffer `when`? */
static LLVMValueRef bool_is(Run *run, const CallArg *arg, bool when)
{
    LlvmEmit *e = run->e;
    LLVMValueRef byte = LLVMBuildLoad2(e->builder, e->i8, arg_pointer(run, arg), "");
    return LLVMBuildICmp(e->builder, when ? LLVMIntNE : LLVMIntEQ, byte, LLVMConstNull(e->i8), "");
}

static LLVMValueRef condition(Run *run, const Inst *inst)
{
    LlvmEmit *e = run->e;
    if (!inst->size) return bool_is(run, &inst->args[0], inst->value != 0);
    LLVMValueRef left = size_value(e, inst->size), right = size_value(e, inst->right);
    return LLVMBuildICmp(e->builder, predicate_of(inst->relation), left, right, "");
}

static void emit_main_if(Run *run, const Inst *inst)
{
    LlvmEmit *e = run->e;
    LLVMBasicBlockRef then = emit_new_block(e, "then"), other = emit_new_block(e, "else");
    LLVMBasicBlockRef after = emit_new_block(e, "end");
    LLVMBuildCondBr(e->builder, condition(run, inst), then, other);
    LLVMPositionBuilderAtEnd(e->builder, then);
    emit_main(run, &inst->body);
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, other);
    emit_main(run, &inst->els);
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static LLVMValueRef symbol_address(LlvmEmit *e, int sym)
{
    LLVMValueRef index = const_i64(e, sym);
    return LLVMBuildGEP2(e->builder, e->i64, e->sizes, &index, 1, "");
}

/* Goes on in a new block when `more` holds, else leaves for `after`. */
static void go_on_if(LlvmEmit *e, LLVMValueRef more, LLVMBasicBlockRef after)
{
    LLVMBasicBlockRef next = emit_new_block(e, "loop");
    LLVMBuildCondBr(e->builder, more, next, after);
    LLVMPositionBuilderAtEnd(e->builder, next);
}

/* The number of iterations done is in the symbol's place in `sizes`, where kernels read it. */
static void emit_main_loop(Run *run, const Inst *loop)
{
    LlvmEmit *e = run->e;
    LLVMBasicBlockRef test = emit_new_block(e, "test"), after = emit_new_block(e, "done");
    LLVMValueRef count = size_value(e, loop->size), place = symbol_address(e, loop->sym);
    LLVMBuildStore(e->builder, const_i64(e, 0), place);
    if (main_set_can_fail(e->program, loop->sym, loop->size)) {
        int64_t max = sizes_symbol_at(e->program->sizes, loop->sym)->max;
        LLVMValueRef most = const_i64(e, max < 0 ? INT64_MAX : max);
        return_if(e, LLVMBuildICmp(e->builder, LLVMIntSGT, count, most, ""),
                  const_i32(e, LPC_RUN_BOUND));
    }
    emit_goto(e, test);
    LLVMPositionBuilderAtEnd(e->builder, test);
    sizes_forget(e);
    LLVMValueRef done = LLVMBuildLoad2(e->builder, e->i64, place, "");
    go_on_if(e, LLVMBuildICmp(e->builder, LLVMIntSLT, done, count, ""), after);
    if (loop->arg_count) go_on_if(e, bool_is(run, &loop->args[0], true), after);
    emit_main(run, &loop->body);
    done = LLVMBuildNSWAdd(e->builder, done, const_i64(e, 1), "");
    LLVMBuildStore(e->builder, done, place);
    emit_goto(e, test);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_main_set(Run *run, const Inst *inst)
{
    LlvmEmit *e = run->e;
    LLVMValueRef value =
        inst->size ? size_value(e, inst->size)
                   : LLVMBuildLoad2(e->builder, e->i64, arg_pointer(run, &inst->args[0]), "");
    LLVMBuildStore(e->builder, value, symbol_address(e, inst->sym));
    sizes_forget(e);
    if (!inst->size || main_set_can_fail(e->program, inst->sym, inst->size))
        check_symbol(e, inst->sym);
}

static void emit_main_call(Run *run, const Inst *inst)
{
    const Emitted *k = emitted(run, inst->callee);
    if (kernel_parallel(inst->callee))
        call_parallel(run, inst, k);
    else
        call_serial(run, inst, k);
    mark(run, (int)(k - run->kernels));
    sizes_forget(run->e);
    check_set_symbols(run->e, inst->callee);
}

static void emit_main(Run *run, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        sizes_forget(run->e); /* the last instruction may have set symbols */
        switch (inst->op) {
        case LI_CALL: emit_main_call(run, inst); break;
        case LI_FOR: emit_main_loop(run, inst); break;
        case LI_SETSYM: emit_main_set(run, inst); break;
        default: emit_main_if(run, inst); break;
        }
    }
}

/* Those that the program sets start as 0, those that it is given are checked. */
static void open_symbols(LlvmEmit *e)
{
    SizeTable *table = e->program->sizes;
    const bool *set = program_sets(e->program, e->arena);
    const bool *given = program_given(e->program, e->arena);
    for (int i = 0; i < sizes_symbol_count(table); i++) {
        if (set[i] && sizes_symbol_at(table, i)->source == SYM_NODE)
            LLVMBuildStore(e->builder, const_i64(e, 0), symbol_address(e, i));
    }
    for (int i = 0; i < sizes_symbol_count(table); i++)
        if (given[i]) check_symbol(e, i);
}

/* ---- The function ---- */

/* A constant that holds NAME_weights' address. Marked as initialised elsewhere, so that LLVM does
 * not look through it: one 64-bit relocation is then all that refers to the weights. */
static LLVMValueRef weights_global(LlvmEmit *e)
{
    if (!e->program->const_bytes) {
        bool any = false;
        for (int i = 0; i < e->program->buffer_count; i++)
            any |= e->program->buffers[i]->class == BUFFER_CONST;
        if (!any) return NULL;
    }
    char *name = arena_printf(e->arena, "%s_weights", e->program->name);
    LLVMValueRef weights = LLVMAddGlobal(e->module, LLVMArrayType2(e->i8, 0), name);
    LLVMSetGlobalConstant(weights, 1);
    LLVMValueRef pointer = LLVMAddGlobal(e->module, e->ptr, "weights");
    LLVMSetInitializer(pointer, weights);
    LLVMSetLinkage(pointer, LLVMInternalLinkage);
    LLVMSetGlobalConstant(pointer, 1);
    LLVMSetExternallyInitialized(pointer, 1);
    return pointer;
}

void emit_run(LlvmEmit *e, const Emitted *kernels)
{
    Run run = {.e = e, .kernels = kernels, .weights = weights_global(e)};
    LLVMTypeRef types[ARG_COUNT] = {e->ptr, e->ptr, e->ptr, e->ptr, e->ptr, e->ptr};
    LLVMTypeRef type = LLVMFunctionType(e->i32, types, ARG_COUNT, 0);
    char *name = arena_printf(e->arena, "%s_run", e->program->name);
    run.function = emit_function(e, name, type, LLVMExternalLinkage);
    emit_open_function(e, e->program->main, run.function);
    e->sizes = LLVMGetParam(run.function, ARG_SIZES);
    e->size_builder = e->builder;
    open_symbols(e);
    mark(&run, -1);
    emit_main(&run, &e->program->main->body);
    LLVMBuildRet(e->builder, const_i32(e, LPC_RUN_OK));
}
