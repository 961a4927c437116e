/* Packages: what lies in OUT (docs/package.md).
 *
 *     OUT/manifest.json          the pipeline: ids, symbols, inputs, outputs, stages, cuts
 *     OUT/client.h               its two ends, for lpc_client.h
 *     OUT/report.html            the plan to look at (lib/report)
 *     OUT/STAGE/model.o|model.c  the emitted function
 *     OUT/STAGE/weights.o        the constants
 *     OUT/STAGE/model.h          the C interface, and NAME.h, which includes it
 *     OUT/STAGE/stage.c          the descriptor (lpc_model), and main with LPC_STAGE_MAIN
 *     OUT/STAGE/manifest.json    the stage: target, contracts, memory
 *     OUT/STAGE/CMakeLists.txt   a library target and the stage program
 *     OUT/STAGE/custom.c         users' own operators, with custom_N.c and custom_N/ (custom.c)
 *     OUT/STAGE/runtime/         the runtime's sources
 *     OUT/STAGE/stage            the linked program, where the target's toolchain is here
 *     OUT/STAGE/rank             the same as a rank of an MPI job, where that is asked for
 *     OUT/mpi/                   rank 0 of that job, and the files by which it starts
 *
 * This layer knows nothing of graphs: it is given programs, contracts and figures. */
#ifndef LPC_BACKEND_PACKAGE_H
#define LPC_BACKEND_PACKAGE_H

#include "backend/backend.h"
#include "runtime/lpc_model.h"

typedef struct PackTensor {
    const char *name;
    uint32_t id;
    DType dtype;
    int rank;
    const Size *dims[8];
    const int *order; /* physical axis order, outermost first; NULL: row-major */
    int64_t max_bytes;
} PackTensor;

enum { PACKAGE_ID_BYTES = 32 };

/* A cut. The one between two stages is in both of them. */
typedef struct PackContract {
    int count;
    PackTensor *tensors;
    int before_count;   /* nodes that run before it, */
    uint8_t before[16]; /* and a hash of which those are */
    uint8_t id[PACKAGE_ID_BYTES];
} PackContract;

typedef struct PackStage {
    const char *name;   /* the folder */
    const char *prefix; /* C identifier; the function is PREFIX_run */
    const char *header; /* HEADER.h includes model.h; a file's name without folder */
    const Target *target;
    const Program *program;
    PackContract in, out;
    uint8_t id[PACKAGE_ID_BYTES];
    double flops;
    int64_t naive_bytes, bound_bytes;
    int64_t queue_bytes, code_bytes, memory_bytes, budget_bytes; /* as the planner counts them */
    const char *first, *last; /* names of the first and last layer */
    int layers;
    double predicted_compute_s, predicted_send_s; /* the planner's, < 0: unknown */
} PackStage;

/* A symbol that state keeps: its value before the first call and after each one. */
typedef struct PackStateSymbol {
    int sym;
    const Size *next;
} PackStateSymbol;

typedef struct PackJob {
    Arena *arena;
    Diag *diag;
    SizeTable *sizes;
    const char *model;          /* a C identifier */
    const char *model_file;     /* base name, for comments */
    uint8_t model_hash[16];     /* of its bytes, and of the options that decide what is computed */
    const char *form, *cutting; /* the other options that reach an output: of stages, of cuts */
    uint8_t build_id[PACKAGE_ID_BYTES];
    PackStage *stages;
    int stage_count;
    PackStateSymbol *state_symbols;
    int state_symbol_count;
    const Backend *backend;
    WeightsForm weights; /* what was asked for; package_weights says what each stage gets */
    bool portable;       /* plain C */
    bool link;           /* make the programs where the toolchain is here */
    bool temporary;      /* the package is removed as soon as it has been used */
    bool mpi;            /* and each stage as a rank of an MPI job */
    bool profile;        /* the function tells after each kernel (runtime/profile.h) */
    int threads; /* default of the stage programs; 0: what the plan assumes, the target's cores */
} PackJob;

/* Writes everything into folder, which exists and is empty. */
int package_write(PackJob *job, const char *folder);

/* Whether the stage's code can be loaded into this process instead of linked (backend/plugin): it is for this machine,
 * and its weights are an object that is not large. */
bool package_can_load(const PackJob *job, const PackStage *stage);
/* Loads it from the stage's folder, with its weights and users' operators; what is C is compiled before. *run: the
 * function. */
int package_load_stage(PackJob *job, const PackStage *stage, const char *folder, lpc_run_fn **run);
/* The descriptor that stage.c has, for a function that was loaded. The last one that was made is the only one
 * whose functions may be called. */
lpc_model package_model(PackJob *job, int index, lpc_run_fn *run);

/* Sets the ids of cuts, stages and the whole from everything else in the job (ids.c). */
void package_ids(PackJob *job);

#endif
