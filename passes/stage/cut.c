/* The cut: which nodes run on which device.
 *
 * The nodes that need code, in topological order, are split into as many runs as there are targets:
 * by hand after named nodes, by a plan that is given, or as the planner finds best
 * (passes/partition). A cut is not allowed between the uses of a state and the node that renews it.
 */
#include "passes/stage/work.h"

#include <ctype.h>
#include <string.h>

static bool origin_is(const Origin *origin, const char *name)
{
    return origin->node && !strcmp(origin->node, name);
}

static bool goes_by(const Node *node, const char *name)
{
    if (!strcmp(node->name, name) || origin_is(&node->origin, name)) return true;
    for (int i = 0; i < node->merged_count; i++) {
        if (origin_is(&node->merged[i], name)) return true;
    }
    for (int i = 0; i < node->epilogue_count; i++) {
        if (goes_by(node->epilogue[i], name)) return true;
    }
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && !strcmp(node->out[i]->name, name)) return true;
    }
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (in && in->is_inlined && in->producer && goes_by(in->producer, name)) return true;
    }
    return false;
}

int work_cut_after(const Work *w, const char *const *names, int count, int *ends)
{
    Diag *diag = w->graph->diag;
    for (int c = 0; c < count; c++) {
        int at = -1;
        for (int i = 0; i < w->count; i++) {
            if (goes_by(w->nodes[i], names[c])) at = i + 1;
        }
        if (at < 0)
            return diag_error(
                diag, "--cut-after: no node '%s' runs in this model (folded or unknown)", names[c]);
        if (at >= w->count)
            return diag_error(diag, "--cut-after: nothing is left to run after node '%s'",
                              names[c]);
        if (!w->allowed[at])
            return diag_error(diag,
                              "--cut-after: node '%s' lies between a state's use and its renewal",
                              names[c]);
        if (c && at <= ends[c - 1])
            return diag_error(diag, "--cut-after: node '%s' does not come after node '%s'",
                              names[c], names[c - 1]);
        ends[c] = at;
    }
    ends[count] = w->count;
    return 0;
}

static const char *stage_name(Graph *graph, const char *const *names, int index)
{
    int same = 1;
    for (int i = 0; i < index; i++) same += !strcmp(names[i], names[index]);
    if (same == 1) return names[index];
    return arena_printf(graph->arena, "%s-%d", names[index], same);
}

static const char *prefix_of(Graph *graph, const Cut *cut, int index)
{
    if (cut->count == 1) return graph->name;
    char *name = arena_printf(graph->arena, "%s_%s", graph->name, cut->stages[index].name);
    for (char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    bool taken = false;
    for (int i = 0; i < index; i++) taken = taken || !strcmp(cut->stages[i].prefix, name);
    return taken ? arena_printf(graph->arena, "%s_stage%d", name, index + 1) : name;
}

static void fill_stages(const Planning *planning, const Plan *plan, Cut *cut)
{
    const Work *w = planning->work;
    Graph *g = w->graph;
    const char **names = arena_array(g->arena, (size_t)plan->count + 1, sizeof *names);
    *cut = (Cut){.count = plan->count, .profile = planning->profile};
    cut->stages = arena_array(g->arena, (size_t)plan->count, sizeof *cut->stages);
    for (int s = 0; s < plan->count; s++) {
        const PlanStage *p = &plan->stages[s];
        Stage *stage = &cut->stages[s];
        names[s] = planning->names[p->device_index];
        stage->target = planning->targets[p->device_index];
        stage->lower = planning->lower[p->device_index];
        stage->name = stage_name(g, names, s);
        stage->prefix = prefix_of(g, cut, s);
        stage->nodes = w->nodes + p->first;
        stage->node_count = p->end - p->first;
        stage->budget = p->budget;
        stage->runtime = planning->cluster->devices[p->device_index].runtime;
        stage->queue = plan->options.queue;
        work_contract(w, p->first, &stage->in, &stage->in_count, &stage->in_bytes);
        work_contract(w, p->end, &stage->out, &stage->out_count, &stage->out_bytes);
        for (int i = p->first; i < p->end; i++) {
            w->nodes[i]->layer = i;
        }
    }
}

int cut_devices(Diag *diag, Arena *arena, const Target *const *targets, const char *const *names,
                int count, Cluster *cluster)
{
    Cluster raw = {.otherwise = {.bandwidth = LINK_BANDWIDTH}};
    for (int i = 0; i < count; i++) {
        int same = 1;
        for (int k = 0; k < i; k++) same += !strcmp(names[k], names[i]);
        Device device = {.name = same > 1 ? arena_printf(arena, "%s-%d", names[i], same) : names[i],
                         .target = targets[i],
                         .runtime = STAGE_RUNTIME_BYTES,
                         .count = 1};
        arena_push(arena, raw.devices, raw.count) = device;
    }
    return cluster_expand(diag, arena, &raw, cluster);
}

/* A partition that somebody else made. What it needs is known when its stages are lowered: the
 * footprints' upper bound must not refuse it. */
static int take_given(const Planning *planning, const PlanOptions *options, const Partition *given,
                      Plan *plan)
{
    Arena *arena = planning->work->graph->arena;
    Diag quiet, *diag = planning->work->graph->diag;
    diag_init(&quiet, arena, NULL);
    if (!plan_given(&quiet, arena, planning->profile, planning->cluster, options, given, plan))
        return 0;
    PlanOptions any = *options;
    for (int s = 0; s < given->count; s++) {
        if (!planning->targets[given->device[s]]) /* that stage will not be lowered */
            return plan_given(diag, arena, planning->profile, planning->cluster, options, given,
                              plan);
    }
    any.capacity = INT64_C(1) << 60;
    any.memory_limit = 1;
    TRY(plan_given(diag, arena, planning->profile, planning->cluster, &any, given, plan));
    plan->options = *options;
    plan_set_bound(plan, 0);
    for (int s = 0; s < plan->count; s++) {
        PlanStage *stage = &plan->stages[s];
        const Device *device = &planning->cluster->devices[stage->device_index];
        stage->device_memory = options->capacity > 0 ? options->capacity : device->target->memory;
        stage->budget = plan_budget(options, device);
    }
    return 0;
}

/* What a stage needed beyond what was planned is kept free in all stages of its kind. */
static void raise_slack(Profile *profile, const Device *device, int64_t bytes)
{
    for (int compact = 0; compact < 2; compact++) {
        const Footprint *found = profile_footprint(profile, device, compact);
        for (int i = 0; i < profile->footprint_count; i++) {
            Footprint *f = &profile->footprints[i];
            if (f == found && f->compact == compact && f->slack < bytes) f->slack = bytes;
        }
    }
}

/* Lowers the stages and gives the plan their bytes. *over: some stage is over its budget. */
static int lower_stages(const Planning *planning, Cut *cut, Plan *plan, Profile *next, bool *over)
{
    *over = false;
    for (int s = 0; s < cut->count; s++) {
        PlanStage *p = &plan->stages[s];
        Stage *stage = &cut->stages[s];
        const Device *device = &planning->cluster->devices[p->device_index];
        if (!stage->target) continue; /* only its figures are known */
        TRY(stage_lower(planning->work->graph, stage));
        StageBytes bytes = stage_bytes(stage);
        if (!stage_fits(stage)) {
            const Footprint *f = profile_footprint(planning->profile, device, true);
            int64_t most = p->memory < p->budget ? p->memory : p->budget;
            *over = true;
            raise_slack(next, device, (f ? f->slack : 0) + stage_bytes_sum(&bytes) - most);
        }
        p->compact = stage->lower.compact;
        plan_set_bytes(p, &bytes);
    }
    plan_sum_up(plan);
    return 0;
}

int cut_proven(const Planning *planning, const PlanOptions *options, const Partition *given,
               Cut *cut, Plan *plan)
{
    enum { ROUNDS = 8 };
    Graph *g = planning->work->graph;
    Planning now = *planning;
    double bound = 0;
    bool over = true;
    for (int round = 0; over; round++) {
        if (given)
            TRY(take_given(&now, options, given, plan));
        else
            TRY(plan_make(g->diag, g->arena, now.profile, now.cluster, options, plan));
        if (round == 0) bound = plan->bound;
        fill_stages(&now, plan, cut);
        Profile *next = profile_scale(g->arena, now.profile, 1);
        profile_scale_footprints(g->arena, next, 1); /* whose slack is its own */
        TRY(lower_stages(&now, cut, plan, next, &over));
        for (int s = 0; over && s < cut->count && (given || round + 1 == ROUNDS); s++) {
            if (cut->stages[s].target && !stage_fits(&cut->stages[s]))
                return plan_short(g->diag, s, &plan->stages[s]);
        }
        if (over) now.profile = next;
        if (over || round == 0) continue;
        plan_set_bound(plan, bound);
        plan->exact = plan->exact && plan->gap <= 0;
        plan->method = "exact for footprints with room for holes in the workspace";
    }
    cut->profile = planning->profile;
    cut->cluster = planning->cluster;
    cut->plan = plan;
    return 0;
}

/* ---- From targets ---- */

static int hand_made(const Work *w, const CutRequest *request, Partition *partition)
{
    partition->count = request->count;
    for (int i = 0; i < request->count; i++) partition->device[i] = i;
    return work_cut_after(w, request->cut_after, request->cut_count, partition->end);
}

/* A model without layers: what enters leaves. */
static int cut_nothing(const Planning *planning, int count, const PlanOptions *options, Cut *cut)
{
    if (count > 1)
        return diag_error(planning->work->graph->diag,
                          "the model has no layers to cut into %d stages", count);
    const Device *device = planning->cluster->devices;
    PlanStage stage = {.device = device->name,
                       .first_name = "(none)",
                       .last_name = "(none)",
                       .budget = plan_budget(options, device)};
    Plan plan = {.options = *options, .stages = &stage, .count = 1};
    fill_stages(planning, &plan, cut);
    TRY(stage_lower(planning->work->graph, cut->stages));
    StageBytes bytes = stage_bytes(cut->stages);
    plan_set_bytes(&stage, &bytes);
    return stage_fits(cut->stages) ? 0 : plan_short(planning->work->graph->diag, 0, &stage);
}

/* As many stages as are asked for, or as there are layers. */
static int stages_of(const Work *w, const CutRequest *request)
{
    int units = 1;
    for (int i = 1; i < w->count; i++) units += w->allowed[i];
    if (!request->at_most || units >= request->count) return request->count;
    diag_note(w->graph->diag, "the model can be cut into %d stage%s, not %d", units,
              units == 1 ? "" : "s", request->count);
    return units;
}

int cut_graph(Graph *graph, const CutRequest *request, Cut *cut)
{
    Work w;
    Plan *plan = arena_alloc(graph->arena, sizeof *plan);
    Cluster *cluster = arena_alloc(graph->arena, sizeof *cluster);
    Partition partition, *given = NULL;
    PlanOptions options = plan_defaults();
    options.use_all = true;
    if (request->options) options = *request->options;
    work_init(&w, graph);
    int count = stages_of(&w, request);
    TRY(cut_devices(graph->diag, graph->arena, request->targets, request->names, count, cluster));
    Planning planning = {
        &w, work_profile(&w), cluster, request->targets, request->names, request->lower};
    if (!w.count) return cut_nothing(&planning, count, &options, cut);
    if (request->cut_count) {
        given = &partition;
        TRY(hand_made(&w, request, given));
    }
    TRY(work_footprints(&w, planning.profile, request->targets, request->lower, count));
    if (request->plan_file) {
        given = &partition;
        TRY(plan_read(graph->diag, graph->arena, request->plan_file, planning.profile, cluster,
                      given));
    }
    return cut_proven(&planning, &options, given, cut, plan);
}
