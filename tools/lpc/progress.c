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

static void show(void *user, const char *what, int64_t done, int64_t total)
{
    ProgressLine *line = user;
    double now = seconds();
    if (!line->verbose && !isatty(2)) return;
    if (now - line->started < QUIET_SECONDS || now - line->shown < STEP_SECONDS) return;
    line->shown = now;
    line->any = true;
    fprintf(stderr, "%slpc: %s: %lld of %lld MB%s", isatty(2) ? "\r" : "", what,
            (long long)(done / 1000000), (long long)(total / 1000000), isatty(2) ? "\033[K" : "\n");
    fflush(stderr);
}

static void note(void *user, const char *text)
{
    clear(user);
    fprintf(stderr, "%s\n", text);
}

void progress_start(ProgressLine *line, lpc_compiler *compiler)
{
    *line = (ProgressLine){.started = seconds(), .verbose = lpc_get(compiler, "verbose") != NULL};
    lpc_listen(compiler, &(lpc_listener){line, note, show});
}

void progress_end(ProgressLine *line, lpc_compiler *compiler)
{
    clear(line);
    lpc_listen(compiler, NULL);
}

void command_messages(lpc_compiler *compiler, ProgressLine *line)
{
    progress_end(line, compiler);
    for (size_t i = 0; i < lpc_message_count(compiler); i++)
        fprintf(stderr, "lpc: error: %s\n", lpc_message(compiler, i));
    lpc_clear(compiler);
}
