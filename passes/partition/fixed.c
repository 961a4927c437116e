/* Fixed order: every objective, exactly.
 *
 * What is a maximum (period, used fraction, largest stage) is made least by bisection (maxima.c);
 * what is a sum (latency, number of devices, speed) is then minimised by line_best under it. */
#include "passes/partition/fixed.h"

#include "passes/partition/maxima.h"

static void fit(void *self, const Limits *limits)
{
    line_fit(self, limits);
}

static bool feasible(void *self, const Limits *limits, bool fewest, Partition *found, int64_t *next)
{
    return line_feasible(self, limits, fewest, found, next);
}

/* Latency first; among the best of these the least period. */
static void least_latency(const Space *space, Line *l, Limits *limits)
{
    Partition found;
    least_period(space, limits, &found);
    int64_t next, lo = limits->period - 1;
    limits->period = TICKS_NEVER;
    line_best(l, limits, false, &found, NULL);
    Score best = cost_score(l->cost, &found);
    int64_t hi = best.period;
    limits->period = lo + 1; /* often the best of both at once */
    while (lo + 1 < hi) {
        bool ok = line_best(l, limits, false, &found, &next);
        Score score = ok ? cost_score(l->cost, &found) : best;
        if (ok && score.latency == best.latency)
            hi = score.period;
        else
            lo = next - 1 > limits->period ? next - 1 : limits->period;
        limits->period = lo + (hi - lo) / 2;
    }
    limits->period = hi;
}

static int64_t longest_compute(const Cost *c, const Partition *p)
{
    int64_t longest = 0;
    for (int s = 0; s < p->count; s++) {
        int64_t own = cost_compute(c, p->device[s], s ? p->end[s - 1] : 0, p->end[s]);
        if (own > longest) longest = own;
    }
    return longest;
}

/* Where all else ties, as in a small model whose sending takes longest wherever it is cut,
 * computing is balanced. */
static void balance(Line *l, Limits *limits, Partition *best)
{
    const Cost *c = l->cost;
    if ((double)c->n * l->m > 8000) return;
    Score score = cost_score(c, best);
    int64_t lo = -1, hi = longest_compute(c, best);
    while (lo + 1 < hi) {
        Partition found;
        limits->compute = lo + (hi - lo) / 2;
        bool ok = line_best(l, limits, c->options.objective == PLAN_PARTITIONS, &found, NULL);
        Score other = ok ? cost_score(c, &found) : score;
        if (ok && !score_compare(c->options.objective, &other, &score)) {
            hi = longest_compute(c, &found);
            *best = found;
        } else {
            lo = limits->compute;
        }
    }
}

bool fixed_solve(const Cost *c, const int *order, int m, Partition *best)
{
    Objective objective = c->options.objective;
    Arena *arena = arena_new();
    Line line;
    Limits limits;
    Partition found;
    limits_init(c, &limits);
    line_init(&line, arena, c, order, m);
    Space space = {c, &line, line.fits, fit, feasible};
    line_fit(&line, &limits);
    bool ok = line_feasible(&line, &limits, objective == PLAN_PARTITIONS, &found, NULL);
    if (ok) {
        if (objective == PLAN_MEMORY) least_fraction(&space, &limits, &found);
        if (objective == PLAN_PARTITIONS) {
            limits.devices = found.count;
            least_size(&space, &limits, &found);
        }
        if (objective == PLAN_LATENCY)
            least_latency(&space, &line, &limits);
        else
            least_period(&space, &limits, &found);
        ok = line_best(&line, &limits, objective == PLAN_PARTITIONS, best, NULL);
        if (ok) balance(&line, &limits, best);
    }
    arena_free(arena);
    return ok;
}

int fixed_furthest(const Cost *c, const int *order, int m)
{
    Arena *arena = arena_new();
    Line line;
    Limits limits;
    limits_init(c, &limits);
    line_init(&line, arena, c, order, m);
    line_fit(&line, &limits);
    bool all = line_feasible(&line, &limits, false, NULL, NULL);
    int furthest = all ? c->n : line_furthest(&line);
    arena_free(arena);
    return furthest;
}
