/* Chooses the algorithm, and fills in the figures of what it found. */
#include "passes/partition/planner.h"

#include "passes/partition/fixed.h"
#include "passes/partition/free.h"
#include "passes/partition/maxima.h"

#include <math.h>

/* The costs that decide what fits, and those of stages with room to spare. */
typedef struct Model {
    Cost cost, roomy;
} Model;

double plan_value(const Cost *c, const Score *score)
{
    switch (c->options.objective) {
    case PLAN_LATENCY: return cost_seconds(c, score->latency);
    case PLAN_MEMORY: return score->fraction;
    case PLAN_PARTITIONS: return score->devices;
    default: return cost_seconds(c, score->period);
    }
}

static int stage_tensors(const Profile *p, int first, int end)
{
    int tensors = 0;
    for (int i = first; i < end; i++) tensors += p->layers[i].tensors;
    for (int k = 0; k < p->shared_count; k++) {
        bool here = false;
        for (int u = 0; u < p->shared[k].layer_count; u++)
            here = here || (p->shared[k].layers[u] >= first && p->shared[k].layers[u] < end);
        tensors += here;
    }
    return tensors;
}

void plan_set_bytes(PlanStage *s, const StageBytes *bytes)
{
    s->bytes = *bytes;
    s->memory = stage_bytes_sum(bytes);
}

/* The stage's device can be given more than the least: does it fit with weights that are
 * transformed for speed? */
static StageBytes bytes_of(const Model *model, PlanStage *s)
{
    int d = s->device_index;
    StageBytes roomy = cost_bytes(&model->roomy, d, s->first, s->end);
    s->compact = stage_bytes_sum(&roomy) > s->budget;
    return s->compact ? cost_bytes(&model->cost, d, s->first, s->end) : roomy;
}

static void fill_stage(const Model *model, const Partition *p, int k, PlanStage *s)
{
    const Cost *c = &model->cost;
    int d = p->device[k];
    *s = (PlanStage){.device = c->cluster->devices[d].name,
                     .target = c->cluster->devices[d].target->name,
                     .device_index = d,
                     .cores = c->cluster->devices[d].target->cores,
                     .first = k ? p->end[k - 1] : 0,
                     .end = p->end[k]};
    s->first_name = c->profile->layers[s->first].name;
    s->last_name = c->profile->layers[s->end - 1].name;
    s->tensors = stage_tensors(c->profile, s->first, s->end);
    s->budget = c->cap[d];
    StageBytes bytes = bytes_of(model, s);
    plan_set_bytes(s, &bytes);
    s->device_memory =
        c->options.capacity > 0 ? c->options.capacity : c->cluster->devices[d].target->memory;
    s->in_bytes = c->cut[s->first];
    s->out_bytes = c->cut[s->end];
    int64_t compute = cost_compute(c, d, s->first, s->end), send = 0;
    if (k + 1 < p->count) send = cost_send(c, c->link[d][p->device[k + 1]], s->end);
    s->compute_s = cost_seconds(c, compute);
    s->send_s = cost_seconds(c, send);
    s->period_s = c->options.no_overlap ? s->compute_s + s->send_s : fmax(s->compute_s, s->send_s);
}

static double stage_fraction(const PlanStage *s)
{
    if (s->budget > 0) return (double)s->memory / (double)s->budget;
    return s->memory > 0 ? INFINITY : 0;
}

static int limiting_stage(const Plan *plan)
{
    int at = 0;
    double most = -1;
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        double value = s->period_s;
        if (plan->options.objective == PLAN_LATENCY) value = s->compute_s + s->send_s;
        if (plan->options.objective == PLAN_MEMORY) value = stage_fraction(s);
        if (plan->options.objective == PLAN_PARTITIONS) value = (double)s->memory;
        if (value > most) {
            most = value;
            at = k;
        }
    }
    return at;
}

void plan_sum_up(Plan *plan)
{
    plan->fraction = 0;
    plan->largest = 0;
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        plan->fraction = fmax(plan->fraction, stage_fraction(s));
        if (s->memory > plan->largest) plan->largest = s->memory;
    }
    plan->limiting = limiting_stage(plan);
    plan->client_limits =
        plan->options.objective == PLAN_THROUGHPUT &&
        fmax(plan->client_in_s, plan->client_out_s) > plan->stages[plan->limiting].period_s;
    if (plan->options.objective != PLAN_MEMORY) return;
    plan->value = plan->fraction;
    plan_set_bound(plan, plan->bound);
}

static void fill_plan(Arena *arena, const Model *model, const Partition *p, Plan *plan)
{
    const Cost *c = &model->cost;
    Score score = cost_score(c, p);
    *plan = (Plan){.options = c->options, .count = p->count};
    plan->stages = arena_array(arena, (size_t)p->count, sizeof *plan->stages);
    for (int k = 0; k < p->count; k++) fill_stage(model, p, k, &plan->stages[k]);
    plan->bottleneck_s = cost_seconds(c, score.period);
    plan->latency_s = cost_seconds(c, score.latency);
    plan->client_in_s = cost_seconds(c, c->client_in);
    plan->client_out_s = cost_seconds(c, c->client_out);
    plan->period_bound_s = cost_seconds(c, bound_period(c));
    plan->throughput = score.period > 0 ? c->options.batch / plan->bottleneck_s : 0;
    plan->value = plan->bound = plan_value(c, &score);
    plan_sum_up(plan);
}

void plan_set_bound(Plan *plan, double bound)
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

/* Compact footprints are the least that a stage can do with, so they decide what fits. For the
 * objective of memory its value is what stages will really hold: compact ones only count when
 * nothing fits otherwise. */
static bool solve_model(Model *model, Arena *arena, const Profile *profile, const Cluster *cluster,
                        const PlanOptions *options, Partition *best, Plan *how)
{
    PlanOptions own = *options;
    own.compact = false;
    cost_init(&model->roomy, arena, profile, cluster, &own);
    model->cost = model->roomy;
    own.compact = true;
    bool any = false;
    for (int i = 0; i < profile->footprint_count; i++) any = any || profile->footprints[i].compact;
    if (any && options->objective != PLAN_MEMORY)
        cost_init(&model->cost, arena, profile, cluster, &own);
    if (solve(&model->cost, best, how)) return true;
    if (!any || options->objective != PLAN_MEMORY) return false;
    cost_init(&model->cost, arena, profile, cluster, &own);
    return solve(&model->cost, best, how);
}

int plan_make(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
              const PlanOptions *options, Plan *plan)
{
    Model model;
    Partition best;
    Plan how;
    Profile *scaled = profile_scale(arena, profile, options->batch);
    TRY(profile_check(diag, scaled));
    if (!solve_model(&model, arena, scaled, cluster, options, &best, &how))
        return plan_diagnose(diag, &model.cost);
    fill_plan(arena, &model, &best, plan);
    plan->exact = how.exact;
    plan->ties = how.ties;
    plan->method = how.method;
    plan_set_bound(plan, how.exact ? plan->bound : how.bound);
    return plan_check(diag, arena, scaled, cluster, plan);
}

int plan_given(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
               const PlanOptions *options, const Partition *partition, Plan *plan)
{
    Model model;
    Partition best;
    Plan how;
    Profile *scaled = profile_scale(arena, profile, options->batch);
    TRY(profile_check(diag, scaled));
    bool any = solve_model(&model, arena, scaled, cluster, options, &best, &how);
    Score score = {0};
    if (any) score = cost_score(&model.cost, &best);
    double bound = how.exact ? plan_value(&model.cost, &score) : how.bound;
    PlanOptions least = *options;
    least.compact = true;
    cost_init(&model.cost, arena, scaled, cluster, &least);
    fill_plan(arena, &model, partition, plan);
    plan->method = "as given";
    TRY(plan_check(diag, arena, scaled, cluster, plan));
    if (any) plan_set_bound(plan, bound); /* it is: this one fits */
    return 0;
}
