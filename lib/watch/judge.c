/* What figures say: rates and shares of a stage, and who limits the pipeline. */
#include "lib/watch/watch.h"

#include <math.h>

/* ---- A stage ---- */

static double change(uint64_t before, uint64_t now)
{
    return now > before ? (double)(now - before) : 0;
}

static double part(double of, double whole)
{
    return whole > 0 ? fmin(of / whole, 1) : 0;
}

WatchSeen watch_seen(const LpcFigures *a, const LpcFigures *b)
{
    double ns = change(a->up_ns, b->up_ns), s = ns * 1e-9;
    double frames = change(a->frames_in, b->frames_in),
           compute = change(a->compute_ns, b->compute_ns);
    double input = change(a->input_ns, b->input_ns), output = change(a->output_ns, b->output_ns);
    WatchSeen seen = {.seconds = s, .busy = part(compute, ns), .compute_s = -1};
    if (s <= 0) return seen;
    /* Several streams wait at a time: the time in which none computes is shared out as they wait. */
    double idle = fmax(ns - compute, 0), waits = input + output,
           share = waits > idle ? idle / waits : 1;
    seen.input = part(input * share, ns);
    seen.output = part(output * share, ns);
    seen.frames = frames / s;
    seen.in = change(a->bytes_in, b->bytes_in) / s;
    seen.out = change(a->bytes_out, b->bytes_out) / s;
    if (frames > 0) seen.compute_s = compute * 1e-9 / frames;
    return seen;
}

/* ---- The pipeline ---- */

static double percent(double part_of_time)
{
    return part_of_time * 100;
}

static const char *who_is_missing(const Watch *w)
{
    for (int i = 0; i < w->count; i++)
        if (!w->stages[i].is_up)
            return arena_printf(w->arena, "stage '%s' does not answer", w->stages[i].name);
    return NULL;
}

static int busiest(const Watch *w)
{
    int most = 0;
    for (int i = 1; i < w->count; i++)
        if (w->stages[i].seen.busy > w->stages[most].seen.busy) most = i;
    return most;
}

/* No stage computes much of the time: they wait for each other, or for their client. The first stage that waits for
 * frames more than for what comes after it lies behind what limits. */
static const char *who_is_waited_for(const Watch *w)
{
    for (int i = 0; i < w->count; i++) {
        const WatchStage *s = &w->stages[i];
        if (s->seen.input < s->seen.output) continue;
        if (!i)
            return arena_printf(w->arena,
                                "the client limits, or the link from it: the first stage waits for "
                                "frames %.0f %% of the "
                                "time",
                                percent(s->seen.input));
        return arena_printf(
            w->arena,
            "the link from '%s' to '%s' limits: the one waits for room %.0f %% of the "
            "time, the other for frames %.0f %%",
            s[-1].name, s->name, percent(s[-1].seen.output), percent(s->seen.input));
    }
    return arena_printf(w->arena,
                        "who takes the results limits, or the link to it: the last stage waits for "
                        "room %.0f %% of the time",
                        percent(w->stages[w->count - 1].seen.output));
}

void watch_judge(Watch *w)
{
    static const double much = 0.7; /* of the time */
    bool knows = true, moves = false;
    w->limiting = -1;
    w->limits = who_is_missing(w);
    if (w->limits) return;
    for (int i = 0; i < w->count; i++) {
        knows = knows && w->stages[i].seen.seconds > 0;
        moves = moves || w->stages[i].seen.frames > 0 || w->stages[i].seen.busy > 0;
    }
    if (!knows) {
        w->limits = "not known before the second look";
    } else if (!moves) {
        w->limits = "nothing passes";
    } else if (w->stages[busiest(w)].seen.busy < much) {
        w->limits = who_is_waited_for(w);
    } else {
        w->limiting = busiest(w);
        w->limits =
            arena_printf(w->arena, "stage '%s' limits: it computes %.0f %% of the time",
                         w->stages[w->limiting].name, percent(w->stages[w->limiting].seen.busy));
    }
}
