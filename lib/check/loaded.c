/* See loaded.h. */
#include "lib/check/loaded.h"

#include "backend/package/package.h"
#include "runtime/lpc_runtime.h"

struct LoadedStages {
    PackJob job;
    const char *out;
    lpc_run_fn **run; /* by stage */
};

int loaded_plan(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                const Cut *cut, LoadedStages **loaded)
{
    LoadedStages *all = arena_alloc(arena, sizeof *all);
    *all = (LoadedStages){.out = options->out};
    *loaded = NULL;
    if (options->no_link) return 0;
    TRY(compile_job(arena, diag, options, graph, cut, &all->job));
    for (int i = 0; i < all->job.stage_count; i++)
        if (!package_can_load(&all->job, &all->job.stages[i])) return 0;
    all->run = arena_array(arena, (size_t)all->job.stage_count, sizeof(lpc_run_fn *));
    *loaded = all;
    return 0;
}

int loaded_open(LoadedStages *loaded, Diag *diag)
{
    PackJob *job = &loaded->job;
    job->diag = diag;
    for (int i = 0; i < job->stage_count; i++) {
        const PackStage *stage = &job->stages[i];
        TRY(package_load_stage(job, stage,
                               arena_printf(job->arena, "%s/%s", loaded->out, stage->name),
                               &loaded->run[i]));
    }
    return 0;
}

int loaded_stage_main(void *loaded, int stage, int argc, char **argv)
{
    LoadedStages *all = loaded;
    lpc_model model = package_model(&all->job, stage, all->run[stage]);
    return lpc_stage_main(&model, argc, argv);
}
