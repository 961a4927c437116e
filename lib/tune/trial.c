/* A stage with given tilings, as a program that times its kernels.
 *
 * Kernels are timed inside the model, where caches are as warm or cold as they will be, and all
 * that are tuned try their next tiling in the same program: so there are few programs. */
#include "lib/tune/trial.h"

#include "lib/files/folder.h"
#include "lib/measure/measure.h"
#include "runtime/stats.h"

#include <string.h>
#include <unistd.h>

/* What is known, and what is tried. */
static Tuning *table_with(const Tuner *t, const Tiling *tilings)
{
    Tuning *table = tuning_copy(t->arena, t->table);
    for (int i = 0; i < t->count; i++) tuning_set(table, t->kernels[i].site.key, tilings[i]);
    return table;
}

int trial_build(Tuner *t, Trial *trial, const char *name, const Tiling *tilings)
{
    Cut cut = {.stages = &trial->stage, .count = 1};
    *trial = (Trial){.stage = *t->stage};
    trial->stage.lower.tuning = table_with(t, tilings);
    trial->seconds = arena_array(t->arena, (size_t)t->count + 1, sizeof *trial->seconds);
    trial->program = arena_printf(t->arena, "%s/%s.program", t->work, name);
    TRY(stage_lower(t->graph, &trial->stage));
    int code = measure_build(t->arena, t->diag, &t->options, t->graph, &cut, t->work, name,
                             trial->program);
    remove_tree(arena_printf(t->arena, "%s/%s", t->work, name));
    return code;
}

void trial_end(Trial *trial)
{
    unlink(trial->program);
}

int trial_run(const Tuner *t, Trial *trial)
{
    const Program *program = trial->stage.program;
    Arena *own = arena_new();
    double *seconds = arena_array(own, (size_t)program->kernel_count + 1, sizeof *seconds);
    int code = measure_run(own, t->diag, &trial->stage, t->runner, trial->program, t->threads,
                           t->repeat, seconds, &trial->whole);
    for (int i = 0; i < t->count; i++) trial->seconds[i] = 0;
    for (int k = 0; k < program->kernel_count && !code; k++) {
        const char *key = program->kernels[k]->tuning_key;
        for (int i = 0; i < t->count && key; i++) {
            if (!strcmp(key, t->kernels[i].site.key)) trial->seconds[i] += seconds[k];
        }
    }
    arena_free(own);
    return code;
}

static float ratio_of(double trial, double base)
{
    return base > 0 ? (float)(trial / base) : 1;
}

int trial_compare(const Tuner *t, Trial *base, Trial *trial, int rounds, double *ratios,
                  double *whole)
{
    Arena *own = arena_new();
    size_t each = (size_t)rounds;
    float *times = arena_array(own, each * ((size_t)t->count + 1), sizeof *times);
    int code = 0;
    for (int r = 0; r < rounds && !code; r++) {
        code = trial_run(t, r % 2 ? trial : base);
        if (!code) code = trial_run(t, r % 2 ? base : trial);
        for (int i = 0; i < t->count; i++)
            times[(size_t)i * each + (size_t)r] = ratio_of(trial->seconds[i], base->seconds[i]);
        times[(size_t)t->count * each + (size_t)r] = ratio_of(trial->whole, base->whole);
    }
    for (int i = 0; i < t->count && !code; i++)
        ratios[i] = (double)lpc_median(times + (size_t)i * each, each);
    *whole = code ? 1 : (double)lpc_median(times + (size_t)t->count * each, each);
    arena_free(own);
    return code;
}
