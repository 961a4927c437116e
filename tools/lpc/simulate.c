/* `lpc simulate PLAN`. */
#include "lib/plan/simulate.h"

#include "ir/units.h"
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

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

int command_simulate(Options *o, Diag *diag)
{
    if (!o->argument_count) return usage_error(FOR_SIMULATE, "missing 'PLAN.json'");
    if (o->tensor && !(o->profile_file && o->cluster_file))
        return usage_error(FOR_SIMULATE, "--tensor-parallel needs --profile and --cluster");
    Simulation s = {.arena = o->arena,
                    .diag = diag,
                    .plan_file = o->arguments[0],
                    .profile_file = o->profile_file,
                    .cluster_file = o->cluster_file,
                    .frames = o->frames,
                    .tokens = o->tokens,
                    .tensor = o->tensor,
                    .pipeline = o->pipeline,
                    .json = o->json};
    return run(&s);
}
