/* Plans of liblpc: which layers run where, all objectives side by side, frames through a plan. */
#include "lib/api/api.h"

#include "lib/plan/plan.h"
#include "lib/plan/simulate.h"

#include <cjson/cJSON.h>

/* ---- One plan ---- */

typedef struct Planned {
    const char *path;
    const lpc_pipeline *pipeline;
    const char *json;
    bool wants_json;
    lpc_alternative *alternatives;
    int count;
} Planned;

static int usage(lpc_compiler *c, const char *what)
{
    diag_error(&c->diag, "%s", what);
    return LPC_USAGE;
}

static void keep_json(lpc_compiler *c, Planned *p, const Plan *plan)
{
    if (!p->wants_json) return;
    char *text = plan_json(plan);
    p->json = arena_strdup(c->arena, text);
    cJSON_free(text);
}

/* What the options ask for, apart from a model that was imported. */
static int request_of(lpc_compiler *c, const Planned *p, PlanRequest *request)
{
    const Options *o = &c->options;
    if (!p->path == !o->profile_file) return usage(c, "expected a model or --profile FILE");
    if (!p->path && o->measure) return usage(c, "--measure needs a model");
    if (!!o->compile.plan_file + !!o->split + !!o->compile.cut_count > 1)
        return usage(c, "expected one of --plan, --split and --cut-after");
    *request = (PlanRequest){.compile = o->compile,
                             .options = o->compile.plan,
                             .profile_file = o->profile_file,
                             .cluster_file = o->cluster_file,
                             .plan_file = o->compile.plan_file,
                             .split = o->split,
                             .profile_out = o->profile_out,
                             .measure = o->measure};
    if (p->path) request->compile.model = arena_strdup(c->arena, p->path);
    request->compile.planned = false; /* it is this step that plans */
    request->compile.plan_file = NULL;
    return 0;
}

static int plan_imported(lpc_compiler *c, Planned *p)
{
    TRY(api_compile(c));
    if (!c->cut->plan) return diag_error(&c->diag, "the model has no layers to plan");
    if (!c->pipeline) c->pipeline = api_pipeline(c, c->cut);
    p->pipeline = c->pipeline;
    keep_json(c, p, c->cut->plan);
    return 0;
}

static int plan(lpc_compiler *c, void *to)
{
    Planned *p = to;
    PlanRequest request;
    PlanSubject subject;
    Plan plan;
    if (!p->path && c->graph) return plan_imported(c, p);
    TRY(request_of(c, p, &request));
    TRY(plan_subject(&c->diag, c->arena, &request, &subject));
    TRY(plan_request(&c->diag, c->arena, &request, &subject, &plan));
    p->pipeline = api_planned(c, &plan);
    keep_json(c, p, &plan);
    return 0;
}

lpc_status lpc_plan(lpc_compiler *c, const char *path, const lpc_pipeline **pipeline,
                    const char **json)
{
    Planned p = {.path = path, .wants_json = json};
    lpc_status status = api_run(c, plan, &p);
    if (pipeline) *pipeline = p.pipeline;
    if (json) *json = p.json;
    return status;
}

/* ---- Side by side ---- */

static void add_alternative(lpc_compiler *c, Planned *p, const PlanSubject *s,
                            const PlanOptions *options)
{
    Diag quiet;
    Plan plan;
    diag_init(&quiet, c->arena, NULL);
    lpc_alternative a = {.name =
                             arena_printf(c->arena, "%s%s%s", objective_name(options->objective),
                                          options->free_order ? ", free order" : "",
                                          options->use_all ? ", all devices" : "")};
    if (!plan_make(&quiet, c->arena, s->profile, &s->cluster, options, &plan))
        a.pipeline = api_planned(c, &plan);
    arena_push(c->arena, p->alternatives, p->count) = a;
}

static int compare(lpc_compiler *c, void *to)
{
    Planned *p = to;
    PlanRequest request;
    PlanSubject subject;
    TRY(request_of(c, p, &request));
    TRY(plan_subject(&c->diag, c->arena, &request, &subject));
    for (int objective = 0; objective < OBJECTIVE_COUNT; objective++) {
        for (int variant = 0; variant < 4; variant++) {
            PlanOptions options = request.options;
            options.objective = (Objective)objective;
            options.use_all = variant & 1;
            options.free_order = variant & 2;
            if (!options.free_order || subject.cluster.count > 1)
                add_alternative(c, p, &subject, &options);
        }
    }
    return 0;
}

lpc_status lpc_compare(lpc_compiler *c, const char *path, const lpc_alternative **alternatives,
                       size_t *count)
{
    Planned p = {.path = path};
    lpc_status status = api_run(c, compare, &p);
    *alternatives = p.alternatives;
    *count = (size_t)p.count;
    return status;
}

/* ---- Frames through a plan ---- */

typedef struct Simulating {
    const char *plan;
    const lpc_simulation *result;
} Simulating;

static lpc_flow flow_of(const Options *o, double period, double latency, double memory)
{
    return (lpc_flow){.period_s = period,
                      .latency_s = latency,
                      .total_s = latency + (o->frames - 1) * period,
                      .tokens_per_second = period > 0 ? o->tokens / period : 0,
                      .seconds_per_token = period / o->tokens,
                      .memory_bytes = memory};
}

static const lpc_simulation *simulation_of(lpc_compiler *c, const Simulation *s)
{
    const Options *o = &c->options;
    lpc_simulation *result = arena_alloc(c->arena, sizeof *result);
    lpc_stage *stages = arena_array(c->arena, (size_t)s->count + 1, sizeof *stages);
    for (int k = 0; k < s->count; k++)
        stages[k] = (lpc_stage){.name = s->stages[k].device,
                                .target = "",
                                .first = "",
                                .last = "",
                                .compute_s = s->stages[k].compute,
                                .send_s = s->stages[k].send};
    *result = (lpc_simulation){.stages = stages,
                               .stage_count = (size_t)s->count,
                               .flow = flow_of(o, s->period, s->latency, 0),
                               .tensor = s->tensor,
                               .pipeline = s->pipeline};
    if (s->tensor)
        result->alternative =
            flow_of(o, s->alternative.period, s->alternative.latency, s->alternative.memory);
    return result;
}

static int run_simulation(lpc_compiler *c, void *to)
{
    Simulating *x = to;
    const Options *o = &c->options;
    if (o->tensor && !(o->profile_file && o->cluster_file))
        return usage(c, "--tensor-parallel needs --profile and --cluster");
    Simulation s = {.arena = c->arena,
                    .diag = &c->diag,
                    .plan_file = arena_strdup(c->arena, x->plan),
                    .profile_file = o->profile_file,
                    .cluster_file = o->cluster_file,
                    .frames = o->frames,
                    .tensor = o->tensor,
                    .pipeline = o->pipeline};
    TRY(simulate(&s));
    x->result = simulation_of(c, &s);
    return 0;
}

lpc_status lpc_simulate(lpc_compiler *c, const char *file, const lpc_simulation **simulation)
{
    Simulating x = {.plan = file};
    lpc_status status = api_run(c, run_simulation, &x);
    *simulation = x.result;
    return status;
}
