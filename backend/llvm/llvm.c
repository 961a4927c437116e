/* The LLVM backend's entry: target machine, optimisation, object file. */
#define _POSIX_C_SOURCE 200809L
#include "backend/llvm/llvm.h"
#include "backend/llvm/emit.h"
#include "backend/host/output.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What lies between the emitter's output and good machine code, and no more: registers for cells,
 * common subexpressions (addresses), invariants out of loops, simpler arithmetic. Vectors and
 * unrolling are decided before, in the loops; LLVM's own vectorisers are not run. */
static const char *const PASSES[] = {
    NULL,
    "function(sroa,early-cse,simplifycfg)",
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),"
    "early-cse<memssa>,simplifycfg)",
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),gvn,"
    "instcombine<no-verify-fixpoint>,simplifycfg)",
};

LlvmOptions llvm_options(const Target *target)
{
    return (LlvmOptions){.triple = target->triple,
                         .cpu = target->cpu,
                         .features = target->features,
                         .opt_level = 2,
                         .pic = true,
                         .dot = target->dot,
                         .vector_bits = target->vector_bits};
}

static Arch arch_of(const char *triple)
{
    if (!strncmp(triple, "x86_64", 6)) return ARCH_X86_64;
    if (!strncmp(triple, "aarch64", 7) || !strncmp(triple, "arm64", 5)) return ARCH_AARCH64;
    if (!strncmp(triple, "riscv64", 7)) return ARCH_RISCV64;
    return ARCH_NONE;
}

/* Only what this architecture needs: initialising all targets costs more than small models do. */
static void start_target(Arch arch)
{
#define START(name)                                                                                \
    LLVMInitialize##name##TargetInfo(), LLVMInitialize##name##Target(),                            \
        LLVMInitialize##name##TargetMC(), LLVMInitialize##name##AsmPrinter()
    if (arch == ARCH_X86_64) START(X86);
    if (arch == ARCH_AARCH64) START(AArch64);
    if (arch == ARCH_RISCV64) START(RISCV);
#undef START
}

static bool has_feature(const char *features, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = features; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, name, length) && (at[length] == ',' || !at[length])) return true;
    return false;
}

static bool native_f16(Arch arch, const LlvmOptions *options)
{
    if (arch == ARCH_AARCH64) return true;
    if (arch == ARCH_X86_64)
        return options->vector_bits >= 256 || has_feature(options->features, "+f16c");
    return false;
}

static LLVMTargetMachineRef new_machine(const LlvmOptions *options, Arch arch, const char *triple,
                                        Diag *diag)
{
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess,
                                                 LLVMCodeGenLevelDefault,
                                                 LLVMCodeGenLevelAggressive};
    LLVMTargetRef target;
    char *error = NULL;
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        diag_error(diag, "LLVM has no target '%s': %s", triple, error);
        LLVMDisposeMessage(error);
        return NULL;
    }
    LLVMTargetMachineOptionsRef how = LLVMCreateTargetMachineOptions();
    if (options->cpu) LLVMTargetMachineOptionsSetCPU(how, options->cpu);
    if (options->features) LLVMTargetMachineOptionsSetFeatures(how, options->features);
    if (arch == ARCH_RISCV64) LLVMTargetMachineOptionsSetABI(how, "lp64d");
    LLVMTargetMachineOptionsSetCodeGenOptLevel(how, levels[options->opt_level]);
    LLVMTargetMachineOptionsSetRelocMode(how, options->pic ? LLVMRelocPIC : LLVMRelocStatic);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachineWithOptions(target, triple, how);
    LLVMDisposeTargetMachineOptions(how);
    if (!machine) diag_error(diag, "LLVM makes no machine for '%s'", triple);
    return machine;
}

static void set_module_flags(LlvmEmit *e)
{
    if (e->options->pic) {
        LLVMMetadataRef level = LLVMValueAsMetadata(const_i32(e, 2));
        LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorError, "PIC Level", 9, level);
    }
    if (e->arch == ARCH_RISCV64) {
        LLVMMetadataRef abi = LLVMMDStringInContext2(e->context, "lp64d", 5);
        LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorError, "target-abi", 10, abi);
    }
}

/* LLVM's own complaint as ours. */
static int llvm_error(Diag *diag, const char *what, char *message)
{
    diag_error(diag, "%s: %s", what, message ? message : "unknown error");
    LLVMDisposeMessage(message);
    return LPC_ERROR;
}

static int check_module(LlvmEmit *e)
{
#ifndef NDEBUG
    char *message = NULL;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message))
        return llvm_error(e->diag, "lpc made bad LLVM code", message);
    LLVMDisposeMessage(message);
#endif
    (void)e;
    return LPC_OK;
}

static int optimise(LlvmEmit *e, LLVMTargetMachineRef machine)
{
    const char *passes = PASSES[e->options->opt_level];
    if (!passes) return LPC_OK;
    LLVMPassBuilderOptionsRef how = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(e->module, passes, machine, how);
    LLVMDisposePassBuilderOptions(how);
    if (!error) return LPC_OK;
    char *message = LLVMGetErrorMessage(error);
    diag_error(e->diag, "LLVM: %s", message);
    LLVMDisposeErrorMessage(message);
    return LPC_ERROR;
}

static int write_text(LlvmEmit *e, const char *path)
{
    char *text = LLVMPrintModuleToString(e->module);
    int code = output_write(e->diag, path, text, strlen(text));
    LLVMDisposeMessage(text);
    return code;
}

static int write_object(LlvmEmit *e, LLVMTargetMachineRef machine, const char *path)
{
    LLVMMemoryBufferRef object = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, e->module, LLVMObjectFile, &message, &object))
        return llvm_error(e->diag, "LLVM", message);
    int code = output_write(e->diag, path, LLVMGetBufferStart(object), LLVMGetBufferSize(object));
    LLVMDisposeMemoryBuffer(object);
    return code;
}

static int emit_with(LlvmEmit *e, LLVMTargetMachineRef machine, const char *triple,
                     const char *path)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(e->module, layout);
    LLVMDisposeTargetData(layout);
    LLVMSetTarget(e->module, triple);
    emit_types(e);
    set_module_flags(e);
    emit_module(e);
    TRY(check_module(e));
    TRY(optimise(e, machine));
    if (e->options->text_path) TRY(write_text(e, e->options->text_path));
    return path ? write_object(e, machine, path) : LPC_OK;
}

static int emit_for_machine(const Program *program, const LlvmOptions *options, Diag *diag,
                            const char *triple, const char *path)
{
    Arch arch = arch_of(triple);
    LLVMTargetMachineRef machine = new_machine(options, arch, triple, diag);
    if (!machine) return LPC_ERROR;
    LlvmEmit e = {.program = program, .options = options, .diag = diag, .arena = arena_new()};
    e.arch = arch;
    e.native_f16 = native_f16(arch, options);
    e.context = LLVMContextCreate();
    LLVMContextSetDiscardValueNames(e.context, options->text_path == NULL);
    e.module = LLVMModuleCreateWithNameInContext(program->name, e.context);
    e.builder = LLVMCreateBuilderInContext(e.context);
    e.entry_builder = LLVMCreateBuilderInContext(e.context);
    int code = emit_with(&e, machine, triple, path);
    LLVMDisposeBuilder(e.builder);
    LLVMDisposeBuilder(e.entry_builder);
    LLVMDisposeModule(e.module);
    LLVMContextDispose(e.context);
    LLVMDisposeTargetMachine(machine);
    arena_free(e.arena);
    return code;
}

void backend_llvm_version(Text *out)
{
    unsigned major, minor, patch;
    LLVMGetVersion(&major, &minor, &patch);
    text_printf(out, "%u.%u.%u", major, minor, patch);
}

int backend_llvm_emit(const Program *program, const LlvmOptions *options, Diag *diag,
                      const char *object_path)
{
    LlvmOptions copy = *options;
    if (copy.opt_level < 0) copy.opt_level = 0;
    if (copy.opt_level > 3) copy.opt_level = 3;
    char *triple = LLVMNormalizeTargetTriple(options->triple);
    int code;
    if (arch_of(triple) == ARCH_NONE) {
        code = diag_error(diag,
                          "target triple '%s': lpc emits LLVM objects for x86_64, aarch64 "
                          "and riscv64 only",
                          options->triple);
    } else {
        start_target(arch_of(triple));
        code = emit_for_machine(program, &copy, diag, triple, object_path);
    }
    LLVMDisposeMessage(triple);
    return code;
}
