/* The module's functions: one per kernel, and NAME_run, which calls them in order.
 *
 * A serial kernel becomes `KERNEL(pointers..., sizes)`. A parallel one becomes that with a range of
 * the loop's iterations as well, and a `KERNEL.task(args, begin, end)` for the thread pool, which
 * takes the pointers from a struct that NAME_run fills: the pointers then still are parameters,
 * noalias, of the function that holds the loops. A kernel with a FAIL returns its code. */
#include "backend/llvm/emit.h"
#include "runtime/lpc_model.h"
#include <assert.h>
#include <string.h>

/* What the module knows of a kernel, by its position in program->kernels. */
typedef struct Emitted {
    LLVMValueRef function, task; /* task: parallel kernels only */
    LLVMTypeRef type, args;      /* args: struct of pointers, sizes, code */
    unsigned pointers;           /* parameters that are no local arrays */
    bool fails;
} Emitted;

static bool block_has(const Block *block, InstOp op)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == op || block_has(&inst->body, op) || block_has(&inst->els, op)) return true;
    }
    return false;
}

/* ---- Attributes ---- */

static void set_flag(Emit *e, LLVMValueRef function, unsigned at, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, at, LLVMCreateEnumAttribute(e->context, kind, value));
}

static void set_text(Emit *e, LLVMValueRef function, const char *name, const char *value)
{
    LLVMAttributeRef text = LLVMCreateStringAttribute(e->context, name, (unsigned)strlen(name),
                                                      value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, text);
}

static LLVMValueRef new_function(Emit *e, const char *name, LLVMTypeRef type, LLVMLinkage linkage)
{
    const unsigned whole = (unsigned)LLVMAttributeFunctionIndex;
    LLVMValueRef function = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(function, linkage);
    set_flag(e, function, whole, "nounwind", 0);
    set_flag(e, function, whole, "noinline", 0);
    if (e->options->opt_level == 0) set_flag(e, function, whole, "optnone", 0);
    if (e->options->cpu && *e->options->cpu) set_text(e, function, "target-cpu", e->options->cpu);
    if (e->options->features && *e->options->features)
        set_text(e, function, "target-features", e->options->features);
    if (e->options->vector_bits >= 512) {
        set_text(e, function, "prefer-vector-width", "512");
        set_text(e, function, "min-legal-vector-width", "512");
    }
    set_text(e, function, "frame-pointer", "none");
    set_text(e, function, "no-trapping-math", "true");
    LLVMSetSection(function, arena_printf(e->arena, ".text.%s", name));
    return function;
}

static void set_parameter(Emit *e, LLVMValueRef function, unsigned at, const Param *param)
{
    LLVMValueRef value = LLVMGetParam(function, at);
    LLVMSetValueName2(value, param->name, strlen(param->name));
    set_flag(e, function, at + 1, "nocapture", 0);
    if (param->noalias) set_flag(e, function, at + 1, "noalias", 0);
    if (!param->is_written) set_flag(e, function, at + 1, "readonly", 0);
    if (!param->is_read && param->is_written) set_flag(e, function, at + 1, "writeonly", 0);
    uint64_t align = param->align > 0 ? (uint64_t)param->align : dtype_size(param->dtype);
    set_flag(e, function, at + 1, "align", align);
}

/* ---- Kernels ---- */

static void declare_kernel(Emit *e, const Kernel *kernel, Emitted *out)
{
    LLVMTypeRef *types = arena_array(e->arena, (size_t)kernel->param_count + 3, sizeof *types);
    bool parallel = kernel_parallel(kernel) != NULL;
    unsigned count = 0;
    for (int i = 0; i < kernel->param_count; i++)
        if (!kernel->params[i]->local) types[count++] = e->ptr;
    out->pointers = count;
    out->fails = block_has(&kernel->body, LI_FAIL);
    types[count++] = e->ptr;
    types[count] = e->i32;
    if (parallel) out->args = LLVMStructTypeInContext(e->context, types, count + 1, 0);
    if (parallel) types[count++] = e->i64, types[count++] = e->i64;
    out->type = LLVMFunctionType(out->fails ? e->i32 : e->none, types, count, 0);
    out->function = new_function(e, kernel->name, out->type, LLVMInternalLinkage);
}

/* Pointers to the parameters and local arrays, and sizes. */
static void open_parameters(Emit *e, const Kernel *kernel, const Emitted *k)
{
    unsigned at = 0;
    for (int i = 0; i < kernel->param_count; i++) {
        const Param *param = kernel->params[i];
        if (!param->local) {
            set_parameter(e, k->function, at, param);
            e->params[i] = LLVMGetParam(k->function, at++);
            continue;
        }
        LLVMTypeRef type = LLVMArrayType2(type_in_memory(e, param->dtype), (uint64_t)param->local);
        e->params[i] = LLVMBuildAlloca(e->entry_builder, type, param->name);
        LLVMSetAlignment(e->params[i], param->align > 64 ? (unsigned)param->align : 64);
    }
    e->sizes = LLVMGetParam(k->function, at);
    e->size_builder = e->entry_builder;
    set_flag(e, k->function, at + 1, "nocapture", 0);
    set_flag(e, k->function, at + 1, "noalias", 0);
    if (!block_has(&kernel->body, LI_SETSYM)) set_flag(e, k->function, at + 1, "readonly", 0);
}

/* Iteration number n of a loop: lo + n * step. */
static LLVMValueRef iteration(Emit *e, const Inst *loop, LLVMValueRef number)
{
    LLVMValueRef scaled = LLVMBuildMul(e->builder, number, const_i64(e, loop->value), "");
    return LLVMBuildAdd(e->builder, value_of(e, loop->arg[0]), scaled, "");
}

static void define_kernel(Emit *e, const Kernel *kernel, const Emitted *k)
{
    const Inst *loop = kernel_parallel(kernel);
    emit_open_function(e, kernel, k->function);
    open_parameters(e, kernel, k);
    if (loop) {
        LLVMValueRef begin = LLVMGetParam(k->function, k->pointers + 1);
        LLVMValueRef end = LLVMGetParam(k->function, k->pointers + 2);
        emit_for_body(e, loop, iteration(e, loop, begin), iteration(e, loop, end));
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
static void define_task(Emit *e, const Kernel *kernel, Emitted *k)
{
    char *name = arena_printf(e->arena, "%s.task", kernel->name);
    k->task = new_function(e, name, e->task_fn, LLVMInternalLinkage);
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

/* ---- NAME_run ---- */

enum { ARG_IN, ARG_OUT, ARG_SIZES, ARG_WORK, ARG_STATE, ARG_THREADS, ARG_COUNT };

typedef struct Run {
    Emit *e;
    Emitted *kernels;
    LLVMValueRef function;
    LLVMValueRef weights; /* global that points to NAME_weights */
} Run;

static LLVMValueRef plus_bytes(Emit *e, LLVMValueRef pointer, LLVMValueRef bytes)
{
    if (LLVMIsAConstantInt(bytes) && LLVMConstIntGetSExtValue(bytes) == 0) return pointer;
    return LLVMBuildGEP2(e->builder, e->i8, pointer, &bytes, 1, "");
}

static LLVMValueRef load_slot(Emit *e, LLVMValueRef array, int index)
{
    LLVMValueRef at = const_i64(e, index);
    LLVMValueRef from = LLVMBuildGEP2(e->builder, e->ptr, array, &at, 1, "");
    return LLVMBuildLoad2(e->builder, e->ptr, from, "");
}

static LLVMValueRef buffer_pointer(Run *run, const Buffer *buffer)
{
    Emit *e = run->e;
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
    Emit *e = run->e;
    LLVMValueRef base = buffer_pointer(run, arg->buffer);
    LLVMValueRef offset = arg->offset ? size_value(e, arg->offset) : const_i64(e, 0);
    LLVMValueRef size = const_i64(e, (int64_t)dtype_size(arg->buffer->dtype));
    return plus_bytes(e, base, LLVMBuildMul(e->builder, offset, size, ""));
}

/* Returns `code` when `bad` holds; goes on else. */
static void return_if(Emit *e, LLVMValueRef bad, LLVMValueRef code)
{
    LLVMBasicBlockRef leave = emit_new_block(e, "fail"), stay = emit_new_block(e, "go");
    LLVMBuildCondBr(e->builder, bad, leave, stay);
    LLVMPositionBuilderAtEnd(e->builder, leave);
    LLVMBuildRet(e->builder, code);
    LLVMPositionBuilderAtEnd(e->builder, stay);
}

/* 0 <= sizes[sym] <= max in one unsigned comparison. */
static void check_symbol(Emit *e, int sym)
{
    int64_t max = sizes_symbol_at(e->program->sizes, sym)->max;
    LLVMValueRef value = size_value(e, size_sym(e->program->sizes, sym));
    LLVMValueRef most = const_i64(e, max < 0 ? INT64_MAX : max);
    return_if(e, LLVMBuildICmp(e->builder, LLVMIntUGT, value, most, ""),
              const_i32(e, LPC_RUN_BOUND));
}

static void check_set_symbols(Emit *e, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        if (inst->op == LI_SETSYM) check_symbol(e, inst->sym);
        check_set_symbols(e, &inst->body);
        check_set_symbols(e, &inst->els);
    }
}

static void return_code(Emit *e, LLVMValueRef code)
{
    return_if(e, LLVMBuildICmp(e->builder, LLVMIntNE, code, const_i32(e, LPC_RUN_OK), ""), code);
}

static void call_serial(Run *run, const Inst *call, const Emitted *k)
{
    Emit *e = run->e;
    LLVMValueRef *args = arena_array(e->arena, k->pointers + 1, sizeof *args);
    for (unsigned i = 0; i < k->pointers; i++) args[i] = arg_pointer(run, &call->args[i]);
    args[k->pointers] = e->sizes;
    LLVMValueRef code = LLVMBuildCall2(e->builder, k->type, k->function, args, k->pointers + 1, "");
    if (k->fails) return_code(e, code);
}

/* Iterations of a parallel kernel: its bounds are in no block, so that they are known here too. */
static LLVMValueRef iterations(Emit *e, const Inst *loop)
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
    Emit *e = run->e;
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
    Emit *e = run->e;
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
    Emit *e = run->e;
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

static void emit_main_if(Run *run, const Inst *inst)
{
    Emit *e = run->e;
    LLVMBasicBlockRef then = emit_new_block(e, "then"), other = emit_new_block(e, "else");
    LLVMBasicBlockRef after = emit_new_block(e, "end");
    LLVMValueRef byte = LLVMBuildLoad2(e->builder, e->i8, arg_pointer(run, &inst->args[0]), "");
    LLVMIntPredicate how = inst->value ? LLVMIntNE : LLVMIntEQ;
    LLVMValueRef holds = LLVMBuildICmp(e->builder, how, byte, LLVMConstNull(e->i8), "");
    LLVMBuildCondBr(e->builder, holds, then, other);
    LLVMPositionBuilderAtEnd(e->builder, then);
    emit_main(run, &inst->body);
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, other);
    emit_main(run, &inst->els);
    emit_goto(e, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_main(Run *run, const Block *block)
{
    for (int i = 0; i < block->count; i++) {
        const Inst *inst = block->items[i];
        sizes_forget(run->e); /* the last call may have set symbols */
        if (inst->op == LI_IF) {
            emit_main_if(run, inst);
            continue;
        }
        const Emitted *k = emitted(run, inst->callee);
        if (kernel_parallel(inst->callee))
            call_parallel(run, inst, k);
        else
            call_serial(run, inst, k);
        mark(run, (int)(k - run->kernels));
        sizes_forget(run->e);
        check_set_symbols(run->e, &inst->callee->body);
    }
}

/* Symbols that come from outside: those of inputs and state, and those of nodes in other stages
 * that this program's sizes use. */
static void mark_size(const Size *size, bool *used)
{
    if (!size || size->kind == SIZE_CONST) return;
    if (size->kind == SIZE_SYM) {
        used[size->sym] = true;
        return;
    }
    mark_size(size->a, used);
    mark_size(size->b, used);
}

static void mark_set(const Block *block, bool *set)
{
    for (int i = 0; i < block->count; i++) {
        if (block->items[i]->op == LI_SETSYM) set[block->items[i]->sym] = true;
        mark_set(&block->items[i]->body, set);
        mark_set(&block->items[i]->els, set);
    }
}

static void check_symbols(Emit *e)
{
    const Program *program = e->program;
    int count = sizes_symbol_count(program->sizes);
    bool *used = arena_array(e->arena, (size_t)count + 1, sizeof *used);
    bool *set = arena_array(e->arena, (size_t)count + 1, sizeof *set);
    for (int i = 0; i < program->buffer_count; i++) mark_size(program->buffers[i]->elements, used);
    for (int i = 0; i < program->kernel_count; i++) {
        const Kernel *kernel = program->kernels[i];
        for (int k = 0; k < kernel->const_count; k++) mark_size(kernel->consts[k]->size, used);
        mark_set(&kernel->body, set);
    }
    for (int i = 0; i < count; i++)
        if (sizes_symbol_at(program->sizes, i)->source != SYM_NODE || (used[i] && !set[i]))
            check_symbol(e, i);
}

/* A constant that holds NAME_weights' address. Marked as initialised elsewhere, so that LLVM does
 * not look through it: one 64-bit relocation is then all that refers to the weights. */
static LLVMValueRef weights_global(Emit *e)
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

/* Of this build only; whoever includes model.h refers to it. */
static void define_build(Emit *e)
{
    if (!e->program->build) return;
    LLVMValueRef build = LLVMAddGlobal(e->module, e->i8, e->program->build);
    LLVMSetInitializer(build, LLVMConstInt(e->i8, 1, 0));
    LLVMSetGlobalConstant(build, 1);
}

static void define_run(Emit *e, Emitted *kernels)
{
    Run run = {.e = e, .kernels = kernels, .weights = weights_global(e)};
    LLVMTypeRef types[ARG_COUNT] = {e->ptr, e->ptr, e->ptr, e->ptr, e->ptr, e->ptr};
    LLVMTypeRef type = LLVMFunctionType(e->i32, types, ARG_COUNT, 0);
    char *name = arena_printf(e->arena, "%s_run", e->program->name);
    run.function = new_function(e, name, type, LLVMExternalLinkage);
    emit_open_function(e, e->program->main, run.function);
    e->sizes = LLVMGetParam(run.function, ARG_SIZES);
    e->size_builder = e->builder;
    check_symbols(e);
    mark(&run, -1);
    emit_main(&run, &e->program->main->body);
    LLVMBuildRet(e->builder, const_i32(e, LPC_RUN_OK));
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
static void name_again(Emit *e, const Kernel *kernel, const Emitted *k)
{
    LLVMValueRef alias = LLVMAddAlias2(e->module, k->type, 0, k->function, kernel->name);
    LLVMSetLinkage(alias, LLVMInternalLinkage);
}

void emit_module(Emit *e)
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
        define_kernel(e, program->kernels[i], &kernels[i]);
        if (kernel_parallel(program->kernels[i])) define_task(e, program->kernels[i], &kernels[i]);
    }
    define_run(e, kernels);
    define_build(e);
}
