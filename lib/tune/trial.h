/* Trials: one stage compiled with some tilings, run against the one by rule. */
#ifndef LPC_LIB_TUNE_TRIAL_H
#define LPC_LIB_TUNE_TRIAL_H

#include "lib/compile/compile.h"

/* A kernel that the file lacks. */
typedef struct TuneKernel {
    TuningSite site;
    double seconds; /* of all calls in one run, by rule */
    bool hot;
    Tiling best;  /* of what was tried; by rule: nothing was faster */
    double ratio; /* its time by the rule's */
} TuneKernel;

typedef struct Tuner {
    Arena *arena;
    Diag *diag;
    CompileOptions options; /* with --instrument */
    Graph *graph;
    const Stage *stage;
    Tuning *table; /* what is known */
    const char *work, *runner;
    int threads, repeat;
    TuneKernel *kernels;
    int count;
} Tuner;

typedef struct Trial {
    Stage stage;
    const char *program;
    double *seconds; /* by kernel of Tuner, of the last run */
    double whole;    /* seconds of the last run */
} Trial;

/* Compiles and links with tilings[i] for kernel i; `name` is its file's. */
int trial_build(Tuner *t, Trial *trial, const char *name, const Tiling *tilings);
int trial_run(const Tuner *t, Trial *trial);
/* Both in turn, `rounds` times: medians of the trial's times by the base's, for each kernel and for
 * the whole run. */
int trial_compare(const Tuner *t, Trial *base, Trial *trial, int rounds, double *ratios,
                  double *whole);
void trial_end(Trial *trial);

#endif
