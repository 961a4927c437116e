/* liblpc: a model kernel by kernel, and the figures of devices and links. */
#include "lib/api/api.h"

#include "backend/host/output.h"
#include "lib/calibrate/calibrate.h"
#include "lib/profile/profile.h"
#include "runtime/calibrate.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_RUNS = 30 };

/* ---- Kernels ---- */

typedef struct Profiled {
    const char *path;
    const lpc_profiled *result;
} Profiled;

static lpc_kernel kernel_of(const ProfileCeiling *ceiling, const ProfileModule *module,
                            const ProfileKernel *k)
{
    double compute = k->flops / ceiling->flops * 1e3;
    double traffic = k->bytes / ceiling->bandwidth * 1e3;
    bool computes = compute > traffic;
    return (lpc_kernel){.stage = module->name,
                        .name = k->name,
                        .node = k->node,
                        .op = k->op,
                        .ms = k->ms,
                        .flops = k->flops,
                        .bytes = k->bytes,
                        .least_ms = computes ? compute : traffic,
                        .limit = computes ? "FMA" : ceiling->level};
}

/* In the order of the run where they are as fast. */
static int slower(const void *a, const void *b)
{
    const lpc_kernel *x = *(const lpc_kernel *const *)a, *y = *(const lpc_kernel *const *)b;
    if (x->ms != y->ms) return x->ms < y->ms ? 1 : -1;
    return x < y ? -1 : x > y;
}

static const lpc_kernel *sorted(Arena *arena, const lpc_kernel *kernels, int count)
{
    const lpc_kernel **order = arena_array(arena, (size_t)count + 1, sizeof *order);
    lpc_kernel *list = arena_array(arena, (size_t)count + 1, sizeof *list);
    for (int i = 0; i < count; i++) order[i] = &kernels[i];
    if (count) qsort(order, (size_t)count, sizeof *order, slower);
    for (int i = 0; i < count; i++) list[i] = *order[i];
    return list;
}

static lpc_profiled *profiled(Arena *arena, const ProfileResult *r)
{
    const ProfileCeiling *ceiling = &r->ceiling;
    lpc_profiled *p = arena_alloc(arena, sizeof *p);
    lpc_kernel *kernels = NULL;
    int count = 0;
    *p = (lpc_profiled){.model = r->model,
                        .threads = r->threads,
                        .runs = r->runs,
                        .flops = ceiling->flops,
                        .l2 = ceiling->l2,
                        .l3 = ceiling->l3,
                        .memory = ceiling->memory,
                        .level = ceiling->level,
                        .footprint_bytes = ceiling->footprint};
    for (int m = 0; m < r->module_count; m++) {
        const ProfileModule *module = &r->modules[m];
        p->total_ms += module->total_ms;
        for (int k = 0; k < module->kernel_count; k++) {
            p->kernels_ms += module->kernels[k].ms;
            arena_push(arena, kernels, count) = kernel_of(ceiling, module, &module->kernels[k]);
        }
    }
    p->kernels = sorted(arena, kernels, count);
    p->kernel_count = (size_t)count;
    return p;
}

static int profile(lpc_compiler *c, void *to)
{
    Profiled *p = to;
    const Options *o = &c->options;
    ProfileResult result;
    ProfileOptions options = {.compile = api_compile_options(c),
                              .path = arena_strdup(c->arena, p->path),
                              .inputs = o->inputs,
                              .input_count = o->input_count,
                              .repeat = o->repeat ? o->repeat : DEFAULT_RUNS,
                              .seed = o->seed};
    TRY(profile_model(c->arena, &c->diag, &options, &result));
    p->result = profiled(c->arena, &result);
    return 0;
}

lpc_status lpc_profile_model(lpc_compiler *c, const char *path, const lpc_profiled **result)
{
    Profiled p = {.path = path};
    lpc_status status = api_run(c, profile, &p);
    *result = p.result;
    return status;
}

/* ---- Devices and links ---- */

typedef struct Calibrating {
    const char *out, *text;
} Calibrating;

static int link_figures(lpc_compiler *c, const char **text)
{
    const Options *o = &c->options;
    LpcError error = {0};
    LpcLinkFigures figures;
    if (o->serve) {
        if (!lpc_link_serve(o->serve, o->once, &error)) return 0;
        return diag_error(&c->diag, "%s", error.text);
    }
    if (lpc_link_measure(o->peer, &figures, &error)) return diag_error(&c->diag, "%s", error.text);
    *text = arena_printf(c->arena, "{\"bandwidth\": %.4g, \"latency\": %.3g}\n", figures.bandwidth,
                         figures.latency);
    return 0;
}

static int measure(lpc_compiler *c, void *to)
{
    Calibrating *x = to;
    const Options *o = &c->options;
    const char *text = NULL;
    Calibration calibration = {.compile = o->compile,
                               .target = o->target,
                               .out = x->out ? arena_strdup(c->arena, x->out) : NULL,
                               .quick = o->quick,
                               .json = o->json};
    if (o->serve || o->peer)
        TRY(link_figures(c, &text));
    else
        TRY(calibrate(c->arena, &c->diag, &calibration, &text));
    if (text && x->out) return output_write(&c->diag, x->out, text, strlen(text));
    x->text = text;
    return 0;
}

lpc_status lpc_calibrate(lpc_compiler *c, const char *out, const char **text)
{
    Calibrating x = {.out = out};
    lpc_status status = api_run(c, measure, &x);
    if (text) *text = x.text;
    return status;
}
