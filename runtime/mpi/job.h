/* What the ranks of a package's MPI job have in common: the start, and who watches over them. */
#ifndef LPC_RUNTIME_MPI_JOB_H
#define LPC_RUNTIME_MPI_JOB_H

#include "exchange.h"

/* Goes on in a child of this process, which waits for it: its death by a signal is one line with the rank's name, and
 * ends the job, whatever has started it. Removes `socket` and its folder then (NULL: none). Before MPI_Init. */
void lpc_job_watch(const char *name, const char *socket);
/* Removes that socket and its folder, in whichever of the two processes. */
void lpc_job_clean(void);
/* Begins MPI for one thread at a time. `rank` is what this one must be. Fills the exchange's comm, before, after and
 * is_awake: whether `threads` that compute, here and in as many ranks as this machine has, leave a core for each. */
void lpc_job_begin(LpcExchange *exchange, const char *name, int rank, int threads);

/* A stage as a rank: rank k + 1 is stage k. The command line is that of a stage program, without addresses. */
int lpc_rank_main(const lpc_model *model, int threads, int argc, char **argv);
/* Rank 0: both ends of the pipeline. It listens, as a pipeline of one stage, for a client such as `lpc run --connect`,
 * and has its frames go through the other ranks. model: the contracts of both ends. */
int lpc_ends_main(const lpc_model *model, int argc, char **argv);

#endif
