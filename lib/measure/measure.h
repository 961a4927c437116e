/* Programs around emitted models, run on the device or here, that tell how long kernels take.
 *
 *   program.c  emitted models and a generated main, linked for a target and run
 *   measure.c  a stage as such a program, timed kernel by kernel
 *   layers.c   times of a model's layers on a target
 *
 * The part that runs on the device is runtime/calibrate.c. */
#ifndef LPC_LIB_MEASURE_H
#define LPC_LIB_MEASURE_H

#include "lib/compile/compile.h"
#include "passes/partition/profile.h"

/* --- program.c --- */

/* Emits a lowered cut's only stage (a package's files, not linked) into work/NAME. */
int program_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *work, const char *name);
/* Links `source` (C text that becomes work/main.c) and the stages work/NAMES[i]/STAGE into a static
 * program for the target. */
int program_link(Arena *arena, Diag *diag, const Target *target, const char *source,
                 const char *work, const char *const *stages, int count, const char *program);
/* Runs it: by `runner`, a shell command that takes the program and its options and finds the
 * target's name in LPC_TARGET; else (NULL) here, through the target's emulator where it must.
 * options: NULL-terminated. What it prints comes back in *output; its standard error is ours. */
int program_run(Arena *arena, Diag *diag, const Target *target, const char *runner,
                const char *program, const char *const *options, char **output);

/* --- measure.c --- */

/* The cut's only stage, compiled with --instrument, as a program that times its kernels. */
int measure_build(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                  const Cut *cut, const char *work, const char *name, const char *program);
/* Runs it: seconds of each kernel and of a whole run, medians. threads, repeat 0: the program's own
 * defaults (all cores). */
int measure_run(Arena *arena, Diag *diag, const Stage *stage, const char *runner,
                const char *program, int threads, int repeat, double *seconds, double *whole);

/* --- layers.c --- */

typedef struct LayerTimes {
    const char *target;
    bool emulated;
    int count;
    double *seconds; /* by layer, as in graph_profile; 0 for layers without code */
    double whole_s;  /* one run of all, without marks' cost */
} LayerTimes;

/* Compiles the whole model for the target, runs it on noise and times its layers: on this machine,
 * or through the emulator. threads 0: all cores of where it runs. */
int measure_layers(Arena *arena, Diag *diag, const CompileOptions *options, const char *target,
                   int threads, LayerTimes *times);

/* Measures on each kind of device of an expanded cluster, and puts the times into the model's
 * profile; notes what was measured how. */
int measure_profile(Arena *arena, Diag *diag, const CompileOptions *options, const Cluster *cluster,
                    Profile *profile);

#endif
