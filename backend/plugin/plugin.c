/* See plugin.h. */
#include "backend/plugin/plugin.h"

#include "ir/machine.h"
#include "ir/version.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
    const LlvmPlugin *plugin; /* NULL: it cannot be had */
    char why[512];
} llvm;

#ifdef LPC_LLVM
static void open_file(Arena *arena)
{
    const char *dir = lpc_data_dir(arena, "lib/lpc");
    const char *path = arena_printf(arena, "%s/lpc-llvm.so", dir ? dir : "lib/lpc");
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const LlvmPlugin *plugin = module ? dlsym(module, LLVM_PLUGIN_NAME) : NULL;
    if (!plugin)
        snprintf(llvm.why, sizeof llvm.why, "%s", dlerror());
    else if (strcmp(plugin->sources, source_hash) != 0)
        snprintf(llvm.why, sizeof llvm.why, "%.400s is of another build of lpc", path);
    else
        llvm.plugin = plugin;
}
#else
static void open_file(Arena *arena)
{
    (void)arena;
    snprintf(llvm.why, sizeof llvm.why, "this lpc is built without it");
}
#endif

/* It stays: LLVM is not made to go again. */
static void open_once(void)
{
    Arena *arena = arena_new();
    open_file(arena);
    arena_free(arena);
}

static const LlvmPlugin *open_llvm(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_once);
    return llvm.plugin;
}

static int missing(Diag *diag)
{
    return diag_error(diag, "LLVM cannot be loaded: %s (--emit c needs none)", llvm.why);
}

void plugin_llvm_version(Text *text)
{
    if (open_llvm())
        llvm.plugin->version(text);
    else
        text_add(text, "none");
}

int plugin_llvm_write(const BackendJob *job)
{
    return open_llvm() ? llvm.plugin->write(job) : missing(job->diag);
}

int plugin_llvm_write_text(const BackendJob *job)
{
    return open_llvm() ? llvm.plugin->write_text(job) : missing(job->diag);
}

/* --- load.h --- */

bool load_can(const char *triple)
{
    return strstr(triple, "linux") && machine_is_here(triple) && open_llvm();
}

void load_ready(void)
{
    if (open_llvm()) llvm.plugin->ready();
}

Loaded *load_objects(Arena *arena, Diag *diag, const char *const *paths, int count)
{
    if (open_llvm()) return llvm.plugin->load(arena, diag, paths, count);
    (void)missing(diag);
    return NULL;
}

void *load_find(const Loaded *loaded, Diag *diag, const char *name)
{
    return llvm.plugin->find(loaded, diag, name);
}
