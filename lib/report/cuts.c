/* What crosses from stage to stage. */
#include "lib/report/report.h"

#include "ir/units.h"

static const char *shape(const Report *r, const PackTensor *t)
{
    Text text;
    text_init(&text, r->arena);
    text_printf(&text, "%s[", dtype_name(t->dtype));
    for (int k = 0; k < t->rank; k++)
        text_printf(&text, "%s%s", k ? ", " : "", size_text(r->job->sizes, t->dims[k]));
    text_add(&text, "]");
    return report_escape(r->arena, text.data);
}

static void tensors(Report *r, const PackContract *contract)
{
    text_add(&r->out, "<table class=\"cards\">\n<thead><tr><th>tensor</th><th>type and sizes</th>"
                      "<th class=\"n\">at most</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        text_printf(&r->out, "<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td></tr>\n",
                    report_escape(r->arena, t->name), shape(r, t),
                    bytes_text(r->arena, (double)t->max_bytes));
    }
    text_add(&r->out, "</tbody>\n</table>\n");
}

static const char *plural(Arena *arena, int count, const char *word)
{
    return arena_printf(arena, "%d %s%s", count, word, count == 1 ? "" : "s");
}

static int64_t sum_bytes(const PackContract *contract)
{
    int64_t bytes = 0;
    for (int i = 0; i < contract->count; i++) bytes += contract->tensors[i].max_bytes;
    return bytes;
}

static void cut(Report *r, int index)
{
    Arena *a = r->arena;
    int stages = r->cut->count;
    bool last = index == stages;
    const PackContract *contract =
        last ? &r->job->stages[stages - 1].out : &r->job->stages[index].in;
    const char *total = bytes_text(a, (double)sum_bytes(contract));
    const char *after = index ? r->job->stages[index - 1].last : "";
    if (!index || last) {
        text_printf(&r->out, "<h3>%s: %s, %s</h3>\n", last ? "Outputs" : "Inputs",
                    plural(a, contract->count, "tensor"), total);
    } else {
        text_printf(&r->out,
                    "<h3><span class=\"key c%d\"></span>%s to <span class=\"key c%d\"></span>%s: "
                    "%s, %s</h3>\n<p class=\"note\">after layer <code>%s</code>",
                    report_colour(index - 1), report_escape(a, r->job->stages[index - 1].name),
                    report_colour(index), report_escape(a, r->job->stages[index].name),
                    plural(a, contract->count, "tensor"), total, report_escape(a, after));
        if (r->cut->plan)
            text_printf(&r->out, "; %s on the link",
                        seconds_text(a, r->cut->plan->stages[index - 1].send_s));
        text_add(&r->out, "</p>\n");
    }
    tensors(r, contract);
}

void report_cuts(Report *r)
{
    text_add(&r->out, "<section>\n<h2>Cuts</h2>\n");
    for (int i = 0; i <= r->cut->count; i++) cut(r, i);
    text_add(&r->out, "</section>\n");
}
