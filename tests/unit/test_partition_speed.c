/* How long planning takes: docs/planning.md has the figures that are asked for. The limits here are
 * ten times those, for slow machines; processor time is printed. Sanitizers see the smaller plans. */
#include "passes/partition/planner.h"
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t seed = 7;

static double uniform(double lo, double hi)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(seed >> 11) * 0x1p-53;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static Profile *make_profile(Arena *arena, int layers, double *total)
{
    Profile *p = arena_alloc(arena, sizeof *p);
    p->count = layers;
    p->layers = arena_array(arena, (size_t)layers, sizeof *p->layers);
    *total = 0;
    for (int i = 0; i < layers; i++) {
        Layer *l = &p->layers[i];
        *l = (Layer){.name = arena_printf(arena, "l%d", i), .bytes = -1};
        l->weights = (int64_t)uniform(1e5, 1e7);
        l->activations = (int64_t)uniform(1e4, 1e6);
        l->out_bytes = (int64_t)uniform(1e3, 1e6);
        l->flops = uniform(1e7, 1e9);
        *total += (double)(l->weights + l->activations);
    }
    return p;
}

/* A chain with skips, as lowered: a step and a buffer for each layer. */
static void add_footprint(Arena *arena, Profile *p)
{
    size_t n = (size_t)p->count;
    Footprint f = {.target = "t", .buffer_count = p->count};
    f.weights = arena_array(arena, n, sizeof *f.weights);
    f.state = arena_array(arena, n, sizeof *f.state);
    f.code = arena_array(arena, n, sizeof *f.code);
    f.steps = arena_array(arena, n, sizeof *f.steps);
    f.buffers = arena_array(arena, n, sizeof *f.buffers);
    for (int i = 0; i < p->count; i++) {
        int from = i - (i % 4 ? 1 : 10);
        if (from < 0) from = 0;
        f.weights[i] = p->layers[i].weights;
        f.steps[i] = 1;
        f.buffers[i] = (WorkBuffer){p->layers[i].activations, from, i, from, i, -1};
    }
    arena_push(arena, p->footprints, p->footprint_count) = f;
}

/* Capacities at 110 % of the fair share. types 0: all distinct. */
static Cluster make_cluster(Arena *arena, int devices, int types, int links, double total)
{
    Cluster c = {.otherwise = {0, 0, 125e6, 1e-4}};
    int count = types ? types : devices;
    for (int d = 0; d < count; d++) {
        Target *t = arena_alloc(arena, sizeof *t);
        *t = (Target){.name = "t",
                      .gflops = uniform(5, 50),
                      .memory = (int64_t)(1.1 * total / devices * uniform(0.95, 1.05))};
        Device one = {.name = arena_printf(arena, "d%d", d), .target = t, .count = devices / count};
        arena_push(arena, c.devices, c.count) = one;
    }
    for (int a = 0; a < count && links; a++) {
        for (int b = 0; b < count; b++) {
            Link link = {a, b, uniform(1e7, 1e9), 1e-4};
            arena_push(arena, c.links, c.link_count) = link;
        }
    }
    return c;
}

typedef struct Speed {
    const char *name;
    int layers, devices, types, links;
    Objective objective;
    bool free_order;
    double expected; /* seconds */
    bool footprint;
} Speed;

static bool run(const Speed *speed, double factor)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    double total;
    Profile *profile = make_profile(arena, speed->layers, &total);
    if (speed->footprint) add_footprint(arena, profile);
    Cluster cluster = make_cluster(arena, speed->devices, speed->types, speed->links, total);
    Cluster expanded;
    PlanOptions options = plan_defaults();
    options.objective = speed->objective;
    options.free_order = speed->free_order;
    if (cluster_expand(&diag, arena, &cluster, &expanded)) abort();
    Plan plan = {0};
    double start = seconds();
    int code = plan_make(&diag, arena, profile, &expanded, &options, &plan);
    double took = seconds() - start;
    bool ok = !code && took <= speed->expected * factor;
    printf(
        "%s %-10s %-5s order %6d layers %3d devices%s%s%s: %.3f s (asked for: %.2f s), value %.6g, "
        "gap %g, %s\n",
        ok ? "ok  " : "FAIL", objective_name(speed->objective),
        speed->free_order ? "free" : "fixed", speed->layers, speed->devices,
        speed->types ? ", alike" : "", speed->links ? ", links" : "",
        speed->footprint ? ", footprint" : "", took, speed->expected, plan.value, plan.gap,
        plan.method ? plan.method : "none");
    for (int k = 0; k < diag.count; k++) printf("     %s\n", diag.messages[k]);
    arena_free(arena);
    return ok;
}

int main(void)
{
    static const Speed speeds[] = {
        {"", 1000, 16, 0, 0, PLAN_THROUGHPUT, false, 0.05, false},
        {"", 1000, 16, 0, 1, PLAN_THROUGHPUT, false, 0.05, false},
        {"", 1000, 16, 0, 0, PLAN_LATENCY, false, 0.05, false},
        {"", 1000, 16, 0, 0, PLAN_MEMORY, false, 0.05, false},
        {"", 1000, 16, 0, 0, PLAN_PARTITIONS, false, 0.05, false},
        {"", 10000, 64, 0, 0, PLAN_THROUGHPUT, false, 1, false},
        {"", 10000, 64, 0, 1, PLAN_THROUGHPUT, false, 1, false},
        {"", 10000, 64, 0, 0, PLAN_LATENCY, false, 1, false},
        {"", 10000, 64, 0, 0, PLAN_MEMORY, false, 1, false},
        {"", 10000, 64, 0, 0, PLAN_PARTITIONS, false, 1, false},
        {"", 10000, 64, 4, 0, PLAN_THROUGHPUT, true, 0.3, false},
        {"", 10000, 64, 4, 1, PLAN_THROUGHPUT, true, 3, false},
        {"", 10000, 64, 4, 0, PLAN_MEMORY, true, 3, false},
        {"", 10000, 64, 4, 0, PLAN_PARTITIONS, true, 3, false},
        {"", 200, 16, 0, 0, PLAN_THROUGHPUT, true, 3, false},
        {"", 100, 8, 0, 1, PLAN_LATENCY, true, 3, false},
        {"", 1000, 20, 0, 0, PLAN_THROUGHPUT, true, 10, false},
        {"", 1000, 16, 0, 0, PLAN_THROUGHPUT, false, 0.05, true},
        {"", 2000, 16, 0, 0, PLAN_THROUGHPUT, false, 0.2, true},
        {"", 10000, 64, 0, 0, PLAN_THROUGHPUT, false, 1, true},
    };
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        if (!is_sanitized() || speeds[i].layers <= 1000) failures += !run(&speeds[i], 10);
    }
    return failures != 0;
}
