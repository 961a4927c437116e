/* Why nothing fits, and what would help.
 *
 * Measures are not guessed: each one that is named was tried, and is named because it helps. */
#include "passes/partition/fixed.h"
#include "passes/partition/free.h"
#include "passes/partition/planner.h"

#include <math.h>
#include <string.h>

static const char *bytes_text(Arena *arena, double bytes)
{
    if (bytes < 1e4) return arena_printf(arena, "%.0f bytes", bytes);
    if (bytes < 1e7) return arena_printf(arena, "%.1f kB", bytes / 1e3);
    if (bytes < 1e10) return arena_printf(arena, "%.1f MB", bytes / 1e6);
    return arena_printf(arena, "%.2f GB", bytes / 1e9);
}

/* Layers that are part of some stage that fits some device. */
static bool *covered_layers(const Cost *c, Arena *arena)
{
    int *change = arena_array(arena, (size_t)c->n + 1, sizeof *change);
    bool *covered = arena_array(arena, (size_t)c->n, sizeof *covered);
    Fit store[PLAN_DEVICES] = {0}, *fits[PLAN_DEVICES];
    fit_devices(c, c->cap, store, fits);
    for (int d = 0; d < c->m; d++) {
        for (int i = 1; i <= c->n; i++) {
            const Fit *fit = fits[d];
            if (!c->allowed[i]) continue;
            int first = -1;
            for (int j = fit->first[i]; j < i; j++) {
                if (j && !c->allowed[j]) continue;
                first = j;
                break;
            }
            for (int k = fit->more_at[i]; k < fit->more_at[i + 1]; k++) {
                if (!fit->more[k] || c->allowed[fit->more[k]]) first = fit->more[k];
            }
            if (first < 0) continue;
            change[first]++;
            change[i]--;
        }
    }
    for (int i = 0, depth = 0; i < c->n; i++) {
        depth += change[i];
        covered[i] = depth > 0;
    }
    return covered;
}

/* The layers that must stay together with layer i. */
static void unit_of(const Cost *c, int i, int *first, int *end)
{
    for (*first = i; *first > 0 && !c->allowed[*first];) (*first)--;
    for (*end = i + 1; *end < c->n && !c->allowed[*end];) (*end)++;
}

static void unit_measures(Text *out, const Cost *c, const StageBytes *need, double budget)
{
    const PlanOptions *o = &c->options;
    Arena *arena = out->arena;
    double total = (double)stage_bytes_sum(need), weights = (double)need->weights;
    double queues = (double)need->queues, state = (double)need->state;
    double fixed = (double)need->code, movable = total - fixed;
    if (budget > fixed && movable > 0) {
        double tiles = ceil(movable / (budget - fixed));
        text_printf(out,
                    "; split inside the layer, %.0f equal tiles fit with a working set of %s each",
                    tiles, bytes_text(arena, movable / tiles + fixed));
    }
    if (weights > 0 && total - weights / 2 <= budget)
        text_add(out, "; weights of half the width would fit");
    else if (total - 0.75 * weights <= budget)
        text_add(out, "; weights of a quarter of the width would fit");
    double batched = (double)need->activations + queues + state;
    if (o->batch > 1 && total - batched + batched / o->batch <= budget)
        text_printf(out, "; a smaller batch than %d would fit", o->batch);
    else if (batched > total / 2)
        text_add(out, "; a smaller batch or shorter sequence helps: most of it is activations");
    if (o->queue > 1 && total - queues + queues / o->queue <= budget)
        text_add(out, "; it fits with --queue 1");
    if (o->memory_limit < 1 && total <= budget / o->memory_limit)
        text_add(out, "; it fits with --memory-limit 1");
}

static int layer_fits_nowhere(Diag *diag, const Cost *c, int i, int others)
{
    Arena *arena = diag->arena;
    int first, end, best = 0;
    unit_of(c, i, &first, &end);
    for (int d = 1; d < c->m; d++) {
        if (c->cap[d] - c->base[d] > c->cap[best] - c->base[best]) best = d;
    }
    StageBytes need = cost_bytes(c, best, first, end);
    double total = (double)stage_bytes_sum(&need);
    Text out;
    text_init(&out, arena);
    if (end - first > 1)
        text_printf(&out, "layers '%s' to '%s', which share a state,",
                    c->profile->layers[first].name, c->profile->layers[end - 1].name);
    else
        text_printf(&out, "layer '%s'", c->profile->layers[i].name);
    if (others) text_printf(&out, " (and %d other layers)", others);
    text_printf(
        &out,
        " fits on no device: it needs %s (weights %s, activations %s, buffers %s, state %s, "
        "queues %s, code %s); the best device, %s, has %s left: %s short",
        bytes_text(arena, total), bytes_text(arena, (double)need.weights),
        bytes_text(arena, (double)need.activations), bytes_text(arena, (double)need.buffers),
        bytes_text(arena, (double)need.state), bytes_text(arena, (double)need.queues),
        bytes_text(arena, (double)need.code), c->cluster->devices[best].name,
        bytes_text(arena, (double)c->cap[best]), bytes_text(arena, total - (double)c->cap[best]));
    unit_measures(&out, c, &need, (double)c->cap[best]);
    return diag_error(diag, "%s", out.data);
}

/* Is there a partition with these options? */
static bool would_fit(const Cost *c, const PlanOptions *options)
{
    Arena *arena = arena_new();
    Cost other;
    Partition best;
    bool ties, fits;
    PlanOptions quick = *options;
    quick.objective = PLAN_THROUGHPUT;
    cost_init(&other, arena, c->profile, c->cluster, &quick);
    int order[PLAN_DEVICES];
    for (int d = 0; d < c->m; d++) order[d] = d;
    if (options->free_order)
        fits = free_solve(&other, &best, &ties) == FREE_EXACT;
    else
        fits = fixed_furthest(&other, order, c->m) == c->n;
    arena_free(arena);
    return fits;
}

static void whole_measures(Text *out, const Cost *c)
{
    PlanOptions o = c->options;
    if (o.use_all && (o.use_all = false, would_fit(c, &o)))
        text_add(out, "; it fits without --use-all");
    o = c->options;
    if (!o.free_order && (o.free_order = true, would_fit(c, &o)))
        text_add(out, "; it fits with --order free");
    o = c->options;
    if (o.memory_limit < 1 && (o.memory_limit = 1, would_fit(c, &o)))
        text_add(out, "; it fits with --memory-limit 1");
    o = c->options;
    if (o.queue > 1 && (o.queue = 1, would_fit(c, &o))) text_add(out, "; it fits with --queue 1");
}

static int model_fits_nowhere(Diag *diag, const Cost *c)
{
    Arena *arena = diag->arena;
    double total = (double)cost_least(c, 0, c->n), room = 0, cap = 0;
    int order[PLAN_DEVICES], best = 0;
    for (int d = 0; d < c->m; d++) {
        order[d] = d;
        room += fmax(0, (double)(c->cap[d] - c->base[d]));
        if ((double)c->cap[d] > cap) {
            cap = (double)c->cap[d];
            best = d;
        }
    }
    Text out;
    text_init(&out, arena);
    text_printf(&out, "no partition fits: the model needs at least %s, the devices have %s",
                bytes_text(arena, total), bytes_text(arena, room));
    if (total > room) text_printf(&out, ", %s short", bytes_text(arena, total - room));
    if (!c->options.free_order) {
        int at = fixed_furthest(c, order, c->m);
        if (at < c->n) {
            text_printf(&out,
                        "; in the given order layer '%s' (#%d), which needs %s, is the first that "
                        "cannot be placed; the largest device, %s, holds %s",
                        c->profile->layers[at].name, at,
                        bytes_text(arena, (double)cost_memory(c, best, at, at + 1)),
                        c->cluster->devices[best].name, bytes_text(arena, cap));
        }
    }
    whole_measures(&out, c);
    return diag_error(diag, "%s", out.data);
}

int plan_diagnose(Diag *diag, const Cost *c)
{
    int units = 1, first = -1, others = 0;
    for (int i = 1; i < c->n; i++) units += c->allowed[i];
    if (c->options.use_all && units < c->m)
        return diag_error(diag,
                          "%d devices are to be used, but the model has only %d layer%s that can "
                          "be cut apart; without --use-all devices may be left out",
                          c->m, units, units == 1 ? "" : "s");
    Arena *arena = arena_new();
    Cost own = *c;
    own.arena = arena;
    bool *covered = covered_layers(&own, arena);
    for (int i = 0; i < c->n; i++) {
        if (covered[i]) continue;
        if (first < 0)
            first = i;
        else
            others++;
    }
    arena_free(arena);
    for (int d = 0; d < c->m && first < 0 && c->options.use_all; d++) {
        bool any = false;
        for (int i = 0; i < c->n && !any; i++) any = cost_memory(c, d, i, i + 1) <= c->cap[d];
        if (any) continue;
        return diag_error(diag,
                          "device '%s', whose budget is %lld bytes, holds no layer at all; without "
                          "--use-all it would be left out",
                          c->cluster->devices[d].name, (long long)c->cap[d]);
    }
    return first >= 0 ? layer_fits_nowhere(diag, c, first, others) : model_fits_nowhere(diag, c);
}
