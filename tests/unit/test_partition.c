/* The planner's algorithms against brute force: 10,000 random small cases, with capacities that
 * bind, links that differ, sizes that are not monotone, tensors that live over several cuts, shared
 * weights, layers that must stay together, footprints by target with buffers that cross cuts; every
 * objective, both orders, all ties. */
#include "passes/partition/fixed.h"
#include "passes/partition/free.h"
#include "passes/partition/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 10000 };

static uint64_t seed = 1;

static int below(int limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (uint64_t)limit);
}

/* ---- Cases ---- */

static void random_tensors(Arena *arena, Profile *p)
{
    if (below(2)) return;
    for (int i = -1; i < p->count; i++) {
        for (int k = 1 + below(2); k > 0; k--) {
            LiveTensor t = {"t", i, i + 1 + below(p->count - i), below(40)};
            arena_push(arena, p->tensors, p->tensor_count) = t;
        }
    }
}

static void random_shared(Arena *arena, Profile *p)
{
    for (int k = below(3); k > 0; k--) {
        SharedWeight s = {.name = "s", .bytes = below(60)};
        for (int i = 0; i < p->count; i++) {
            if (below(3) == 0) arena_push(arena, s.layers, s.layer_count) = i;
        }
        if (s.layer_count) arena_push(arena, p->shared, p->shared_count) = s;
    }
}

static int by_to(const void *a, const void *b)
{
    const WorkBuffer *x = a, *y = b;
    return x->to != y->to ? x->to - y->to : x->from - y->from;
}

/* A buffer and maybe another one that is made in its memory. */
static void random_buffers(Arena *arena, const Profile *p, Footprint *f)
{
    int *step = arena_array(arena, (size_t)p->count + 1, sizeof *step);
    footprint_steps(f, p->count, step);
    for (int k = step[p->count] ? below(2 * p->count) : 0; k > 0; k--) {
        WorkBuffer b = {.bytes = below(40), .over = -1};
        b.first = below(step[p->count]);
        b.last = b.first + below(step[p->count] - b.first);
        b.from = below(p->count);
        b.to = b.from + below(p->count - b.from);
        arena_push(arena, f->buffers, f->buffer_count) = b;
    }
    if (f->buffer_count) qsort(f->buffers, (size_t)f->buffer_count, sizeof *f->buffers, by_to);
    bool *taken = arena_array(arena, (size_t)f->buffer_count + 1, sizeof *taken);
    for (int k = 1; k < f->buffer_count; k++) {
        WorkBuffer *b = &f->buffers[k];
        int before = below(k);
        if (below(2) || taken[before] || f->buffers[before].from > b->from) continue;
        taken[before] = true;
        b->over = before;
        b->bytes = f->buffers[before].bytes;
        b->first = f->buffers[before].last;
        if (b->last < b->first) b->last = b->first;
    }
}

static void random_footprint(Arena *arena, Profile *p, const char *target, bool compact)
{
    size_t n = (size_t)p->count;
    Profile own = *p;
    Footprint f = {.target = target, .compact = compact, .slack = below(4) ? 0 : below(20)};
    f.weights = arena_array(arena, n, sizeof *f.weights);
    f.state = arena_array(arena, n, sizeof *f.state);
    f.code = arena_array(arena, n, sizeof *f.code);
    f.steps = arena_array(arena, n, sizeof *f.steps);
    for (int i = 0; i < p->count; i++) {
        f.weights[i] = below(30);
        f.state[i] = below(4) ? 0 : below(10);
        f.code[i] = below(3);
        f.steps[i] = below(4);
    }
    random_buffers(arena, p, &f);
    own.shared = NULL;
    own.shared_count = 0;
    random_shared(arena, &own);
    f.shared = own.shared;
    f.shared_count = own.shared_count;
    arena_push(arena, p->footprints, p->footprint_count) = f;
}

static void random_footprints(Arena *arena, Profile *p)
{
    static const char *const targets[] = {"t0", "t1", "t2"};
    if (below(2)) return;
    for (int t = 0; t < 3; t++) {
        if (below(4) == 0) continue;
        random_footprint(arena, p, targets[t], false);
        if (below(3) == 0) random_footprint(arena, p, targets[t], true);
    }
}

static Profile *random_profile(Arena *arena)
{
    Profile *p = arena_alloc(arena, sizeof *p);
    p->count = 2 + below(7);
    p->layers = arena_array(arena, (size_t)p->count, sizeof *p->layers);
    p->planned = below(3) == 0;
    bool equal = below(4) == 0;
    for (int i = 0; i < p->count; i++) {
        p->layers[i] = (Layer){.name = arena_printf(arena, "l%d", i),
                               .weights = equal ? 10 : below(30),
                               .activations = equal ? 5 : below(20),
                               .buffers = below(3),
                               .state = below(3),
                               .out_bytes = below(40),
                               .flops = equal ? 1e9 : 1e8 * below(20),
                               .bytes = below(3) ? -1 : below(100),
                               .whole = below(10) == 0,
                               .tensors = 1};
    }
    random_tensors(arena, p);
    random_shared(arena, p);
    random_footprints(arena, p);
    return p;
}

static void random_cluster(Diag *diag, Arena *arena, Cluster *out)
{
    Cluster c = {.otherwise = {0, 0, 20 + below(200), 0.01 * below(3)}};
    int left = 1 + below(4);
    bool equal = below(3) == 0;
    while (left > 0) {
        Target *t = arena_alloc(arena, sizeof *t);
        *t = (Target){.name = arena_printf(arena, "t%d", below(3)),
                      .gflops = equal ? 4 : 1 + below(5),
                      .memory_bandwidth = below(3) ? 0 : 100 + below(300),
                      .call_overhead = below(4) ? 0 : 0.01 * below(5),
                      .memory = below(12) == 0 ? 0 : 40 + below(below(2) ? 400 : 150)};
        Device d = {.name = arena_printf(arena, "d%d", c.count),
                    .target = t,
                    .runtime = below(3) ? 0 : below(10),
                    .count = 1 + below(left)};
        left -= d.count;
        arena_push(arena, c.devices, c.count) = d;
    }
    for (int k = below(2) * below(6); k > 0; k--) {
        Link link = {below(c.count), below(c.count), below(3) ? 10 + below(300) : 10000,
                     0.01 * below(4)};
        arena_push(arena, c.links, c.link_count) = link;
    }
    if (cluster_expand(diag, arena, &c, out)) abort();
}

static PlanOptions random_options(Objective objective, bool free_order)
{
    double client = below(3) ? 0 : 5 + below(60); /* else its link often limits */
    return (PlanOptions){.objective = objective,
                         .client = {0, 0, client, 0.01 * below(4)},
                         .free_order = free_order,
                         .use_all = below(3) == 0,
                         .no_overlap = below(3) == 0,
                         .memory_limit = below(3) ? 1 : 0.9,
                         .queue = below(4),
                         .batch = 1};
}

/* ---- Brute force ---- */

typedef struct Brute {
    const Cost *c;
    Partition now, best;
    Score score;
    bool found;
} Brute;

static int64_t plain_shared(const SharedWeight *shared, int count, int first, int end)
{
    int64_t bytes = 0;
    for (int s = 0; s < count; s++) {
        bool here = false;
        for (int k = 0; k < shared[s].layer_count; k++)
            here = here || (shared[s].layers[k] >= first && shared[s].layers[k] < end);
        if (here) bytes += shared[s].bytes;
    }
    return bytes;
}

/* The most that lies in the workspace at once: step by step, buffer by buffer. */
static int64_t plain_workspace(const Footprint *f, int first, int end)
{
    int64_t most = 0;
    for (int layer = 0, step = 0; layer < end; layer++) {
        for (int k = 0; k < f->steps[layer]; k++, step++) {
            int64_t bytes = 0;
            for (int i = 0; layer >= first && i < f->buffer_count; i++) {
                const WorkBuffer *b = &f->buffers[i];
                bool here = b->from >= first && b->to < end && b->first <= step && step <= b->last;
                const WorkBuffer *o = b->over >= 0 ? &f->buffers[b->over] : NULL;
                if (here && o && step == o->last && o->from >= first && o->to < end) here = false;
                if (here) bytes += b->bytes;
            }
            if (bytes > most) most = bytes;
        }
    }
    return most;
}

static int64_t plain_footprint(const Footprint *f, int first, int end)
{
    int64_t bytes = plain_shared(f->shared, f->shared_count, first, end) + f->slack;
    for (int i = first; i < end; i++) bytes += f->weights[i] + f->state[i] + f->code[i];
    return bytes + plain_workspace(f, first, end);
}

static int64_t plain_bytes(const Cost *c, int d, int first, int end)
{
    const Profile *p = c->profile;
    const Device *device = &c->cluster->devices[d];
    const Footprint *f = profile_footprint(p, device, c->options.compact);
    int64_t bytes = device->runtime, live = 0;
    bytes += c->options.queue * (profile_cut_bytes(p, first) + profile_cut_bytes(p, end));
    if (f) return bytes + plain_footprint(f, first, end);
    for (int i = first; i < end; i++) {
        const Layer *l = &p->layers[i];
        bytes += l->weights + l->buffers + l->state + l->code;
        if (!p->planned) bytes += l->activations;
        if (l->activations > live) live = l->activations;
    }
    return bytes + plain_shared(p->shared, p->shared_count, first, end) + (p->planned ? live : 0);
}

static void judge(Brute *b)
{
    const Cost *c = b->c;
    if (c->options.use_all && b->now.count < c->m) return;
    Score score = cost_score(c, &b->now);
    if (b->found && score_compare(c->options.objective, &score, &b->score) >= 0) return;
    b->found = true;
    b->score = score;
    b->best = b->now;
}

static void extend(Brute *b, int first, unsigned used)
{
    const Cost *c = b->c;
    for (int d = 0; d < c->m; d++) {
        if (used >> d & 1) continue;
        if (!c->options.free_order && used >> d) continue;
        for (int end = first + 1; end <= c->n; end++) {
            if (end < c->n && c->profile->layers[end].whole) continue;
            if (plain_bytes(c, d, first, end) > c->cap[d]) continue;
            int k = b->now.count++;
            b->now.device[k] = d;
            b->now.end[k] = end;
            if (end == c->n)
                judge(b);
            else
                extend(b, end, used | 1u << d);
            b->now.count--;
        }
    }
}

/* ---- The comparison ---- */

static void print_partition(const char *what, const Partition *p)
{
    printf("  %s:", what);
    for (int k = 0; k < p->count; k++) printf(" %d<%d", p->device[k], p->end[k]);
    printf("\n");
}

static void print_score(const Score *s)
{
    printf("    fraction %g largest %lld period %lld latency %lld devices %d speed %lld\n",
           s->fraction, (long long)s->largest, (long long)s->period, (long long)s->latency,
           s->devices, (long long)s->speed);
}

static bool one_case(int number, Objective objective, bool free_order, int *feasible)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    Profile *profile = random_profile(arena);
    Cluster cluster;
    random_cluster(&diag, arena, &cluster);
    PlanOptions options = random_options(objective, free_order);
    Cost cost;
    options.compact = objective != PLAN_MEMORY;
    cost_init(&cost, arena, profile, &cluster, &options);
    Brute brute = {.c = &cost};
    extend(&brute, 0, 0);
    if (!brute.found && !options.compact) { /* nothing fits but with the least */
        options.compact = true;
        cost_init(&cost, arena, profile, &cluster, &options);
        extend(&brute, 0, 0);
    }
    Plan plan;
    /* Stages may hold more than the least that was asked for: then the value is theirs. */
    bool rounder = objective == PLAN_MEMORY && options.compact;
    int code = plan_make(&diag, arena, profile, &cluster, &options, &plan);
    bool ok = (code == 0) == brute.found && (code == 0 || diag.count == 1);
    Partition own = {0};
    Score score = {0};
    if (!code) {
        for (int k = 0; k < plan.count; k++) {
            own.device[k] = plan.stages[k].device_index;
            own.end[k] = plan.stages[k].end;
        }
        own.count = plan.count;
        score = cost_score(&cost, &own);
        *feasible += 1;
        if (ok)
            ok = score_compare(objective, &score, &brute.score) == 0 && (plan.gap == 0 || rounder);
        if (ok) ok = plan_bound(&cost) <= plan.value * (1 + 1e-12);
    }
    if (!ok) {
        printf("FAIL case %d, %s, %s order, %d layers, %d devices: code %d, brute %d\n", number,
               objective_name(objective), free_order ? "free" : "fixed", cost.n, cost.m, code,
               brute.found);
        for (int k = 0; k < diag.count; k++) printf("  %s\n", diag.messages[k]);
        print_partition("planned", &own);
        print_score(&score);
        print_partition("best", &brute.best);
        print_score(&brute.score);
    }
    arena_free(arena);
    return ok;
}

/* More layers than are tabled: what the planner counts is an upper bound, that grows with the
 * stage; the checker agrees with the plan. */
static bool large(void)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    Profile p = {.name = "large", .count = NEEDS_TABLED + 50};
    p.layers = arena_array(arena, (size_t)p.count, sizeof *p.layers);
    for (int i = 0; i < p.count; i++)
        p.layers[i] = (Layer){.name = arena_printf(arena, "l%d", i), .flops = 1e8 * below(20)};
    random_footprint(arena, &p, "t", false);
    const Footprint *f = &p.footprints[0];
    const Needs *needs = needs_new(arena, &p, f);
    bool ok = !needs->peak && needs->live;
    for (int k = 0; k < 30; k++) {
        int first = below(p.count), end = first + 1 + below(p.count - first);
        StageBytes bytes = needs_bytes(needs, first, end);
        ok = ok && bytes.activations >= plain_workspace(f, first, end) + f->slack;
        ok = ok &&
             (first == 0 || needs_memory(needs, first - 1, end) >= needs_memory(needs, first, end));
    }
    const Target fast = {.name = "t", .gflops = 2, .memory = 1 << 20};
    const Target slow = {.name = "t", .gflops = 1, .memory = 1 << 20};
    Device devices[] = {{.name = "a", .target = &fast, .count = 2},
                        {.name = "b", .target = &slow, .count = 1}};
    Cluster raw = {.devices = devices, .count = 2, .otherwise = {.bandwidth = 1e9}}, cluster;
    PlanOptions options = plan_defaults();
    Plan plan = {0};
    ok = ok && !cluster_expand(&diag, arena, &raw, &cluster) &&
         !plan_make(&diag, arena, &p, &cluster, &options, &plan) && plan.count == 3;
    printf("%s %d layers, not tabled\n", ok ? "ok  " : "FAIL", p.count);
    diag_flush(&diag);
    arena_free(arena);
    return ok;
}

/* An argument is another seed. */
int main(int argc, char **argv)
{
    if (argc > 1) seed = strtoull(argv[1], NULL, 10);
    int failures = !large(), cases = 0, feasible = 0;
    for (int number = 0; number < CASES && failures < 5; number++) {
        for (int k = 0; k < 2 * OBJECTIVE_COUNT; k++) {
            failures += !one_case(number, (Objective)(k / 2), k % 2, &feasible);
            cases++;
        }
    }
    printf("%s %d cases (%d feasible): every objective, both orders\n", failures ? "FAIL" : "ok  ",
           cases, feasible);
    return failures != 0;
}
