/* The best over all orders, by sums compared lexicographically, for what is small enough: every
 * (point, group, position) has its best continuation to the model's end. */
#include "passes/partition/lattice.h"

#include <assert.h>

typedef struct Key {
    int64_t time, devices, speed; /* speed negated */
} Key;

typedef struct Best {
    const Lattice *l;
    const Limits *limits;
    bool devices_first;
    Key *keys; /* [points][groups][n + 1] */
} Best;

static Key *keys_of(const Best *b, int point, int group)
{
    size_t n = (size_t)b->l->cost->n + 1;
    return b->keys + ((size_t)point * (size_t)b->l->groups + (size_t)group) * n;
}

static int compare(const Best *b, const Key *x, const Key *y)
{
    int64_t first = b->devices_first ? x->devices - y->devices : x->time - y->time;
    if (!first) first = b->devices_first ? x->time - y->time : x->devices - y->devices;
    if (!first) first = x->speed - y->speed;
    return first < 0 ? -1 : first > 0;
}

/* The cost of a stage on type t from j to i with what follows; false: it is too slow. */
static bool extend(const Best *b, int t, int link, int j, int i, const Key *after, Key *key)
{
    const Cost *c = b->l->cost;
    int d = b->l->first[t];
    int64_t compute = cost_compute(c, d, j, i), send = i < c->n ? cost_send(c, link, i) : 0;
    int64_t period = c->options.no_overlap ? compute + send : compute > send ? compute : send;
    if (period > b->limits->period) return false;
    *key = (Key){after->time + compute + send, after->devices + 1, after->speed - c->speed[d]};
    return true;
}

static void relax(const Best *b, int t, int link, int i, const Key *after, Key *to)
{
    const Cost *c = b->l->cost;
    const Fit *fit = b->l->fits[b->l->first[t]];
    int more = fit->more_at[i];
    for (int j = i - 1; j >= 0; j--) {
        if (j < fit->first[i]) {
            if (more == fit->more_at[i + 1]) return;
            j = fit->more[more++];
        }
        Key key;
        if (j && !c->allowed[j]) continue;
        if (!extend(b, t, link, j, i, after, &key)) return;
        if (compare(b, &key, &to[j]) < 0) to[j] = key;
    }
}

static void visit(const Best *b, int point, int t)
{
    const Lattice *l = b->l;
    int before = point - l->stride[t];
    Key *to = keys_of(b, point, l->group[t]);
    for (int g = 0; g < (before ? l->groups : 1); g++) {
        const Key *from = keys_of(b, before, g);
        for (int i = 1; i <= l->cost->n; i++) {
            if (from[i].time < TICKS_NEVER) relax(b, t, l->link[t][g], i, &from[i], to);
        }
    }
}

static bool step(const Best *b, int *point, int *group, int *position, int *type)
{
    const Lattice *l = b->l;
    const Key *want = keys_of(b, *point, *group) + *position;
    for (int t = 0; t < l->types; t++) {
        if (l->group[t] != *group || *point / l->stride[t] % (l->count[t] + 1) == 0) continue;
        int before = *point - l->stride[t];
        for (int g = 0; g < (before ? l->groups : 1); g++) {
            const Key *from = keys_of(b, before, g);
            for (int i = *position + 1; i <= l->cost->n; i++) {
                Key key;
                if (from[i].time >= TICKS_NEVER || !fit_has(l->fits[l->first[t]], *position, i) ||
                    !extend(b, t, l->link[t][g], *position, i, &from[i], &key) ||
                    compare(b, &key, want))
                    continue;
                *point = before, *group = g, *position = i, *type = t;
                return true;
            }
        }
    }
    return false;
}

/* A finite key is what extend() made of a key one device before, which is final by then; step() makes
 * it again from the same numbers, so it finds one that is equal. */
static bool trace(const Best *b, int point, int group, Partition *best)
{
    int position = 0, taken[PLAN_DEVICES] = {0};
    best->count = 0;
    for (int type = 0; point && step(b, &point, &group, &position, &type);) {
        best->device[best->count] = b->l->devices[type][taken[type]++];
        best->end[best->count++] = position;
    }
    assert(!point);
    return !point;
}

double lattice_work(const Lattice *l)
{
    const Cost *c = l->cost;
    double pairs = 0;
    for (int t = 0; t < l->types; t++) {
        const Fit *fit = l->fits[l->first[t]];
        pairs += c->n; /* looking at each end */
        for (int i = 1; i <= c->n; i++)
            pairs += i - fit->first[i] + fit->more_at[i + 1] - fit->more_at[i];
    }
    return pairs * l->groups * l->points;
}

int lattice_best(Lattice *l, const Limits *limits, bool devices_first, double work, Partition *best)
{
    const Cost *c = l->cost;
    double states = (double)l->points * l->groups * (c->n + 1);
    if (lattice_work(l) > work || states > 1e7) return -1;
    Arena *arena = arena_new();
    Best b = {l, limits, devices_first, arena_array(arena, (size_t)states, sizeof(Key))};
    const Key never = {TICKS_NEVER, PLAN_DEVICES + 1, 0};
    for (size_t i = 0; i < (size_t)states; i++) b.keys[i] = never;
    keys_of(&b, 0, 0)[c->n] = (Key){0, 0, 0};
    Key least = never;
    int at = -1, group = 0, limit = limits->devices ? limits->devices : PLAN_DEVICES;
    for (int s = 1; s < l->points; s++) {
        if (l->used[s] > limit) continue;
        for (int t = 0; t < l->types; t++) {
            if (s / l->stride[t] % (l->count[t] + 1)) visit(&b, s, t);
        }
        if (c->options.use_all && s != l->points - 1) continue;
        for (int g = 0; g < l->groups; g++) {
            if (compare(&b, &keys_of(&b, s, g)[0], &least) >= 0) continue;
            least = keys_of(&b, s, g)[0];
            at = s;
            group = g;
        }
    }
    bool found = at >= 0 && trace(&b, at, group, best);
    arena_free(arena);
    return found;
}
