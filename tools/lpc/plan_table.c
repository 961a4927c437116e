/* Plans as tables. */
#include "tools/lpc/plan_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- One plan: a column for each figure ---- */

enum { WIDEST = 40, NAMES = 3 /* columns that stand to the left */ };

typedef struct Cell {
    char text[WIDEST + 1];
} Cell;

typedef Cell ColumnText(lpc_compiler *c, const lpc_stage *stage);

static Cell cell(const char *text)
{
    Cell out;
    snprintf(out.text, sizeof out.text, "%s", text);
    return out;
}

static Cell part_of(double part, double whole)
{
    Cell out = {"-"};
    if (whole > 0) snprintf(out.text, sizeof out.text, "%.1f %%", 100 * part / whole);
    return out;
}

static Cell number(int value)
{
    Cell out;
    snprintf(out.text, sizeof out.text, "%d", value);
    return out;
}

#define TEXT_COLUMN(name, expression)                                                              \
    static Cell name(lpc_compiler *c, const lpc_stage *s)                                          \
    {                                                                                              \
        (void)c;                                                                                   \
        return expression;                                                                         \
    }
#define BYTES_COLUMN(name, field) TEXT_COLUMN(name, cell(lpc_bytes_text(c, (double)s->field)))
#define TIME_COLUMN(name, field)  TEXT_COLUMN(name, cell(lpc_seconds_text(c, s->field)))

TEXT_COLUMN(device, cell(s->name))
TEXT_COLUMN(first, cell(s->first))
TEXT_COLUMN(last, cell(s->last))
TEXT_COLUMN(layers, number(s->layers))
TEXT_COLUMN(tensors, number(s->tensors))
BYTES_COLUMN(weights, weight_bytes)
BYTES_COLUMN(activations, activation_bytes)
BYTES_COLUMN(buffers, buffer_bytes)
BYTES_COLUMN(state, state_bytes)
BYTES_COLUMN(queues, queue_bytes)
BYTES_COLUMN(code, code_bytes)
BYTES_COLUMN(total, memory_bytes)
BYTES_COLUMN(budget, budget_bytes)
TEXT_COLUMN(used, part_of((double)s->memory_bytes, (double)s->budget_bytes))
TEXT_COLUMN(of_memory, part_of((double)s->memory_bytes, (double)s->device_bytes))
TIME_COLUMN(compute, compute_s)
TIME_COLUMN(sending, send_s)

static const struct {
    const char *head;
    ColumnText *text;
} columns[] = {{"device", device},           {"first", first},     {"last", last},
               {"layers", layers},           {"tensors", tensors}, {"weights", weights},
               {"activations", activations}, {"buffers", buffers}, {"state", state},
               {"queues", queues},           {"code", code},       {"total", total},
               {"budget", budget},           {"used", used},       {"of memory", of_memory},
               {"compute", compute},         {"send", sending}};

enum { COLUMNS = sizeof columns / sizeof *columns };

static int width_of(lpc_compiler *c, const lpc_pipeline *plan, int column)
{
    size_t width = strlen(columns[column].head);
    for (size_t i = 0; i < plan->stage_count; i++) {
        size_t length = strlen(columns[column].text(c, &plan->stages[i]).text);
        if (length > width) width = length;
    }
    return (int)width;
}

static void print_cell(int column, int width, const char *text)
{
    printf(column < NAMES ? "%-*s%s" : "%*s%s", width, text, column + 1 < COLUMNS ? "  " : "\n");
}

static void print_rows(lpc_compiler *c, const lpc_pipeline *plan)
{
    int widths[COLUMNS];
    for (int k = 0; k < COLUMNS; k++) {
        widths[k] = width_of(c, plan, k);
        print_cell(k, widths[k], columns[k].head);
    }
    for (size_t i = 0; i < plan->stage_count; i++)
        for (int k = 0; k < COLUMNS; k++)
            print_cell(k, widths[k], columns[k].text(c, &plan->stages[i]).text);
}

/* In the objective's unit. */
static void print_bound(lpc_compiler *c, const lpc_pipeline *plan)
{
    if (!strcmp(plan->objective, "memory"))
        printf("%.2f %% of a budget", 100 * plan->bound);
    else if (!strcmp(plan->objective, "partitions"))
        printf("%.0f stages", plan->bound);
    else
        printf("%s", lpc_seconds_text(c, plan->bound));
}

/* What times are for, where that is known of all. */
static void print_threads(const lpc_pipeline *plan)
{
    for (size_t i = 0; i < plan->stage_count; i++)
        if (!plan->stages[i].cores) return;
    printf("threads      ");
    for (size_t i = 0; i < plan->stage_count; i++)
        printf("%s%s %d", i ? ", " : "", plan->stages[i].name, plan->stages[i].cores);
    printf(" (stages start with so many)\n");
}

void print_plan(lpc_compiler *c, const lpc_pipeline *plan)
{
    const lpc_stage *limit = &plan->stages[plan->limiting];
    print_rows(c, plan);
    printf("\nobjective    %s, %s order\n", plan->objective, plan->free_order ? "free" : "fixed");
    printf("limited by   %s", plan->client_limits ? "the client's link" : limit->name);
    if (!strcmp(plan->objective, "throughput") && !plan->client_limits)
        printf(" (%s)", limit->send_s > limit->compute_s ? "sending" : "computing");
    if (plan->client_in_s > 0 || plan->client_out_s > 0)
        printf("\nclient       %s to send a frame, %s for its results",
               lpc_seconds_text(c, plan->client_in_s), lpc_seconds_text(c, plan->client_out_s));
    printf("\nperiod       %s\n", lpc_seconds_text(c, plan->period_s));
    printf("latency      %s\n", lpc_seconds_text(c, plan->latency_s));
    printf("throughput   %.6g per second\nlower bound  ", plan->throughput);
    print_bound(c, plan);
    printf(", gap %.4g %%%s\n", 100 * plan->gap,
           plan->exact      ? " (exact)"
           : plan->gap <= 0 ? " (proven)"
                            : "");
    printf("method       %s\n", plan->method);
    print_threads(plan);
    printf("times        as predicted or given, layer by layer: the gap is to the best plan for "
           "these times\n");
}

/* ---- Side by side ---- */

static void print_alternative(lpc_compiler *c, const lpc_alternative *a)
{
    const lpc_pipeline *p = a->pipeline;
    if (!p) {
        printf("%-34s nothing fits\n", a->name);
        return;
    }
    printf("%-34s %11s %11s %12.6g %8.1f %%  ", a->name, lpc_seconds_text(c, p->period_s),
           lpc_seconds_text(c, p->latency_s), p->throughput, 100 * p->fraction);
    for (size_t k = 0; k < p->stage_count; k++) {
        const lpc_stage *s = &p->stages[k];
        printf("%s%s %d (%.0f%%)", k ? ", " : "", s->name, s->layers,
               s->budget_bytes > 0 ? 100 * (double)s->memory_bytes / (double)s->budget_bytes : 0);
    }
    putchar('\n');
}

void print_comparison(lpc_compiler *c, const lpc_alternative *alternatives, size_t count)
{
    printf("%-34s %11s %11s %12s %10s  %s\n", "plan", "period", "latency", "per second",
           "most used", "layers (of the budget)");
    for (size_t i = 0; i < count; i++) print_alternative(c, &alternatives[i]);
}
