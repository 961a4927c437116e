/* For an lpc without LLVM: nothing is loaded. See load.h. */
#include "backend/load/load.h"

bool load_can(const char *triple)
{
    (void)triple;
    return false;
}

Loaded *load_objects(Arena *arena, Diag *diag, const char *const *paths, int count)
{
    (void)arena, (void)paths, (void)count;
    diag_error(diag, "this lpc is built without LLVM, which loads objects");
    return NULL;
}

void *load_find(const Loaded *loaded, Diag *diag, const char *name)
{
    (void)loaded;
    diag_error(diag, "'%s' is not loaded", name);
    return NULL;
}
