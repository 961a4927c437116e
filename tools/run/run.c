/* `lpc run OUT`: the pipeline on this machine, fed with files or noise. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/run/command.h"

#include <stdio.h>

static int run_all(Run *run)
{
    TRY(package_load(&run->package, run->arena, run->diag, run->command->folder));
    TRY(run_make_frames(run));
    TRY(run_make_folder(run));
    TRY(run_open(&run->session, run->arena, run->diag, run->package, &run->command->run));
    TRY(run->command->feedback_in ? run_feedback(run) : run_sequence(run));
    TRY(run_finish(run->session, run->diag));
    TRY(run_write_profile(run));
    run_report(run);
    return fflush(stdout) ? diag_error(run->diag, "cannot write to standard output") : LPC_OK;
}

int command_run(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    Command command = {.repeat = 1, .seed = 1};
    diag_init(&diag, arena, NULL);
    int code = run_options(&command, arena, &diag, argc, argv);
    if (!code && command.help) {
        fputs(run_usage, stdout);
    } else if (!code) {
        Run run = {.command = &command, .arena = arena, .diag = &diag};
        diag.file = command.folder;
        code = run_all(&run);
        run_free(run.session);
    }
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
