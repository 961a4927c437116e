/* Free order: every objective by the lattice of types; exact for 16 distinct devices, or for more
 * where some are alike.
 *
 * Maxima are made least over the lattice. The sums that ties go by, and latency itself, take a
 * state for every layer too; where that is too much, ties are resolved within the order that was
 * found. */
#include "passes/partition/free.h"

#include "passes/partition/lattice.h"
#include "passes/partition/maxima.h"

static const double most_work = 4e8, most_keep_all = 3e7;

static void fit(void *self, const Limits *limits)
{
    lattice_fit(self, limits);
}

static bool feasible(void *self, const Limits *limits, bool fewest, Partition *found, int64_t *next)
{
    return lattice_feasible(self, limits, fewest, found, next);
}

/* Latency first; among the best of these the least period. -1: too much work. */
static int least_latency(const Space *space, Lattice *l, Limits *limits)
{
    Partition found;
    limits->period = TICKS_NEVER;
    int code = lattice_best(l, limits, false, most_work, &found);
    if (code < 1) return code;
    Score best = cost_score(l->cost, &found);
    int64_t hi = best.period;
    least_period(space, limits, &found);
    int64_t lo = limits->period - 1;
    limits->period = lo + 1;
    while (lo + 1 < hi) {
        bool ok = lattice_best(l, limits, false, most_work, &found) == 1;
        Score score = ok ? cost_score(l->cost, &found) : best;
        if (ok && score.latency == best.latency)
            hi = score.period;
        else
            lo = limits->period;
        limits->period = lo + (hi - lo) / 2;
    }
    limits->period = hi;
    return 1;
}

/* The best within the limits that keeps the found order. */
static void polish(const Cost *c, const Limits *limits, const Partition *found, Partition *best)
{
    Arena *arena = arena_new();
    Line line;
    line_init(&line, arena, c, found->device, found->count);
    line_fit(&line, limits);
    if (!line_best(&line, limits, c->options.objective == PLAN_PARTITIONS, best, NULL))
        *best = *found;
    arena_free(arena);
}

static FreeResult solve(const Cost *c, Arena *arena, Partition *best, bool *ties)
{
    Objective objective = c->options.objective;
    Lattice lattice;
    Limits limits;
    Partition found;
    limits_init(c, &limits);
    if (!lattice_init(&lattice, arena, c)) return FREE_TOO_MUCH;
    Space space = {c, &lattice, lattice.fits, fit, feasible};
    lattice_fit(&lattice, &limits);
    if (lattice.keep_all && lattice_work(&lattice) > most_keep_all) return FREE_TOO_MUCH;
    if (!lattice_feasible(&lattice, &limits, objective == PLAN_PARTITIONS, &found, NULL))
        return FREE_NONE;
    if (objective == PLAN_LATENCY) {
        if (least_latency(&space, &lattice, &limits) < 0) return FREE_TOO_MUCH;
    } else {
        if (objective == PLAN_MEMORY) least_fraction(&space, &limits, &found);
        if (objective == PLAN_PARTITIONS) {
            limits.devices = found.count;
            least_size(&space, &limits, &found);
        }
        least_period(&space, &limits, &found);
    }
    *ties = lattice_best(&lattice, &limits, objective == PLAN_PARTITIONS, most_work, best) == 1;
    if (!*ties) polish(c, &limits, &found, best);
    return FREE_EXACT;
}

FreeResult free_solve(const Cost *c, Partition *best, bool *ties)
{
    Arena *arena = arena_new();
    *ties = false;
    FreeResult result = solve(c, arena, best, ties);
    arena_free(arena);
    return result;
}
