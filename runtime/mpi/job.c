/* See job.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "job.h"

#include "../address.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BY_SIGNAL = 128 }; /* the exit status is this and the signal */

/* --- who watches --- */

static volatile sig_atomic_t child, asked;
static const char *watched_socket; /* NULL: none */
static char watched_folder[LPC_PEER_BYTES];

void lpc_job_clean(void)
{
    if (!watched_socket) return;
    (void)unlink(watched_socket);
    (void)rmdir(watched_folder);
}

/* What ends the job comes here, and goes on to the rank, once: that is in a group of its own. Who started the job may
 * not wait for its end. */
static void pass_on(int number)
{
    asked = 1;
    if (child > 0) (void)kill((pid_t)child, number);
    lpc_job_clean();
}

static _Noreturn void wait_for_rank(const char *name, pid_t rank)
{
    int status;
    while (waitpid(rank, &status, 0) < 0)
        if (errno != EINTR) _exit(LPC_EXIT_SYSTEM);
    lpc_job_clean();
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
    int number = WTERMSIG(status);
    char text[LPC_TEXT_BYTES], host[100] = "?";
    (void)gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "killed by signal %d, %s, on %.100s", number, strsignal(number),
             host);
    if (!asked && number != SIGTERM && number != SIGINT) lpc_job_tell(name, text);
    _exit(BY_SIGNAL + number);
}

void lpc_job_watch(const char *name, const char *socket)
{
    struct sigaction action = {.sa_handler = pass_on};
    watched_socket = socket;
    if (socket)
        snprintf(watched_folder, sizeof watched_folder, "%.*s",
                 (int)(strrchr(socket, '/') - socket), socket);
    pid_t parent = getpid(), rank = fork();
    if (rank < 0) return; /* then nobody watches */
    if (rank > 0) {
        child = (sig_atomic_t)rank;
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigaction(SIGINT, &action, NULL);
        wait_for_rank(name, rank);
    }
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(LPC_EXIT_SYSTEM);
}

/* --- the start --- */

/* Whether all that computes and exchanges on this machine has a core of its own. */
static int has_cores(const LpcExchange *x, int threads)
{
    cpu_set_t own;
    MPI_Comm here;
    int ranks;
    lpc_job_check(x->name, x->comm, "MPI_Comm_split_type",
                  MPI_Comm_split_type(x->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here));
    lpc_job_check(x->name, x->comm, "MPI_Comm_size", MPI_Comm_size(here, &ranks));
    lpc_job_check(x->name, x->comm, "MPI_Comm_free", MPI_Comm_free(&here));
    if (sched_getaffinity(0, sizeof own, &own)) return 0;
    int cores = CPU_COUNT(&own), is_bound = cores < sysconf(_SC_NPROCESSORS_ONLN);
    return cores >= (is_bound ? 1 : ranks) * (threads + 1);
}

void lpc_job_begin(LpcExchange *x, const char *name, int rank, int threads)
{
    int given, size, own;
    LpcError error = {0};
    *x = (LpcExchange){.name = name, .comm = MPI_COMM_WORLD};
    lpc_job_check(name, x->comm, "MPI_Init_thread",
                  MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given));
    lpc_job_check(name, x->comm, "MPI_Comm_set_errhandler",
                  MPI_Comm_set_errhandler(x->comm, MPI_ERRORS_RETURN));
    lpc_job_check(name, x->comm, "MPI_Comm_size", MPI_Comm_size(x->comm, &size));
    lpc_job_check(name, x->comm, "MPI_Comm_rank", MPI_Comm_rank(x->comm, &own));
    if (given < MPI_THREAD_SERIALIZED)
        lpc_error(&error, LPC_EXIT_SYSTEM, "this MPI library was built without threads");
    else if (own != rank)
        lpc_error(&error, LPC_EXIT_USAGE,
                  "is rank %d of a job of %d and must be rank %d: start it by the package's "
                  "mpi/mpirun.app or mpi/srun.conf",
                  own, size, rank);
    if (error.code) lpc_job_abort(name, x->comm, &error);
    x->before = (rank + size - 1) % size;
    x->after = (rank + 1) % size;
    x->is_awake = has_cores(x, threads);
}
