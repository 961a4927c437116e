/* Lower bounds that need no search: they start the bisections, and stand behind what was searched.
 */
#include "passes/partition/maxima.h"
#include "passes/partition/planner.h"

#include <math.h>
#include <stdlib.h>

typedef struct Work {
    double time,
        bytes; /* the fastest device's time, and what a stage with the layer surely holds */
} Work;

static int denser_first(const void *a, const void *b)
{
    const Work *x = a, *y = b;
    double left = x->time * y->bytes, right = y->time * x->bytes;
    return left > right ? -1 : left < right;
}

/* The most work that fits into so many bytes, layers being divisible. */
static double most_work(const Work *works, int count, double bytes)
{
    double work = 0;
    for (int i = 0; i < count; i++) {
        if (works[i].bytes > bytes)
            return work + works[i].time * (bytes > 0 ? bytes / works[i].bytes : 0);
        bytes -= works[i].bytes;
        work += works[i].time;
    }
    return work;
}

/* What the devices can do at most: at a speed relative to the fastest's, and by their memory. */
typedef struct Relaxed {
    int n, m;
    Work *works; /* layers, the densest first */
    double total, largest;
    double ratio[PLAN_DEVICES], room[PLAN_DEVICES], most[PLAN_DEVICES];
} Relaxed;

/* A device takes at least 1 / r of the fastest time for each layer, where r is the largest ratio of
 * the fastest time to its own over all layers. */
static void relax(const Cost *c, Arena *arena, Relaxed *r)
{
    Work *works = arena_array(arena, (size_t)c->n, sizeof *works);
    *r = (Relaxed){.n = c->n, .m = c->m, .works = works};
    for (int i = 0; i < c->n; i++) {
        int64_t least = INT64_MAX;
        for (int d = 0; d < c->m; d++) {
            int64_t own = cost_compute(c, d, i, i + 1);
            if (own < least) least = own;
        }
        for (int d = 0; d < c->m; d++) {
            int64_t own = cost_compute(c, d, i, i + 1);
            r->ratio[d] = fmax(r->ratio[d], own > 0 ? (double)least / (double)own : 1);
        }
        works[i] = (Work){(double)least, (double)cost_least(c, i, i + 1)};
        r->total += (double)least;
        r->largest = fmax(r->largest, (double)least);
    }
    qsort(works, (size_t)c->n, sizeof *works, denser_first);
    for (int d = 0; d < c->m; d++) {
        r->room[d] = (double)(c->cap[d] - c->base[d]);
        r->most[d] = most_work(works, c->n, r->room[d]);
    }
}

/* In one period a device does at most r periods of the fastest's work, and what its memory allows.
 */
static double relaxed_period(const Relaxed *r)
{
    double lo = r->largest, hi = fmax(r->largest, r->total);
    for (int d = 0; d < r->m; d++) hi = fmax(hi, r->most[d] / r->ratio[d]);
    for (int k = 0; k < 60; k++) {
        double mid = (lo + hi) / 2, work = 0;
        for (int d = 0; d < r->m; d++) work += fmin(mid * r->ratio[d], r->most[d]);
        if (work < r->total)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static int fastest_unused(const Relaxed *r, const bool *used)
{
    int best = -1;
    for (int d = 0; d < r->m; d++) {
        if (!used[d] && (best < 0 || r->ratio[d] > r->ratio[best])) best = d;
    }
    return best;
}

/* The densest layers on the fastest devices, each filled up before the next one: with divisible
 * layers nothing is better, since exchanging equal bytes would move more work to a slower device. */
static double relaxed_latency(const Relaxed *r)
{
    bool used[PLAN_DEVICES] = {false};
    double time = 0, rest = 1; /* of layer i */
    int i = 0;
    for (int d; i < r->n && (d = fastest_unused(r, used)) >= 0; used[d] = true) {
        double room = r->room[d];
        while (i < r->n && r->works[i].bytes * rest <= room) {
            room -= r->works[i].bytes * rest;
            time += r->works[i++].time * rest / r->ratio[d];
            rest = 1;
        }
        if (i == r->n || room <= 0) continue;
        double part = room / r->works[i].bytes;
        time += r->works[i].time * part / r->ratio[d];
        rest -= part;
    }
    return time;
}

static void time_bounds(const Cost *c, double *period, double *latency)
{
    Arena *arena = arena_new();
    Relaxed r;
    relax(c, arena, &r);
    double ends = (double)(c->client_in > c->client_out ? c->client_in : c->client_out);
    *period = fmax(relaxed_period(&r) * (1 - 1e-9), ends);
    *latency = relaxed_latency(&r) * (1 - 1e-9) + (double)c->client_in + (double)c->client_out;
    arena_free(arena);
}

int64_t bound_period(const Cost *c)
{
    double period, latency;
    time_bounds(c, &period, &latency);
    return (int64_t)period;
}

double bound_fraction(const Cost *c)
{
    double room = 0;
    for (int d = 0; d < c->m; d++) room += (double)c->cap[d];
    return room > 0 ? (double)cost_least(c, 0, c->n) / room * (1 - 1e-9) : 0;
}

double plan_bound(const Cost *c)
{
    double period, latency, most = 0;
    time_bounds(c, &period, &latency);
    for (int d = 0; d < c->m; d++) most = fmax(most, (double)c->cap[d]);
    switch (c->options.objective) {
    case PLAN_LATENCY: return latency * c->tick;
    case PLAN_MEMORY: return bound_fraction(c);
    case PLAN_PARTITIONS:
        return most > 0 ? fmax(1, ceil((double)cost_least(c, 0, c->n) / most)) : 1;
    default: return period * c->tick;
    }
}
