/* LLVM as a part of lpc that is loaded when it is first needed: lib/lpc/lpc-llvm.so.
 *
 * LLVM's library costs every process that is linked to it thousands of page faults at its start. What writes C, runs a
 * package or serves one has no use for it. The module has the folder backend/llvm inside, and its own copy of what
 * that folder calls; all that goes over is in the arguments. */
#ifndef LPC_BACKEND_PLUGIN_H
#define LPC_BACKEND_PLUGIN_H

#include "backend/backend.h"
#include "backend/plugin/load.h"

/* What the module shows, under the name LLVM_PLUGIN_NAME. */
typedef struct LlvmPlugin {
    const char *sources; /* source_hash of its build: another one's is not used */
    void (*version)(Text *text);
    int (*write)(const BackendJob *job);
    int (*write_text)(const BackendJob *job);
    void (*ready)(void);
    Loaded *(*load)(Arena *arena, Diag *diag, const char *const *paths, int count);
    void *(*find)(const Loaded *loaded, Diag *diag, const char *name);
} LlvmPlugin;

#define LLVM_PLUGIN_NAME "lpc_llvm_plugin"
__attribute__((visibility("default"))) extern const LlvmPlugin lpc_llvm_plugin;

/* The rows of backends.c: the module's functions. Where it cannot be loaded, writing reports why, and the version is
 * "none". */
void plugin_llvm_version(Text *text);
int plugin_llvm_write(const BackendJob *job);
int plugin_llvm_write_text(const BackendJob *job);

#endif
