/* Measured times taken back to the planner: a profile for `lpc plan --profile`. */
#include "passes/partition/profile.h"

#include "ir/target.h"
#include "lib/run/feed.h"

#include <string.h>

/* Seconds of a layer by the target's figures; what a target that is not known is taken for matters
 * for the layers' shares only. */
static double guess(const Profile *p, int i, const char *name, const Target *target)
{
    const Target unknown = {
        .name = name, .gflops = 50, .memory_bandwidth = 10e9, .call_overhead = 5e-7};
    const Device device = {.target = target ? target : &unknown};
    const Target *t = device.target;
    double flops, bytes;
    profile_work(p, &device, i, &flops, &bytes);
    if (bytes < 0) bytes = (double)p->layers[i].weights;
    double compute = flops / (t->gflops * 1e9), moving = bytes / t->memory_bandwidth;
    return (compute > moving ? compute : moving) + t->call_overhead;
}

/* The profile's times on that target; made when there are none yet. */
static LayerSeconds *times_of(Profile *p, Arena *arena, const PackageStage *stage)
{
    for (int i = 0; i < p->time_count; i++) {
        if (!strcmp(p->times[i].target, stage->target)) return &p->times[i];
    }
    LayerSeconds times = {stage->target, stage->emulator && stage->emulator[0], NULL};
    times.seconds = arena_array(arena, (size_t)p->count, sizeof *times.seconds);
    for (int i = 0; i < p->count; i++) times.seconds[i] = -1;
    arena_push(arena, p->times, p->time_count) = times;
    return &p->times[p->time_count - 1];
}

int package_profile(const Package *package, Arena *arena, Diag *diag, const double *compute_s,
                    const char *path)
{
    Profile *profile;
    const char *file = diag->file;
    int at = 0;
    TRY(profile_read(diag, arena, arena_printf(arena, "%s/layers.json", package->folder),
                     &profile));
    diag->file = file;
    for (int s = 0; s < package->stage_count; s++) {
        const PackageStage *stage = &package->stages[s];
        Target *target = NULL;
        Diag quiet;
        diag_init(&quiet, arena, NULL);
        if (!stage->target || target_load(&quiet, arena, stage->target, NULL, 0, &target))
            target = NULL;
        if (!stage->target || stage->layers > profile->count - at)
            return diag_error(diag, "layers.json does not belong to manifest.json");
        LayerSeconds *times = times_of(profile, arena, stage);
        double sum = 0;
        for (int i = at; i < at + stage->layers; i++)
            sum += guess(profile, i, stage->target, target);
        for (int i = at; i < at + stage->layers; i++)
            times->seconds[i] =
                sum > 0 ? compute_s[s] * guess(profile, i, stage->target, target) / sum : 0;
        at += stage->layers;
    }
    return profile_write(diag, path, profile);
}

int run_write_profile(const Run *run)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    double *seconds =
        arena_array(run->arena, (size_t)run->package->stage_count + 1, sizeof *seconds);
    if (!run->options->profile_out) return LPC_OK;
    for (int i = 0; i < run->package->stage_count; i++) {
        if (i >= count || !stats[i].known)
            return diag_error(run->diag, "--write-profile: stage '%s' tells no times",
                              run->package->stages[i].name);
        seconds[i] = stats[i].compute_ms * 1e-3;
    }
    return package_profile(run->package, run->arena, run->diag, seconds, run->options->profile_out);
}
