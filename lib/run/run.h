/* Running what lpc made: a package's stages on this machine, as a pipeline that other commands can
 * feed. `lpc run` is built on it, `lpc check` too.
 *
 *     package_load(&package, arena, diag, "out/");
 *     run_open(&session, arena, diag, package, &options);
 *     package_bind(package, diag, inputs, sizes);
 *     run_feed(session, inputs, sizes, &error);      (one frame; several may be under way)
 *     run_collect(session, arena, diag, outputs, NULL);
 *     run_finish(session, diag);
 *     run_free(session);                             (always; kills what still runs)
 */
#ifndef LPC_LIB_RUN_H
#define LPC_LIB_RUN_H

#include "ir/sym.h"
#include "runtime/frame.h"
#include "lib/files/tensor_io.h"

/* --- the package: OUT/manifest.json, as docs/package.md describes it --- */

typedef struct PackageTensor {
    const char *name;
    uint32_t id;
    DType type;
    int rank;
    const Size *dims[TENSOR_RANK_MAX];
    const char *dim_texts[TENSOR_RANK_MAX];
    uint64_t max_bytes;
} PackageTensor;

typedef struct PackageStage {
    const char *name, *target;
    uint8_t build_id[32];
    const char *triple;               /* what its program runs on; NULL: not told */
    double state_bytes, memory_bytes; /* memory: all that the plan counts; 0: not told */
    const char *program;   /* path from the current folder, NULL when it was not linked */
    const char **emulator; /* words before the program, NULL-terminated */
    int layers;
    double predicted_compute_s, predicted_send_s; /* the planner's; < 0: unknown */
    int predicted_cores;                          /* that they are for */
    int threads; /* that the program was compiled to start with; 0: predicted_cores, where there are so many */
} PackageStage;

/* One end of the pipeline: the contract with the first stage, or with the last one. */
typedef struct PackageEnd {
    int count;
    PackageTensor *tensors;
    lpc_contract contract;
} PackageEnd;

typedef struct Package {
    const char *folder, *model;
    uint8_t build_id[32];
    SizeTable *sizes;
    int symbol_count;
    const char **symbol_names;
    int64_t *symbol_max;
    SymSource *symbol_sources;
    PackageEnd inputs, outputs;
    int stage_count;
    PackageStage *stages;
    lpc_contract *cuts; /* [stage_count + 1], around and between them: index, id and hash alone */
} Package;

/* FOLDER/layers.json with measured seconds of computing, by stage, written to path: a layer's part of
 * its stage's is as the target's figures have it. */
int package_profile(const Package *package, Arena *arena, Diag *diag, const double *compute_s,
                    const char *path);
/* Whether a stage keeps something from one frame to the next. */
int package_keeps_state(const Package *package);
int package_load(Package **package, Arena *arena, Diag *diag, const char *folder);
/* What who comes before the stage says to it. */
LpcHello package_hello(const Package *package, int stage);
/* Index of the input or output of that name, or -1. */
int package_find(const PackageEnd *end, const char *name);
/* Symbol values (array of symbol_count, all set; those that no input defines become 0) from the
 * inputs' shapes, and whether all inputs fit. One error per input that does not. inputs stand in
 * the package's order. */
int package_bind(const Package *package, Diag *diag, const HostTensor *inputs, int64_t *sizes);
/* As package_bind for the tensors that are there (data not NULL); other symbols become -1. */
/* Strings that were read for input `index` get the model's bound; reports one that is longer. */
int package_take(const Package *package, Arena *arena, Diag *diag, int index, HostTensor *input);
int package_bind_some(const Package *package, Diag *diag, const HostTensor *inputs, int64_t *sizes);
/* Sets type, rank, dims and name of a tensor from its declaration and symbol values. */
void package_shape(const PackageTensor *declared, const int64_t *sizes, HostTensor *tensor);

/* --- the session --- */

typedef struct RunOptions {
    int threads;         /* per stage; 0: the stage's default */
    int queue;           /* 0: the stage's default */
    double timeout;      /* seconds; 0: defaults for starting, none for results */
    const char *mpi;     /* the stages are ranks of an MPI job that this command starts; or NULL */
    const char *connect; /* stages run elsewhere: the first one's address, */
    const char *collect; /* and the last one's; both or none */
    int beat_ms;         /* of stages elsewhere: how often signs of life are exchanged; 0: never */
    double retry;     /* seconds for which a broken pipeline is connected to again; 0: it is not */
    const char *keys; /* file of keys, for stages elsewhere; NULL: links are plain */
    int guard;        /* stop at a store into an input, and at an access behind a tensor */
    int stats;        /* ask the stages for figures */
    /* A stage as a function in a process forked from this one, instead of its program; NULL: programs. */
    int (*stage_main)(void *self, int stage, int argc, char **argv);
    void *self;
} RunOptions;

typedef struct RunStats {
    const char *name;
    int known;
    double compute_ms, send_ms, receive_ms, wait_ms; /* medians per frame */
    double frames, peak_rss_bytes, threads;
} RunStats;

typedef struct RunSession RunSession;

/* Starts the stages and connects both ends. The caller's SIGPIPE becomes ignored. On failure the
 * error is reported and *session is NULL. */
int run_open(RunSession **session, Arena *arena, Diag *diag, const Package *package,
             const RunOptions *options);
/* Sends one frame. Does not report: with a failure, pass error to run_failed. May be called by
 * another thread than run_collect. */
int run_feed(RunSession *session, const HostTensor *inputs, const int64_t *sizes, LpcError *error);
/* Waits for the next frame of outputs. Does not report, as run_feed. */
int run_receive(RunSession *session, LpcError *error);
/* That frame, in the package's order. With arena NULL the data stay in the
 * session's buffer until the next call, else they are copied. sizes: the frame's symbols, or NULL.
 */
int run_outputs(RunSession *session, Arena *arena, Diag *diag, HostTensor *outputs, int64_t *sizes);
/* Both, and reports. */
int run_collect(RunSession *session, Arena *arena, Diag *diag, HostTensor *outputs, int64_t *sizes);
/* After a failure: a new stream on the same stages, as long as the time allows (lpc_now_ns). Nothing of the old one
 * is kept. Reports, as run_failed, when that may not help or the time is up. */
int run_reconnect(RunSession *session, Diag *diag, const LpcError *why, uint64_t deadline);
/* Makes a thread that feeds fail. */
void run_break(RunSession *session);
/* Ends the stream, waits for all stages to exit; their figures are there afterwards. */
int run_finish(RunSession *session, Diag *diag);
/* Reports once why the pipeline broke: which stage, its exit status, what it said. LPC_ERROR. */
int run_failed(RunSession *session, Diag *diag, const LpcError *error);
/* One per stage; none for stages that run elsewhere. */
const RunStats *run_stats(const RunSession *session, int *count);
void run_free(RunSession *session);

/* --- feeding --- */

/* Fills tensors that have no data with seeded noise, at the symbols' values; symbols that are not
 * bound (-1) are set to their bounds first (to 1 when the model keeps state, 0 for a state's own).
 * Floats are about normal, integers 0 or 1. */
int run_noise(const Package *package, Arena *arena, Diag *diag, uint64_t seed, HostTensor *inputs,
              int64_t *sizes);

#endif
