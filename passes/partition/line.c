/* Reachability along a row of devices: which layers can a stage on the p-th device start with?
 *
 * For one period T and given capacities this takes O(layers) per device: the first layers from
 * which a stage is fast enough are a window whose lower end only moves up, those from which it fits
 * are a Fit, and "is anything reachable in there" is answered by the last reachable layer seen. */
#include "passes/partition/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = 255 };

typedef struct SizedCut {
    int64_t bytes;
    int at;
} SizedCut;

static int compare_cuts(const void *a, const void *b)
{
    const SizedCut *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return x->at - y->at;
}

static void init_cuts(Line *l)
{
    const Cost *c = l->cost;
    SizedCut *sorted = arena_array(l->arena, (size_t)c->n + 1, sizeof *sorted);
    for (int i = 1; i < c->n; i++) {
        if (c->allowed[i]) sorted[l->cut_count++] = (SizedCut){c->cut[i], i};
    }
    qsort(sorted, (size_t)l->cut_count, sizeof *sorted, compare_cuts);
    for (int k = 0; k < l->cut_count; k++) {
        l->cuts[k] = sorted[k].at;
        l->rank[sorted[k].at] = k;
    }
}

static void init_groups(Line *l, int p)
{
    const Cost *c = l->cost;
    l->groups[p] = arena_array(l->arena, (size_t)l->m, sizeof *l->groups[p]);
    for (int q = p + 1; q < l->m; q++) {
        if (c->options.use_all && q > p + 1) break;
        int link = c->link[l->order[p]][l->order[q]], g = 0;
        while (g < l->group_count[p] && l->groups[p][g].link != link) g++;
        LinkGroup *group = &l->groups[p][g];
        if (g == l->group_count[p]) {
            l->group_count[p]++;
            group->link = link;
        }
        arena_push(l->arena, group->members, group->member_count) = q;
        group->all_later = group->member_count == l->m - 1 - p;
    }
}

void line_init(Line *l, Arena *arena, const Cost *c, const int *order, int m)
{
    *l = (Line){.cost = c, .arena = arena, .m = m};
    memcpy(l->order, order, (size_t)m * sizeof *order);
    size_t room = (size_t)c->n + 1;
    l->cuts = arena_array(arena, room, sizeof *l->cuts);
    l->rank = arena_array(arena, room, sizeof *l->rank);
    init_cuts(l);
    for (int p = 0; p < m; p++) init_groups(l, p);
    l->reach = arena_array(arena, room * (size_t)m, 1);
    l->done = arena_array(arena, room, 1);
    l->common = arena_array(arena, room, 1);
}

void line_fit(Line *l, const Limits *limits)
{
    fit_devices(l->cost, limits->capacity, l->store, l->fits);
}

static uint8_t *row(const Line *l, int p)
{
    return l->reach + (size_t)p * ((size_t)l->cost->n + 1);
}

static void lower(int64_t *next, int64_t value)
{
    if (value < *next) *next = value;
}

/* done[end]: fewest stages when one on the p-th device ends there. With a link (no overlap) the
 * send counts into its period; link < 0: without. */
static void complete(Line *l, int p, int link, const Limits *limits, bool counting, int64_t *next)
{
    const Cost *c = l->cost;
    const int64_t *prefix = c->prefix[l->order[p]];
    const Fit *fit = l->fits[l->order[p]];
    const uint8_t *start = row(l, p);
    int last[PLAN_DEVICES + 2], lo = 0, most = counting ? p + 1 : 1;
    int limit = limits->devices ? limits->devices : PLAN_DEVICES;
    for (int v = 0; v < most; v++) last[v] = -1;
    memset(l->done, NONE, (size_t)c->n + 1);
    for (int i = 1; i <= c->n; i++) {
        if (start[i - 1] != NONE) last[start[i - 1]] = i - 1;
        if (!c->allowed[i]) continue;
        int64_t send = link >= 0 && i < c->n ? cost_send(c, link, i) : 0;
        int64_t time = limits->period - send;
        if (time > limits->compute) time = limits->compute;
        while (lo < i && prefix[i] - prefix[lo] > time) lo++;
        while (lo > 0 && prefix[i] - prefix[lo - 1] <= time) lo--;
        if (lo > 0) lower(next, prefix[i] - prefix[lo - 1] + send);
        int from = lo > fit->first[i] ? lo : fit->first[i], best = NONE;
        for (int v = 0; v < most && best == NONE; v++) {
            if (last[v] >= from && last[v] >= 0) best = v;
        }
        for (int k = fit->more_at[i]; k < fit->more_at[i + 1] && fit->more[k] >= lo; k++) {
            if (start[fit->more[k]] < best) best = start[fit->more[k]];
        }
        if (best != NONE && best + counting <= limit) l->done[i] = (uint8_t)(best + counting);
    }
}

/* How many of the cuts, by bytes, can be sent over the link in time. */
static int sendable(const Line *l, int link, int64_t period, int64_t *next)
{
    int lo = 0, hi = l->cut_count;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (cost_send(l->cost, link, l->cuts[mid]) <= period)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < l->cut_count) lower(next, cost_send(l->cost, link, l->cuts[lo]));
    return lo;
}

static void push(Line *l, int p, const LinkGroup *group, const Limits *limits, bool counting,
                 int64_t *next)
{
    const Cost *c = l->cost;
    int most = l->cut_count;
    if (c->options.no_overlap)
        complete(l, p, group->link, limits, counting, next);
    else
        most = sendable(l, group->link, limits->period, next);
    for (int g = 0; g < (group->all_later ? 1 : group->member_count); g++) {
        uint8_t *to = group->all_later ? l->common : row(l, group->members[g]);
        const uint8_t *done = l->done;
        const int *rank = l->rank;
        for (int i = 1; i < c->n; i++) {
            uint8_t value = rank[i] < most ? done[i] : NONE;
            to[i] = value < to[i] ? value : to[i];
        }
    }
}

static void add_common(Line *l, int p)
{
    uint8_t *to = row(l, p);
    for (int i = 1; i < l->cost->n; i++) to[i] = l->common[i] < to[i] ? l->common[i] : to[i];
}

/* The first layer of a stage on the p-th device that ends at `end` and sends over `link` (< 0: to
 * nobody), with `stages` before it; -1 when there is none. */
static int trace_stage(const Line *l, int p, int end, int link, int stages, const Limits *limits)
{
    const Cost *c = l->cost;
    int d = l->order[p];
    const uint8_t *start = row(l, p);
    int64_t send = link >= 0 ? cost_send(c, link, end) : 0, time = limits->period;
    if (c->options.no_overlap) time -= send;
    if (time > limits->compute) time = limits->compute;
    if (send > limits->period) return -1;
    for (int j = end - 1; j >= 0 && cost_compute(c, d, j, end) <= time; j--) {
        if (start[j] == stages && fit_has(l->fits[d], j, end)) return j;
    }
    return -1;
}

static bool trace(const Line *l, int p, int stages, const Limits *limits, bool counting,
                  Partition *found)
{
    int ends[PLAN_DEVICES], devices[PLAN_DEVICES], count = 0, end = l->cost->n, link = -1;
    for (;;) {
        int first = trace_stage(l, p, end, link, stages - counting, limits);
        if (first < 0) return false;
        ends[count] = end;
        devices[count++] = p;
        if (first == 0) break;
        stages -= counting;
        end = first;
        int q = p - 1;
        for (; q >= 0; q--) {
            link = l->cost->link[l->order[q]][l->order[p]];
            if (trace_stage(l, q, end, link, stages - counting, limits) >= 0) break;
            if (l->cost->options.use_all) return false;
        }
        if (q < 0) return false;
        p = q;
    }
    found->count = count;
    for (int s = 0; s < count; s++) {
        found->device[s] = l->order[devices[count - 1 - s]];
        found->end[s] = ends[count - 1 - s];
    }
    return true;
}

bool line_feasible(Line *l, const Limits *limits, bool counting, Partition *found, int64_t *next)
{
    const Cost *c = l->cost;
    int best = NONE, best_at = -1;
    int64_t unused;
    if (!next) next = &unused;
    *next = INT64_MAX;
    memset(l->reach, NONE, ((size_t)c->n + 1) * (size_t)l->m);
    memset(l->common, NONE, (size_t)c->n + 1);
    for (int p = 0; p < l->m; p++) {
        if (p == 0 || !c->options.use_all) row(l, p)[0] = 0;
        add_common(l, p);
        complete(l, p, -1, limits, counting, next);
        if (l->done[c->n] < best && (p == l->m - 1 || !c->options.use_all)) {
            best = l->done[c->n];
            best_at = p;
        }
        for (int g = 0; g < l->group_count[p]; g++)
            push(l, p, &l->groups[p][g], limits, counting, next);
    }
    if (best == NONE) return false;
    if (!found) return true;
    /* A device's row is final once its turn has come: later devices write to later rows only. Each
     * value in it came over the one link between two devices from a start that complete() found
     * in time and fitting, and trace() asks for the same. */
    bool traced = trace(l, best_at, best, limits, counting, found);
    assert(traced);
    return traced;
}

int line_furthest(const Line *l)
{
    int furthest = 0;
    for (int p = 0; p < l->m; p++) {
        for (int i = l->cost->n; i > furthest; i--) {
            if (row(l, p)[i] != NONE) furthest = i;
        }
    }
    return furthest;
}
