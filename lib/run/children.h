/* Stage programs as child processes of this one. */
#ifndef LPC_LIB_RUN_CHILDREN_H
#define LPC_LIB_RUN_CHILDREN_H

#include "ir/arena.h"

#include <sys/types.h>

typedef struct StageChild {
    const char *name;
    pid_t pid;  /* 0: not started or reaped */
    int status; /* of waitpid, once reaped */
    int reaped;
    int out, err;    /* ends of its stdout and stderr, -1 when closed */
    char text[1024]; /* what it wrote to stderr */
    size_t text_length;
} StageChild;

/* Starts argv[0] (searched for in PATH) with its stdout and stderr in pipes. The child dies with
 * this process. Returns 0 or an errno (also that of the exec). */
int child_spawn(StageChild *child, char *const *argv);
/* The same with a function in a process forked from this one, which has one thread then: what `main` returns is its
 * exit status. */
typedef int ChildMain(void *self, int argc, char **argv);
int child_fork(StageChild *child, ChildMain *main, void *self, char *const *argv);
/* Reads its first line of stdout within timeout_ms. Nonzero when none comes. */
int child_read_line(StageChild *child, char *line, size_t size, int timeout_ms);
/* Reaps it when it has ended; takes in what it wrote. Whether it has ended. */
int child_poll(StageChild *child);
/* Waits until all have ended, or the time is up. Whether all have. */
int children_wait(StageChild *children, int count, int timeout_ms);
/* Kills and reaps all that run. */
void children_kill(StageChild *children, int count);
/* The one whose failure explains the others', or -1 when none failed. */
int children_culprit(const StageChild *children, int count);
/* The same of a pipeline that is breaking: gives them up to timeout_ms to tell each other, less
 * when a cause is found. */
int children_settle(StageChild *children, int count, int timeout_ms);
/* The file in that folder where a stage writes its figures. */
const char *child_stats_path(Arena *arena, const char *folder, int stage);
/* "stage 'pi' failed: MESSAGE (status 12: a neighbour is of another build)" */
const char *child_report(const StageChild *child, Arena *arena);

#endif
