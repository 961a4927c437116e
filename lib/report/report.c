/* The page of the report. */
#include "lib/report/report.h"

#include "backend/host/output.h"
#include "ir/units.h"

static void figure(Report *r, const char *name, const char *value, const char *note)
{
    text_printf(&r->out, "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>\n", name, value, note);
}

static void summary(Report *r)
{
    Arena *a = r->arena;
    double flops = 0, weights = 0;
    int layers = 0;
    for (int i = 0; i < r->cut->count; i++) {
        flops += r->cut->stages[i].flops;
        weights += (double)r->cut->stages[i].program->const_bytes;
        layers += r->cut->stages[i].node_count;
    }
    text_add(&r->out, "<dl class=\"figures\">\n");
    if (r->cut->plan) {
        const Plan *p = r->cut->plan;
        figure(r, "Throughput", report_rate(a, p->throughput), "predicted");
        figure(r, "Latency", seconds_text(a, p->latency_s), "predicted, one frame");
        if (r->cut->count > 1)
            figure(r, "Limited by",
                   p->client_limits ? "the client&#39;s link"
                                    : report_escape(a, r->cut->stages[p->limiting].name),
                   arena_printf(a, "%s per frame", seconds_text(a, p->bottleneck_s)));
    }
    figure(r, "Work", report_flops(a, flops), arena_printf(a, "in %d layers", layers));
    figure(r, "Weights", bytes_text(a, weights), "as stored");
    text_add(&r->out, "</dl>\n");
    text_add(&r->out,
             "<p class=\"note\">Times are what the planner expects from the targets&#39; "
             "figures, with all cores of each device; <code>lpc run</code> shows them beside "
             "measured ones, <code>lpc calibrate</code> measures the figures.</p>\n");
}

static void legend(Report *r)
{
    text_add(&r->out, "<ol class=\"legend\" aria-label=\"Stages\">\n");
    for (int i = 0; i < r->cut->count; i++) {
        const Stage *s = &r->cut->stages[i];
        text_printf(
            &r->out,
            "<li><span class=\"key c%d\"></span><b>%s</b> <span>%s, %d layer%s</span></li>\n",
            report_colour(i), report_escape(r->arena, s->name),
            report_escape(r->arena, s->target->name), s->node_count, s->node_count == 1 ? "" : "s");
    }
    text_add(&r->out, "</ol>\n");
}

static void head(Report *r)
{
    const char *model = report_escape(r->arena, r->job->model_file);
    text_printf(&r->out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src 'unsafe-inline'\">\n"
                "<title>%s on %d device%s</title>\n<style>\n",
                model, r->cut->count, r->cut->count == 1 ? "" : "s");
    for (int i = 0; report_style[i]; i++) text_add(&r->out, report_style[i]);
    text_printf(&r->out,
                "</style>\n</head>\n<body>\n<main>\n"
                "<header>\n<h1>%s</h1>\n<p>%d stage%s, made by lpc %s</p>\n</header>\n",
                model, r->cut->count, r->cut->count == 1 ? "" : "s", LPC_VERSION);
}

int report_write(const PackJob *job, Graph *graph, const Cut *cut, const PlanOptions *options,
                 const char *folder)
{
    Report r = {.arena = job->arena,
                .job = job,
                .graph = graph,
                .cut = cut,
                .options = options ? *options : plan_defaults()};
    r.options.batch = 1; /* that of the model as it was compiled */
    text_init(&r.out, r.arena);
    head(&r);
    summary(&r);
    legend(&r);
    report_memory(&r);
    report_layers(&r);
    report_timeline(&r);
    report_cuts(&r);
    report_alternatives(&r);
    text_add(&r.out, "</main>\n</body>\n</html>\n");
    return output_write(job->diag, arena_printf(r.arena, "%s/report.html", folder), r.out.data,
                        r.out.length);
}
