/* Progress of something long, on one line of a terminal. */
#include "tools/compile/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const double QUIET_SECONDS = 2, STEP_SECONDS = 0.25;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void show(Progress *progress, const char *what, int64_t done, int64_t total)
{
    ProgressLine *line = (ProgressLine *)progress; /* its first member */
    double now = seconds();
    if (now - line->started < QUIET_SECONDS || now - line->shown < STEP_SECONDS) return;
    line->shown = now;
    line->any = true;
    fprintf(stderr, "%slpc: %s: %lld of %lld MB%s", isatty(2) ? "\r" : "", what,
            (long long)(done / 1000000), (long long)(total / 1000000), isatty(2) ? "\033[K" : "\n");
    fflush(stderr);
}

void progress_start(ProgressLine *line, Diag *diag, bool verbose)
{
    *line = (ProgressLine){.progress = {show}, .started = seconds()};
    if (verbose || isatty(2)) diag->progress = &line->progress;
}

void progress_end(ProgressLine *line, Diag *diag)
{
    if (line->any && isatty(2)) fputs("\r\033[K", stderr);
    diag->progress = NULL;
}
