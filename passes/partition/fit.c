/* Which stages fit a capacity.
 *
 * Without queues a stage only grows when its first layer moves down, and one sliding window would
 * tell everything. With queues, bytes(first, end) = base(first, end) + depth (cut[first] +
 * cut[end]) with a monotone base. So the window is slid with the widest cut in it counted twice,
 * where all is monotone and whatever is inside certainly fits; below it the layers are walked one
 * by one until the base with the cut at the end alone is too large. That zone is as long as two
 * queues are large, usually a few layers. */
#include "passes/partition/cost.h"

#include <string.h>

/* A window [lo, hi) of layers with its shared weights and maxima. */
typedef struct Window {
    const Cost *c;
    const Needs *needs;
    int lo, hi;
    int *uses;       /* of each shared weight in the window */
    int *stamp;      /* of each shared weight: the end whose walk counted it */
    int64_t shared;  /* bytes */
    int *live, *cut; /* queues of indices with falling values */
    int live_head, live_tail, cut_head, cut_tail;
} Window;

static void queue_push(const int64_t *values, int *queue, int head, int *tail, int i)
{
    while (*tail > head && values[queue[*tail - 1]] <= values[i]) (*tail)--;
    queue[(*tail)++] = i;
}

static void window_add(Window *w)
{
    const Needs *needs = w->needs;
    int i = w->hi++;
    for (int s = needs->shared_at[i]; s < needs->shared_at[i + 1]; s++) {
        if (!w->uses[needs->shared[s]]++) w->shared += needs->weights[needs->shared[s]].bytes;
    }
    if (needs->live) queue_push(needs->live, w->live, w->live_head, &w->live_tail, i);
    queue_push(w->c->cut, w->cut, w->cut_head, &w->cut_tail, i + 1);
}

static void window_drop(Window *w)
{
    const Needs *needs = w->needs;
    int i = w->lo++;
    for (int s = needs->shared_at[i]; s < needs->shared_at[i + 1]; s++) {
        if (!--w->uses[needs->shared[s]]) w->shared -= needs->weights[needs->shared[s]].bytes;
    }
    if (w->live_head < w->live_tail && w->live[w->live_head] == i) w->live_head++;
    if (w->cut_head < w->cut_tail && w->cut[w->cut_head] == i) w->cut_head++;
}

static int64_t window_live(const Window *w)
{
    if (w->needs->peak) return w->hi > w->lo ? w->needs->peak[w->lo][w->hi - w->lo - 1] : 0;
    return w->live_head < w->live_tail ? w->needs->live[w->live[w->live_head]] : 0;
}

/* At least the bytes of every stage inside the window, and monotone in both of its ends. */
static int64_t window_most(const Window *w)
{
    const Cost *c = w->c;
    int64_t widest = w->cut_head < w->cut_tail ? c->cut[w->cut[w->cut_head]] : 0;
    return w->needs->fixed[w->hi] - w->needs->fixed[w->lo] + w->shared + window_live(w) +
           2 * c->options.queue * widest;
}

static void more_push(Arena *arena, Fit *fit, int at, int first)
{
    if ((size_t)at == fit->room) {
        size_t room = fit->room ? fit->room * 2 : 1024;
        fit->more = arena_grow(arena, fit->more, fit->room, room, sizeof *fit->more);
        fit->room = room;
    }
    fit->more[at] = first;
}

/* Below the window, layer by layer. */
static void walk(Window *w, Fit *fit, int *count)
{
    const Cost *c = w->c;
    const Needs *needs = w->needs;
    int end = w->hi, depth = c->options.queue;
    int64_t shared = w->shared, live = window_live(w);
    bool gap = false;
    fit->first[end] = w->lo;
    fit->more_at[end] = *count;
    for (int j = w->lo - 1; j >= 0; j--) {
        if (needs->peak) live = needs->peak[j][end - j - 1];
        if (needs->live && needs->live[j] > live) live = needs->live[j];
        for (int s = needs->shared_at[j]; s < needs->shared_at[j + 1]; s++) {
            int id = needs->shared[s];
            if (w->uses[id] || w->stamp[id] == end) continue;
            w->stamp[id] = end;
            shared += needs->weights[id].bytes;
        }
        int64_t least = needs->fixed[end] - needs->fixed[j] + shared + live + depth * c->cut[end];
        int64_t bytes = least + depth * c->cut[j];
        if (bytes > fit->capacity && bytes < fit->next) fit->next = bytes;
        if (least > fit->capacity) {
            if (least < fit->next) fit->next = least;
            break;
        }
        if (bytes > fit->capacity)
            gap = true;
        else if (!gap)
            fit->first[end] = j;
        else
            more_push(c->arena, fit, (*count)++, j);
    }
}

void fit_build(const Cost *c, const Needs *needs, int64_t capacity, Fit *fit)
{
    size_t n = (size_t)c->n + 2, shared = (size_t)needs->weight_count;
    if (!fit->first) {
        fit->first = arena_array(c->arena, n, sizeof *fit->first);
        fit->more_at = arena_array(c->arena, n, sizeof *fit->more_at);
    }
    fit->needs = needs;
    fit->capacity = capacity;
    fit->next = INT64_MAX;
    Arena *scratch = arena_new();
    Window w = {.c = c, .needs = needs};
    w.uses = arena_array(scratch, shared + 1, sizeof *w.uses);
    w.stamp = arena_array(scratch, shared + 1, sizeof *w.stamp);
    w.live = arena_array(scratch, n, sizeof *w.live);
    w.cut = arena_array(scratch, n, sizeof *w.cut);
    queue_push(c->cut, w.cut, 0, &w.cut_tail, 0);
    int count = 0;
    for (int end = 1; end <= c->n; end++) {
        window_add(&w);
        while (w.lo < w.hi && window_most(&w) > capacity) window_drop(&w);
        walk(&w, fit, &count);
    }
    fit->more_at[c->n + 1] = count;
    arena_free(scratch);
}

void fit_devices(const Cost *c, const int64_t *capacity, Fit *store, Fit **fits)
{
    for (int d = 0; d < c->m; d++) {
        int64_t own = capacity[d] - c->base[d];
        fits[d] = NULL;
        for (int e = 0; e < d && !fits[d]; e++) {
            if (fits[e]->needs == c->needs[d] && fits[e]->capacity == own) fits[d] = fits[e];
        }
        if (fits[d]) continue;
        fits[d] = &store[d];
        fit_build(c, c->needs[d], own, &store[d]);
    }
}

bool fit_has(const Fit *fit, int first, int end)
{
    if (first >= fit->first[end]) return first < end;
    for (int k = fit->more_at[end]; k < fit->more_at[end + 1]; k++) {
        if (fit->more[k] == first) return true;
    }
    return false;
}
