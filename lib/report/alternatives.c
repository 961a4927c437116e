/* Other plans for these devices: fewer of them, another order, another objective. Every row is the
 * planner's best under its condition, or why there is none. */
#include "lib/report/report.h"

#include "ir/units.h"

#include <string.h>

/* Up to so many devices those rows are made: the least latency over all orders takes the planner
 * seconds with more. */
enum { FEWER_DEVICES = 8, FREE_DEVICES = 8, FREE_LATENCY_DEVICES = 4 };

typedef struct Row {
    const char *name; /* escaped */
    Plan plan;
    bool fits;
} Row;

typedef struct Rows {
    Report *report;
    Row *items;
    int count;
} Rows;

static void add_plan(Rows *rows, const char *name, const Cluster *cluster, PlanOptions options)
{
    Report *r = rows->report;
    Row row = {.name = name};
    Diag quiet;
    diag_init(&quiet, r->arena, NULL);
    row.fits = !plan_make(&quiet, r->arena, r->cut->profile, cluster, &options, &row.plan);
    arena_push(r->arena, rows->items, rows->count) = row;
}

/* The cluster without device `out`, or with device `only` alone (the other is -1). */
static bool without(Report *r, int out, int only, Cluster *cluster)
{
    const Cluster *all = r->cut->cluster;
    const char **names = arena_array(r->arena, (size_t)all->count, sizeof *names);
    int count = 0;
    Diag quiet;
    diag_init(&quiet, r->arena, NULL);
    for (int i = 0; i < all->count; i++) {
        if (i != out && (only < 0 || i == only)) names[count++] = all->devices[i].name;
    }
    return !cluster_select(&quiet, r->arena, all, names, count, cluster);
}

/* Is there an earlier device just like it? Its row would say the same. */
static bool repeated(const Cluster *cluster, int at)
{
    const Device *b = &cluster->devices[at];
    for (int i = 0; i < at; i++) {
        const Device *a = &cluster->devices[i];
        if (!strcmp(a->target->name, b->target->name) && a->target->gflops == b->target->gflops &&
            a->target->memory == b->target->memory &&
            a->target->memory_bandwidth == b->target->memory_bandwidth)
            return true;
    }
    return false;
}

static void fewer(Rows *rows, PlanOptions options)
{
    Report *r = rows->report;
    const Cluster *all = r->cut->cluster;
    Cluster cluster;
    int m = all->count;
    options.use_all = true;
    for (int i = 0; m > 2 && m <= FEWER_DEVICES && i < m; i++) {
        if (!without(r, i, -1, &cluster)) continue;
        const char *name = report_escape(r->arena, all->devices[i].name);
        add_plan(rows, arena_printf(r->arena, "without %s", name), &cluster, options);
    }
    for (int i = 0; i < m; i++) {
        if (repeated(all, i) || !without(r, -1, i, &cluster)) continue;
        const char *name = report_escape(r->arena, all->devices[i].name);
        add_plan(rows, arena_printf(r->arena, "%s alone", name), &cluster, options);
    }
}

static void make_rows(Rows *rows)
{
    static const char *const names[OBJECTIVE_COUNT] = {"highest throughput", "lowest latency",
                                                       "most even memory", "fewest stages"};
    PlanOptions options = rows->report->options;
    bool all = options.use_all;
    for (int k = 0; k < OBJECTIVE_COUNT; k++) {
        options.objective = (Objective)k;
        options.use_all = false;
        options.free_order = false;
        add_plan(rows, names[k], rows->report->cut->cluster, options);
        int most = k == PLAN_LATENCY ? FREE_LATENCY_DEVICES : FREE_DEVICES;
        if (rows->report->cut->cluster->count > most) continue;
        options.free_order = true;
        add_plan(rows, arena_printf(rows->report->arena, "%s, any order", names[k]),
                 rows->report->cut->cluster, options);
    }
    options.objective = rows->report->options.objective;
    options.free_order = false;
    options.use_all = true;
    add_plan(rows, arena_printf(rows->report->arena, "%s on all devices", names[options.objective]),
             rows->report->cut->cluster, options);
    options.use_all = all;
    fewer(rows, options);
}

static bool same_stages(const Plan *a, const Plan *b)
{
    if (a->count != b->count) return false;
    for (int k = 0; k < a->count; k++) {
        if (a->stages[k].end != b->stages[k].end ||
            strcmp(a->stages[k].device, b->stages[k].device) != 0)
            return false;
    }
    return true;
}

static void stages(Report *r, const Plan *plan)
{
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        text_printf(&r->out, "%s%s&nbsp;%d", k ? ", " : "", report_escape(r->arena, s->device),
                    s->end - s->first);
    }
}

static void row(Report *r, const char *name, const Plan *plan, double fraction, bool chosen)
{
    Arena *a = r->arena;
    text_printf(&r->out, "<tr%s><td>%s</td><td class=\"wide\" data-k=\"layers\">",
                chosen ? " class=\"chosen\"" : "", name);
    stages(r, plan);
    text_printf(&r->out,
                "</td><td class=\"n\" data-k=\"throughput\">%s</td>"
                "<td class=\"n\" data-k=\"latency\">%s</td>"
                "<td class=\"n\" data-k=\"period\">%s</td>"
                "<td class=\"n\" data-k=\"memory\">%.3g %%</td></tr>\n",
                report_rate(a, plan->throughput), seconds_text(a, plan->latency_s),
                seconds_text(a, plan->bottleneck_s), 100 * fraction);
}

/* The names of the rows from `from` on whose plan is the same; they are marked as told. */
static const char *names_of(Rows *rows, int from, bool *told)
{
    Text text;
    text_init(&text, rows->report->arena);
    for (int i = from; i < rows->count; i++) {
        if (told[i] || !rows->items[i].fits ||
            !same_stages(&rows->items[i].plan, &rows->items[from].plan))
            continue;
        text_printf(&text, "%s%s", text.length ? "; " : "", rows->items[i].name);
        told[i] = true;
    }
    return text.data;
}

static void table(Report *r, Rows *rows)
{
    bool *told = arena_array(r->arena, (size_t)rows->count + 1, sizeof *told);
    const Plan *own = r->cut->plan;
    const char *also = "";
    for (int i = 0; i < rows->count && !*also; i++) {
        if (rows->items[i].fits && same_stages(&rows->items[i].plan, own))
            also = names_of(rows, i, told);
    }
    text_add(&r->out,
             "<table class=\"cards\">\n<thead><tr><th>plan</th><th>layers by device</th>"
             "<th class=\"n\">throughput</th><th class=\"n\">latency</th>"
             "<th class=\"n\">period</th><th class=\"n\">most used memory</th></tr></thead>\n"
             "<tbody>\n");
    row(r, *also ? arena_printf(r->arena, "this package: %s", also) : "this package", own,
        own->fraction, true);
    for (int i = 0; i < rows->count; i++) {
        if (told[i]) continue;
        const Row *item = &rows->items[i];
        if (item->fits) {
            const char *name = names_of(rows, i, told);
            row(r, name, &item->plan, item->plan.fraction, false);
        } else {
            text_printf(&r->out,
                        "<tr><td>%s</td><td class=\"wide\">does not fit</td><td></td><td></td>"
                        "<td></td><td></td></tr>\n",
                        item->name);
        }
    }
    text_add(&r->out, "</tbody>\n</table>\n");
}

void report_alternatives(Report *r)
{
    if (!r->cut->plan) return;
    text_add(&r->out, "<section>\n<h2>Alternatives</h2>\n");
    if (r->cut->cluster->count < 2) {
        text_add(&r->out, "<p class=\"note\">One device: there was nothing to choose. Give several "
                          "with <code>--targets</code>.</p>\n</section>\n");
        return;
    }
    text_add(&r->out, "<p class=\"note\">The planner&#39;s best under each condition, with its own "
                      "figures for time and memory; with fewer devices, for this package&#39;s "
                      "objective. Conditions with the same plan share a row.</p>\n");
    Rows rows = {.report = r};
    make_rows(&rows);
    table(r, &rows);
    text_add(&r->out, "</section>\n");
}
