/* `lpc plan`: which layers run where, and why. */
#include "tools/lpc/command.h"
#include "tools/lpc/plan_table.h"

static int check_words(const lpc_compiler *c, const char *model)
{
    if (lpc_get(c, "measure") && !model) return usage_error("plan", "--measure needs a model");
    if (!model == !lpc_get(c, "profile"))
        return usage_error("plan", "expected a model or --profile FILE");
    if (!!lpc_get(c, "plan") + !!lpc_get(c, "split") + !!lpc_get(c, "cut-after") > 1)
        return usage_error("plan", "expected one of --plan, --split and --cut-after");
    return LPC_STATUS_OK;
}

static int compare(lpc_compiler *c, const char *model)
{
    const lpc_alternative *alternatives;
    size_t count;
    TRY_STATUS(lpc_compare(c, model, &alternatives, &count));
    print_comparison(c, alternatives, count);
    return command_printed();
}

int command_plan(lpc_compiler *c, const Words *words)
{
    const char *model = words->count ? words->list[0] : NULL, *json = NULL;
    const lpc_pipeline *plan;
    int code = check_words(c, model);
    if (code) return code;
    if (lpc_get(c, "compare")) return compare(c, model);
    TRY_STATUS(lpc_plan(c, model, &plan, lpc_get(c, "json") ? &json : NULL));
    if (json)
        puts(json);
    else
        print_plan(c, plan);
    return command_printed();
}
