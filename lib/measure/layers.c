/* Times of a model's layers on a target: the whole model as one stage, with the profile's marks. */
#include "lib/measure/measure.h"

#include "lib/files/folder.h"

#include <string.h>

static bool same_origin(const Origin *a, const Origin *b)
{
    if (a->index != b->index) return false;
    return a->node == b->node || (a->node && b->node && !strcmp(a->node, b->node));
}

/* The layer of each kernel. Kernels come in the order of their nodes; those of none (copies of what
 * passes through) belong to the layer before. */
static void find_layers(const Stage *stage, int *layer)
{
    const Program *p = stage->program;
    for (int k = 0, at = 0; k < p->kernel_count; k++) {
        for (int i = at; i < stage->node_count; i++) {
            if (!same_origin(&p->kernels[k]->origin, &stage->nodes[i]->origin)) continue;
            at = i;
            break;
        }
        layer[k] = at;
    }
}

static int measure(Arena *arena, Diag *diag, CompileOptions *options, int threads, const char *work,
                   LayerTimes *times)
{
    Graph *graph;
    Cut cut;
    TRY(compile_graph(arena, diag, options, &graph));
    TRY(compile_stages(arena, diag, options, graph, &cut));
    const Stage *stage = &cut.stages[0];
    size_t kernels = (size_t)stage->program->kernel_count;
    const char *program = arena_printf(arena, "%s/measure", work);
    double *seconds = arena_array(arena, kernels + 1, sizeof *seconds);
    int *layer = arena_array(arena, kernels + 1, sizeof *layer);
    TRY(measure_build(arena, diag, options, graph, &cut, work, "m", program));
    TRY(measure_run(arena, diag, stage, NULL, program, threads, 0, seconds, &times->whole_s));
    find_layers(stage, layer);
    times->emulated = !stage->target->native;
    times->count = stage->node_count;
    times->seconds = arena_array(arena, (size_t)stage->node_count + 1, sizeof *times->seconds);
    for (size_t k = 0; k < kernels; k++) times->seconds[layer[k]] += seconds[k];
    return 0;
}

int measure_layers(Arena *arena, Diag *diag, const CompileOptions *options, const char *target,
                   int threads, LayerTimes *times)
{
    CompileOptions *own = arena_alloc(arena, sizeof *own);
    *times = (LayerTimes){.target = target};
    *own = *options;
    own->targets = &times->target;
    own->target_count = 1;
    own->cut_count = 0;
    own->profile = own->no_link = true;
    char *work = work_folder(arena, diag, "measure");
    if (!work) return LPC_ERROR;
    int code = measure(arena, diag, own, threads, work, times);
    remove_tree(work);
    return code;
}

int measure_profile(Arena *arena, Diag *diag, const CompileOptions *options, const Cluster *cluster,
                    Profile *profile)
{
    for (int d = 0; d < cluster->count; d++) {
        const Device *device = &cluster->devices[d];
        LayerTimes times;
        bool known = false;
        for (int i = 0; i < profile->time_count; i++)
            known = known || !strcmp(profile->times[i].target, device->target->name);
        if (known) continue;
        TRY(measure_layers(arena, diag, options, device->target->name, 0, &times));
        if (times.count != profile->count)
            return diag_error(diag, "target '%s': %d layers measured, %d planned",
                              device->target->name, times.count, profile->count);
        diag_note(diag, "measured '%s'%s: %.4g ms", device->target->name,
                  times.emulated ? " through an emulator, not on the device" : "",
                  times.whole_s * 1e3);
        arena_push(arena, profile->times, profile->time_count) =
            (LayerSeconds){device->target->name, times.emulated, times.seconds};
    }
    return 0;
}
