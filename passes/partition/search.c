/* Search over orders, for more than the exact algorithm can do: each order is solved exactly
 * (devices may be skipped), and changed by moving or exchanging devices as long as that helps.
 * Deterministic; the number of orders tried depends on the problem's size only. */
#include "passes/partition/fixed.h"
#include "passes/partition/free.h"

#include <string.h>

typedef struct Search {
    const Cost *cost;
    int order[PLAN_DEVICES];
    Partition *best;
    Score score;
    bool found;
    uint64_t seed;
} Search;

static int below(Search *s, int limit)
{
    s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((s->seed >> 33) % (uint64_t)limit);
}

/* Keeps the order when its partition is better. */
static bool try_order(Search *s, const int *order)
{
    const Cost *c = s->cost;
    Partition found;
    if (!fixed_solve(c, order, c->m, &found)) return false;
    Score score = cost_score(c, &found);
    if (s->found && score_compare(c->options.objective, &score, &s->score) >= 0) return false;
    *s->best = found;
    s->score = score;
    s->found = true;
    memcpy(s->order, order, (size_t)c->m * sizeof *order);
    return true;
}

/* By speed or by memory, falling or rising. */
static void start(Search *s, bool memory, bool rising)
{
    const Cost *c = s->cost;
    int order[PLAN_DEVICES];
    for (int d = 0; d < c->m; d++) {
        int at = d;
        for (; at > 0; at--) {
            int64_t a = memory ? c->cap[order[at - 1]] : c->speed[order[at - 1]];
            int64_t b = memory ? c->cap[d] : c->speed[d];
            if (rising ? a <= b : a >= b) break;
            order[at] = order[at - 1];
        }
        order[at] = d;
    }
    try_order(s, order);
}

static void change(Search *s, int *order)
{
    int m = s->cost->m, from = below(s, m), to = below(s, m), device = order[from];
    if (below(s, 2)) {
        order[from] = order[to];
        order[to] = device;
        return;
    }
    memmove(order + from, order + from + 1, (size_t)(m - from - 1) * sizeof *order);
    memmove(order + to + 1, order + to, (size_t)(m - to - 1) * sizeof *order);
    order[to] = device;
}

bool search_solve(const Cost *c, Partition *best)
{
    Search s = {.cost = c, .best = best, .seed = 1};
    bool used[PLAN_DEVICES] = {false};
    int order[PLAN_DEVICES], count = 0;
    for (int k = 0; k < best->count; k++) {
        order[count++] = best->device[k];
        used[best->device[k]] = true;
    }
    for (int d = 0; d < c->m; d++) {
        if (!used[d]) order[count++] = d;
    }
    memcpy(s.order, order, sizeof order);
    if (best->count) {
        s.found = true;
        s.score = cost_score(c, best);
    }
    try_order(&s, order);
    for (int k = 0; k < 4; k++) start(&s, k & 1, k & 2);
    double work = (double)c->n * c->m * c->m * 100;
    int tries = work < 4e9 / 2000 ? 2000 : (int)(4e9 / work) + 20;
    for (int k = 0; k < tries && c->m > 1; k++) {
        memcpy(order, s.order, sizeof order);
        for (int more = 1 + below(&s, 3); more > 0; more--) change(&s, order);
        try_order(&s, order);
    }
    return s.found;
}
