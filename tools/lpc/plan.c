/* `lpc plan`: which layers run where, and why. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>

static int check_arguments(const Options *o)
{
    bool model = o->argument_count > 0;
    if (o->measure && !model) return usage_error(FOR_PLAN, "--measure needs a model");
    if (model == !!o->profile_file)
        return usage_error(FOR_PLAN, "expected a model or --profile FILE");
    if (!!o->compile.plan_file + !!o->split + !!o->compile.cut_count > 1)
        return usage_error(FOR_PLAN, "expected one of --plan, --split and --cut-after");
    return 0;
}

static PlanRequest request_of(const Options *o)
{
    PlanRequest request = {.compile = o->compile,
                           .options = o->compile.plan,
                           .profile_file = o->profile_file,
                           .cluster_file = o->cluster_file,
                           .plan_file = o->compile.plan_file,
                           .split = o->split,
                           .profile_out = o->profile_out,
                           .measure = o->measure};
    if (o->argument_count) request.compile.model = o->arguments[0];
    request.compile.planned = false; /* it is this command that plans */
    request.compile.plan_file = NULL;
    return request;
}

int command_plan(Options *o, Diag *diag)
{
    PlanSubject subject;
    Plan plan;
    TRY(check_arguments(o));
    PlanRequest request = request_of(o);
    TRY(plan_subject(diag, o->arena, &request, &subject));
    if (o->compare) {
        print_comparison(stdout, o->arena, subject.profile, &subject.cluster, &request.options);
        return 0;
    }
    TRY(plan_request(diag, o->arena, &request, &subject, &plan));
    if (!o->json) {
        print_plan(stdout, &plan);
        return 0;
    }
    char *text = plan_json(&plan);
    puts(text);
    cJSON_free(text);
    return 0;
}
