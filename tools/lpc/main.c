/* lpc: the command. It is a user of liblpc: words become options of a compiler, and what is asked for, calls
 * of it. */
#include "ir/version.h"
#include "lib/api/api.h"
#include "tools/lpc/command.h"

#include <string.h>

/* By `commands`. Those of the second column are not in the public header yet, and use what is behind it. */
static const struct {
    CommandRun *run;
    InsideRun *inside;
} runs[COMMAND_COUNT] = {
    {command_compile, NULL}, {NULL, command_run},      {command_check, NULL},
    {command_inspect, NULL}, {command_targets, NULL},  {NULL, command_profile},
    {NULL, command_plan},    {NULL, command_simulate}, {NULL, command_calibrate}};

static int run_inside(int command, lpc_compiler *c)
{
    Options *options = &c->options;
    /* Where one compiles for targets that one names, one means all of them. */
    bool plans = (1 << command) == FOR_PLAN;
    if (!plans && options->compile.planned) options->compile.plan.use_all = true;
    return runs[command].inside(options, &c->diag);
}

static int wrong_words(int command, const lpc_compiler *c)
{
    for (size_t i = 0; i < lpc_message_count(c); i++)
        fprintf(stderr, "lpc%s%s: %s\n", command_space(command), commands[command].name,
                lpc_message(c, i));
    return LPC_STATUS_USAGE;
}

static int run_command(int command, int argc, char **argv)
{
    lpc_compiler *c = lpc_create();
    if (!c) return LPC_STATUS_MEMORY;
    ProgressLine line;
    Words words;
    progress_start(&line, c);
    int code = (int)lpc_parse(c, commands[command].name, argc, argv, &words.list, &words.count);
    line.verbose = lpc_get(c, "verbose") != NULL;
    if (code == LPC_STATUS_USAGE) {
        code = wrong_words(command, c);
    } else if (!code && lpc_get(c, "help")) {
        print_help(command);
    } else if (!code) {
        code = runs[command].run ? runs[command].run(c, &words) : run_inside(command, c);
        command_messages(c, &line);
    }
    if (code == LPC_STATUS_MEMORY) fprintf(stderr, "lpc: error: out of memory\n");
    lpc_destroy(c);
    return code;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        fprintf(stderr, "usage: lpc MODEL.onnx [--targets T,...] -o OUT (see lpc --help)\n");
        return LPC_STATUS_USAGE;
    }
    if (!strcmp(word, "--version")) {
        printf("lpc %s (sources %.16s)\n", lpc_version(), source_hash);
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
        if (!strcmp(word, commands[i].name)) return run_command(i, argc - 2, argv + 2);
    }
    return run_command(0, argc - 1, argv + 1);
}
