/* `lpc profile MODEL.onnx|OUT`. */
#include "tools/lpc/command.h"
#include "tools/lpc/profile_table.h"

enum { DEFAULT_RUNS = 30 };

int command_profile(Options *o, Diag *diag)
{
    ProfileResult result;
    if (!o->argument_count) return usage_error(FOR_PROFILE, "missing 'MODEL.onnx' or 'OUT'");
    ProfileOptions options = {.compile = o->compile,
                              .path = o->arguments[0],
                              .inputs = o->inputs,
                              .input_count = o->input_count,
                              .repeat = o->repeat ? o->repeat : DEFAULT_RUNS,
                              .seed = o->seed};
    TRY(profile_model(o->arena, diag, &options, &result));
    if (o->json)
        profile_print_json(&result);
    else
        profile_print(&result, o->arena, o->rows);
    return fflush(stdout) ? diag_error(diag, "cannot write to standard output") : 0;
}
