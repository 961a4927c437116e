/* Reachability over all orders of the devices.
 *
 * From the end of the model backward: a point of the lattice says how many devices of each type run
 * the layers from a position on. Of several positions for one point the earliest is best, unless
 * its cut is wider: then a stage before it needs larger queues or a longer send. Position a makes a
 * later one b superfluous when whatever can precede b can precede a, with the stages between them
 * left out: for that, no cut from a to b may be cheaper than the one at a (covers[a] is the first
 * that is). So a point keeps a front of positions none of which another one covers. Where types are
 * linked unlike, fronts are kept apart by the group of the type that runs the first of the layers,
 * and only cuts that all links can send in time cover others.
 *
 * A quick pass keeps the earliest position only. What it finds is there; what it does not find is
 * not, when wider cuts never lie earlier; else the full pass decides.
 *
 * When every device has to be used, an earlier position is no longer better (too few layers may be
 * left); then, as when sends over unlike links add to the period, all positions are kept; free.c
 * leaves to the search what is too large for that. */
#include "passes/partition/lattice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Would nothing change if the two devices were exchanged? */
static bool alike(const Cost *c, int a, int b)
{
    if (c->prefix[a] != c->prefix[b] || c->cap[a] != c->cap[b] || c->base[a] != c->base[b] ||
        c->needs[a] != c->needs[b] || c->speed[a] != c->speed[b] || c->link[a][b] != c->link[b][a])
        return false;
    for (int d = 0; d < c->m; d++) {
        if (d == a || d == b) continue;
        if (c->link[a][d] != c->link[b][d] || c->link[d][a] != c->link[d][b]) return false;
    }
    return true;
}

static void find_types(Lattice *l)
{
    const Cost *c = l->cost;
    for (int d = 0; d < c->m; d++) {
        int t = 0;
        while (t < l->types && !alike(c, l->first[t], d)) t++;
        if (t == l->types) l->first[l->types++] = d;
        arena_push(l->arena, l->devices[t], l->count[t]) = d;
    }
}

static int type_link(const Lattice *l, int from, int to)
{
    int a = l->first[from], b = l->first[to];
    if (a == b && l->count[from] > 1) b = l->devices[from][1];
    return l->cost->link[a][b];
}

/* The link of a lone device to itself is never used and must not tell groups apart. */
static bool same_group(const Lattice *l, int a, int b)
{
    for (int t = 0; t < l->types; t++) {
        if ((t == a || t == b) && l->count[t] == 1) continue;
        if (type_link(l, t, a) != type_link(l, t, b)) return false;
    }
    return true;
}

static void find_groups(Lattice *l)
{
    int leader[PLAN_DEVICES];
    for (int t = 0; t < l->types; t++) {
        int g = 0;
        for (; g < l->groups; g++) {
            bool same = true;
            for (int u = 0; u < t && same; u++) same = l->group[u] != g || same_group(l, u, t);
            if (same) break;
        }
        if (g == l->groups) leader[l->groups++] = t;
        l->group[t] = g;
    }
    for (int g = 0; g < l->groups; g++) {
        for (int t = 0; t < l->types; t++) {
            int to = leader[g];
            for (int u = 0; u < l->types && to == t && l->count[t] == 1; u++) {
                if (l->group[u] == g && u != t) to = u;
            }
            l->link[t][g] = type_link(l, t, to);
        }
    }
}

void lattice_fit(Lattice *l, const Limits *limits)
{
    fit_devices(l->cost, limits->capacity, l->store, l->fits);
}

static void lower(int64_t *next, int64_t value)
{
    if (value < *next) *next = value;
}

static void prepare_windows(Lattice *l, int64_t *next)
{
    const Cost *c = l->cost;
    for (int t = 0; t < l->types; t++) {
        const int64_t *prefix = c->prefix[l->first[t]];
        int lo = 0;
        for (int i = 1; i <= c->n; i++) {
            while (lo < i && prefix[i] - prefix[lo] > l->limits->period) lo++;
            if (lo > 0 && c->allowed[i]) lower(next, prefix[i] - prefix[lo - 1]);
            l->lo[t][i] = lo;
        }
    }
}

/* Which cuts can be sent in time, and to whom. */
static void prepare_sends(Lattice *l, int64_t *next)
{
    const Cost *c = l->cost;
    int64_t period = l->limits->period, hard = INT64_MAX;
    for (int g = 0; g < l->groups; g++) memset(l->sent_to[g], 0, (size_t)c->n + 1);
    for (int k = 0; k < c->link_count; k++) {
        for (int i = 1; i < c->n; i++) {
            if (!c->allowed[i]) continue;
            int64_t send = cost_send(c, k, i);
            if (send > period) {
                lower(next, send);
                if (c->cut[i] < hard) hard = c->cut[i];
                continue;
            }
            for (int g = 0; g < l->groups; g++) {
                for (int t = 0; t < l->types && !l->sent_to[g][i]; t++)
                    l->sent_to[g][i] = l->link[t][g] == k;
            }
        }
    }
    l->easy = c->options.no_overlap ? -1 : hard - 1;
    for (int g = 0; g < l->groups; g++) l->sent_to[g][0] = true;
}

/* What the end of a stage at `at` adds to it, beside what only grows with the stage. */
static int64_t load(const Cost *c, int kind, int at)
{
    return c->kinds[kind]->fixed[at] + c->options.queue * c->cut[at];
}

static bool loads_as_much(const Cost *c, int at, int as)
{
    for (int k = 0; k < c->kind_count; k++) {
        if (load(c, k, at) < load(c, k, as)) return false;
    }
    return true;
}

static void init_covers(Lattice *l)
{
    const Cost *c = l->cost;
    l->covers = arena_array(l->arena, (size_t)c->n + 1, sizeof *l->covers);
    l->keep_all = c->options.use_all || (c->options.no_overlap && l->groups > 1);
    for (int i = c->n - 1; i >= 0; i--) {
        int x = i + 1;
        if (i == 0) x = c->n;
        while (x < c->n && (!c->allowed[x] || (loads_as_much(c, x, i) &&
                                               (!c->options.no_overlap || c->cut[x] >= c->cut[i]))))
            x = c->allowed[x] ? l->covers[x] : x + 1;
        l->covers[i] = x;
    }
}

/* The first position that a does not make superfluous. */
static int covered_until(const Lattice *l, int a)
{
    if (l->keep_all || (a && l->groups > 1 && l->cost->cut[a] > l->easy)) return a + 1;
    return l->covers[a];
}

bool lattice_init(Lattice *l, Arena *arena, const Cost *c)
{
    *l = (Lattice){.cost = c, .arena = arena};
    find_types(l);
    find_groups(l);
    l->points = 1;
    for (int t = 0; t < l->types; t++) {
        l->stride[t] = l->points;
        if (l->points > LATTICE_MOST / (l->count[t] + 1)) return false;
        l->points *= l->count[t] + 1;
    }
    size_t n = (size_t)c->n + 1, groups = (size_t)l->groups;
    l->used = arena_array(arena, (size_t)l->points, 1);
    for (int s = 0; s < l->points; s++) {
        for (int t = 0; t < l->types; t++)
            l->used[s] = (uint8_t)(l->used[s] + s / l->stride[t] % (l->count[t] + 1));
    }
    for (int t = 0; t < l->types; t++) l->lo[t] = arena_array(arena, n, sizeof **l->lo);
    for (int g = 0; g < l->groups; g++) l->sent_to[g] = arena_array(arena, n, sizeof **l->sent_to);
    l->fronts = arena_array(arena, (size_t)l->points * groups, sizeof *l->fronts);
    l->starts = arena_array(arena, (size_t)l->types * groups, sizeof *l->starts);
    for (size_t k = 0; k < (size_t)l->types * groups; k++) {
        l->starts[k].at = arena_array(arena, n, sizeof *l->starts[k].at);
        l->starts[k].count = arena_array(arena, n, sizeof *l->starts[k].count);
    }
    init_covers(l);
    return true;
}

static void pool_push(Lattice *l, int value)
{
    if (l->pool_count == l->pool_room) {
        size_t room = l->pool_room ? l->pool_room * 2 : 4096;
        l->pool = arena_grow(l->arena, l->pool, l->pool_room, room, sizeof *l->pool);
        l->pool_room = room;
    }
    l->pool[l->pool_count++] = value;
}

static int first_in_time(const Lattice *l, int t, int link, int i, int64_t *next)
{
    const Cost *c = l->cost;
    if (!c->options.no_overlap || i == c->n) return l->lo[t][i];
    const int64_t *prefix = c->prefix[l->first[t]];
    int64_t send = cost_send(c, link, i), time = l->limits->period - send;
    int lo = l->lo[t][i];
    while (lo < i && prefix[i] - prefix[lo] > time) lo++;
    if (lo > 0) lower(next, prefix[i] - prefix[lo - 1] + send);
    return lo;
}

/* The starts of stages on type t that end at i and send to group g. */
static const int *starts(Lattice *l, int t, int g, int i, int *count, int64_t *next)
{
    const Cost *c = l->cost;
    Starts *made = &l->starts[t * l->groups + (c->options.no_overlap ? g : 0)];
    if (made->at[i] >= 0) {
        *count = made->count[i];
        return l->pool + made->at[i];
    }
    const Fit *fit = l->fits[l->first[t]];
    const bool *sent = l->sent_to[l->group[t]];
    int lo = first_in_time(l, t, l->link[t][g], i, next);
    size_t at = l->pool_count;
    int next_j = 0;
    for (int k = fit->more_at[i + 1] - 1; k >= fit->more_at[i]; k--) {
        int j = fit->more[k];
        if (j < lo || j < next_j || !sent[j]) continue;
        pool_push(l, j);
        next_j = l->single ? i : covered_until(l, j);
    }
    if (next_j < lo) next_j = lo;
    if (next_j < fit->first[i]) next_j = fit->first[i];
    for (int j = next_j; j < i;) {
        if (sent[j]) pool_push(l, j);
        j = !sent[j] ? j + 1 : l->single ? i : covered_until(l, j);
    }
    made->at[i] = (int)at;
    made->count[i] = *count = (int)(l->pool_count - at);
    return l->pool + at;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void sort(int *values, size_t count)
{
    if (count > 32) {
        qsort(values, count, sizeof *values, compare_ints);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        int value = values[i];
        size_t k = i;
        for (; k > 0 && values[k - 1] > value; k--) values[k] = values[k - 1];
        values[k] = value;
    }
}

static size_t gather(Lattice *l, int point, int t, size_t count, int64_t *next)
{
    int before = point - l->stride[t];
    for (int g = 0; g < (before ? l->groups : 1); g++) {
        Front front = l->fronts[before * l->groups + g];
        for (int k = 0; k < front.count; k++) {
            int i = l->pool[front.at + k], n;
            if (before && cost_send(l->cost, l->link[t][g], i) > l->limits->period) continue;
            const int *list = starts(l, t, g, i, &n, next);
            if (count + (size_t)n > l->buffer_room) {
                size_t room = (count + (size_t)n) * 2;
                l->buffer = arena_grow(l->arena, l->buffer, count, room, sizeof *l->buffer);
                l->buffer_room = room;
            }
            for (int x = 0; x < n; x++) l->buffer[count++] = list[x];
        }
    }
    return count;
}

/* Fills the fronts of a point; true when the first layer is reached. */
static bool visit(Lattice *l, int point, int64_t *next)
{
    bool reached = false;
    for (int g = 0; g < l->groups; g++) {
        size_t count = 0;
        for (int t = 0; t < l->types; t++) {
            if (l->group[t] != g || point / l->stride[t] % (l->count[t] + 1) == 0) continue;
            count = gather(l, point, t, count, next);
        }
        sort(l->buffer, count);
        size_t at = l->pool_count;
        int next_j = 0;
        for (size_t k = 0; k < count && !(k && l->single); k++) {
            if (l->buffer[k] < next_j) continue;
            pool_push(l, l->buffer[k]);
            next_j = covered_until(l, l->buffer[k]);
        }
        l->fronts[point * l->groups + g] = (Front){(int)at, (int)(l->pool_count - at)};
        reached = reached || (l->pool_count > at && l->pool[at] == 0);
    }
    return reached;
}

/* The stage on type t before (point, group, i) that starts at `first`: is it allowed? */
static bool leads(const Lattice *l, int t, int point, int g, int i, int first)
{
    const Cost *c = l->cost;
    int d = l->first[t];
    int64_t send = point ? cost_send(c, l->link[t][g], i) : 0;
    int64_t compute = cost_compute(c, d, first, i);
    if (c->options.no_overlap) compute += send;
    return send <= l->limits->period && compute <= l->limits->period &&
           fit_has(l->fits[d], first, i);
}

/* One step back from (point, group, position): sets them and the type. */
static bool step(const Lattice *l, int *point, int *group, int *position, int *type)
{
    for (int t = 0; t < l->types; t++) {
        if (l->group[t] != *group || *point / l->stride[t] % (l->count[t] + 1) == 0) continue;
        int before = *point - l->stride[t];
        for (int g = 0; g < (before ? l->groups : 1); g++) {
            Front front = l->fronts[before * l->groups + g];
            for (int k = 0; k < front.count; k++) {
                int i = l->pool[front.at + k];
                if (i <= *position || !leads(l, t, before, g, i, *position)) continue;
                *point = before, *group = g, *position = i, *type = t;
                return true;
            }
        }
    }
    return false;
}

/* Each position in a front was gathered from a front of a point one device before, which is final by
 * then, with a send and a start in time and fitting; leads() asks for the same. So step() finds it. */
static bool trace(const Lattice *l, int point, Partition *found)
{
    int group = 0, position = 0, taken[PLAN_DEVICES] = {0};
    while (group < l->groups) {
        Front front = l->fronts[point * l->groups + group];
        if (front.count && l->pool[front.at] == 0) break;
        group++;
    }
    found->count = 0;
    for (int type = 0; point && step(l, &point, &group, &position, &type);) {
        found->device[found->count] = l->devices[type][taken[type]++];
        found->end[found->count++] = position;
    }
    assert(!point);
    return !point;
}

static int pass(Lattice *l, bool fewest, int64_t *next)
{
    const Cost *c = l->cost;
    int best = -1, limit = l->limits->devices ? l->limits->devices : PLAN_DEVICES;
    l->pool_count = 0;
    for (int k = 0; k < l->types * l->groups; k++)
        memset(l->starts[k].at, -1, ((size_t)c->n + 1) * sizeof *l->starts[k].at);
    memset(l->fronts, 0, (size_t)l->points * (size_t)l->groups * sizeof *l->fronts);
    pool_push(l, c->n);
    l->fronts[0] = (Front){0, 1};
    for (int s = 1; s < l->points; s++) {
        if (l->used[s] > limit || (best >= 0 && l->used[s] >= l->used[best])) continue;
        if (!visit(l, s, next) || (c->options.use_all && s != l->points - 1)) continue;
        best = s;
        if (!fewest) break;
    }
    return best;
}

/* Does an earlier position always need as little as a later one? */
static bool monotone(const Lattice *l)
{
    const Cost *c = l->cost;
    if (l->groups > 1 || c->options.no_overlap) return false;
    for (int i = 1, before = 0; i < c->n; i++) {
        if (!l->sent_to[0][i]) continue;
        if (before && !loads_as_much(c, i, before)) return false;
        before = i;
    }
    return true;
}

/* With links that differ between the types, the furthest position is a guess and no more. */
bool lattice_feasible(Lattice *l, const Limits *limits, bool fewest, Partition *found,
                      int64_t *next)
{
    int64_t unused;
    if (!next) next = &unused;
    *next = INT64_MAX;
    l->limits = limits;
    prepare_windows(l, next);
    prepare_sends(l, next);
    bool enough = !l->keep_all && monotone(l);
    l->single = true;
    int at = enough || !(fewest || l->keep_all) ? pass(l, fewest, next) : -1;
    if (at < 0 && !enough) {
        l->single = false;
        at = pass(l, fewest, next);
    }
    if (at < 0) return false;
    return !found || trace(l, at, found);
}
