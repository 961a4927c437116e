/* Plans as tables. */
#include "ir/units.h"
#include "tools/lpc/command.h"

#include <string.h>

/* ---- One plan ---- */

enum { COLUMNS = 17 };

typedef struct Table {
    Arena *arena;
    const char *(*rows)[COLUMNS];
    int count;
} Table;

static void add_stage(Table *t, const PlanStage *s)
{
    Arena *a = t->arena;
    const char *const cells[COLUMNS] = {
        s->device,
        s->first_name,
        s->last_name,
        arena_printf(a, "%d", s->end - s->first),
        arena_printf(a, "%d", s->tensors),
        bytes_text(a, (double)s->bytes.weights),
        bytes_text(a, (double)s->bytes.activations),
        bytes_text(a, (double)s->bytes.buffers),
        bytes_text(a, (double)s->bytes.state),
        bytes_text(a, (double)s->bytes.queues),
        bytes_text(a, (double)s->bytes.code),
        bytes_text(a, (double)s->memory),
        bytes_text(a, (double)s->budget),
        s->budget > 0 ? arena_printf(a, "%.1f %%", 100 * (double)s->memory / (double)s->budget)
                      : "-",
        s->device_memory > 0
            ? arena_printf(a, "%.1f %%", 100 * (double)s->memory / (double)s->device_memory)
            : "-",
        seconds_text(a, s->compute_s),
        seconds_text(a, s->send_s)};
    arena_push(a, t->rows, t->count);
    memcpy(t->rows[t->count - 1], cells, sizeof cells);
}

static void print_rows(FILE *out, const Table *t)
{
    int width[COLUMNS] = {0};
    for (int r = 0; r < t->count; r++) {
        for (int k = 0; k < COLUMNS; k++) {
            int length = (int)strlen(t->rows[r][k]);
            if (length > 40) length = 40;
            if (length > width[k]) width[k] = length;
        }
    }
    for (int r = 0; r < t->count; r++) {
        for (int k = 0; k < COLUMNS; k++)
            fprintf(out, k < 3 ? "%-*.40s%s" : "%*.40s%s", width[k], t->rows[r][k],
                    k + 1 < COLUMNS ? "  " : "\n");
    }
}

static void print_value(FILE *out, const Plan *plan, Arena *arena, double value)
{
    switch (plan->options.objective) {
    case PLAN_MEMORY: fprintf(out, "%.2f %% of a budget", 100 * value); break;
    case PLAN_PARTITIONS: fprintf(out, "%.0f stages", value); break;
    default: fprintf(out, "%s", seconds_text(arena, value));
    }
}

void print_plan(FILE *out, const Plan *plan)
{
    static const char *const head[COLUMNS] = {
        "device",      "first",   "last",      "layers",  "tensors", "weights",
        "activations", "buffers", "state",     "queues",  "code",    "total",
        "budget",      "used",    "of memory", "compute", "send"};
    Arena *arena = arena_new();
    Table t = {.arena = arena};
    arena_push(arena, t.rows, t.count);
    memcpy(t.rows[0], head, sizeof head);
    for (int k = 0; k < plan->count; k++) add_stage(&t, &plan->stages[k]);
    print_rows(out, &t);
    const PlanStage *limit = &plan->stages[plan->limiting];
    fprintf(out, "\nobjective    %s, %s order\n", objective_name(plan->options.objective),
            plan->options.free_order ? "free" : "fixed");
    fprintf(out, "limited by   %s", limit->device);
    if (plan->options.objective == PLAN_THROUGHPUT)
        fprintf(out, " (%s)", limit->send_s > limit->compute_s ? "sending" : "computing");
    fprintf(out, "\nperiod       %s\n", seconds_text(arena, plan->bottleneck_s));
    fprintf(out, "latency      %s\n", seconds_text(arena, plan->latency_s));
    fprintf(out, "throughput   %.6g per second\n", plan->throughput);
    fprintf(out, "lower bound  ");
    print_value(out, plan, arena, plan->bound);
    fprintf(out, ", gap %.4g %%%s\n", 100 * plan->gap,
            plan->exact      ? " (exact)"
            : plan->gap <= 0 ? " (proven)"
                             : "");
    fprintf(out, "method       %s\n", plan->method);
    fprintf(out,
            "times        as predicted or given, layer by layer: the gap is to the best plan for "
            "these times\n");
    arena_free(arena);
}

/* ---- Side by side ---- */

static const char *stages_text(Arena *arena, const Plan *plan)
{
    Text text;
    text_init(&text, arena);
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        text_printf(&text, "%s%s %d (%.0f%%)", k ? ", " : "", s->device, s->end - s->first,
                    s->budget > 0 ? 100 * (double)s->memory / (double)s->budget : 0);
    }
    return text.data;
}

static void compare_row(FILE *out, Arena *arena, const char *name, const Profile *profile,
                        const Cluster *cluster, const PlanOptions *options)
{
    Diag diag;
    Plan plan;
    diag_init(&diag, arena, NULL);
    if (plan_make(&diag, arena, profile, cluster, options, &plan)) {
        fprintf(out, "%-34s nothing fits\n", name);
        return;
    }
    fprintf(out, "%-34s %11s %11s %12.6g %8.1f %%  %s\n", name,
            seconds_text(arena, plan.bottleneck_s), seconds_text(arena, plan.latency_s),
            plan.throughput, 100 * plan.fraction, stages_text(arena, &plan));
}

void print_comparison(FILE *out, Arena *arena, const Profile *profile, const Cluster *cluster,
                      const PlanOptions *options)
{
    fprintf(out, "%-34s %11s %11s %12s %10s  %s\n", "plan", "period", "latency", "per second",
            "most used", "layers (of the budget)");
    for (int objective = 0; objective < OBJECTIVE_COUNT; objective++) {
        for (int variant = 0; variant < 4; variant++) {
            PlanOptions o = *options;
            o.objective = (Objective)objective;
            o.use_all = variant & 1;
            o.free_order = variant & 2;
            if (o.free_order && cluster->count == 1) continue;
            const char *name =
                arena_printf(arena, "%s%s%s", objective_name(o.objective),
                             o.free_order ? ", free order" : "", o.use_all ? ", all devices" : "");
            compare_row(out, arena, name, profile, cluster, &o);
        }
    }
}
