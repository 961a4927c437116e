/* `lpc simulate PLAN`. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void print_flow(lpc_compiler *c, const char *name, const lpc_flow *f)
{
    printf("%-28s %12s %12s %12s %14.6g %14.6g\n", name, lpc_seconds_text(c, f->period_s),
           lpc_seconds_text(c, f->latency_s), lpc_seconds_text(c, f->total_s), f->tokens_per_second,
           f->seconds_per_token);
}

static void print_text(lpc_compiler *c, const lpc_simulation *s)
{
    char name[64];
    printf("%-16s %12s %12s %7s\n", "stage", "compute", "send", "busy");
    for (size_t k = 0; k < s->stage_count; k++) {
        const lpc_stage *stage = &s->stages[k];
        printf("%-16s %12s %12s %5.1f %%\n", stage->name, lpc_seconds_text(c, stage->compute_s),
               lpc_seconds_text(c, stage->send_s),
               s->flow.period_s > 0 ? 100 * stage->compute_s / s->flow.period_s : 0);
    }
    printf("\n%-28s %12s %12s %12s %14s %14s\n", "", "period", "latency", "all frames", "tokens/s",
           "s/token");
    print_flow(c, "this plan", &s->flow);
    if (!s->tensor) return;
    snprintf(name, sizeof name, "tensor %d x pipeline %d", s->tensor, s->pipeline);
    print_flow(c, name, &s->alternative);
    printf("\n%s: %s on each device\n", name, lpc_bytes_text(c, s->alternative.memory_bytes));
}

static cJSON *flow_json(const lpc_flow *f)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddNumberToObject(j, "period_s", f->period_s);
    cJSON_AddNumberToObject(j, "latency_s", f->latency_s);
    cJSON_AddNumberToObject(j, "total_s", f->total_s);
    cJSON_AddNumberToObject(j, "tokens_per_second", f->tokens_per_second);
    cJSON_AddNumberToObject(j, "time_per_token_s", f->seconds_per_token);
    return j;
}

static void print_json(const lpc_simulation *s)
{
    cJSON *root = flow_json(&s->flow);
    if (s->tensor) {
        cJSON *other = flow_json(&s->alternative);
        cJSON_AddNumberToObject(other, "memory", s->alternative.memory_bytes);
        cJSON_AddItemToObject(root, "alternative", other);
    }
    char *text = cJSON_Print(root);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

int command_simulate(lpc_compiler *c, const Words *words)
{
    const lpc_simulation *simulation;
    if (!words->count) return usage_error("simulate", "missing 'PLAN.json'");
    if (lpc_get(c, "tensor-parallel") && !(lpc_get(c, "profile") && lpc_get(c, "cluster")))
        return usage_error("simulate", "--tensor-parallel needs --profile and --cluster");
    TRY_STATUS(lpc_simulate(c, words->list[0], &simulation));
    if (lpc_get(c, "json"))
        print_json(simulation);
    else
        print_text(c, simulation);
    return command_printed();
}
