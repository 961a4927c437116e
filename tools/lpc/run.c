/* `lpc run OUT`: the pipeline on this machine, fed with files or noise. */
#include "tools/lpc/run.h"

#include <stdio.h>

static int run_all(Run *run, const Options *o)
{
    TRY(package_load(&run->package, run->arena, run->diag, o->arguments[0]));
    TRY(run_make_frames(run));
    TRY(run_make_folder(run));
    TRY(run_open(&run->session, run->arena, run->diag, run->package, &run->options->run));
    TRY(o->feedback_in ? run_feedback(run) : run_sequence(run));
    TRY(run_finish(run->session, run->diag));
    TRY(run_write_profile(run));
    run_report(run, o->json);
    return fflush(stdout) ? diag_error(run->diag, "cannot write to standard output") : LPC_OK;
}

int command_run(Options *o, Diag *diag)
{
    if (!o->argument_count) return usage_error(FOR_RUN, "missing 'OUT', the folder that lpc made");
    if (!o->connect != !o->collect)
        return usage_error(FOR_RUN, "--connect and --collect go together");
    if (o->connect && o->profile_out)
        return usage_error(FOR_RUN,
                           "--write-profile: times of stages elsewhere are not known here");
    FeedOptions feed = {.output = o->output,
                        .profile_out = o->profile_out,
                        .given = o->inputs,
                        .given_count = o->input_count,
                        .feedback_in = o->feedback_in,
                        .feedback_out = o->feedback_out,
                        .repeat = o->repeat ? o->repeat : 1,
                        .seed = (uint64_t)o->seed,
                        .run = {.threads = o->compile.threads,
                                .timeout = o->timeout,
                                .connect = o->connect,
                                .collect = o->collect,
                                .stats = !o->connect}};
    Run run = {.options = &feed, .arena = o->arena, .diag = diag};
    if (!o->json) run.show = run_show;
    diag->file = o->arguments[0];
    int code = run_all(&run, o);
    run_free(run.session);
    return code;
}
