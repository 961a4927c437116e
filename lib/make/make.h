/* From an ONNX file to a package: every step of lib/compile, with tilings measured on the way and
 * the report beside the result. */
#ifndef LPC_LIB_MAKE_H
#define LPC_LIB_MAKE_H

#include "lib/compile/compile.h"

/* Fails where options->out is given and exists: what would be refused at the end is told first. */
int make_check_out(Diag *diag, const CompileOptions *options);
/* Graph to lowered stages, with tilings measured that the options want and their file lacks. */
int make_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut);
/* Stages into options->out, which must not exist and appears whole or not at all. */
int make_output(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, const Cut *cut);
/* Everything, into options->out, which must not exist and appears whole or not at all. graph and
 * cut may be NULL. */
int make_package(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph, Cut *cut);

#endif
