/* Measured tilings: what the file (lib/compile/tunings.h) lacks is measured on the stages as they are
 * cut.
 *
 *   tune.c     which kernels are hot, which tilings they try, what is kept
 *   trial.c    a stage compiled with some tilings, run against the one by rule */
#ifndef LPC_LIB_TUNE_H
#define LPC_LIB_TUNE_H

#include "lib/compile/compile.h"

/* Measures what the file lacks for the cut's stages, which are lowered with notes, and writes it. */
int tune_cut(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph, Cut *cut);

#endif
