/* Measured times stand in for the model's: plans follow them, and files keep them. */
#include "tests/check.h"

#include "passes/partition/planner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAYERS = 4 };

static Layer layers[LAYERS] = {{.name = "a", .weights = 1, .flops = 1e9, .bytes = 0},
                               {.name = "b", .weights = 1, .flops = 1e9, .bytes = 0},
                               {.name = "c", .weights = 1, .flops = 1e9, .bytes = 0},
                               {.name = "d", .weights = 1, .flops = 1e9, .bytes = 0}};

int main(void)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    const Target pc = {.name = "pc", .gflops = 1, .memory = 1 << 20};
    const Target pi = {.name = "pi", .gflops = 1, .memory = 1 << 20};
    Device devices[2] = {{.name = "x", .target = &pc, .count = 1},
                         {.name = "y", .target = &pi, .count = 1}};
    Cluster raw = {.devices = devices, .count = 2, .otherwise = {.bandwidth = 1e9}}, cluster;
    Profile profile = {.name = "p", .layers = layers, .count = LAYERS};
    PlanOptions options = plan_defaults();
    Plan plan;
    CHECK(!cluster_expand(&diag, arena, &raw, &cluster));
    CHECK(!plan_make(&diag, arena, &profile, &cluster, &options, &plan));
    CHECK(plan.count == 2 && plan.stages[0].end == 2 && fabs(plan.bottleneck_s - 2) < 1e-9);

    /* On y the last layer takes three seconds, and the third was not measured. */
    double seconds[LAYERS] = {1, 1, -1, 3};
    LayerSeconds times = {"pi", true, seconds};
    profile.times = &times;
    profile.time_count = 1;
    CHECK(!plan_make(&diag, arena, &profile, &cluster, &options, &plan));
    CHECK(plan.count == 2 && plan.stages[0].end == 3 && fabs(plan.bottleneck_s - 3) < 1e-9);
    CHECK(profile_measured(&profile, &cluster.devices[0], 3) < 0);
    CHECK(!profile_same_times(&profile, &cluster.devices[0], &cluster.devices[1]));
    options.free_order = true; /* the devices' figures are equal, their times are not */
    CHECK(!plan_make(&diag, arena, &profile, &cluster, &options, &plan));
    CHECK(fabs(plan.bottleneck_s - 2) < 1e-9 && !strcmp(plan.stages[0].device, "y"));
    options.batch = 2;
    CHECK(!plan_make(&diag, arena, &profile, &cluster, &options, &plan));
    CHECK(fabs(plan.bottleneck_s - 4) < 1e-9);

    char path[] = "/tmp/lpc-measured-XXXXXX";
    int file = mkstemp(path);
    Profile *again = NULL;
    CHECK(file >= 0 && !profile_write(&diag, path, &profile));
    CHECK(!profile_read(&diag, arena, path, &again));
    CHECK(again && again->time_count == 1 && again->times[0].emulated);
    for (int i = 0; again && i < LAYERS; i++) CHECK(again->times[0].seconds[i] == seconds[i]);
    unlink(path);
    diag_flush(&diag);
    arena_free(arena);
    return failures != 0;
}
