/* Objects as code in this process, by LLVM's linker for it. See backend/plugin/load.h. */
#include "backend/llvm/llvm.h"

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>

#include <stdio.h>
#include <string.h>

struct Loaded {
    LLVMOrcLLJITRef jit;
    LLVMOrcJITDylibRef library;
};

static int failed(Diag *diag, const char *what, LLVMErrorRef error)
{
    char *message = LLVMGetErrorMessage(error);
    diag_error(diag, "%s: %s", what, message);
    LLVMDisposeErrorMessage(message);
    return LPC_ERROR;
}

/* Other threads may run what is loaded, but only one loads. */
static LLVMOrcLLJITRef the_jit(Diag *diag)
{
    static LLVMOrcLLJITRef jit;
    if (jit) return jit;
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMErrorRef error = LLVMOrcCreateLLJIT(&jit, NULL);
    if (error) (void)failed(diag, "LLVM cannot load objects here", error);
    return jit;
}

void llvm_ready(void)
{
    Arena *arena = arena_new();
    Diag quiet; /* the call that needs it tells */
    diag_init(&quiet, arena, NULL);
    (void)the_jit(&quiet);
    arena_free(arena);
}

static int see_process(Diag *diag, const Loaded *loaded)
{
    LLVMOrcDefinitionGeneratorRef process;
    LLVMErrorRef error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
        &process, LLVMOrcLLJITGetGlobalPrefix(loaded->jit), NULL, NULL);
    if (error) return failed(diag, "cannot load objects", error);
    LLVMOrcJITDylibAddGenerator(loaded->library, process);
    return 0;
}

static int add_object(Diag *diag, const Loaded *loaded, const char *path)
{
    LLVMMemoryBufferRef object;
    char *message = NULL;
    if (LLVMCreateMemoryBufferWithContentsOfFile(path, &object, &message)) {
        diag_error(diag, "cannot read '%s': %s", path, message);
        LLVMDisposeMessage(message);
        return LPC_ERROR;
    }
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(loaded->jit, loaded->library, object);
    return error ? failed(diag, path, error) : 0;
}

Loaded *llvm_load(Arena *arena, Diag *diag, const char *const *paths, int count)
{
    static int made;
    char name[32];
    Loaded *loaded = arena_alloc(arena, sizeof *loaded);
    if (!(loaded->jit = the_jit(diag))) return NULL;
    snprintf(name, sizeof name, "objects%d", made++);
    LLVMOrcExecutionSessionRef session = LLVMOrcLLJITGetExecutionSession(loaded->jit);
    loaded->library = LLVMOrcExecutionSessionCreateBareJITDylib(session, name);
    int code = see_process(diag, loaded);
    for (int i = 0; i < count && !code; i++) code = add_object(diag, loaded, paths[i]);
    return code ? NULL : loaded;
}

/* What a lookup has found. */
typedef struct Found {
    LLVMErrorRef error;
    LLVMOrcExecutorAddress address;
    bool done;
} Found;

static void take_found(LLVMErrorRef error, LLVMOrcCSymbolMapPairs result, size_t count, void *to)
{
    Found *found = to;
    *found = (Found){.error = error, .done = true};
    if (!error && count) found->address = result[0].Sym.Address;
}

/* Here all is linked that the symbol needs. Nothing is dispatched to other threads: when the call returns it is done. */
void *llvm_find(const Loaded *loaded, Diag *diag, const char *name)
{
    LLVMOrcExecutionSessionRef session = LLVMOrcLLJITGetExecutionSession(loaded->jit);
    LLVMOrcCJITDylibSearchOrderElement where = {loaded->library,
                                                LLVMOrcJITDylibLookupFlagsMatchAllSymbols};
    LLVMOrcCLookupSetElement what = {LLVMOrcLLJITMangleAndIntern(loaded->jit, name),
                                     LLVMOrcSymbolLookupFlagsRequiredSymbol};
    Found found = {0};
    LLVMOrcExecutionSessionLookup(session, LLVMOrcLookupKindStatic, &where, 1, &what, 1, take_found,
                                  &found);
    if (found.error) (void)failed(diag, name, found.error);
    if (!found.done) diag_error(diag, "%s: not found in time", name);
    return (void *)(uintptr_t)found.address;
}
