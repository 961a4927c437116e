/* From a graph to lowered stages: targets, how stages are lowered for them, the cut. */
#include "lib/compile/compile.h"
#include "lib/compile/tunings.h"

static int load_targets(Arena *arena, Diag *diag, CompileOptions *options, const Target ***list)
{
    if (!options->target_count) arena_push(arena, options->targets, options->target_count) = "host";
    if (options->cut_count && options->target_count == 1) {
        const char *only = options->targets[0];
        while (options->target_count < options->cut_count + 1)
            arena_push(arena, options->targets, options->target_count) = only;
    }
    size_t count = (size_t)options->target_count;
    const Target **targets = *list = arena_array(arena, count, sizeof *targets);
    if (count > PLAN_DEVICES)
        return diag_error(diag, "%zu targets: at most %d are possible", count, PLAN_DEVICES);
    for (int i = 0; i < options->target_count; i++) {
        Target *target;
        TRY(target_load(diag, arena, options->targets[i], options->target_dirs,
                        options->target_dir_count, &target));
        targets[i] = target;
    }
    if (options->cut_count && options->cut_count != options->target_count - 1)
        return diag_error(diag, "--cut-after names %d nodes: %d targets need %d",
                          options->cut_count, options->target_count, options->target_count - 1);
    return 0;
}

int compile_lowering(Arena *arena, Diag *diag, CompileOptions *options, const Target *target,
                     LowerTarget *lower)
{
    *lower = stage_lower_target(target, options->portable || options->no_plan);
    lower->plain = options->no_plan;
    if (!options->tune_file) return 0;
    if (!options->tuned)
        TRY(tune_read(arena, diag, options->tune_file, options->tune, &options->tuned));
    TRY(tune_table(options->tuned, diag, lower, target, options->threads ? options->threads : 1,
                   &lower->tuning));
    lower->tuning->notes = options->tune;
    return 0;
}

int compile_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut)
{
    double since = compile_seconds();
    const Target **targets;
    TRY(import_check_bounds(graph));
    TRY(load_targets(arena, diag, options, &targets));
    LowerTarget *lower = arena_array(arena, (size_t)options->target_count, sizeof *lower);
    for (int i = 0; i < options->target_count; i++)
        TRY(compile_lowering(arena, diag, options, targets[i], &lower[i]));
    if (options->planned && options->cut_count)
        return diag_error(diag,
                          "--cut-after cuts by hand: it does not go with the planner's options");
    CutRequest request = {.targets = targets,
                          .names = options->targets,
                          .count = options->target_count,
                          .at_most = options->at_most,
                          .cut_after = options->cut_after,
                          .cut_count = options->cut_count,
                          .options = options->planned ? &options->plan : NULL,
                          .plan_file = options->plan_file,
                          .lower = lower};
    TRY(cut_graph(graph, &request, cut));
    compile_lap(diag, options, "cut", &since);
    return 0;
}
