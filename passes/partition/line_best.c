/* The best path along a row of devices, by sums compared lexicographically.
 *
 * best[p][i]: the least (latency, devices, -speed) of stages before one on the p-th device that
 * starts with layer i. A stage from j to i costs prefix[i] - prefix[j], so that the best j is the
 * least of best[p][j] - prefix[j] over a range, which a sparse table answers at once; the few first
 * layers outside of it that fit as well are looked at one by one. */
#include "passes/partition/line.h"

#include <stdlib.h>
#include <string.h>

typedef struct Key {
    int64_t time;
    int64_t devices;
    int64_t speed; /* negated */
} Key;

typedef struct From {
    int position, end; /* the stage before: which, and where it starts */
} From;

typedef struct Best {
    Line *l;
    bool devices_first;
    const Limits *limits;
    int64_t next; /* periods up to before that change nothing */
    Key *keys;    /* [m + 1][n + 1]; the last row is common to all positions still to come */
    From *from;
    int *table; /* [levels][n] */
    Key *value; /* [n] key - prefix */
    Key *done;  /* [n + 1] */
    int *arg;   /* [n + 1] where the stage that ends there starts, -1: none */
} Best;

static bool less(const Best *b, const Key *x, const Key *y)
{
    if (b->devices_first) {
        if (x->devices != y->devices) return x->devices < y->devices;
        if (x->time != y->time) return x->time < y->time;
    } else {
        if (x->time != y->time) return x->time < y->time;
        if (x->devices != y->devices) return x->devices < y->devices;
    }
    return x->speed < y->speed;
}

static int better(const Best *b, int x, int y)
{
    return less(b, &b->value[y], &b->value[x]) ? y : x;
}

static void build_table(Best *b, int p)
{
    const Cost *c = b->l->cost;
    const int64_t *prefix = c->prefix[b->l->order[p]];
    const Key *keys = b->keys + (size_t)p * ((size_t)c->n + 1);
    for (int i = 0; i < c->n; i++) {
        b->table[i] = i;
        b->value[i] = keys[i];
        if (keys[i].time < TICKS_NEVER) b->value[i].time -= prefix[i];
    }
    const Fit *fit = b->l->fits[b->l->order[p]];
    int *below = b->table, longest = 1; /* range that is asked for */
    for (int i = 1; i <= c->n; i++) {
        if (i - fit->first[i] > longest) longest = i - fit->first[i];
    }
    for (int length = 2; length <= longest; length *= 2) {
        int *level = below + c->n;
        for (int i = 0; i + length <= c->n; i++)
            level[i] = better(b, below[i], below[i + length / 2]);
        below = level;
    }
}

static int query(const Best *b, int from, int end)
{
    int length = end - from, level = 31 - __builtin_clz((unsigned)length);
    const int *row = b->table + (size_t)level * (size_t)b->l->cost->n;
    return better(b, row[from], row[end - (1 << level)]);
}

/* done and arg for stages on the p-th device that send over link (-1: no send in the period). */
static void complete(Best *b, int p, int link)
{
    const Line *l = b->l;
    const Cost *c = l->cost;
    int d = l->order[p], lo = 0;
    const int64_t *prefix = c->prefix[d];
    const Fit *fit = l->fits[d];
    for (int i = 1; i <= c->n; i++) {
        b->arg[i] = -1;
        if (!c->allowed[i]) continue;
        int64_t send = link >= 0 && i < c->n ? cost_send(c, link, i) : 0;
        int64_t time = b->limits->period - send;
        if (time > b->limits->compute) time = b->limits->compute;
        while (lo < i && prefix[i] - prefix[lo] > time) lo++;
        while (lo > 0 && prefix[i] - prefix[lo - 1] <= time) lo--;
        if (lo > 0 && prefix[i] - prefix[lo - 1] + send < b->next)
            b->next = prefix[i] - prefix[lo - 1] + send;
        int from = lo > fit->first[i] ? lo : fit->first[i], best = -1;
        if (from < i) best = query(b, from, i);
        for (int k = fit->more_at[i]; k < fit->more_at[i + 1] && fit->more[k] >= lo; k++)
            best = best < 0 ? fit->more[k] : better(b, best, fit->more[k]);
        if (best < 0 || b->value[best].time >= TICKS_NEVER / 2) continue;
        b->arg[i] = best;
        b->done[i] = (Key){b->value[best].time + prefix[i], b->value[best].devices + 1,
                           b->value[best].speed - c->speed[d]};
    }
}

static void push(Best *b, int p, const LinkGroup *group)
{
    const Line *l = b->l;
    const Cost *c = l->cost;
    if (c->options.no_overlap) complete(b, p, group->link);
    for (int i = 1; i < c->n; i++) {
        if (b->arg[i] < 0) continue;
        int64_t send = cost_send(c, group->link, i);
        if (send > b->limits->period) {
            if (send < b->next) b->next = send;
            continue;
        }
        Key key = b->done[i];
        key.time += send;
        for (int g = 0; g < (group->all_later ? 1 : group->member_count); g++) {
            int to = group->all_later ? l->m : group->members[g];
            size_t at = (size_t)to * ((size_t)c->n + 1) + (size_t)i;
            if (!less(b, &key, &b->keys[at])) continue;
            b->keys[at] = key;
            b->from[at] = (From){p, b->arg[i]};
        }
    }
}

static void add_common(Best *b, int p)
{
    size_t n = (size_t)b->l->cost->n + 1, to = (size_t)p * n, from = (size_t)b->l->m * n;
    for (size_t i = 1; i < n; i++) {
        if (!less(b, &b->keys[from + i], &b->keys[to + i])) continue;
        b->keys[to + i] = b->keys[from + i];
        b->from[to + i] = b->from[from + i];
    }
}

static void trace(const Best *b, int p, int first, Partition *best)
{
    const Cost *c = b->l->cost;
    int ends[PLAN_DEVICES], positions[PLAN_DEVICES], count = 0, end = c->n;
    for (;;) {
        ends[count] = end;
        positions[count++] = p;
        if (first == 0) break;
        From from = b->from[(size_t)p * ((size_t)c->n + 1) + (size_t)first];
        end = first;
        p = from.position;
        first = from.end;
    }
    best->count = count;
    for (int s = 0; s < count; s++) {
        best->device[s] = b->l->order[positions[count - 1 - s]];
        best->end[s] = ends[count - 1 - s];
    }
}

bool line_best(Line *l, const Limits *limits, bool devices_first, Partition *best, int64_t *next)
{
    const Cost *c = l->cost;
    Arena *arena = arena_new();
    Best b = {.l = l, .devices_first = devices_first, .limits = limits, .next = INT64_MAX};
    size_t n = (size_t)c->n, levels = 1, m = (size_t)l->m;
    while (((size_t)1 << levels) <= n) levels++;
    b.keys = arena_array(arena, (m + 1) * (n + 1), sizeof *b.keys);
    b.from = arena_array(arena, (m + 1) * (n + 1), sizeof *b.from);
    b.table = arena_array(arena, levels * n, sizeof *b.table);
    b.value = arena_array(arena, n, sizeof *b.value);
    b.done = arena_array(arena, n + 1, sizeof *b.done);
    b.arg = arena_array(arena, n + 1, sizeof *b.arg);
    const Key never = {TICKS_NEVER, PLAN_DEVICES + 1, 0};
    for (size_t i = 0; i < (m + 1) * (n + 1); i++) b.keys[i] = never;
    Key least = never;
    int last = -1, last_first = 0;
    for (int p = 0; p < l->m; p++) {
        if (p == 0 || !c->options.use_all) b.keys[(size_t)p * (n + 1)] = (Key){0, 0, 0};
        add_common(&b, p);
        build_table(&b, p);
        complete(&b, p, -1);
        if (b.arg[n] >= 0 && (p == l->m - 1 || !c->options.use_all) &&
            less(&b, &b.done[n], &least)) {
            least = b.done[n];
            last = p;
            last_first = b.arg[n];
        }
        for (int g = 0; g < l->group_count[p]; g++) push(&b, p, &l->groups[p][g]);
    }
    if (last >= 0) trace(&b, last, last_first, best);
    if (next) *next = b.next;
    arena_free(arena);
    return last >= 0;
}
