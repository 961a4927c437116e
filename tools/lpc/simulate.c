/* `lpc simulate PLAN`. */
#include "lib/plan/simulate.h"

#include "ir/units.h"
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lpc simulate PLAN.json [--frames N] [--tokens N] [--json]\n"
    "                   [--profile FILE --cluster FILE --tensor-parallel T --pipeline P]\n"
    "\n"
    "  PLAN.json                what `lpc plan --json` printed\n"
    "  --frames N               how many frames go through (256)\n"
    "  --tokens N               tokens in one frame (1)\n"
    "  --tensor-parallel T      also each layer split over T equal devices, P such groups as "
    "stages\n";

static void print_text(const Simulation *s)
{
    Arena *a = s->arena;
    printf("%-16s %12s %12s %7s\n", "stage", "compute", "send", "busy");
    for (int k = 0; k < s->count; k++) {
        const SimStage *stage = &s->stages[k];
        printf("%-16s %12s %12s %5.1f %%\n", stage->device, seconds_text(a, stage->compute),
               seconds_text(a, stage->send), s->period > 0 ? 100 * stage->compute / s->period : 0);
    }
    printf("\n%-28s %12s %12s %12s %14s %14s\n", "", "period", "latency", "all frames", "tokens/s",
           "s/token");
}

/* With an empty pipeline at the start: the first frame's latency, then one period for each other.
 */
static double total_of(const Simulation *s, double period, double latency)
{
    return latency + (s->frames - 1) * period;
}

static void print_row(const Simulation *s, const char *name, double period, double latency)
{
    printf("%-28s %12s %12s %12s %14.6g %14.6g\n", name, seconds_text(s->arena, period),
           seconds_text(s->arena, latency), seconds_text(s->arena, total_of(s, period, latency)),
           period > 0 ? s->tokens / period : 0, period / s->tokens);
}

static cJSON *row_json(const Simulation *s, double period, double latency)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddNumberToObject(j, "period_s", period);
    cJSON_AddNumberToObject(j, "latency_s", latency);
    cJSON_AddNumberToObject(j, "total_s", total_of(s, period, latency));
    cJSON_AddNumberToObject(j, "tokens_per_second", period > 0 ? s->tokens / period : 0);
    cJSON_AddNumberToObject(j, "time_per_token_s", period / s->tokens);
    return j;
}

static int run(Simulation *s)
{
    const SimAlternative *a = &s->alternative;
    TRY(simulate(s));
    const char *name = arena_printf(s->arena, "tensor %d x pipeline %d", s->tensor, s->pipeline);
    if (s->json) {
        cJSON *root = row_json(s, s->period, s->latency);
        if (s->tensor) {
            cJSON *other = row_json(s, a->period, a->latency);
            cJSON_AddNumberToObject(other, "memory", a->memory);
            cJSON_AddItemToObject(root, "alternative", other);
        }
        char *text = cJSON_Print(root);
        puts(text);
        cJSON_free(text);
        cJSON_Delete(root);
        return 0;
    }
    print_text(s);
    print_row(s, "this plan", s->period, s->latency);
    if (!s->tensor) return 0;
    print_row(s, name, a->period, a->latency);
    printf("\n%s: %s on each device\n", name, bytes_text(s->arena, a->memory));
    return 0;
}

static int option(Simulation *s, const char *name, const char *value)
{
    char *end;
    if (!strcmp(name, "--profile")) return s->profile_file = value, 0;
    if (!strcmp(name, "--cluster")) return s->cluster_file = value, 0;
    double n = strtod(value, &end);
    if (!*value || *end || !(n >= 1 && n <= 1e15)) return LPC_USAGE;
    if (!strcmp(name, "--tokens")) return s->tokens = n, 0;
    if (n > 1e6) return LPC_USAGE;
    if (!strcmp(name, "--frames")) return s->frames = (int)n, 0;
    if (!strcmp(name, "--tensor-parallel")) return s->tensor = (int)n, 0;
    if (!strcmp(name, "--pipeline")) return s->pipeline = (int)n, 0;
    return LPC_USAGE;
}

static int parse(Simulation *s, int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        if (!strcmp(argv[at], "--json")) {
            s->json = true;
        } else if (argv[at][0] != '-') {
            if (s->plan_file) return LPC_USAGE;
            s->plan_file = argv[at];
        } else if (at + 1 >= argc || option(s, argv[at], argv[at + 1])) {
            return LPC_USAGE;
        } else {
            at++;
        }
    }
    return s->plan_file && (!s->tensor || (s->profile_file && s->cluster_file)) ? 0 : LPC_USAGE;
}

int command_simulate(int argc, char **argv)
{
    Simulation s = {.frames = 256, .tokens = 1, .pipeline = 1};
    if (parse(&s, argc, argv)) {
        bool help = argc > 1 && !strcmp(argv[1], "--help");
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : LPC_USAGE;
    }
    s.arena = arena_new();
    Diag diag;
    ProgressLine progress;
    command_diag(&diag, s.arena, NULL, &progress, false);
    s.diag = &diag;
    int code = run(&s);
    command_flush(&diag);
    arena_free(s.arena);
    return code;
}
