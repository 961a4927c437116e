/* The cut: which nodes run on which device.
 *
 * The nodes that need code, in topological order, are split into as many runs as there are targets:
 * by hand after named nodes, by a plan that is given, or as the planner finds best
 * (passes/partition). A cut is not allowed between the uses of a state and the node that renews it.
 */
#include "passes/partition/planner.h"
#include "passes/stage/work.h"

#include <string.h>

static bool origin_is(const Origin *origin, const char *name)
{
    return origin->node && !strcmp(origin->node, name);
}

static bool goes_by(const Node *node, const char *name, int depth)
{
    if (!strcmp(node->name, name) || origin_is(&node->origin, name)) return true;
    for (int i = 0; i < node->merged_count; i++) {
        if (origin_is(&node->merged[i], name)) return true;
    }
    for (int i = 0; i < node->epilogue_count; i++) {
        if (goes_by(node->epilogue[i], name, depth)) return true;
    }
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && !strcmp(node->out[i]->name, name)) return true;
    }
    for (int i = 0; i < node->in_count && depth < 32; i++) {
        const Tensor *in = node->in[i];
        if (in && in->is_inlined && in->producer && goes_by(in->producer, name, depth + 1))
            return true;
    }
    return false;
}

int work_cut_after(const Work *w, const char *const *names, int count, int *ends)
{
    Diag *diag = w->graph->diag;
    for (int c = 0; c < count; c++) {
        int at = -1;
        for (int i = 0; i < w->count; i++) {
            if (goes_by(w->nodes[i], names[c], 0)) at = i + 1;
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

static void contract(const Work *w, int at, Tensor ***list, int *count, int64_t *bytes)
{
    const Graph *g = w->graph;
    *list = NULL;
    *count = 0;
    *bytes = 0;
    if (at == w->count) {
        for (int i = 0; i < g->output_count; i++) {
            if (g->outputs[i]->is_state_out) continue;
            arena_push(g->arena, *list, *count) = g->outputs[i];
        }
    } else if (at == 0) {
        for (int i = 0; i < g->input_count; i++) {
            if (!g->inputs[i]->is_state) arena_push(g->arena, *list, *count) = g->inputs[i];
        }
    } else {
        for (int i = 0; i < g->tensor_count; i++) {
            if (work_crosses(w, g->tensors[i], at))
                arena_push(g->arena, *list, *count) = g->tensors[i];
        }
    }
    for (int i = 0; i < *count; i++) *bytes += work_tensor_bytes(w, (*list)[i]);
}

static const char *stage_name(Graph *graph, const char *const *names, int index)
{
    int same = 1;
    for (int i = 0; i < index; i++) same += !strcmp(names[i], names[index]);
    if (same == 1) return names[index];
    return arena_printf(graph->arena, "%s-%d", names[index], same);
}

static void fill_stages(Work *w, const Profile *profile, const Target *const *targets,
                        const char *const *names, int count, const int *ends, Cut *cut)
{
    Graph *g = w->graph;
    cut->count = count;
    cut->stages = arena_array(g->arena, (size_t)count, sizeof *cut->stages);
    for (int s = 0; s < count; s++) {
        int a = s ? ends[s - 1] : 0, b = ends[s];
        Stage *stage = &cut->stages[s];
        stage->target = targets[s];
        stage->name = stage_name(g, names, s);
        stage->nodes = w->nodes + a;
        stage->node_count = b - a;
        for (int i = a; i < b; i++) {
            stage->flops += profile->layers[i].flops;
            stage->weight_bytes += profile->layers[i].weights;
        }
        for (int k = 0; k < profile->shared_count; k++) {
            const SharedWeight *shared = &profile->shared[k];
            int u = 0;
            while (u < shared->layer_count && shared->layers[u] < a) u++;
            if (u < shared->layer_count && shared->layers[u] < b)
                stage->weight_bytes += shared->bytes;
        }
        contract(w, a, &stage->in, &stage->in_count, &stage->in_bytes);
        contract(w, b, &stage->out, &stage->out_count, &stage->out_bytes);
        for (int i = a; i < b; i++) w->nodes[i]->layer = i;
    }
}

int cut_devices(Diag *diag, Arena *arena, const Target *const *targets, const char *const *names,
                int count, Cluster *cluster)
{
    Cluster raw = {.otherwise = {.bandwidth = LINK_BANDWIDTH}};
    for (int i = 0; i < count; i++) {
        const Target *t = targets[i];
        int same = 1;
        for (int k = 0; k < i; k++) same += !strcmp(names[k], names[i]);
        Device device = {.name = same > 1 ? arena_printf(arena, "%s-%d", names[i], same) : names[i],
                         .target = names[i],
                         .gflops = t->gflops,
                         .memory_bandwidth = t->memory_bandwidth,
                         .call_overhead = t->call_overhead,
                         .memory = t->memory,
                         .runtime = STAGE_RUNTIME_BYTES,
                         .count = 1};
        arena_push(arena, raw.devices, raw.count) = device;
    }
    return cluster_expand(diag, arena, &raw, cluster);
}

static int given_plan(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
                      const PlanOptions *options, const char *file, Plan *plan)
{
    Partition partition;
    if (!file) return plan_make(diag, arena, profile, cluster, options, plan);
    TRY(plan_read(diag, arena, file, profile, cluster, &partition));
    return plan_given(diag, arena, profile, cluster, options, &partition, plan);
}

static int plan_work(Work *w, const Cluster *cluster, const Target *const *targets,
                     const char *const *names, int count, const PlanOptions *options,
                     const char *plan_file, Cut *cut, Plan *plan)
{
    Arena *arena = w->graph->arena;
    Diag *diag = w->graph->diag;
    const Profile *profile = work_profile(w);
    Cluster own;
    if (!cluster) {
        TRY(cut_devices(diag, arena, targets, names, count, &own));
        cluster = &own;
    }
    TRY(given_plan(diag, arena, profile, cluster, options, plan_file, plan));
    const Target **used = arena_array(arena, (size_t)plan->count, sizeof *used);
    const char **used_names = arena_array(arena, (size_t)plan->count, sizeof *used_names);
    int *ends = arena_array(arena, (size_t)plan->count, sizeof *ends);
    for (int s = 0; s < plan->count; s++) {
        used[s] = targets[plan->stages[s].device_index];
        used_names[s] = names[plan->stages[s].device_index];
        ends[s] = plan->stages[s].end;
    }
    fill_stages(w, profile, used, used_names, plan->count, ends, cut);
    return 0;
}

int cut_planned(Graph *graph, const Cluster *cluster, const Target *const *targets,
                const char *const *names, int count, const PlanOptions *options,
                const char *plan_file, Cut *cut, Plan *plan)
{
    Work w;
    work_init(&w, graph);
    return plan_work(&w, cluster, targets, names, count, options, plan_file, cut, plan);
}

int cut_graph(Graph *graph, const Target *const *targets, const char *const *names,
              int target_count, const char *const *cut_after, int cut_count, Cut *cut)
{
    Work w;
    Plan plan;
    PlanOptions options = plan_defaults();
    options.use_all = true;
    work_init(&w, graph);
    if (!cut_count && w.count)
        return plan_work(&w, NULL, targets, names, target_count, &options, NULL, cut, &plan);
    int *ends = arena_array(graph->arena, (size_t)target_count + 1, sizeof *ends);
    if (cut_count)
        TRY(work_cut_after(&w, cut_after, cut_count, ends));
    else if (target_count > 1)
        return diag_error(graph->diag, "the model has no layers to cut into %d stages",
                          target_count);
    fill_stages(&w, work_profile(&w), targets, names, target_count, ends, cut);
    return 0;
}
