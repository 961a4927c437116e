/* The stages of a package as code that is loaded into this process (backend/plugin) instead of linked programs. Each
 * runs in a process forked from this one, in which it is all that a stage program is: the same code and weights, the
 * same runtime, but neither a compiler of its descriptor nor a linker has to run. */
#ifndef LPC_LIB_LOADED_H
#define LPC_LIB_LOADED_H

#include "lib/compile/compile.h"

typedef struct LoadedStages LoadedStages;

/* Before the package is written: whether all its stages can be loaded. *loaded is NULL when not. The package goes to
 * options->out. */
int loaded_plan(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                const Cut *cut, LoadedStages **loaded);
/* When it is written: loads them. */
int loaded_open(LoadedStages *loaded, Diag *diag);
/* A stage's main, for RunOptions. */
int loaded_stage_main(void *loaded, int stage, int argc, char **argv);

#endif
