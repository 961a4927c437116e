/* `lpc MODEL.onnx -o OUT`. */
#include "tools/lpc/command.h"

static const char *or_dash(const char *node)
{
    return *node ? node : "-";
}

void print_stages(const lpc_stage *stages, size_t count)
{
    printf("%-12s %-12s %6s  %-28s %-28s %12s %12s %12s %12s %9s %10s %9s\n", "stage", "target",
           "layers", "first", "last", "weights", "workspace", "bound", "naive", "state", "sends",
           "MFLOP");
    for (size_t i = 0; i < count; i++) {
        const lpc_stage *s = &stages[i];
        printf(
            "%-12s %-12s %6d  %-28.28s %-28.28s %12lld %12lld %12lld %12lld %9lld %10lld %9.2f\n",
            s->name, s->target, s->layers, or_dash(s->first), or_dash(s->last),
            (long long)s->weight_bytes, (long long)s->workspace_bytes, (long long)s->bound_bytes,
            (long long)s->naive_bytes, (long long)s->state_bytes, (long long)s->send_bytes,
            s->flops * 1e-6);
    }
}

int command_compile(lpc_compiler *c, const Words *words)
{
    const char *out = lpc_get(c, "o");
    const lpc_pipeline *pipeline;
    if (!words->count || !out)
        return usage_error("", words->count ? "missing -o OUT" : "missing 'MODEL.onnx'");
    TRY_STATUS(lpc_import(c, words->list[0]));
    TRY_STATUS(lpc_compile(c, &pipeline));
    TRY_STATUS(lpc_emit(c, out));
    if (!lpc_get(c, "quiet")) print_stages(pipeline->stages, pipeline->stage_count);
    return 0;
}
