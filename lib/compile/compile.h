/* Compiling, step by step: model to graph, graph to stages, stages to files.
 *
 *   graph.c     an ONNX file to a graph on which all graph passes have run
 *   stages.c    targets, how stages are lowered for them, the cut
 *   tunings.c   the file of measured tilings (tunings.h)
 *   model_hash.c  what the build id takes from the model
 *   emit.c      stages as files
 *
 * lib/make puts the steps together. */
#ifndef LPC_LIB_COMPILE_H
#define LPC_LIB_COMPILE_H

#include "frontend/frontend.h"
#include "ir/target.h"
#include "passes/partition/profile.h"
#include "passes/stage/stage.h"

struct PackJob; /* backend/package/package.h */

enum { MAX_STAGES = 64, MAX_OPTIONS = 256 };

typedef struct CompileOptions {
    const char *model;
    const char *out;
    const char *name;                    /* --name: of the function, the macros, the header */
    const char *targets[MAX_STAGES];     /* names; none: host */
    int target_count;
    const char *target_dirs[MAX_OPTIONS];
    int target_dir_count;
    const char *cut_after[MAX_STAGES];
    int cut_count;
    Bind binds[MAX_OPTIONS], maxes[MAX_OPTIONS];
    int bind_count, max_count;
    const char *states[MAX_OPTIONS];
    int state_count;
    const char *input_files[MAX_OPTIONS]; /* --bind-input NAME=FILE */
    int input_file_count;
    ConstInput const_inputs[MAX_OPTIONS];
    int const_input_count;
    InputShape input_shapes[MAX_OPTIONS];
    int input_shape_count;
    bool emit_c, portable, no_plan, profile, dump_llvm, quiet, verbose, time_passes, no_link;
    int threads;
    const char *tune_file;    /* --tune, --tuned: measured tilings */
    bool tune, emulate;       /* measure what it lacks; through the emulator, too */
    const char *runner;       /* shell command that runs a program on the target */
    struct TuneFile *tuned;   /* the file, once it is read */
    const char *plan_file;    /* --plan: obey this plan, checked */
    bool planned;             /* some option below was given: the planner decides by `plan` */
    PlanOptions plan;
} CompileOptions;

/* Model to graph, all graph passes run. */
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
int compile_job(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph, const Cut *cut,
                struct PackJob *job);
/* The node's name in the model, or the one that it has here. */
const char *compile_label(const Node *node);
/* A hash of the model: of its file and of the constants that come from elsewhere (external data, bound
 * inputs). */
int compile_model_hash(Diag *diag, const CompileOptions *options, const Graph *graph, uint8_t id[16]);

/* --time-passes: tells diag's listener how long `what` took, and starts anew. */
void compile_lap(Diag *diag, const CompileOptions *options, const char *what, double *since);
double compile_seconds(void);

#endif
