/* Bisection over the value of a maximum: a feasible answer lowers the upper end to the value that
 * the found partition has, an infeasible one raises the lower end to the next value at which
 * anything changes. The search so ends at the exact value, after about as many steps as the number
 * of candidates has binary digits. */
#include "passes/partition/maxima.h"

#include <math.h>

void limits_init(const Cost *c, Limits *limits)
{
    *limits = (Limits){.period = TICKS_NEVER, .compute = TICKS_NEVER};
    for (int d = 0; d < c->m; d++) limits->capacity[d] = c->cap[d];
}

static void limit_fraction(const Space *s, Limits *limits, double fraction)
{
    for (int d = 0; d < s->cost->m; d++) limits->capacity[d] = cost_cap(s->cost, d, fraction);
    s->fit(s->self, limits);
}

static void limit_size(const Space *s, Limits *limits, int64_t bytes)
{
    for (int d = 0; d < s->cost->m; d++) {
        int64_t cap = s->cost->cap[d];
        limits->capacity[d] = cap < bytes ? cap : bytes;
    }
    s->fit(s->self, limits);
}

/* The least fraction of a budget that a stage has which does not fit now. */
static double next_fraction(const Space *s)
{
    const Cost *c = s->cost;
    double least = INFINITY;
    for (int d = 0; d < c->m; d++) {
        if (c->cap[d] <= 0 || s->fits[d]->next == INT64_MAX) continue;
        int64_t bytes = s->fits[d]->next + c->base[d];
        double fraction = cost_fraction(c, d, bytes);
        if (fraction < least) least = fraction;
    }
    return least;
}

static int64_t next_size(const Space *s)
{
    int64_t least = INT64_MAX;
    for (int d = 0; d < s->cost->m; d++) {
        if (s->fits[d]->next == INT64_MAX) continue;
        int64_t bytes = s->fits[d]->next + s->cost->base[d];
        if (bytes < least) least = bytes;
    }
    return least;
}

void least_fraction(const Space *s, Limits *limits, const Partition *found)
{
    double hi = cost_score(s->cost, found).fraction, lo = nextafter(bound_fraction(s->cost), -1);
    while (hi > 0) {
        double mid = lo + (hi - lo) / 2;
        if (mid <= lo || mid >= hi) mid = nextafter(hi, -1);
        if (mid <= lo) break;
        Partition better;
        limit_fraction(s, limits, mid);
        if (s->feasible(s->self, limits, false, &better, NULL)) {
            hi = cost_score(s->cost, &better).fraction;
        } else {
            double next = next_fraction(s);
            lo = next > mid ? nextafter(next, -1) : mid;
        }
    }
    limit_fraction(s, limits, hi);
}

void least_size(const Space *s, Limits *limits, const Partition *found)
{
    int64_t lo = -1, hi = cost_score(s->cost, found).largest;
    while (lo + 1 < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        Partition better;
        limit_size(s, limits, mid);
        if (s->feasible(s->self, limits, limits->devices > 0, &better, NULL)) {
            hi = cost_score(s->cost, &better).largest;
        } else {
            int64_t next = next_size(s);
            lo = next > mid ? next - 1 : mid;
        }
    }
    limit_size(s, limits, hi);
}

void least_period(const Space *s, Limits *limits, Partition *found)
{
    bool counting = limits->devices > 0;
    int64_t next, lo = bound_period(s->cost) - 1;
    limits->period = TICKS_NEVER;
    if (!s->feasible(s->self, limits, counting, found, NULL)) return;
    int64_t hi = cost_score(s->cost, found).period;
    while (lo + 1 < hi) {
        limits->period = lo + (hi - lo) / 2;
        if (s->feasible(s->self, limits, counting, found, &next)) {
            hi = cost_score(s->cost, found).period;
        } else {
            lo = next < hi ? next - 1 : hi - 1;
        }
    }
    limits->period = hi;
}
