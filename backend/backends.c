/* The list of backends. Adding one is a folder and a row here. */
#include "backend/backend.h"

#include "backend/c/c.h"
#include "backend/cc/cc.h"
#include "backend/plugin/plugin.h"

#include <string.h>

static const Backend BACKENDS[] = {
#ifdef LPC_LLVM
    {"obj", "an object, made by LLVM", "model.o", NULL, NULL, false, false, plugin_llvm_version,
     plugin_llvm_write},
    {"c", "C11 with vector extensions; with --portable plain ISO C11", "model.c", NULL, C_CFLAGS,
     true, true, NULL, backend_c_write},
    {"llvm", "the object, and model.ll beside it to look at", "model.o", "model.ll", NULL, false,
     false, plugin_llvm_version, plugin_llvm_write_text},
#else
    {"c", "C11 with vector extensions; with --portable plain ISO C11", "model.c", NULL, C_CFLAGS,
     true, true, NULL, backend_c_write},
    {"obj", "an object, made of the C by the target's compiler: this lpc is without LLVM",
     "model.o", NULL, NULL, true, true, NULL, backend_cc_write},
#endif
};
enum { BACKEND_COUNT = sizeof BACKENDS / sizeof *BACKENDS };

const Backend *backend_list(int *count)
{
    *count = BACKEND_COUNT;
    return BACKENDS;
}

const Backend *backend_find(const char *name)
{
    for (int i = 0; i < BACKEND_COUNT; i++) {
        if (!strcmp(BACKENDS[i].name, name)) return &BACKENDS[i];
    }
    return NULL;
}

const Backend *backend_portable(void)
{
    int i = 0;
    while (!BACKENDS[i].portable || !BACKENDS[i].cflags) i++;
    return &BACKENDS[i];
}
