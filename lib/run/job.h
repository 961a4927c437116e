/* A package's stages as ranks of an MPI job (runtime/mpi), which a launcher starts: mpirun, srun. */
#ifndef LPC_LIB_RUN_JOB_H
#define LPC_LIB_RUN_JOB_H

#include "lib/run/children.h"
#include "lib/run/run.h"

enum {
    JOB_SETTLE_MS = 6000, /* until a job whose rank failed has ended, */
    JOB_GRACE_MS = 30000  /* and one whose stream has */
};

/* Starts options->mpi as the child, and waits until rank 0 listens: *address. folder: for what the job needs, and
 * where the ranks write their figures (options->stats). */
int job_start(StageChild *child, Arena *arena, Diag *diag, const Package *package,
              const RunOptions *options, const char *folder, int timeout_ms, const char **address);
/* Removes from the folder what job_start and rank 0 put there; there may be nothing. */
void job_clean(Arena *arena, const char *folder);
/* Why the job, which has ended, failed: what a rank said, else what the launcher did. */
const char *job_report(const StageChild *child, Arena *arena, const Package *package);

#endif
