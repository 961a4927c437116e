/* Notes, and progress on one line of a terminal. */
#include "tools/lpc/command.h"

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

static void clear(ProgressLine *line)
{
    if (line->any && isatty(2)) fputs("\r\033[K", stderr);
    line->any = false;
}

static void show(Listener *listener, const char *what, int64_t done, int64_t total)
{
    ProgressLine *line = (ProgressLine *)listener; /* its first member */
    double now = seconds();
    if (!line->verbose && !isatty(2)) return;
    if (now - line->started < QUIET_SECONDS || now - line->shown < STEP_SECONDS) return;
    line->shown = now;
    line->any = true;
    fprintf(stderr, "%slpc: %s: %lld of %lld MB%s", isatty(2) ? "\r" : "", what,
            (long long)(done / 1000000), (long long)(total / 1000000), isatty(2) ? "\033[K" : "\n");
    fflush(stderr);
}

static void note(Listener *listener, const char *text)
{
    clear((ProgressLine *)listener);
    fprintf(stderr, "%s\n", text);
}

void progress_start(ProgressLine *line, Diag *diag, bool verbose)
{
    *line = (ProgressLine){.listener = {show, note}, .started = seconds(), .verbose = verbose};
    diag->listener = &line->listener;
}

void progress_end(Diag *diag)
{
    if (diag->listener) clear((ProgressLine *)diag->listener);
    diag->listener = NULL;
}

void command_diag(Diag *diag, Arena *arena, const char *file, ProgressLine *line, bool verbose)
{
    diag_init(diag, arena, file);
    progress_start(line, diag, verbose);
}

void command_flush(Diag *diag)
{
    progress_end(diag);
    diag_flush(diag);
}
