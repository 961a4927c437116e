/* Times of a model's layers on a target: the whole model as one stage, with the profile's marks. */
#include "tools/calibrate/calibrate.h"

#include <stdio.h>
#include <stdlib.h>
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

static int read_times(Diag *diag, char *output, const int *layer, int kernels, LayerTimes *times)
{
    int seen = 0;
    for (char *line; (line = strtok_r(output, "\n", &output));) {
        int kernel;
        double ns;
        if (sscanf(line, "kernel %d %lf", &kernel, &ns) == 2 && kernel >= 0 && kernel < kernels) {
            times->seconds[layer[kernel]] += ns * 1e-9;
            seen++;
        } else if (sscanf(line, "run %lf", &ns) == 1) {
            times->whole_s = ns * 1e-9;
        }
    }
    return seen == kernels ? 0 : diag_error(diag, "the measuring program says something else");
}

static int measure(Arena *arena, Diag *diag, CompileOptions *options, int threads, const char *work,
                   LayerTimes *times)
{
    Graph *graph;
    Cut cut;
    char *output;
    TRY(compile_graph(arena, diag, options, &graph));
    TRY(compile_stages(arena, diag, options, graph, &cut));
    const Stage *stage = &cut.stages[0];
    int kernels = stage->program->kernel_count;
    TRY(program_emit(arena, diag, options, graph, &cut, work, "m"));
    const char *name = stage->program->name;
    const char *source =
        arena_printf(arena,
                     "#include \"calibrate.h\"\nextern const lpc_model %s_model;\n"
                     "int main(int argc, char **argv)\n{\n"
                     "    return lpc_measure_main(&%s_model, %d, argc, argv);\n}\n",
                     name, name, kernels);
    const char *program = arena_printf(arena, "%s/measure", work);
    const char *folder = arena_printf(arena, "m/%s", stage->name);
    TRY(program_link(arena, diag, stage->target, source, work, &folder, 1, program));
    const char *run[] = {"--threads", arena_printf(arena, "%d", threads), NULL};
    TRY(program_run(arena, diag, stage->target, program, threads ? run : run + 2, &output));
    int *layer = arena_array(arena, (size_t)kernels + 1, sizeof *layer);
    find_layers(stage, layer);
    times->emulated = !stage->target->native;
    times->count = stage->node_count;
    times->seconds = arena_array(arena, (size_t)stage->node_count + 1, sizeof *times->seconds);
    return read_times(diag, output, layer, kernels, times);
}

int measure_layers(Arena *arena, Diag *diag, const CompileOptions *options, const char *target,
                   int threads, LayerTimes *times)
{
    CompileOptions *own = arena_alloc(arena, sizeof *own);
    *own = *options;
    own->targets[0] = target;
    own->target_count = 1;
    own->cut_count = 0;
    own->profile = own->no_link = true;
    *times = (LayerTimes){.target = target};
    char *work = work_folder(arena, diag);
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
            known = known || !strcmp(profile->times[i].target, device->target);
        if (known) continue;
        TRY(measure_layers(arena, diag, options, device->target, 0, &times));
        if (times.count != profile->count)
            return diag_error(diag, "target '%s': %d layers measured, %d planned", device->target,
                              times.count, profile->count);
        fprintf(stderr, "measured '%s'%s: %.4g ms\n", device->target,
                times.emulated ? " through an emulator, not on the device" : "",
                times.whole_s * 1e3);
        arena_push(arena, profile->times, profile->time_count) =
            (LayerSeconds){device->target, times.emulated, times.seconds};
    }
    return 0;
}
