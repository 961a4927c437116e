/* The command line of `lpc run`. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/lpc/run.h"

#include <stdlib.h>
#include <string.h>

const char run_usage[] =
    "usage: lpc run OUT [option]...\n"
    "Starts the stages of OUT on this machine as a pipeline, feeds it, and tells how fast it is.\n"
    "  --input NAME=FILE       an input, .npy or ONNX TensorProto (.pb); given again for the same\n"
    "                          NAME: the next frame's; without: seeded noise\n"
    "  --output DIR            writes the outputs there as NAME.npy (NAME.STEP.npy for several "
    "frames)\n"
    "  --repeat N              feeds the frames N times; with --feedback: N frames in all\n"
    "  --feedback IN=argmax(OUT)  from one frame to the next, input IN becomes the index of the\n"
    "                          largest value in the last row of output OUT\n"
    "  --seed N                of the noise (default 1)\n"
    "  --threads N             threads per stage\n"
    "  --timeout SECONDS       for starting, and for each result\n"
    "  --connect HOST:PORT --collect HOST:PORT\n"
    "                          the stages were started by hand: where the first one listens, and\n"
    "                          where the last one forwards to\n"
    "  --write-profile FILE    the model's layers with the measured times, for lpc plan --profile\n"
    "  --json                  prints the figures as JSON\n"
    "  --help                  prints this\n";

static int usage_error(Diag *diag, const char *text, const char *what)
{
    diag_error(diag, "run: %s%s (see lpc run --help)", text, what);
    return LPC_USAGE;
}

static int split(Arena *arena, const char *text, const char **left, const char **right)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) return LPC_ERROR;
    *left = arena_strndup(arena, text, (size_t)(equals - text));
    *right = equals + 1;
    return LPC_OK;
}

/* IN=argmax(OUT) */
static int parse_feedback(Arena *arena, const char *text, RunCommand *command)
{
    const char *right;
    static const char call[] = "argmax(";
    if (split(arena, text, &command->feed.feedback_in, &right)) return LPC_ERROR;
    size_t length = strlen(right);
    if (strncmp(right, call, strlen(call)) != 0 || right[length - 1] != ')' ||
        length < strlen(call) + 2)
        return LPC_ERROR;
    command->feed.feedback_out = arena_strndup(arena, right + strlen(call), length - strlen(call) - 1);
    return LPC_OK;
}

static int parse_number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end == text || *end || !(*value >= least && *value <= most);
}

static int parse_option(RunCommand *command, Arena *arena, Diag *diag, const char *name,
                        const char *value)
{
    double number = 0;
    if (strcmp(name, "--input") == 0) {
        Given given;
        if (split(arena, value, &given.name, &given.file))
            return usage_error(diag, "--input: expected NAME=FILE, got ", value);
        arena_push(arena, command->feed.given, command->feed.given_count) = given;
    } else if (strcmp(name, "--output") == 0) {
        command->feed.output = value;
    } else if (strcmp(name, "--feedback") == 0) {
        if (parse_feedback(arena, value, command))
            return usage_error(diag, "--feedback: expected IN=argmax(OUT), got ", value);
    } else if (strcmp(name, "--write-profile") == 0) {
        command->feed.profile_out = value;
    } else if (strcmp(name, "--connect") == 0) {
        command->feed.run.connect = value;
    } else if (strcmp(name, "--collect") == 0) {
        command->feed.run.collect = value;
    } else if (strcmp(name, "--repeat") == 0) {
        if (parse_number(value, 1, 1e8, &number))
            return usage_error(diag, "--repeat: expected a number from 1, got ", value);
        command->feed.repeat = (int64_t)number;
    } else if (strcmp(name, "--seed") == 0) {
        if (parse_number(value, 0, 9e15, &number))
            return usage_error(diag, "--seed: expected a number, got ", value);
        command->feed.seed = (uint64_t)number;
    } else if (strcmp(name, "--threads") == 0) {
        if (parse_number(value, 1, 256, &number))
            return usage_error(diag, "--threads: expected 1 to 256, got ", value);
        command->feed.run.threads = (int)number;
    } else if (strcmp(name, "--timeout") == 0) {
        if (parse_number(value, 0.001, 1e6, &number))
            return usage_error(diag, "--timeout: expected seconds, got ", value);
        command->feed.run.timeout = number;
    } else {
        return usage_error(diag, "unknown option ", name);
    }
    return LPC_OK;
}

int run_options(RunCommand *command, Arena *arena, Diag *diag, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            command->help = 1;
            return LPC_OK;
        }
        if (strcmp(argv[i], "--json") == 0) {
            command->json = 1;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            if (i + 1 == argc) return usage_error(diag, "a value is missing after ", argv[i]);
            TRY(parse_option(command, arena, diag, argv[i], argv[i + 1]));
            i++;
        } else if (command->folder) {
            return usage_error(diag, "more than one folder: ", argv[i]);
        } else {
            command->folder = argv[i];
        }
    }
    if (!command->folder) return usage_error(diag, "the folder that lpc made is missing", "");
    if (!command->feed.run.connect != !command->feed.run.collect)
        return usage_error(diag, "--connect and --collect go together", "");
    if (command->feed.run.connect && command->feed.profile_out)
        return usage_error(diag, "--write-profile: times of stages elsewhere are not known here", "");
    command->feed.run.stats = !command->feed.run.connect;
    return LPC_OK;
}
