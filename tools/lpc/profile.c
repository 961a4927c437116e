/* `lpc profile MODEL.onnx|OUT`. */
#include "tools/lpc/command.h"
#include "tools/lpc/profile_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_ROWS = 40, DEFAULT_RUNS = 30 };

static const char usage_text[] =
    "usage: lpc profile MODEL.onnx|OUT [option]...\n"
    "Times every kernel of the model on this machine, beside its floating point operations, its\n"
    "bytes and what the machine can do at most. OUT must have been compiled with --profile.\n"
    "  --repeat N         runs, of which medians are told (default 30)\n"
    "  --input NAME=FILE  an input, .npy or .pb; without: seeded noise, sizes at their bounds,\n"
    "                     state's sizes at half of theirs\n"
    "  --seed N           of the noise (default 1)\n"
    "  --threads N        (default 1)\n"
    "  --rows N           kernels in the table (default 40)\n"
    "  --json             prints the figures as JSON\n"
    "  and the options of compiling\n";

typedef struct ProfileCommand {
    ProfileOptions options;
    int rows, json, help;
    Diag *diag;
} ProfileCommand;

/* ---- The command line ---- */

static int usage_error(Diag *diag, const char *text, const char *what)
{
    diag_error(diag, "profile: %s%s (see lpc profile --help)", text, what);
    return LPC_USAGE;
}

static int parse_count(ProfileCommand *p, const char *name, const char *value, int64_t *count)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (!*value || *end || errno || number < 1 || number > 1000000)
        return usage_error(p->diag, "expected a number from 1 to 1000000 after ", name);
    *count = number;
    return LPC_OK;
}

static int parse_own(ProfileCommand *p, const char *name, const char *value)
{
    int64_t rows;
    if (!strcmp(name, "--repeat")) return parse_count(p, name, value, &p->options.repeat);
    if (!strcmp(name, "--seed")) return parse_count(p, name, value, &p->options.seed);
    if (!strcmp(name, "--rows")) {
        TRY(parse_count(p, name, value, &rows));
        p->rows = (int)rows;
        return LPC_OK;
    }
    if (strcmp(name, "--input") != 0) return usage_error(p->diag, "unknown option ", name);
    if (!strchr(value, '=') || p->options.input_count == MAX_OPTIONS)
        return usage_error(p->diag, "--input: expected NAME=FILE, got ", value);
    p->options.inputs[p->options.input_count++] = value;
    return LPC_OK;
}

static int parse(ProfileCommand *p, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        int code = compile_option(&p->options.compile, argc, argv, &i);
        if (code > 0) return code;
        if (code == 0) continue;
        const char *name = argv[i++];
        if (!strcmp(name, "--help")) p->help = 1;
        else if (!strcmp(name, "--json")) p->json = 1;
        else if (name[0] == '-' && i == argc)
            return usage_error(p->diag, "a value is missing after ", name);
        else if (name[0] == '-') TRY(parse_own(p, name, argv[i++]));
        else if (p->options.path) return usage_error(p->diag, "more than one model: ", name);
        else p->options.path = name;
    }
    if (!p->options.path && !p->help) return usage_error(p->diag, "the model or the folder is missing", "");
    return LPC_OK;
}

int command_profile(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    ProgressLine progress;
    ProfileResult result;
    ProfileCommand *p = arena_alloc(arena, sizeof *p);
    command_diag(&diag, arena, NULL, &progress, false);
    p->diag = &diag;
    p->options.repeat = DEFAULT_RUNS;
    p->rows = DEFAULT_ROWS;
    p->options.seed = 1;
    int code = parse(p, argc, argv);
    if (!code && p->help) {
        fputs(usage_text, stdout);
    } else if (!code) {
        code = profile_model(arena, &diag, &p->options, &result);
        if (!code && p->json) profile_print_json(&result);
        else if (!code) profile_print(&result, arena, p->rows);
        if (!code && fflush(stdout)) code = diag_error(&diag, "cannot write to standard output");
    }
    command_flush(&diag);
    arena_free(arena);
    return code;
}
