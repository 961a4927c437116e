/* What each device holds, against its budget. */
#include "lib/report/report.h"

#include "passes/stage/stage.h"
#include "ir/units.h"

enum { PARTS = 5 };

static const struct {
    const char *class, *name;
} parts[PARTS] = {{"weights", "weights"},
                  {"workspace", "workspace"},
                  {"state", "state"},
                  {"queues", "queues"},
                  {"code", "code and runtime (estimate)"}};

static void fill_parts(const Report *r, int stage, double bytes[PARTS])
{
    StageBytes own = stage_bytes(&r->cut->stages[stage]);
    bytes[0] = (double)own.weights;
    bytes[1] = (double)own.activations;
    bytes[2] = (double)own.state;
    bytes[3] = (double)own.queues;
    bytes[4] = (double)own.code;
}

static void bar(Report *r, const double bytes[PARTS], double whole, const char *class,
                const char *label)
{
    text_printf(&r->out, "<div class=\"bar%s\" role=\"img\" aria-label=\"%s\">", class, label);
    for (int k = 0; k < PARTS; k++) {
        if (bytes[k] > 0)
            text_printf(&r->out, "<span class=\"%s\" style=\"width:%.3f%%\"></span>",
                        parts[k].class, 100 * bytes[k] / whole);
    }
    text_add(&r->out, "</div>\n");
}

static void device(Report *r, int stage)
{
    Arena *a = r->arena;
    const Stage *s = &r->cut->stages[stage];
    double bytes[PARTS], sum = 0, budget = (double)s->budget;
    fill_parts(r, stage, bytes);
    for (int k = 0; k < PARTS; k++) sum += bytes[k];
    double share = budget > 0 ? sum / budget : 0;
    bool over = sum > budget;
    const char *text =
        arena_printf(a, "%s of %s (%.3g %%)%s", bytes_text(a, sum), bytes_text(a, budget),
                     100 * share, over ? ": over the budget" : "");
    text_printf(&r->out,
                "<div class=\"device%s\">\n<div class=\"row\"><h3>%s</h3>"
                "<span class=\"share\">%s</span></div>\n",
                over ? " over" : "", report_escape(a, s->name), text);
    bar(r, bytes, over ? sum : budget, "",
        arena_printf(a, "%s: %s", report_escape(a, s->name), text));
    if (share < 0.25) bar(r, bytes, sum, " zoom", "the used part, enlarged");
    text_add(&r->out, "<ul class=\"parts\">");
    for (int k = 0; k < PARTS; k++) {
        if (bytes[k] > 0)
            text_printf(&r->out, "<li><span class=\"key %s\"></span>%s %s</li>", parts[k].class,
                        parts[k].name, bytes_text(a, bytes[k]));
    }
    text_add(&r->out, "</ul>\n</div>\n");
}

void report_memory(Report *r)
{
    text_add(
        &r->out,
        "<section>\n<h2>Memory</h2>\n<p class=\"note\">Each bar is a device&#39;s budget, filled "
        "with what the stage needs at most. Where that is little, the thin bar below shows the "
        "filled part enlarged.</p>\n");
    for (int i = 0; i < r->cut->count; i++) device(r, i);
    text_add(&r->out, "</section>\n");
}
