/* Text and numbers as the page has them. */
#include "lib/report/report.h"

#include <string.h>

const char *report_escape(Arena *arena, const char *text)
{
    Text out;
    text_init(&out, arena);
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '&')
            text_add(&out, "&amp;");
        else if (c == '<')
            text_add(&out, "&lt;");
        else if (c == '>')
            text_add(&out, "&gt;");
        else if (c == '"')
            text_add(&out, "&quot;");
        else if (c == '\'')
            text_add(&out, "&#39;");
        else if (c < 32 || c == 127)
            text_add(&out, "&#xfffd;");
        else
            text_addn(&out, at, 1);
    }
    return out.length ? out.data : "";
}

int report_colour(int stage)
{
    return stage % REPORT_COLOURS;
}

const char *report_flops(Arena *arena, double flops)
{
    static const char *const names[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"};
    int unit = 0;
    while (flops >= 999.5 && unit < 4) flops /= 1000, unit++;
    return arena_printf(arena, "%.3g&nbsp;%s", flops, names[unit]);
}

const char *report_rate(Arena *arena, double rate)
{
    double step = 1;
    while (rate / step >= 1000) step *= 10;
    if (rate < 1000) return arena_printf(arena, "%.3g&nbsp;/s", rate);
    const char *digits = arena_printf(arena, "%.0f", (double)(int64_t)(rate / step + 0.5) * step);
    Text out;
    text_init(&out, arena);
    for (size_t i = 0, n = strlen(digits); i < n; i++)
        text_printf(&out, "%s%c", i && (n - i) % 3 == 0 ? "," : "", digits[i]);
    text_add(&out, "&nbsp;/s");
    return out.data;
}
