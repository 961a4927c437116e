/* Compiling, step by step: model to graph, graph to stages, stages to files.
 *
 *   graph.c     an ONNX file to a graph on which all graph passes have run
 *   stages.c    targets, how stages are lowered for them, the cut
 *   tunings.c   the file of measured tilings (tunings.h)
 *   model_hash.c  what ids take from the model
 *   emit.c      stages as files
 *
 * lib/make puts the steps together. */
#ifndef LPC_LIB_COMPILE_H
#define LPC_LIB_COMPILE_H

#include "lib/options/options.h"
#include "ir/target.h"
#include "passes/stage/stage.h"

struct PackJob; /* backend/package/package.h */

/* Model to graph, no pass run. missing: ImportOptions.missing, with which there may be a graph beside an
 * error; without a graph it is NULL. */
int compile_import(Arena *arena, Diag *diag, CompileOptions *options, MissingList *missing,
                   Graph **graph);
/* All graph passes, on what was imported. */
int compile_passes(const CompileOptions *options, Graph *graph);
/* Both. */
int compile_graph(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph);
/* How stages on a target are lowered by the options: scalar, plainly, or with measured tilings, taking
 * notes when more are wanted. */
int compile_lowering(Arena *arena, Diag *diag, CompileOptions *options, const Target *target,
                     LowerTarget *lower);
/* Graph to lowered stages. */
int compile_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut);
/* A lowered cut's package, without report and predictions, into an empty folder; options->model may be
 * NULL: the graph was built here. */
int compile_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *folder);
/* The same as a job for package_write, which the caller may look at. */
int compile_job(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                const Cut *cut, struct PackJob *job);
/* The node's name in the model, or the one that it has here. */
const char *compile_label(const Node *node);
/* The backend that the options mean. */
const Backend *compile_backend(const CompileOptions *options);
/* A hash of the model: of its file, of the constants that come from elsewhere (external data, bound
 * inputs), and of the options that decide what is computed. */
int compile_model_hash(Diag *diag, const CompileOptions *options, const Graph *graph,
                       uint8_t id[16]);

/* --time-passes: tells diag's listener how long `what` took, and starts anew. */
void compile_lap(Diag *diag, const CompileOptions *options, const char *what, double *since);
double compile_seconds(void);

#endif
