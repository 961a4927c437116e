/* The first frames through the pipeline, as the planner's model has it: a stage computes a frame
 * when it has arrived and the one before is done, and sends while it computes the next one. */
#include "lib/report/report.h"

#include "ir/units.h"

#include <math.h>

enum { FRAMES = 5 };

typedef struct Span {
    double begin, end;
} Span;

/* compute[stage][frame] and send[stage][frame]; the last end is returned. */
static double simulate(const Report *r, Span (*compute)[FRAMES], Span (*send)[FRAMES])
{
    const Plan *p = r->cut->plan;
    double last = 0;
    for (int s = 0; s < p->count; s++) {
        for (int f = 0; f < FRAMES; f++) {
            double begin = s ? send[s - 1][f].end : 0;
            double free = !f                      ? 0
                          : p->options.no_overlap ? send[s][f - 1].end
                                                  : compute[s][f - 1].end;
            if (free > begin) begin = free;
            int waits = f - 1 - p->options.queue; /* this one's place in the send queue */
            if (waits >= 0 && send[s][waits].end > begin) begin = send[s][waits].end;
            compute[s][f] = (Span){begin, begin + p->stages[s].compute_s};
            double sends = compute[s][f].end;
            if (f && send[s][f - 1].end > sends) sends = send[s][f - 1].end;
            send[s][f] = (Span){sends, sends + p->stages[s].send_s};
            last = fmax(last, send[s][f].end);
        }
    }
    return last;
}

static void span(Report *r, int stage, const Span *at, double whole, int frame, bool sends)
{
    static const bool dark[REPORT_COLOURS] = {false, true, false, true, true, false, false, false};
    double width = 100 * (at->end - at->begin) / whole;
    if (at->end <= at->begin) return;
    text_printf(&r->out,
                "<span class=\"c%d%s%s%s\" style=\"left:%.3f%%;width:%.3f%%\" title=\"frame %d "
                "%s, %s to %s\">",
                report_colour(stage), sends ? " send" : "",
                dark[report_colour(stage)] ? " dark" : "", width < 1.5 ? " thin" : "",
                100 * at->begin / whole, width, frame + 1, sends ? "is sent" : "is computed",
                seconds_text(r->arena, at->begin), seconds_text(r->arena, at->end));
    if (!sends && width > 3) text_printf(&r->out, "%d", frame + 1);
    text_add(&r->out, "</span>");
}

static void lane(Report *r, int stage, const Span *compute, const Span *send, double whole)
{
    Arena *a = r->arena;
    const PlanStage *s = &r->cut->plan->stages[stage];
    const char *name = report_escape(a, r->cut->stages[stage].name);
    const char *sends =
        s->send_s > 0 ? arena_printf(a, ", sends %s", seconds_text(a, s->send_s)) : "";
    text_printf(&r->out,
                "<div class=\"lane\"><b>%s<small>computes %s%s</small></b>"
                "<div class=\"track\" role=\"img\" aria-label=\"%s computes %s per frame%s\">",
                name, seconds_text(a, s->compute_s), sends, name, seconds_text(a, s->compute_s),
                sends);
    for (int f = 0; f < FRAMES; f++) {
        span(r, stage, &compute[f], whole, f, false);
        span(r, stage, &send[f], whole, f, true);
    }
    text_add(&r->out, "</div></div>\n");
}

void report_timeline(Report *r)
{
    Arena *a = r->arena;
    if (!r->cut->plan) return;
    const Plan *p = r->cut->plan;
    Span(*compute)[FRAMES] = arena_array(a, (size_t)p->count, sizeof *compute);
    Span(*send)[FRAMES] = arena_array(a, (size_t)p->count, sizeof *send);
    double whole = simulate(r, compute, send);
    if (!(whole > 0)) return;
    text_printf(
        &r->out,
        "<section>\n<h2>Timeline</h2>\n<p class=\"note\">The first %d frames, by number; the "
        "lower, paler bars are frames on their way to the next stage. A result every %s once "
        "the pipeline is full.</p>\n",
        FRAMES, seconds_text(a, p->bottleneck_s));
    for (int s = 0; s < p->count; s++) lane(r, s, compute[s], send[s], whole);
    text_add(&r->out, "<div class=\"axis scale\">");
    for (int k = 0; k <= 4; k++)
        text_printf(&r->out, "<span>%s</span>", seconds_text(a, whole * k / 4));
    text_add(&r->out, "</div>\n</section>\n");
}
