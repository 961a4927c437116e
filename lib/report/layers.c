/* The layers along the model: work of each, in the colour of its stage. */
#include "lib/report/report.h"

#include "ir/units.h"

enum { BARS = 400, ROWS = 3000, HEIGHT = 100 };

typedef struct Bar {
    int first, end, stage;
    double flops, weights;
} Bar;

/* On the device of its stage. */
static double layer_flops(const Report *r, int stage, int layer)
{
    const Plan *plan = r->cut->plan;
    double flops, bytes;
    const Device *device = &r->cut->cluster->devices[plan->stages[stage].device_index];
    profile_work(r->cut->profile, device, layer, &flops, &bytes);
    return flops;
}

/* At most about BARS of them: neighbours of one stage are put together in long models. */
static Bar *make_bars(const Report *r, int *count)
{
    const Profile *p = r->cut->profile;
    Bar *bars = NULL;
    int group = (p->count + BARS - 1) / BARS, at = 0;
    *count = 0;
    for (int s = 0; s < r->cut->count; s++) {
        int end = at + r->cut->stages[s].node_count;
        while (at < end) {
            Bar bar = {.first = at, .stage = s};
            for (; at < end && at < bar.first + group; at++) {
                bar.flops += layer_flops(r, s, at);
                bar.weights += (double)p->layers[at].weights;
            }
            bar.end = at;
            arena_push(r->arena, bars, *count) = bar;
        }
    }
    return bars;
}

/* One picture: a bar for each layer; its title is told where there is a pointer. */
static void picture(Report *r, const Bar *bars, int count, bool weights)
{
    const Layer *layers = r->cut->profile->layers;
    double most = 0;
    for (int i = 0; i < count; i++) {
        double value = weights ? bars[i].weights : bars[i].flops;
        if (value > most) most = value;
    }
    text_printf(
        &r->out,
        "<svg class=\"layers\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"%s of each layer, in the model&#39;s order; the table below has the "
        "numbers\">\n",
        count * 10, HEIGHT, weights ? "Weights" : "Work");
    for (int i = 0; i < count; i++) {
        double value = weights ? bars[i].weights : bars[i].flops;
        double height = most > 0 ? value / most * (HEIGHT - 4) : 0;
        if (value > 0 && height < 0.7) height = 0.7;
        const char *name = report_escape(r->arena, layers[bars[i].first].name);
        if (bars[i].end > bars[i].first + 1)
            name = arena_printf(r->arena, "%s ... %s", name,
                                report_escape(r->arena, layers[bars[i].end - 1].name));
        text_printf(&r->out,
                    "<rect class=\"f%d\" x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%.2f\">"
                    "<title>%s: %s</title></rect>\n",
                    report_colour(bars[i].stage), i * 10, HEIGHT - height, count > 120 ? 10 : 8,
                    height, name,
                    weights ? bytes_text(r->arena, value) : report_flops(r->arena, value));
    }
    text_add(&r->out, "</svg>\n<div class=\"strip\" aria-hidden=\"true\">");
    for (int i = 0; i < count;) {
        int from = i;
        while (i < count && bars[i].stage == bars[from].stage) i++;
        text_printf(&r->out, "<span class=\"c%d\" style=\"width:%.3f%%\"></span>",
                    report_colour(bars[from].stage), 100.0 * (i - from) / count);
    }
    text_printf(&r->out,
                "</div>\n<div class=\"axis\"><span>first layer</span><span>highest: %s</span>"
                "<span>last layer</span></div>\n",
                weights ? bytes_text(r->arena, most) : report_flops(r->arena, most));
}

/* What each layer takes on its stage's device. */
static const double *layer_seconds(const Report *r)
{
    Cost cost;
    PlanOptions options = plan_defaults();
    const Plan *plan = r->cut->plan;
    cost_init(&cost, r->arena, r->cut->profile, r->cut->cluster, &options);
    double *seconds = arena_array(r->arena, (size_t)cost.n + 1, sizeof *seconds);
    for (int s = 0; s < plan->count; s++) {
        const PlanStage *stage = &plan->stages[s];
        for (int i = stage->first; i < stage->end; i++)
            seconds[i] = cost_seconds(&cost, cost_compute(&cost, stage->device_index, i, i + 1));
    }
    return seconds;
}

static void table(Report *r)
{
    Arena *a = r->arena;
    const Profile *p = r->cut->profile;
    const double *seconds = layer_seconds(r);
    text_printf(&r->out,
                "<details>\n<summary>All %d layers</summary>\n<table class=\"cards\">\n<thead><tr>"
                "<th>layer</th><th>stage</th><th class=\"n\">work</th>"
                "<th class=\"n\">weights</th><th class=\"n\">time</th></tr></thead>\n<tbody>\n",
                p->count);
    for (int i = 0, s = 0, end = r->cut->stages[0].node_count; i < p->count && i < ROWS; i++) {
        while (i >= end && s + 1 < r->cut->count) end += r->cut->stages[++s].node_count;
        const Layer *layer = &p->layers[i];
        text_printf(
            &r->out,
            "<tr><td><span class=\"id\">%d</span>%s</td><td><span class=\"key "
            "c%d\"></span>%s</td><td class=\"n\" data-k=\"work\">%s</td>"
            "<td class=\"n\" data-k=\"weights\">%s</td><td class=\"n\" data-k=\"time\">%s</td>"
            "</tr>\n",
            i, report_escape(a, layer->name), report_colour(s),
            report_escape(a, r->cut->stages[s].name), report_flops(a, layer_flops(r, s, i)),
            bytes_text(a, (double)layer->weights), seconds_text(a, seconds[i]));
    }
    text_add(&r->out, "</tbody>\n</table>\n");
    if (p->count > ROWS)
        text_printf(&r->out,
                    "<p class=\"note\">The first %d; <code>lpc plan --write-profile</code> "
                    "lists all.</p>\n",
                    ROWS);
    text_add(&r->out, "</details>\n");
}

void report_layers(Report *r)
{
    int count;
    if (!r->cut->plan) return;
    Bar *bars = make_bars(r, &count);
    text_add(&r->out, "<section>\n<h2>Layers</h2>\n<h3>Work</h3>\n");
    picture(r, bars, count, false);
    text_add(&r->out, "<h3>Weights</h3>\n");
    picture(r, bars, count, true);
    table(r);
    text_add(&r->out, "</section>\n");
}
