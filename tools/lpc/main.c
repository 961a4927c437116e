/* lpc: the command. Arguments become options, and those a call of the library. */
#include "ir/version.h"
#include "tools/lpc/command.h"

#include <string.h>

static CommandRun *const runs[COMMAND_COUNT] = {
    command_compile, command_run,  command_check,    command_inspect,  command_targets,
    command_profile, command_plan, command_simulate, command_calibrate};

static int run_command(int command, int argc, char **argv, int at)
{
    Arena *arena = arena_new();
    Options *options = arena_alloc(arena, sizeof *options);
    Diag diag;
    ProgressLine progress;
    options_init(options, arena);
    command_diag(&diag, arena, NULL, &progress, false);
    int code = options_parse(options, &diag, command, argc, argv, at);
    progress.verbose = options->compile.verbose;
    if (code) {
        for (int i = 0; i < diag.count; i++)
            fprintf(stderr, "lpc%s%s: %s\n", command_space(command), commands[command].name,
                    diag.messages[i]);
    } else if (options->help) {
        print_help(command);
    } else {
        /* Where one compiles for targets that one names, one means all of them. */
        bool plans = (1 << command) == FOR_PLAN;
        if (!plans && options->compile.planned) options->compile.plan.use_all = true;
        code = runs[command](options, &diag);
        command_flush(&diag);
    }
    arena_free(arena);
    return code;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        fprintf(stderr, "usage: lpc MODEL.onnx [--targets T,...] -o OUT (see lpc --help)\n");
        return LPC_USAGE;
    }
    if (!strcmp(word, "--version")) {
        printf("lpc %s (sources %.16s)\n", LPC_VERSION, source_hash);
        return 0;
    }
    if (argc == 2 && (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))) {
        print_help(-1);
        return 0;
    }
    if (argc == 2 && !strcmp(word, "--help-man")) {
        print_man();
        return 0;
    }
    if (argc == 3 && !strcmp(word, "--completion")) return print_completion(argv[2]);
    for (int i = 1; i < COMMAND_COUNT; i++) {
        if (!strcmp(word, commands[i].name)) return run_command(i, argc, argv, 2);
    }
    return run_command(0, argc, argv, 1);
}
