/* Compiling: from an ONNX file to a package. Shared by `lpc MODEL`, `lpc check` and `lpc inspect`. */
#ifndef LPC_TOOLS_COMPILE_H
#define LPC_TOOLS_COMPILE_H

#include "frontend/frontend.h"
#include "ir/target.h"
#include "passes/partition/profile.h"
#include "passes/stage/stage.h"
#include <sys/types.h>

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

/* Reads an option of compiling at argv[*at] and moves *at past it. 0: it was one; -1: it is none of
 * these; LPC_USAGE: it is one and wrong (said on stderr). */
int compile_option(CompileOptions *options, int argc, char **argv, int *at);
/* The whole command line from argument `at` on: options and the model. `command` begins messages. */
int compile_arguments(CompileOptions *options, int argc, char **argv, int at, const char *command);
/* Splits "a,b,c" into list; at most max. */
int split_list(Arena *arena, const char *text, const char **list, int max);

/* Model to graph, all graph passes run. */
int compile_graph(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph);
/* How stages on a target are lowered by the options: scalar, plainly, or with measured tilings, taking
 * notes when more are wanted. */
int compile_lowering(Arena *arena, Diag *diag, CompileOptions *options, const Target *target,
                     LowerTarget *lower);
/* Graph to lowered stages. */
int compile_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut);
/* Everything, into options->out, which must not exist and appears whole or not at all. cut may be
 * NULL. */
int compile_package(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph, Cut *cut);
/* A lowered cut's package, without report and predictions, into an empty folder; options->model may be
 * NULL: the graph was built here. */
int compile_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *folder);
/* Removes a folder and what is in it. */
void remove_tree(const char *path);

/* While a guard stands, the folder is removed when this process dies. */
typedef struct FolderGuard {
    pid_t child;
    int to; /* connected to the child; -1: none stands */
} FolderGuard;
/* Makes a folder as mkdtemp does, whose template `folder` is and becomes its name, under a guard from
 * its first moment. Returns 0, or an errno value and no folder. */
int guard_start(FolderGuard *guard, char *folder);
/* The folder is the caller's alone again. */
void guard_end(FolderGuard *guard);

/* The plan as a table on stdout. */
void print_plan(const Graph *graph, const Cut *cut);

int command_compile(int argc, char **argv);
int command_check(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_targets(int argc, char **argv);

#endif
