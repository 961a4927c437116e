/* The figures that `lpc run` tells. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tools/lpc/run.h"

#include "runtime/stats.h"

#include <inttypes.h>
#include <stdio.h>

enum { WARM_UP = 3, SHOWN_VALUES = 8, SHOWN_STEPS = 8 };

static void print_output(const HostTensor *tensor, Arena *arena)
{
    int64_t count = host_elements(tensor);
    printf("%s %s:", tensor->name, host_shape_text(tensor, arena));
    for (int64_t i = 0; i < count && i < SHOWN_VALUES; i++) printf(" %.6g", host_value(tensor, i));
    printf("%s\n", count > SHOWN_VALUES ? " ..." : "");
}

static double latency_median(const Run *run)
{
    int64_t skip = run->latency_count > 3 * WARM_UP ? WARM_UP : 0;
    return (double)lpc_median(run->latencies + skip, (size_t)(run->latency_count - skip));
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\') putchar('\\');
        if ((unsigned char)*at < 32)
            printf("\\u%04x", (unsigned)*at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void report_json(const Run *run, double latency, double throughput)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    printf("{\"stages\":[");
    for (int i = 0; i < count; i++) {
        printf("%s{\"name\":", i ? "," : "");
        print_json_text(stats[i].name);
        printf(",\"compute_ms_median\":%.6f,\"send_ms_median\":%.6f,\"receive_ms_median\":%.6f,"
               "\"wait_ms_median\":%.6f,\"frames\":%.0f,\"peak_rss_bytes\":%.0f",
               stats[i].compute_ms, stats[i].send_ms, stats[i].receive_ms, stats[i].wait_ms,
               stats[i].frames, stats[i].peak_rss_bytes);
        const PackageStage *stage = &run->package->stages[i];
        if (stage->predicted_compute_s >= 0)
            printf(",\"predicted_compute_ms\":%.6f,\"predicted_send_ms\":%.6f,"
                   "\"predicted_cores\":%d",
                   stage->predicted_compute_s * 1e3, stage->predicted_send_s * 1e3,
                   stage->predicted_cores);
        printf("}");
    }
    printf("],\"latency_ms_median\":%.6f,\"throughput\":%.6f,\"frames\":%" PRId64, latency,
           throughput, run->total);
    if (run->token_count) {
        printf(",\"tokens\":[");
        for (int64_t i = 0; i < run->token_count; i++)
            printf("%s%" PRId64, i ? "," : "", run->tokens[i]);
        printf("]");
    }
    printf("}\n");
}

static const char *predicted(Arena *arena, double seconds)
{
    return seconds < 0 ? "-" : arena_printf(arena, "%.3f", seconds * 1e3);
}

/* What predictions are for, where that is not what ran. */
static void print_conditions(const Run *run)
{
    int threads = run->options->run.threads;
    const char *with = threads ? arena_printf(run->arena, "--threads %d", threads)
                               : "its default number of threads";
    for (int i = 0; i < run->package->stage_count; i++) {
        const PackageStage *stage = &run->package->stages[i];
        bool emulated = stage->emulator && stage->emulator[0];
        if (stage->predicted_compute_s < 0) continue;
        if (!emulated && stage->predicted_cores == threads) continue;
        printf("%s is predicted for %d core%s of '%s'; here it ran %swith %s\n", stage->name,
               stage->predicted_cores, stage->predicted_cores == 1 ? "" : "s",
               stage->target ? stage->target : "?", emulated ? "through an emulator, " : "", with);
    }
}

static void report_text(const Run *run, double latency, double throughput)
{
    int count;
    const RunStats *stats = run_stats(run->session, &count);
    if (run->token_count) {
        printf("tokens:");
        for (int64_t i = 0; i < run->token_count; i++) printf(" %" PRId64, run->tokens[i]);
        printf("\n");
    }
    if (count)
        printf("%-16s %10s %10s %10s %10s %10s %10s %8s %12s\n", "stage", "compute ms", "predicted",
               "send ms", "predicted", "receive ms", "wait ms", "frames", "peak RSS KiB");
    for (int i = 0; i < count; i++) {
        const PackageStage *stage = &run->package->stages[i];
        printf("%-16s %10.3f %10s %10.3f %10s %10.3f %10.3f %8.0f %12.0f\n", stats[i].name,
               stats[i].compute_ms, predicted(run->arena, stage->predicted_compute_s),
               stats[i].send_ms, predicted(run->arena, stage->predicted_send_s),
               stats[i].receive_ms, stats[i].wait_ms, stats[i].frames,
               stats[i].peak_rss_bytes / 1024);
    }
    if (count) print_conditions(run);
    printf("latency     %.3f ms (median of %" PRId64 " frames, one at a time)\n", latency,
           run->latency_count);
    printf("throughput  %.2f frames/s\n", throughput);
}

void run_show(const Run *run, int64_t steps)
{
    if (run->options->feedback_in || steps > SHOWN_STEPS) return;
    for (int i = 0; i < run->package->outputs.count; i++)
        print_output(&run->outputs[i], run->arena);
}

void run_report(const Run *run, bool json)
{
    double latency = latency_median(run);
    double throughput = run->throughput > 0 ? run->throughput : latency > 0 ? 1000 / latency : 0;
    (json ? report_json : report_text)(run, latency, throughput);
}
