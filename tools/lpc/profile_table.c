/* The profile as a table, the slowest kernel first, and as JSON. */
#include "tools/lpc/profile_table.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Row {
    const ProfileModule *module;
    const ProfileKernel *kernel;
} Row;

static int slower(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->kernel->ms != y->kernel->ms) return x->kernel->ms < y->kernel->ms ? 1 : -1;
    return x->kernel < y->kernel ? -1 : x->kernel > y->kernel;
}

static Row *sorted_rows(const ProfileResult *report, Arena *arena, int *count)
{
    Row *rows = NULL;
    *count = 0;
    for (int m = 0; m < report->module_count; m++)
        for (int k = 0; k < report->modules[m].kernel_count; k++)
            arena_push(arena, rows, *count) =
                (Row){&report->modules[m], &report->modules[m].kernels[k]};
    if (*count) qsort(rows, (size_t)*count, sizeof *rows, slower);
    return rows;
}

static double kernels_ms(const ProfileModule *module)
{
    double sum = 0;
    for (int k = 0; k < module->kernel_count; k++) sum += module->kernels[k].ms;
    return sum;
}

static double all_kernels_ms(const ProfileResult *report)
{
    double sum = 0;
    for (int m = 0; m < report->module_count; m++) sum += kernels_ms(&report->modules[m]);
    return sum;
}

static double total_ms(const ProfileResult *report)
{
    double sum = 0;
    for (int m = 0; m < report->module_count; m++) sum += report->modules[m].total_ms;
    return sum;
}

/* The time that the limiting ceiling allows, in ms. */
static double least_ms(const ProfileCeiling *ceiling, const ProfileKernel *kernel, const char **by)
{
    double compute = kernel->flops / ceiling->flops * 1e3;
    double traffic = kernel->bytes / ceiling->bandwidth * 1e3;
    *by = compute > traffic ? "FMA" : ceiling->level;
    return compute > traffic ? compute : traffic;
}

static double rate(double amount, double ms)
{
    return ms > 0 ? amount / ms * 1e-6 : 0; /* per ms, in 10^9 per second */
}

/* all: of all kernels */
static void print_row(const ProfileResult *report, const Row *row, double all)
{
    const ProfileKernel *k = row->kernel;
    const char *by;
    double least = least_ms(&report->ceiling, k, &by);
    printf("%9.4f %5.1f%% %9.2f %8.2f %5.0f%% %-6s  %-28.28s %-14.14s %.60s\n", k->ms,
           all > 0 ? 100 * k->ms / all : 0, rate(k->flops, k->ms), rate(k->bytes, k->ms),
           k->ms > 0 ? 100 * least / k->ms : 0, by, k->name, k->op, k->node);
}

static void print_ceilings(const ProfileResult *report)
{
    const ProfileCeiling *c = &report->ceiling;
    printf("ceilings, %d thread%s: %.1f GFLOPS of multiply-adds; reading L2 %.1f, L3 %.1f, "
           "memory %.1f GB/s\n",
           report->threads, report->threads > 1 ? "s" : "", c->flops * 1e-9, c->l2 * 1e-9,
           c->l3 * 1e-9, c->memory * 1e-9);
    printf("one inference touches %.1f MB: %s\n\n", c->footprint * 1e-6, c->level);
}

static void print_total(const ProfileResult *report, double total, double kernels)
{
    double flops = 0, bytes = 0, least = 0;
    const char *by;
    for (int m = 0; m < report->module_count; m++) {
        const ProfileModule *module = &report->modules[m];
        for (int k = 0; k < module->kernel_count; k++) {
            if (module->kernels[k].ms <= 0) continue; /* of a branch that was not taken */
            flops += module->kernels[k].flops;
            bytes += module->kernels[k].bytes;
            least += least_ms(&report->ceiling, &module->kernels[k], &by);
        }
    }
    printf("%9.4f %5.1f%% %9.2f %8.2f %5.0f%% %-6s  whole run, median of %" PRId64
           " (sum of the kernels' medians %.4f)\n",
           total, kernels > 0 ? total / kernels * 100 : 0, rate(flops, total), rate(bytes, total),
           total > 0 ? 100 * least / total : 0, "", report->runs, kernels);
}

void profile_print(const ProfileResult *report, Arena *arena, int most)
{
    int count;
    Row *rows = sorted_rows(report, arena, &count);
    double all = all_kernels_ms(report), rest = 0;
    print_ceilings(report);
    printf("%9s %6s %9s %8s %6s %-6s  %-28s %-14s %s\n", "ms", "part", "GFLOPS", "GB/s", "of",
           "limit", "kernel", "op", "node");
    for (int i = 0; i < count; i++) {
        if (i < most)
            print_row(report, &rows[i], all);
        else
            rest += rows[i].kernel->ms;
    }
    if (count > most)
        printf("%9.4f %5.1f%% %41s  %d more (--rows N)\n", rest, all > 0 ? 100 * rest / all : 0, "",
               count - most);
    print_total(report, total_ms(report), all);
}

static cJSON *kernel_json(const ProfileResult *report, const ProfileModule *module,
                          const ProfileKernel *kernel)
{
    cJSON *item = cJSON_CreateObject();
    const char *by;
    double least = least_ms(&report->ceiling, kernel, &by);
    cJSON_AddStringToObject(item, "stage", module->name);
    cJSON_AddStringToObject(item, "name", kernel->name);
    cJSON_AddStringToObject(item, "node", kernel->node);
    cJSON_AddStringToObject(item, "op", kernel->op);
    cJSON_AddNumberToObject(item, "ms", kernel->ms);
    cJSON_AddNumberToObject(item, "flops", kernel->flops);
    cJSON_AddNumberToObject(item, "bytes", kernel->bytes);
    cJSON_AddNumberToObject(item, "gflops", rate(kernel->flops, kernel->ms));
    cJSON_AddNumberToObject(item, "gbytes_per_s", rate(kernel->bytes, kernel->ms));
    cJSON_AddNumberToObject(item, "fraction", kernel->ms > 0 ? least / kernel->ms : 0);
    cJSON_AddStringToObject(item, "limit", by);
    return item;
}

void profile_print_json(const ProfileResult *report)
{
    const ProfileCeiling *c = &report->ceiling;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "model", report->model);
    cJSON_AddNumberToObject(root, "threads", report->threads);
    cJSON_AddNumberToObject(root, "runs", (double)report->runs);
    cJSON_AddNumberToObject(root, "ms", total_ms(report));
    cJSON_AddNumberToObject(root, "kernels_ms", all_kernels_ms(report));
    cJSON *ceilings = cJSON_AddObjectToObject(root, "ceilings");
    cJSON_AddNumberToObject(ceilings, "gflops", c->flops * 1e-9);
    cJSON_AddNumberToObject(ceilings, "l2_gbytes_per_s", c->l2 * 1e-9);
    cJSON_AddNumberToObject(ceilings, "l3_gbytes_per_s", c->l3 * 1e-9);
    cJSON_AddNumberToObject(ceilings, "memory_gbytes_per_s", c->memory * 1e-9);
    cJSON_AddStringToObject(ceilings, "level", c->level);
    cJSON_AddNumberToObject(ceilings, "footprint_bytes", c->footprint);
    cJSON *kernels = cJSON_AddArrayToObject(root, "kernels");
    for (int m = 0; m < report->module_count; m++)
        for (int k = 0; k < report->modules[m].kernel_count; k++)
            cJSON_AddItemToArray(
                kernels, kernel_json(report, &report->modules[m], &report->modules[m].kernels[k]));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    puts(text);
    cJSON_free(text);
}
