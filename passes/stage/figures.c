/* A cut's figures: the plan that it amounts to, whoever made it. */
#include "passes/stage/figures.h"

#include "passes/stage/work.h"

static int find_devices(Graph *graph, const Cut *cut, const Cluster *cluster, Cluster *own)
{
    Arena *arena = graph->arena;
    const Target **targets = arena_array(arena, (size_t)cut->count + 1, sizeof *targets);
    const char **names = arena_array(arena, (size_t)cut->count + 1, sizeof *names);
    for (int i = 0; i < cut->count; i++) {
        targets[i] = cut->stages[i].target;
        names[i] = cut->stages[i].name;
    }
    if (cluster) return cluster_select(graph->diag, arena, cluster, names, cut->count, own);
    return cut_devices(graph->diag, arena, targets, names, cut->count, own);
}

static void time_layers(Arena *arena, const Partition *partition, CutFigures *f)
{
    Cost cost;
    PlanOptions options = plan_defaults();
    cost_init(&cost, arena, f->profile, &f->cluster, &options);
    f->layer_s = arena_array(arena, (size_t)f->profile->count + 1, sizeof *f->layer_s);
    for (int i = 0, k = 0; i < f->profile->count; i++) {
        while (i >= partition->end[k]) k++;
        f->layer_s[i] = cost_seconds(&cost, cost_compute(&cost, k, i, i + 1));
    }
}

int cut_figures(Graph *graph, const Cut *cut, const Cluster *cluster, const PlanOptions *given,
                CutFigures *f)
{
    *f = (CutFigures){.profile = cut->profile};
    if (cut->count > PLAN_DEVICES) return 0;
    TRY(find_devices(graph, cut, cluster, &f->cluster));
    Partition partition = {.count = cut->count};
    int end = 0;
    f->known = true;
    for (int i = 0; i < cut->count; i++) {
        end += cut->stages[i].node_count;
        f->known = f->known && cut->stages[i].node_count > 0;
        partition.device[i] = i;
        partition.end[i] = end;
    }
    f->known = f->known && end == f->profile->count;
    if (!f->known) return 0;
    PlanOptions options = plan_defaults();
    if (given) options.no_overlap = given->no_overlap, options.queue = given->queue;
    options.capacity = INT64_C(1) << 60; /* whoever made the cut has seen to the budgets */
    Diag quiet; /* a cut that the model of costs cannot describe is still a cut */
    diag_init(&quiet, graph->arena, NULL);
    f->known =
        !plan_given(&quiet, graph->arena, f->profile, &f->cluster, &options, &partition, &f->plan);
    if (!f->known) return 0;
    time_layers(graph->arena, &partition, f);
    for (int i = 0; i < cut->count; i++) {
        PlanStage *s = &f->plan.stages[i];
        StageBytes bytes = stage_bytes(&cut->stages[i]);
        s->budget = cut->stages[i].budget;
        s->device_memory = f->cluster.devices[i].memory;
        plan_set_bytes(s, &bytes);
    }
    plan_sum_up(&f->plan);
    return 0;
}
