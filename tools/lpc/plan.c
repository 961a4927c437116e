/* `lpc plan`: which layers run where, and why. */
#include "tools/lpc/command.h"

#include "ir/units.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

typedef struct PlanArguments {
    PlanRequest request;
    bool json, compare;
} PlanArguments;

static const char usage[] =
    "usage: lpc plan MODEL.onnx [--targets T,...] [options of compiling]\n"
    "       lpc plan --profile LAYERS.json [--targets D,...] [--cluster FILE]\n"
    "\n"
    "Decides which layers run on which device, under each device's memory and speed, and says how good\n"
    "that is. docs/planning.md describes the model of cost and memory and the files.\n"
    "\n"
    "  --targets T,...          devices, in the order of the pipeline (cluster: names or targets)\n"
    "  --cluster FILE           devices and links; without it the targets' figures and Gigabit Ethernet\n"
    "  --objective WHAT         throughput (default), latency, memory or partitions\n"
    "  --order fixed|free       free: choose the devices' order too\n"
    "  --use-all                leave no device out\n"
    "  --memory-limit F         usable fraction of each device's memory, 0 to 1\n"
    "  --capacity BYTES         every device's memory, instead of its own\n"
    "  --batch N                times the profile's or the model's batch\n"
    "  --queue N                depth of send and receive queues in frames (2)\n"
    "  --no-overlap             sending does not overlap computing\n"
    "  --plan FILE              this plan (from --json, maybe edited), checked\n"
    "  --split N,N,...          so many layers on each device, checked\n"
    "  --cut-after NODE,...     cuts after these nodes (or layers of a profile), checked\n"
    "  --compare                all objectives side by side\n"
    "  --write-profile FILE     the model's layers, for --profile\n"
    "  --measure                time the model's layers on each kind of device: on this machine, or\n"
    "                           through its emulator, and plan from that\n"
    "  --json                   the plan as JSON\n";

static int wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "lpc plan: %s '%s': expected %s\n", option, value, expected);
    return LPC_USAGE;
}

static int parse_count(const char *option, const char *value, int most, int *out)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (!*value || *end || number < 1 || number > most)
        return wrong(option, value, "a whole number above 0");
    *out = (int)number;
    return 0;
}

static int numbers(PlanArguments *c, const char *name, const char *value)
{
    PlanOptions *o = &c->request.options;
    char *end;
    if (!strcmp(name, "--memory-limit")) {
        o->memory_limit = strtod(value, &end);
        if (!*value || *end || !(o->memory_limit > 0 && o->memory_limit <= 1))
            return wrong(name, value, "a fraction above 0, at most 1");
    } else if (!strcmp(name, "--capacity")) {
        double bytes = parse_bytes(value);
        if (!(bytes >= 1 && bytes < 1e18)) return wrong(name, value, "bytes, such as 50MB");
        o->capacity = (int64_t)bytes;
    } else if (!strcmp(name, "--batch")) {
        return parse_count(name, value, 1 << 20, &o->batch);
    } else if (!strcmp(name, "--queue")) {
        return parse_count(name, value, 64, &o->queue);
    } else {
        return -1;
    }
    return 0;
}

static int valued(PlanArguments *c, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } files[] = {{"--profile", &c->request.profile_file},
                 {"--cluster", &c->request.cluster_file},
                 {"--plan", &c->request.plan_file},
                 {"--split", &c->request.split},
                 {"--write-profile", &c->request.profile_out}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(name, files[i].name)) continue;
        *files[i].to = value;
        return 0;
    }
    if (!strcmp(name, "--objective")) {
        int objective = objective_find(value);
        if (objective < 0) return wrong(name, value, "throughput, latency, memory or partitions");
        c->request.options.objective = (Objective)objective;
        return 0;
    }
    if (!strcmp(name, "--order")) {
        c->request.options.free_order = !strcmp(value, "free");
        if (!c->request.options.free_order && strcmp(value, "fixed")) return wrong(name, value, "fixed or free");
        return 0;
    }
    return numbers(c, name, value);
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"--profile", "--cluster", "--plan", "--split",
                                        "--write-profile", "--objective", "--order",
                                        "--memory-limit", "--capacity", "--batch", "--queue"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) return true;
    }
    return false;
}

/* As compile_option: 0, -1 when it is none of these, or LPC_USAGE. */
static int plan_option(PlanArguments *c, int argc, char **argv, int *at)
{
    char name[32] = "";
    const char *arg = argv[*at], *equals = strchr(arg, '=');
    bool *flag = !strcmp(arg, "--use-all")      ? &c->request.options.use_all
                 : !strcmp(arg, "--no-overlap") ? &c->request.options.no_overlap
                 : !strcmp(arg, "--json")       ? &c->json
                 : !strcmp(arg, "--compare")    ? &c->compare
                 : !strcmp(arg, "--measure")    ? &c->request.measure
                                                : NULL;
    if (flag) {
        *flag = true;
        (*at)++;
        return 0;
    }
    size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
    if (strncmp(arg, "--", 2) || length >= sizeof name) return -1;
    memcpy(name, arg, length); /* NOLINT: name is zeroed, length below its size */
    if (!takes_value(name)) return -1;
    (*at)++;
    if (equals) return valued(c, name, equals + 1);
    if (*at >= argc) return wrong(name, "", "a value");
    return valued(c, name, argv[(*at)++]);
}

static int parse_arguments(PlanArguments *c, int argc, char **argv)
{
    *c = (PlanArguments){.request = {.options = plan_defaults()}};
    for (int at = 1; at < argc;) {
        if (!strcmp(argv[at], "--help")) return -1;
        int code = plan_option(c, argc, argv, &at);
        if (code == -1) code = compile_option(&c->request.compile, argc, argv, &at);
        if (code == LPC_USAGE) return code;
        if (code == 0) continue;
        if (argv[at][0] == '-' || c->request.compile.model) {
            fprintf(stderr, "lpc plan: unexpected argument '%s' (see lpc plan --help)\n", argv[at]);
            return LPC_USAGE;
        }
        c->request.compile.model = argv[at++];
    }
    if (c->request.measure && !c->request.compile.model) {
        fprintf(stderr, "lpc plan: --measure needs a model\n");
        return LPC_USAGE;
    }
    if (!c->request.compile.model == !c->request.profile_file) {
        fprintf(stderr, "lpc plan: expected a model or --profile FILE (see lpc plan --help)\n");
        return LPC_USAGE;
    }
    if (!!c->request.plan_file + !!c->request.split + !!c->request.compile.cut_count > 1) {
        fprintf(stderr, "lpc plan: expected one of --plan, --split and --cut-after\n");
        return LPC_USAGE;
    }
    return 0;
}

static int run(Diag *diag, Arena *arena, PlanArguments *c)
{
    PlanSubject subject;
    Plan plan;
    TRY(plan_subject(diag, arena, &c->request, &subject));
    if (c->compare) {
        print_comparison(stdout, arena, subject.profile, &subject.cluster, &c->request.options);
        return 0;
    }
    TRY(plan_request(diag, arena, &c->request, &subject, &plan));
    if (!c->json) {
        print_plan(stdout, &plan);
        return 0;
    }
    char *text = plan_json(&plan);
    puts(text);
    cJSON_free(text);
    return 0;
}

int command_plan(int argc, char **argv)
{
    PlanArguments *command = calloc(1, sizeof *command); /* too large for the stack of a command */
    if (!command) abort();
    int code = parse_arguments(command, argc, argv);
    if (code < 0) fputs(usage, stdout);
    if (code) {
        free(command);
        return code < 0 ? 0 : code;
    }
    Arena *arena = arena_new();
    Diag diag;
    ProgressLine progress;
    command_diag(&diag, arena, NULL, &progress, false);
    code = run(&diag, arena, command);
    command_flush(&diag);
    arena_free(arena);
    free(command);
    return code;
}
