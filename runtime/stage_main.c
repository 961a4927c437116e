/* The command line of a stage program. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "stage.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pool.h"
#include "processor.h"
#include "tls.h"

enum { DEFAULT_QUEUE = 2, DEFAULT_TIMEOUT_S = 60, DEFAULT_BEAT_MS = 1000 };

static const char usage_text[] =
    "usage: stage --listen HOST:PORT [--forward HOST:PORT] [option]...\n"
    "Receives frames, runs its part of the model on each, and sends the results on.\n"
    "  --listen HOST:PORT   where the stage before connects; port 0 picks one and prints\n"
    "                       \"listening on HOST:PORT\"; host * is every interface\n"
    "                       (hosts are addresses or names, here and below; or unix:PATH)\n"
    "  --forward HOST:PORT  where the stage after listens, or who collects the results; without "
    "it\n"
    "                       the client fetches them: it connects here, too\n"
    "  --threads N          threads that compute (default: as many as the plan assumed, as far as "
    "there\n"
    "                       are processors)\n"
    "  --queue N            frames that wait before and after computing (default 2)\n"
    "  --timeout SECONDS    for neighbours that do not come, or stall (default 60; 0: none)\n"
    "  --heartbeat SECONDS  a neighbour that gives no sign of life for one and a half of it hangs, "
    "or is\n"
    "                       cut off: the stream ends (default 2; 0: none)\n"
    "  --log text|json      how lines on stderr look: \"TIME LEVEL stage 'NAME': TEXT\" (default), "
    "or each\n"
    "                       a JSON object with time, level, stage, event and text\n"
    "  --keys FILE          encrypts all links, and serves only who has one of the keys in FILE, "
    "which\n"
    "                       lpc keys makes; SIGHUP reads it again\n"
    "  --insecure           does without, though other machines can reach it\n"
    "  --stats FILE         writes medians per frame and peak memory at exit, as JSON\n"
    "  --serve              waits for the next stream when one has ended\n"
    "  --streams N          with --serve: so many at once, by turns; each has queues and state of "
    "its\n"
    "                       own (default 1)\n"
    "  --guard              stops at a store into an input, and at an access behind a tensor\n"
    "  --version            prints the protocol version and the build id\n"
    "  --help               prints this\n";

static void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0) return;
}

static void print_help(void)
{
    char line[160];
    put(STDOUT_FILENO, usage_text);
    if (!lpc_tls_is_here())
        put(STDOUT_FILENO, "This program was built without mbed TLS: it takes no --keys.\n");
    put(STDOUT_FILENO, "Exit status:\n");
#define X(id, number, meaning)                                                                     \
    snprintf(line, sizeof line, "  %2d  %s\n", number, meaning);                                   \
    put(STDOUT_FILENO, line);
    LPC_EXITS(X)
#undef X
}

static void print_version(const lpc_model *model)
{
    char line[300];
    int length = snprintf(line, sizeof line, "stage '%.100s', protocol %d, build ", model->name,
                          LPC_PROTOCOL);
    for (int i = 0; i < 32; i++)
        length += snprintf(line + length, sizeof line - (size_t)length, "%02x", model->build_id[i]);
    snprintf(line + length, sizeof line - (size_t)length, "\n");
    put(STDOUT_FILENO, line);
}

typedef struct Arguments {
    const lpc_model *model;
    LpcStageOptions options;
    int done; /* --help or --version was all */
} Arguments;

__attribute__((format(printf, 2, 3))) static int usage(const Arguments *arguments,
                                                       const char *format, ...)
{
    LpcLog log = {arguments->model->name, arguments->options.log_json};
    char text[LPC_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lpc_log(&log, STDERR_FILENO, LPC_LOG_ERROR, LPC_EVENT_USAGE, text);
    return LPC_EXIT_USAGE;
}

static int parse_number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end == text || *end || !(*value >= least && *value <= most);
}

static int parse_option(Arguments *arguments, const char *name, const char *value)
{
    LpcStageOptions *options = &arguments->options;
    double number;
    if (strcmp(name, "--listen") == 0) {
        options->listen = value;
    } else if (strcmp(name, "--forward") == 0) {
        options->forward = value;
    } else if (strcmp(name, "--stats") == 0) {
        options->stats = value;
    } else if (strcmp(name, "--keys") == 0) {
        options->keys = value;
    } else if (strcmp(name, "--threads") == 0) {
        if (parse_number(value, 1, LPC_POOL_MAX, &number))
            return usage(arguments, "--threads: expected 1 to %d, got '%.60s'", LPC_POOL_MAX,
                         value);
        options->threads = (int)number;
    } else if (strcmp(name, "--queue") == 0) {
        if (parse_number(value, 1, LPC_QUEUE_MAX, &number))
            return usage(arguments, "--queue: expected 1 to %d, got '%.60s'", LPC_QUEUE_MAX, value);
        options->queue = (int)number;
    } else if (strcmp(name, "--timeout") == 0) {
        if (parse_number(value, 0, 1e6, &number))
            return usage(arguments, "--timeout: expected seconds, got '%.60s'", value);
        options->timeout_ms = number > 0 ? (int)(number * 1000.0 + 0.999) : -1;
    } else if (strcmp(name, "--heartbeat") == 0) {
        if (parse_number(value, 0, 1000, &number) || (number > 0 && number < 0.02))
            return usage(arguments, "--heartbeat: expected 0, or 0.02 to 1000 seconds, got '%.60s'",
                         value);
        options->beat_ms = (int)(number * 500.0 + 0.5);
    } else if (strcmp(name, "--log") == 0) {
        options->log_json = strcmp(value, "json") == 0;
        if (!options->log_json && strcmp(value, "text") != 0)
            return usage(arguments, "--log: expected text or json, got '%.60s'", value);
    } else if (strcmp(name, "--streams") == 0) {
        if (parse_number(value, 1, LPC_STREAMS_MAX, &number))
            return usage(arguments, "--streams: expected 1 to %d, got '%.60s'", LPC_STREAMS_MAX,
                         value);
        options->streams = (int)number;
    } else {
        return usage(arguments, "unknown option '%.60s' (see --help)", name);
    }
    return 0;
}

static int parse(int argc, char **argv, Arguments *arguments)
{
    LpcStageOptions *options = &arguments->options;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            if (argv[i][2] == 'h')
                print_help();
            else
                print_version(arguments->model);
            arguments->done = 1;
            return 0;
        }
        if (strcmp(argv[i], "--serve") == 0) {
            options->serve = 1;
            continue;
        }
        if (strcmp(argv[i], "--insecure") == 0) {
            options->insecure = 1;
            continue;
        }
        if (strcmp(argv[i], "--guard") == 0) {
            options->guard = 1;
            continue;
        }
        if (strncmp(argv[i], "--", 2) == 0 && i + 1 == argc)
            return usage(arguments,
                         "%.60s: a value is missing, or there is no such option (see --help)",
                         argv[i]);
        int code = parse_option(arguments, argv[i], i + 1 < argc ? argv[i + 1] : "");
        if (code) return code;
        i++;
    }
    if (options->streams > 1 && !options->serve)
        return usage(arguments, "--streams: goes with --serve (see --help)");
    if (options->keys && options->insecure)
        return usage(arguments, "--keys and --insecure: one of them (see --help)");
    return 0;
}

/* As many as the plan assumed, as far as there are processors. */
static int default_threads(const lpc_model *model)
{
    int threads = model->threads < LPC_POOL_MAX ? (int)model->threads : LPC_POOL_MAX;
    int there = threads > 1 ? lpc_processors() : 1;
    return threads < there ? (threads > 0 ? threads : 1) : there;
}

int lpc_stage_main(const lpc_model *model, int argc, char **argv)
{
    return lpc_stage_main_threads(model, default_threads(model), argc, argv);
}

int lpc_stage_arguments(const lpc_model *model, int argc, char **argv, int threads,
                        LpcStageOptions *options, int *done)
{
    Arguments arguments = {.model = model,
                           .options = {.threads = threads,
                                       .queue = DEFAULT_QUEUE,
                                       .streams = 1,
                                       .beat_ms = DEFAULT_BEAT_MS,
                                       .timeout_ms = DEFAULT_TIMEOUT_S * 1000}};
    int code = parse(argc, argv, &arguments);
    *options = arguments.options;
    *done = arguments.done;
    return code;
}

int lpc_stage_can_run(const lpc_model *model, const LpcStageOptions *options)
{
    char word[32], text[LPC_TEXT_BYTES];
    LpcLog log = {model->name, options->log_json};
    if (!lpc_processor_lacks(model->needs, word, sizeof word)) return 0;
    snprintf(text, sizeof text, "needs %s, which this processor does not have", word);
    lpc_log(&log, STDERR_FILENO, LPC_LOG_ERROR, LPC_EVENT_FAILED, text);
    return LPC_EXIT_PROCESSOR;
}

void lpc_stage_signals(const LpcStageOptions *options)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (options->keys) sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int lpc_stage_main_threads(const lpc_model *model, int threads, int argc, char **argv)
{
    LpcStageOptions options;
    int done = 0, code = lpc_stage_arguments(model, argc, argv, threads, &options, &done);
    if (code || done) return code;
    if (!options.listen) {
        Arguments arguments = {.model = model, .options = options};
        return usage(&arguments, "--listen HOST:PORT is missing (see --help)");
    }
    code = lpc_stage_can_run(model, &options);
    if (code) return code;
    lpc_stage_signals(&options);
    return lpc_stage_run(model, &options);
}
