/* Chooses the algorithm, and fills in the figures of what it found. */
#include "passes/partition/planner.h"

#include "passes/partition/fixed.h"
#include "passes/partition/free.h"

#include <math.h>

double plan_value(const Cost *c, const Score *score)
{
    switch (c->options.objective) {
    case PLAN_LATENCY: return cost_seconds(c, score->latency);
    case PLAN_MEMORY: return score->fraction;
    case PLAN_PARTITIONS: return score->devices;
    default: return cost_seconds(c, score->period);
    }
}

static void stage_sizes(const Cost *c, PlanStage *s)
{
    const Profile *p = c->profile;
    for (int i = s->first; i < s->end; i++) {
        const Layer *l = &p->layers[i];
        s->weights += l->weights;
        s->buffers += l->buffers;
        s->state += l->state;
        s->code += l->code;
        s->tensors += l->tensors;
        if (!p->planned)
            s->activations += l->activations;
        else if (l->activations > s->activations)
            s->activations = l->activations;
    }
    for (int k = 0; k < p->shared_count; k++) {
        bool here = false;
        for (int u = 0; u < p->shared[k].layer_count; u++)
            here = here || (p->shared[k].layers[u] >= s->first && p->shared[k].layers[u] < s->end);
        if (!here) continue;
        s->weights += p->shared[k].bytes;
        s->tensors++;
    }
    s->code += c->cluster->devices[s->device_index].runtime;
    s->queues = c->options.queue * (c->cut[s->first] + c->cut[s->end]);
}

static void fill_stage(const Cost *c, const Partition *p, int k, PlanStage *s)
{
    int d = p->device[k];
    *s = (PlanStage){.device = c->cluster->devices[d].name,
                     .target = c->cluster->devices[d].target,
                     .device_index = d,
                     .first = k ? p->end[k - 1] : 0,
                     .end = p->end[k]};
    s->first_name = c->profile->layers[s->first].name;
    s->last_name = c->profile->layers[s->end - 1].name;
    stage_sizes(c, s);
    s->memory = cost_memory(c, d, s->first, s->end);
    s->budget = c->cap[d];
    s->device_memory =
        c->options.capacity > 0 ? c->options.capacity : c->cluster->devices[d].memory;
    s->in_bytes = c->cut[s->first];
    s->out_bytes = c->cut[s->end];
    int64_t compute = cost_compute(c, d, s->first, s->end), send = 0;
    if (k + 1 < p->count) send = cost_send(c, c->link[d][p->device[k + 1]], s->end);
    s->compute_s = cost_seconds(c, compute);
    s->send_s = cost_seconds(c, send);
    s->period_s = c->options.no_overlap ? s->compute_s + s->send_s : fmax(s->compute_s, s->send_s);
}

static int limiting_stage(const Cost *c, const Plan *plan)
{
    int at = 0;
    double most = -1;
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        double value = s->period_s;
        if (plan->options.objective == PLAN_LATENCY) value = s->compute_s + s->send_s;
        if (plan->options.objective == PLAN_MEMORY)
            value = cost_fraction(c, s->device_index, s->memory);
        if (plan->options.objective == PLAN_PARTITIONS) value = (double)s->memory;
        if (value > most) {
            most = value;
            at = k;
        }
    }
    return at;
}

static void fill_plan(Arena *arena, const Cost *c, const Partition *p, Plan *plan)
{
    Score score = cost_score(c, p);
    *plan = (Plan){.options = c->options, .count = p->count};
    plan->stages = arena_array(arena, (size_t)p->count, sizeof *plan->stages);
    for (int k = 0; k < p->count; k++) fill_stage(c, p, k, &plan->stages[k]);
    plan->limiting = limiting_stage(c, plan);
    plan->bottleneck_s = cost_seconds(c, score.period);
    plan->latency_s = cost_seconds(c, score.latency);
    plan->throughput = score.period > 0 ? c->options.batch / plan->bottleneck_s : 0;
    plan->fraction = score.fraction;
    plan->largest = score.largest;
    plan->value = plan_value(c, &score);
}

static void set_bound(Plan *plan, double bound)
{
    plan->bound = bound < plan->value ? bound : plan->value;
    plan->gap = plan->bound > 0 ? plan->value / plan->bound - 1 : plan->value > 0 ? INFINITY : 0;
}

/* With a device less to use nothing gets worse: what is best without --use-all bounds it. */
static double bound_without_use_all(const Cost *c)
{
    Arena *arena = arena_new();
    Cost other;
    Partition best;
    bool ties;
    PlanOptions options = c->options;
    options.use_all = false;
    cost_init(&other, arena, c->profile, c->cluster, &options);
    double bound = 0;
    if (free_solve(&other, &best, &ties) == FREE_EXACT) {
        Score score = cost_score(&other, &best);
        bound = plan_value(&other, &score);
    }
    arena_free(arena);
    return bound;
}

static bool solve_free(const Cost *c, Partition *best, Plan *how)
{
    bool ties;
    FreeResult result = free_solve(c, best, &ties);
    how->exact = true;
    how->ties = ties;
    how->method = ties ? "exact over all orders (lattice of device types)"
                       : "exact over all orders (lattice of device types; ties within the order)";
    if (result != FREE_TOO_MUCH) return result == FREE_EXACT;
    how->exact = how->ties = false;
    how->method = "search over orders (each solved exactly)";
    how->bound = plan_bound(c);
    if (c->options.use_all) how->bound = fmax(how->bound, bound_without_use_all(c));
    best->count = 0;
    return search_solve(c, best);
}

static bool solve(const Cost *c, Partition *best, Plan *how)
{
    int order[PLAN_DEVICES];
    *how = (Plan){.exact = true, .ties = true, .method = "exact in the given order"};
    for (int d = 0; d < c->m; d++) order[d] = d;
    return c->options.free_order ? solve_free(c, best, how) : fixed_solve(c, order, c->m, best);
}

int plan_make(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
              const PlanOptions *options, Plan *plan)
{
    Cost cost;
    Partition best;
    Plan how;
    Profile *scaled = profile_scale(arena, profile, options->batch);
    TRY(profile_check(diag, scaled));
    cost_init(&cost, arena, scaled, cluster, options);
    if (!solve(&cost, &best, &how)) return plan_diagnose(diag, &cost);
    fill_plan(arena, &cost, &best, plan);
    plan->exact = how.exact;
    plan->ties = how.ties;
    plan->method = how.method;
    set_bound(plan, how.exact ? plan->value : how.bound);
    return plan_check(diag, arena, scaled, cluster, plan);
}

int plan_given(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
               const PlanOptions *options, const Partition *partition, Plan *plan)
{
    Cost cost;
    Profile *scaled = profile_scale(arena, profile, options->batch);
    TRY(profile_check(diag, scaled));
    cost_init(&cost, arena, scaled, cluster, options);
    fill_plan(arena, &cost, partition, plan);
    plan->method = "as given";
    TRY(plan_check(diag, arena, scaled, cluster, plan));
    Partition best;
    Plan how;
    if (!solve(&cost, &best, &how)) return 0; /* impossible: this one fits */
    Score score = cost_score(&cost, &best);
    set_bound(plan, how.exact ? plan_value(&cost, &score) : how.bound);
    return 0;
}
