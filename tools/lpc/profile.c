/* `lpc profile MODEL.onnx|OUT`: the kernels as a table, the slowest first, and as JSON. */
#include "tools/lpc/command.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

enum { DEFAULT_ROWS = 40 };

static double rate(double amount, double ms)
{
    return ms > 0 ? amount / ms * 1e-6 : 0; /* per ms, in 10^9 per second */
}

/* How much of what is possible was reached. */
static double reached(double least, double ms)
{
    return ms > 0 ? least / ms : 0;
}

/* ---- As a table ---- */

static void print_ceilings(const lpc_profiled *p)
{
    printf("ceilings, %d thread%s: %.1f GFLOPS of multiply-adds; reading L2 %.1f, L3 %.1f, "
           "memory %.1f GB/s\n",
           p->threads, p->threads > 1 ? "s" : "", p->flops * 1e-9, p->l2 * 1e-9, p->l3 * 1e-9,
           p->memory * 1e-9);
    printf("one inference touches %.1f MB: %s\n\n", p->footprint_bytes * 1e-6, p->level);
}

static void print_kernel(const lpc_profiled *p, const lpc_kernel *k)
{
    printf("%9.4f %5.1f%% %9.2f %8.2f %5.0f%% %-6s  %-28.28s %-14.14s %.60s\n", k->ms,
           p->kernels_ms > 0 ? 100 * k->ms / p->kernels_ms : 0, rate(k->flops, k->ms),
           rate(k->bytes, k->ms), 100 * reached(k->least_ms, k->ms), k->limit, k->name, k->op,
           k->node);
}

static void print_total(const lpc_profiled *p)
{
    double flops = 0, bytes = 0, least = 0, total = p->total_ms;
    for (size_t i = 0; i < p->kernel_count; i++) {
        const lpc_kernel *k = &p->kernels[i];
        if (k->ms <= 0) continue; /* of a branch that was not taken */
        flops += k->flops;
        bytes += k->bytes;
        least += k->least_ms;
    }
    printf("%9.4f %5.1f%% %9.2f %8.2f %5.0f%% %-6s  whole run, median of %" PRId64
           " (sum of the kernels' medians %.4f)\n",
           total, p->kernels_ms > 0 ? total / p->kernels_ms * 100 : 0, rate(flops, total),
           rate(bytes, total), 100 * reached(least, total), "", p->runs, p->kernels_ms);
}

static void print_table(const lpc_profiled *p, size_t most)
{
    double rest = 0;
    print_ceilings(p);
    printf("%9s %6s %9s %8s %6s %-6s  %-28s %-14s %s\n", "ms", "part", "GFLOPS", "GB/s", "of",
           "limit", "kernel", "op", "node");
    for (size_t i = 0; i < p->kernel_count; i++) {
        if (i < most)
            print_kernel(p, &p->kernels[i]);
        else
            rest += p->kernels[i].ms;
    }
    if (p->kernel_count > most)
        printf("%9.4f %5.1f%% %41s  %zu more (--rows N)\n", rest,
               p->kernels_ms > 0 ? 100 * rest / p->kernels_ms : 0, "", p->kernel_count - most);
    print_total(p);
}

/* ---- As JSON ---- */

static cJSON *kernel_json(const lpc_kernel *k)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "stage", k->stage);
    cJSON_AddStringToObject(item, "name", k->name);
    cJSON_AddStringToObject(item, "node", k->node);
    cJSON_AddStringToObject(item, "op", k->op);
    cJSON_AddNumberToObject(item, "ms", k->ms);
    cJSON_AddNumberToObject(item, "flops", k->flops);
    cJSON_AddNumberToObject(item, "bytes", k->bytes);
    cJSON_AddNumberToObject(item, "gflops", rate(k->flops, k->ms));
    cJSON_AddNumberToObject(item, "gbytes_per_s", rate(k->bytes, k->ms));
    cJSON_AddNumberToObject(item, "fraction", reached(k->least_ms, k->ms));
    cJSON_AddStringToObject(item, "limit", k->limit);
    return item;
}

static void print_json(const lpc_profiled *p)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "model", p->model);
    cJSON_AddNumberToObject(root, "threads", p->threads);
    cJSON_AddNumberToObject(root, "runs", (double)p->runs);
    cJSON_AddNumberToObject(root, "ms", p->total_ms);
    cJSON_AddNumberToObject(root, "kernels_ms", p->kernels_ms);
    cJSON *ceilings = cJSON_AddObjectToObject(root, "ceilings");
    cJSON_AddNumberToObject(ceilings, "gflops", p->flops * 1e-9);
    cJSON_AddNumberToObject(ceilings, "l2_gbytes_per_s", p->l2 * 1e-9);
    cJSON_AddNumberToObject(ceilings, "l3_gbytes_per_s", p->l3 * 1e-9);
    cJSON_AddNumberToObject(ceilings, "memory_gbytes_per_s", p->memory * 1e-9);
    cJSON_AddStringToObject(ceilings, "level", p->level);
    cJSON_AddNumberToObject(ceilings, "footprint_bytes", p->footprint_bytes);
    cJSON *kernels = cJSON_AddArrayToObject(root, "kernels");
    for (size_t i = 0; i < p->kernel_count; i++)
        cJSON_AddItemToArray(kernels, kernel_json(&p->kernels[i]));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    puts(text);
    cJSON_free(text);
}

int command_profile(lpc_compiler *c, const Words *words)
{
    const lpc_profiled *profiled;
    const char *rows = lpc_get(c, "rows");
    if (!words->count) return usage_error("profile", "missing 'MODEL.onnx' or 'OUT'");
    TRY_STATUS(lpc_profile_model(c, words->list[0], &profiled));
    if (lpc_get(c, "json"))
        print_json(profiled);
    else
        print_table(profiled, rows ? strtoul(rows, NULL, 10) : DEFAULT_ROWS);
    return command_printed();
}
