/* The stages of a package in this process, timed kernel by kernel.
 *
 *   profile.c  compile, load, run
 *   module.c   a stage's folder to a shared object, and that into this process
 *   ceiling.c  what the machine can do at most */
#ifndef LPC_LIB_PROFILE_H
#define LPC_LIB_PROFILE_H

#include "ir/target.h"
#include "runtime/profile.h"
#include "lib/compile/compile.h"
#include "lib/run/run.h"

typedef struct ProfileKernel {
    const char *name, *node, *op;
    double flops, bytes; /* of one inference, at the bounds */
    double ms;           /* median over the runs */
} ProfileKernel;

/* A stage that is loaded. */
typedef struct ProfileModule {
    const char *name;
    const Target *target;
    void *library;
    const lpc_model *model;
    lpc_profile_table *table;
    double (*fma)(int64_t rounds);
    uint64_t (*read)(const void *memory, size_t bytes);
    ProfileKernel *kernels;
    int kernel_count;
    double total_ms; /* median of whole runs */
} ProfileModule;

/* Figures of this machine with the threads that are used; bandwidths in bytes per second. */
typedef struct ProfileCeiling {
    double flops, l2, l3, memory;
    double bandwidth;  /* of the level that one inference's memory fits */
    const char *level; /* its name */
    double footprint;  /* bytes of that memory */
} ProfileCeiling;

/* Builds the shared object of stage `name` of the package in `folder`, beside the other files of
 * `work` (a folder of ours), and loads it. It must be for this machine and compiled with
 * --instrument. */
int profile_load(ProfileModule *module, Arena *arena, Diag *diag, const char *folder,
                 const char *name, const char *work);

/* Measures about half a second. threads: NULL for one. */
int profile_measure(ProfileCeiling *ceiling, Diag *diag, const ProfileModule *modules, int count,
                    const lpc_threads *threads, int thread_count);

/* What `lpc profile` asks for. */
typedef struct ProfileOptions {
    CompileOptions compile;
    const char *path; /* a model, or the folder of one compiled with --instrument */
    Given *inputs;
    int input_count;
    int64_t repeat, seed;
} ProfileOptions;

typedef struct ProfileResult {
    const char *model;
    Package *package;
    ProfileModule *modules; /* their objects are unloaded */
    int module_count, threads;
    int64_t runs;
    ProfileCeiling ceiling;
} ProfileResult;

int profile_model(Arena *arena, Diag *diag, const ProfileOptions *options, ProfileResult *result);

#endif
