/* `lpc run OUT`: the pipeline on this machine, fed with files or noise. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/lpc/command.h"
#include "tools/lpc/run.h"

#include <stdio.h>

static int run_all(Run *run, const RunCommand *command)
{
    TRY(package_load(&run->package, run->arena, run->diag, command->folder));
    TRY(run_make_frames(run));
    TRY(run_make_folder(run));
    TRY(run_open(&run->session, run->arena, run->diag, run->package, &command->feed.run));
    TRY(command->feed.feedback_in ? run_feedback(run) : run_sequence(run));
    TRY(run_finish(run->session, run->diag));
    TRY(run_write_profile(run));
    run_report(run, command->json);
    return fflush(stdout) ? diag_error(run->diag, "cannot write to standard output") : LPC_OK;
}

int command_run(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    RunCommand command = {.feed = {.repeat = 1, .seed = 1}};
    ProgressLine progress;
    command_diag(&diag, arena, NULL, &progress, false);
    int code = run_options(&command, arena, &diag, argc, argv);
    if (!code && command.help) {
        fputs(run_usage, stdout);
    } else if (!code) {
        Run run = {.options = &command.feed, .show = run_show, .arena = arena, .diag = &diag};
        diag.file = command.folder;
        code = run_all(&run, &command);
        run_free(run.session);
    }
    command_flush(&diag);
    arena_free(arena);
    return code;
}
