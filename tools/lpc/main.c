/* lpc: the command. It is a user of liblpc: words become options of a compiler, and what is asked for, calls
 * of it. */
#include "tools/lpc/command.h"

#include <string.h>

static const struct {
    const char *name;
    CommandRun *run;
} runs[] = {{"", command_compile},
            {"run", command_run},
            {"check", command_check},
            {"inspect", command_inspect},
            {"targets", command_targets},
            {"profile", command_profile},
            {"plan", command_plan},
            {"simulate", command_simulate},
            {"calibrate", command_calibrate},
            {"deploy", command_deploy},
            {"status", command_status},
            {"logs", command_logs},
            {"stop", command_stop},
            {"undeploy", command_undeploy},
            {"serve", command_serve},
            {"serve-packages", command_serve_packages},
            {"keys", command_keys}};

/* Of a subcommand's name; NULL: it is none. */
static CommandRun *run_of(const char *name)
{
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        if (!strcmp(runs[i].name, name)) return runs[i].run;
    return NULL;
}

static int wrong_words(const lpc_command *command, const lpc_compiler *c)
{
    for (size_t i = 0; i < lpc_message_count(c); i++)
        fprintf(stderr, "lpc%s%s: %s\n", command_space(command), command->name, lpc_message(c, i));
    return LPC_STATUS_USAGE;
}

static int run_command(lpc_compiler *c, const lpc_command *command, int argc, char **argv)
{
    ProgressLine line;
    Words words;
    progress_start(&line, c);
    int code = (int)lpc_parse(c, command->name, argc, argv, &words.list, &words.count);
    line.verbose = lpc_get(c, "verbose") != NULL;
    if (code == LPC_STATUS_USAGE) {
        code = wrong_words(command, c);
    } else if (!code && lpc_get(c, "help")) {
        print_help(c, command);
    } else if (!code) {
        code = run_of(command->name)(c, &words);
        command_messages(c, &line);
    }
    return code;
}

/* One of the texts that lpc prints of itself, by `what`. */
static int print_text(lpc_compiler *c, const char *what, const char *argument)
{
    if (!strcmp(what, "--completion")) return print_completion(c, argument);
    if (!strcmp(what, "--help-man"))
        print_man(c);
    else
        print_help(c, NULL);
    return LPC_STATUS_OK;
}

static bool is_text(int argc, const char *word)
{
    if (argc == 3) return !strcmp(word, "--completion");
    return argc == 2 && (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help") ||
                         !strcmp(word, "--help-man"));
}

static int run(lpc_compiler *c, int argc, char **argv)
{
    const char *word = argv[1];
    const lpc_command *command = *word ? command_find(word) : NULL;
    if (is_text(argc, word)) return print_text(c, word, argv[2]);
    if (command) return run_command(c, command, argc - 2, argv + 2);
    return run_command(c, command_find(""), argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        fprintf(stderr, "usage: lpc MODEL.onnx [--targets T,...] -o OUT (see lpc --help)\n");
        return LPC_STATUS_USAGE;
    }
    if (!strcmp(word, "--version")) {
        printf("lpc %s (sources %.16s)\n", lpc_version(), lpc_sources());
        return 0;
    }
    lpc_compiler *c = lpc_create();
    int code = c ? run(c, argc, argv) : LPC_STATUS_MEMORY;
    if (code == LPC_STATUS_MEMORY) fprintf(stderr, "lpc: error: out of memory\n");
    lpc_destroy(c);
    return code;
}
