/* Which kernels are hot, which tilings they try, and what is kept.
 *
 * Everything is measured by turns against the program by rule, on the stages as they are cut: first
 * tiles and methods, then bands and loop orders on top of the best of them, at last all that seemed
 * faster together once more. What is not faster by MARGIN then stays with the rules. */
#include "lib/tune/tune.h"

#include "lib/compile/tunings.h"
#include "lib/files/folder.h"
#include "lib/tune/trial.h"

#include <stdlib.h>
#include <string.h>

static const double MARGIN = 0.03, COVERED = 0.95, ROUND_SECONDS = 0.1;
enum { ROUNDS = 5, FINAL_ROUNDS = 9, FEWEST_RUNS = 5, MOST_RUNS = 100 };

/* ---- Kernels ---- */

static void find_lacking(Tuner *t)
{
    for (int i = 0; i < t->table->site_count; i++) {
        const TuningSite *site = &t->table->sites[i];
        if (tuning_find(t->table, site->key) || !(site->tile_count + site->order_count)) continue;
        arena_push(t->arena, t->kernels, t->count) = (TuneKernel){.site = *site, .ratio = 1};
    }
}

static int slower(const void *a, const void *c)
{
    const TuneKernel *x = a, *y = c;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->site.key, y->site.key);
}

/* The slowest ones that together take nearly all the time of those that can be tuned. */
static int find_hot(Tuner *t, const Trial *base)
{
    double all = 0, covered = 0;
    int hot = 0;
    for (int i = 0; i < t->count; i++) all += t->kernels[i].seconds = base->seconds[i];
    qsort(t->kernels, (size_t)t->count, sizeof *t->kernels, slower);
    for (; hot < t->count && covered < COVERED * all; hot++) {
        t->kernels[hot].hot = true;
        covered += t->kernels[hot].seconds;
    }
    return hot;
}

/* ---- Sweeps ---- */

static void say(const Tuner *t, const char *what, int done, int total)
{
    if (t->options.quiet) return;
    diag_note(t->diag, "lpc: tuning '%s': %s %d of %d", t->stage->name, what, done, total);
}

/* --verbose: each tiling, and its time by that of the rules. */
static void say_ratio(const Tuner *t, const TuneKernel *kernel, const Tiling *tried, double ratio)
{
    if (!t->options.verbose) return;
    diag_note(t->diag, "lpc: %.3f of %.3g us: %s: %s", ratio, kernel->seconds * 1e6,
              tune_tiling_text(t->arena, tried), kernel->site.key);
}

/* Candidate `which` of a kernel, on top of what was found so far; false: it has no so many. */
static bool candidate(const TuneKernel *kernel, bool orders, int which, const Tiling *found,
                      Tiling *tiling)
{
    const TuningSite *s = &kernel->site;
    if (!kernel->hot || which >= (orders ? s->order_count : s->tile_count)) return false;
    bool winograd = found->method > METHOD_DIRECT;
    if (orders && winograd) return false; /* these are the direct kernel's */
    *tiling = tiling_over(*found, orders ? s->orders[which] : s->tiles[which]);
    return true;
}

static int most_candidates(const Tuner *t, bool orders)
{
    int most = 0;
    for (int i = 0; i < t->count; i++) {
        const TuningSite *s = &t->kernels[i].site;
        int own = orders ? s->order_count : s->tile_count;
        if (t->kernels[i].hot && own > most) most = own;
    }
    return most;
}

static int sweep(Tuner *t, Trial *base, bool orders)
{
    size_t count = (size_t)t->count;
    Tiling *found = arena_array(t->arena, count, sizeof *found);
    Tiling *tried = arena_array(t->arena, count, sizeof *tried);
    bool *tries = arena_array(t->arena, count, sizeof *tries);
    double *ratios = arena_array(t->arena, count, sizeof *ratios), whole;
    int most = most_candidates(t, orders);
    for (size_t i = 0; i < count; i++) found[i] = t->kernels[i].best;
    for (int which = 0; which < most; which++) {
        Trial trial;
        bool any = false;
        for (size_t i = 0; i < count; i++) {
            tried[i] = found[i];
            tries[i] = candidate(&t->kernels[i], orders, which, &found[i], &tried[i]);
            any = any || tries[i];
        }
        if (!any) continue;
        say(t, orders ? "orders" : "tiles", which + 1, most);
        TRY(trial_build(t, &trial, "trial", tried));
        int code = trial_compare(t, base, &trial, ROUNDS, ratios, &whole);
        trial_end(&trial);
        if (code) return code;
        for (size_t i = 0; i < count; i++) {
            TuneKernel *kernel = &t->kernels[i];
            if (tries[i]) say_ratio(t, kernel, &tried[i], ratios[i]);
            if (!tries[i] || ratios[i] >= 1 - MARGIN || ratios[i] >= kernel->ratio) continue;
            kernel->ratio = ratios[i];
            kernel->best = tried[i];
        }
    }
    return 0;
}

/* All that seemed faster together; what is not so again stays with the rules. */
static int confirm(Tuner *t, Trial *base)
{
    Tiling *best = arena_array(t->arena, (size_t)t->count, sizeof *best);
    double *ratios = arena_array(t->arena, (size_t)t->count, sizeof *ratios), whole = 1;
    int kept = 0;
    for (int i = 0; i < t->count; i++) {
        best[i] = t->kernels[i].best;
        kept += !tiling_is_rule(&best[i]);
    }
    if (kept) {
        Trial trial;
        say(t, "all together", 1, 1);
        TRY(trial_build(t, &trial, "trial", best));
        int code = trial_compare(t, base, &trial, FINAL_ROUNDS, ratios, &whole);
        trial_end(&trial);
        if (code) return code;
    }
    for (int i = 0; i < t->count; i++) {
        if (tiling_is_rule(&best[i]) || ratios[i] < 1 - MARGIN) continue;
        t->kernels[i].best = (Tiling){0};
        kept--;
    }
    if (!t->options.quiet)
        diag_note(t->diag,
                  "lpc: tuning '%s': %d of %d kernels are faster than by rule; a run takes %.3f "
                  "of the time",
                  t->stage->name, kept, t->count, whole);
    return 0;
}

/* ---- A stage ---- */

/* So that a round takes about ROUND_SECONDS. */
static void choose_repeat(Tuner *t, const Trial *base)
{
    double runs = ROUND_SECONDS / (base->whole > 1e-9 ? base->whole : 1e-9);
    t->repeat = runs < FEWEST_RUNS ? FEWEST_RUNS : runs > MOST_RUNS ? MOST_RUNS : (int)runs;
}

static int measure(Tuner *t)
{
    Trial base;
    Tiling *rules = arena_array(t->arena, (size_t)t->count, sizeof *rules);
    t->repeat = FEWEST_RUNS;
    TRY(trial_build(t, &base, "base", rules));
    TRY(trial_run(t, &base));
    choose_repeat(t, &base);
    TRY(trial_run(t, &base));
    int hot = find_hot(t, &base);
    if (!t->options.quiet)
        diag_note(
            t->diag,
            "lpc: tuning '%s' (%d thread%s): %d kernels lack a tiling, %d of them take %.0f%% "
            "of their time",
            t->stage->name, t->threads, t->threads > 1 ? "s" : "", t->count, hot, COVERED * 100);
    TRY(sweep(t, &base, false));
    TRY(sweep(t, &base, true));
    TRY(confirm(t, &base));
    for (int i = 0; i < t->count; i++)
        tuning_set(t->table, t->kernels[i].site.key, t->kernels[i].best);
    return 0;
}

/* Where a stage's programs run: here, by the runner, or through the emulator when that was asked
 * for. */
static int choose_place(const Tuner *t)
{
    const Target *target = t->stage->target;
    if (t->runner || target->native) return 0;
    if (!t->options.emulate)
        return diag_error(
            t->diag,
            "target '%s' is not this machine: --tune needs --runner CMD, which runs a "
            "program on it, or --emulate",
            target->name);
    diag_note(
        t->diag,
        "lpc: warning: tuning '%s' through an emulator: its times say nothing about the device",
        t->stage->name);
    return 0;
}

static int tune_stage(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                      const Stage *stage, bool *measured)
{
    Tuner *t = arena_alloc(arena, sizeof *t);
    *t = (Tuner){.arena = arena,
                 .diag = diag,
                 .options = *options,
                 .graph = graph,
                 .stage = stage,
                 .table = stage->lower.tuning,
                 .runner = options->runner,
                 .threads = options->threads ? options->threads : 1};
    t->options.profile = t->options.no_link = true;
    find_lacking(t);
    *measured = t->count > 0;
    if (!t->count) return 0;
    TRY(choose_place(t));
    char *work = work_folder(arena, diag, "tune");
    if (!work) return LPC_ERROR;
    t->work = work;
    int code = measure(t);
    remove_tree(work);
    return code;
}

int tune_cut(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph, Cut *cut)
{
    const char *model = diag->file;
    diag->file = NULL; /* what fails in measuring is not about the model */
    for (int i = 0; i < cut->count; i++) {
        bool measured;
        TRY(tune_stage(arena, diag, options, graph, &cut->stages[i], &measured));
        if (measured) TRY(tune_write(diag, options->tuned));
    }
    diag->file = model;
    return 0;
}
