/* The options that all compiling commands share. */
#include "tools/lpc/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int split_list(Arena *arena, const char *text, const char **list, int max)
{
    int count = 0;
    while (*text && count < max) {
        size_t length = strcspn(text, ",");
        if (length) list[count++] = arena_strndup(arena, text, length);
        text += length;
        if (*text == ',') text++;
    }
    return count;
}

static int wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "lpc: %s '%s': expected %s\n", option, value, expected);
    return LPC_USAGE;
}

/* For parts of arguments, which live as long as the process, like argv. */
static Arena *names(void)
{
    static Arena *arena;
    if (!arena) arena = arena_new();
    return arena;
}

static int parse_bind(const char *option, const char *value, Bind *list, int *count)
{
    const char *equals = strrchr(value, '=');
    char *end = NULL;
    errno = 0;
    long long number = equals && equals[1] ? strtoll(equals + 1, &end, 10) : -1;
    if (!equals || equals == value || !end || *end || errno || number < 0)
        return wrong(option, value, "NAME=N with N >= 0");
    if (*count == MAX_OPTIONS) return wrong(option, value, "fewer options");
    list[(*count)++] = (Bind){arena_strndup(names(), value, (size_t)(equals - value)), number};
    return 0;
}

static int add_text(const char *option, const char *value, const char **list, int *count,
                    bool needs_equals)
{
    if (needs_equals && !strchr(value, '=')) return wrong(option, value, "A=B");
    if (*count == MAX_OPTIONS) return wrong(option, value, "fewer options");
    list[(*count)++] = value;
    return 0;
}

static int parse_threads(const char *value, int *threads)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (*end || !*value || number < 1 || number > 256)
        return wrong("--threads", value, "a number from 1 to 256");
    *threads = (int)number;
    return 0;
}

static int parse_tune(CompileOptions *o, const char *name, const char *value)
{
    if (o->tune_file) return wrong(name, value, "only one of --tune and --tuned, once");
    o->tune_file = value;
    o->tune = !strcmp(name, "--tune");
    return 0;
}

static int split_into(const char *value, const char **list, int *count)
{
    *count += split_list(names(), value, list + *count, MAX_STAGES - *count);
    return 0;
}

/* Options of the planner. Compiling uses all targets unless a plan says otherwise. */
static int planner_option(CompileOptions *o, const char *name, const char *value)
{
    if (!o->planned) {
        o->plan = plan_defaults();
        o->plan.use_all = true;
        o->planned = true;
    }
    if (!strcmp(name, "--plan")) {
        o->plan_file = value;
    } else if (!strcmp(name, "--objective")) {
        int objective = objective_find(value);
        if (objective < 0) return wrong(name, value, "throughput, latency, memory or partitions");
        o->plan.objective = (Objective)objective;
    } else if (!strcmp(name, "--order")) {
        o->plan.free_order = !strcmp(value, "free");
        if (!o->plan.free_order && strcmp(value, "fixed")) return wrong(name, value, "fixed or free");
    } else {
        char *end;
        o->plan.memory_limit = strtod(value, &end);
        if (*end || end == value || !(o->plan.memory_limit > 0 && o->plan.memory_limit <= 1))
            return wrong(name, value, "a fraction above 0, at most 1");
    }
    return 0;
}

static int valued(CompileOptions *o, const char *name, const char *value)
{
    if (!strcmp(name, "-o")) {
        o->out = value;
        return 0;
    }
    if (!strcmp(name, "--name")) {
        if (!*value) return wrong(name, value, "a name");
        o->name = value;
        return 0;
    }
    if (!strcmp(name, "--emit")) {
        o->emit_c = !strcmp(value, "c");
        o->dump_llvm = !strcmp(value, "llvm");
        if (o->emit_c || o->dump_llvm || !strcmp(value, "obj")) return 0;
        return wrong(name, value, "obj or c");
    }
    if (!strcmp(name, "--targets")) return split_into(value, o->targets, &o->target_count);
    if (!strcmp(name, "--cut-after")) return split_into(value, o->cut_after, &o->cut_count);
    if (!strcmp(name, "--target-dir"))
        return add_text(name, value, o->target_dirs, &o->target_dir_count, false);
    if (!strcmp(name, "--bind")) return parse_bind(name, value, o->binds, &o->bind_count);
    if (!strcmp(name, "--max")) return parse_bind(name, value, o->maxes, &o->max_count);
    if (!strcmp(name, "--state")) return add_text(name, value, o->states, &o->state_count, true);
    if (!strcmp(name, "--bind-input"))
        return add_text(name, value, o->input_files, &o->input_file_count, true);
    if (!strcmp(name, "--threads")) return parse_threads(value, &o->threads);
    if (!strcmp(name, "--runner")) {
        o->runner = value;
        return 0;
    }
    if (!strcmp(name, "--tune") || !strcmp(name, "--tuned")) return parse_tune(o, name, value);
    return planner_option(o, name, value);
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {
        "-o",           "--name",    "--emit",    "--targets", "--cut-after",  "--target-dir", "--bind",
        "--max",        "--state",   "--threads", "--bind-input", "--plan",       "--objective",
        "--order",      "--tune",    "--tuned",   "--runner",     "--memory-limit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) return true;
    }
    return false;
}

int compile_option(CompileOptions *o, int argc, char **argv, int *at)
{
    const char *name = argv[*at];
    bool *flag = !strcmp(name, "--portable")      ? &o->portable
                 : !strcmp(name, "--no-plan")     ? &o->no_plan
                 : !strcmp(name, "--profile")     ? &o->profile
                 : !strcmp(name, "--emulate")     ? &o->emulate
                 : !strcmp(name, "--quiet")       ? &o->quiet
                 : !strcmp(name, "--verbose")     ? &o->verbose
                 : !strcmp(name, "--time-passes") ? &o->time_passes
                 : !strcmp(name, "--no-link")     ? &o->no_link
                                                  : NULL;
    if (flag) {
        *flag = true;
        (*at)++;
        return 0;
    }
    const char *equals = strncmp(name, "--", 2) == 0 ? strchr(name, '=') : NULL;
    if (equals) {
        char option[32];
        size_t length = (size_t)(equals - name);
        if (length >= sizeof option) return -1;
        memcpy(option, name, length);
        option[length] = 0;
        int code = takes_value(option) ? valued(o, option, equals + 1) : -1;
        if (code != -1) (*at)++;
        return code;
    }
    if (!takes_value(name)) return -1;
    if (*at + 1 >= argc) return wrong(name, "", "a value");
    *at += 2;
    return valued(o, name, argv[*at - 1]);
}

int compile_arguments(CompileOptions *o, int argc, char **argv, int at, const char *command)
{
    while (at < argc) {
        int code = compile_option(o, argc, argv, &at);
        if (code == LPC_USAGE) return code;
        if (code == 0) continue;
        if (argv[at][0] == '-' || o->model) {
            fprintf(stderr, "%s: unexpected argument '%s' (see lpc --help)\n", command, argv[at]);
            return LPC_USAGE;
        }
        o->model = argv[at++];
    }
    return LPC_OK;
}
