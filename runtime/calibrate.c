/* Timing emitted models and memory on the device itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "calibrate.h"
#include "pool.h"
#include "processor.h"
#include "profile.h"
#include "stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of all measured time, when no less than nearly all is had. */
static const double SHARE_ALL = 0.9;

enum {
    SHARE_MS = 500,
    LEAST_RUNS = 3,
    MOST_RUNS = 200,
    MOST_THREADS = 64,
    MEASURE_RUNS = 5,
    READ_MEGABYTES = 128
};

typedef struct Options {
    int threads, repeat, quick, json, once, help;
    const char *note, *serve, *peer;
} Options;

/* A model with memory around it. */
typedef struct Bench {
    const lpc_model *model;
    void **in, **out, *workspace, *state;
    int64_t *sizes, *bound;
    const lpc_threads *threads;
} Bench;

/* ---- The command line ---- */

static int cores(void)
{
    int count = lpc_processors();
    return count > MOST_THREADS ? MOST_THREADS : count;
}

static int count_of(const char *text, int most, int *value)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (!*text || *end || number < 1 || number > most) return 1;
    *value = (int)number;
    return 0;
}

static int parse(Options *o, int argc, char **argv)
{
    *o = (Options){.threads = cores(), .repeat = MEASURE_RUNS};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int bad = 0, took = 0;
        if (!strcmp(argv[i], "--quick"))
            o->quick = 1;
        else if (!strcmp(argv[i], "--json"))
            o->json = 1;
        else if (!strcmp(argv[i], "--once"))
            o->once = 1;
        else if (!strcmp(argv[i], "--help"))
            o->help = 1;
        else if (!strcmp(argv[i], "--threads") && value && ++took)
            bad = count_of(value, MOST_THREADS, &o->threads);
        else if (!strcmp(argv[i], "--repeat") && value && ++took)
            bad = count_of(value, MOST_RUNS, &o->repeat);
        else if (!strcmp(argv[i], "--note") && value && ++took)
            o->note = value;
        else if (!strcmp(argv[i], "--peer") && value && ++took)
            o->peer = value;
        else if (!strcmp(argv[i], "--serve"))
            o->serve = value && value[0] != '-' ? argv[++i] : "*:7700";
        else
            bad = 1;
        if (bad) {
            fprintf(stderr, "calibrate: unexpected '%s' (see --help)\n", argv[i]);
            return LPC_EXIT_USAGE;
        }
        i += took;
    }
    return 0;
}

static int fail(const char *what)
{
    fprintf(stderr, "calibrate: %s\n", what);
    return LPC_EXIT_SYSTEM;
}

/* ---- Models ---- */

static void *room(uint64_t bytes)
{
    void *memory = NULL;
    if (bytes > SIZE_MAX / 2 || posix_memalign(&memory, 4096, (size_t)bytes + 64)) return NULL;
    memset(memory, 0, (size_t)bytes + 64);
    return memory;
}

/* Floats between -1 and 1; of other types small numbers that are never a wrong index but 0 and 1.
 */
static void fill(void *data, const lpc_tensor_info *info)
{
    enum { FLOAT = 1, UINT8 = 2, INT8 = 3 };
    uint32_t random = 1;
    if (info->type == FLOAT) {
        float *values = data;
        for (uint64_t i = 0; i < info->max_bytes / 4; i++) {
            random = random * 1664525u + 1013904223u;
            values[i] = (float)(random >> 8) * 0x1p-23f - 1;
        }
    } else if (info->type == UINT8 || info->type == INT8) {
        uint8_t *values = data;
        for (uint64_t i = 0; i < info->max_bytes; i++) {
            random = random * 1664525u + 1013904223u;
            values[i] = (uint8_t)(random >> 25);
        }
    }
}

static int open_side(const lpc_contract *side, void ***tensors)
{
    *tensors = calloc(side->tensor_count + 1, sizeof **tensors);
    if (!*tensors) return 1;
    for (uint32_t k = 0; k < side->tensor_count; k++) {
        (*tensors)[k] = room(side->tensors[k].max_bytes);
        if (!(*tensors)[k]) return 1;
    }
    return 0;
}

/* Sizes at their bounds; with state: one step, with the state half full. */
static void bind_sizes(Bench *b)
{
    const lpc_model *m = b->model;
    int has_state = 0;
    for (uint32_t s = 0; s < m->symbol_count; s++) has_state |= m->symbol_is_state[s];
    for (uint32_t s = 0; s < m->symbol_count; s++)
        b->bound[s] = m->symbol_is_state[s]               ? m->symbol_max[s] / 2
                      : has_state && m->symbol_max[s] > 1 ? 1
                                                          : m->symbol_max[s];
}

static int bench_open(Bench *b, const lpc_model *model, const lpc_threads *threads)
{
    *b = (Bench){.model = model, .threads = threads};
    b->sizes = calloc(model->symbol_count + 1, sizeof *b->sizes);
    b->bound = calloc(model->symbol_count + 1, sizeof *b->bound);
    b->workspace = room(model->workspace_bytes);
    b->state = room(model->state_bytes);
    if (!b->sizes || !b->bound || !b->workspace || !b->state || open_side(&model->in, &b->in) ||
        open_side(&model->out, &b->out))
        return fail("out of memory");
    for (uint32_t k = 0; k < model->in.tensor_count; k++) fill(b->in[k], &model->in.tensors[k]);
    bind_sizes(b);
    return 0;
}

static void free_side(const lpc_contract *side, void **tensors)
{
    for (uint32_t k = 0; tensors && k < side->tensor_count; k++) free(tensors[k]);
    free(tensors);
}

static void bench_close(Bench *b)
{
    free_side(&b->model->in, b->in);
    free_side(&b->model->out, b->out);
    free(b->workspace);
    free(b->state);
    free(b->sizes);
    free(b->bound);
}

/* One run; nanoseconds. */
static int bench_run(Bench *b, uint64_t *ns)
{
    for (uint32_t s = 0; s < b->model->symbol_count; s++) b->sizes[s] = b->bound[s];
    uint64_t begin = lpc_now_ns();
    int code = b->model->run((const void *const *)b->in, b->out, b->sizes, b->workspace, b->state,
                             b->threads);
    *ns = lpc_now_ns() - begin;
    if (!code) return 0;
    fprintf(stderr, "calibrate: '%s' returns %d on noise\n", b->model->name, code);
    return LPC_EXIT_RUN;
}

/* Seconds of one run: the median of as many as the time allows. */
static int time_model(const lpc_model *model, const lpc_threads *threads, double budget,
                      double *seconds)
{
    Bench bench;
    float times[MOST_RUNS];
    uint64_t ns = 0, begin = lpc_now_ns();
    int runs = 0, code = bench_open(&bench, model, threads);
    if (!code) code = bench_run(&bench, &ns); /* warms up */
    while (!code && runs < MOST_RUNS &&
           (runs < LEAST_RUNS || (double)(lpc_now_ns() - begin) * 1e-9 < budget)) {
        code = bench_run(&bench, &ns);
        times[runs++] = (float)((double)ns * 1e-9);
    }
    if (!code) *seconds = (double)lpc_median(times, (size_t)runs);
    bench_close(&bench);
    return code;
}

/* ---- Memory ---- */

typedef struct Reading {
    const uint64_t *words;
    int64_t each; /* words of one part */
    uint64_t *sums;
} Reading;

static void read_parts(void *arg, int64_t begin, int64_t end)
{
    const Reading *reading = arg;
    for (int64_t part = begin; part < end; part++) {
        const uint64_t *at = reading->words + part * reading->each;
        uint64_t sum[8] = {0};
        for (int64_t i = 0; i < reading->each; i += 8)
            for (int k = 0; k < 8; k++) sum[k] += at[i + k];
        for (int k = 0; k < 8; k++) reading->sums[part] += sum[k];
    }
}

/* Bytes per second of all threads reading memory that no cache holds; the best of a few rounds. */
static int time_memory(const lpc_threads *threads, int count, int quick, double *bandwidth)
{
    uint64_t sums[MOST_THREADS] = {0};
    size_t bytes = (size_t)(quick ? READ_MEGABYTES / 4 : READ_MEGABYTES) << 20;
    int64_t each = (int64_t)(bytes / 8 / (size_t)count) / 8 * 8;
    uint64_t *words = room(bytes);
    if (!words) return fail("out of memory");
    memset(words, 1, bytes);
    Reading reading = {words, each, sums};
    double best = 0;
    for (int i = 0; i < (quick ? 2 : 5); i++) {
        uint64_t begin = lpc_now_ns();
        if (threads)
            threads->parallel_for(threads->pool, read_parts, &reading, count);
        else
            read_parts(&reading, 0, 1);
        double seconds = (double)(lpc_now_ns() - begin) * 1e-9;
        if (seconds > 0 && (double)each * 8 * count / seconds > best)
            best = (double)each * 8 * count / seconds;
    }
    free(words);
    *bandwidth = best;
    return sums[0] == 1 ? fail("memory reads wrong") : 0; /* keeps the loop */
}

/* ---- The share of the cores ---- */

static void spin(void *arg, int64_t begin, int64_t end)
{
    const uint64_t *until = arg;
    (void)begin, (void)end;
    while (lpc_now_ns() < *until) continue;
}

static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* How much of its cores' time this process gets, 1 for all: a quota lets it run at full speed for a moment and then
 * not at all, which no short measurement sees. */
static double measure_share(const lpc_threads *threads, int count)
{
    uint64_t begin = lpc_now_ns(), until = begin + SHARE_MS * UINT64_C(1000000);
    double used = processor_seconds();
    if (threads)
        threads->parallel_for(threads->pool, spin, &until, count);
    else
        spin(&until, 0, 1);
    used = processor_seconds() - used;
    double share = used / ((double)(lpc_now_ns() - begin) * 1e-9 * count);
    return share < SHARE_ALL ? share : 1;
}

/* ---- All of it ---- */

typedef struct Figures {
    double gflops, bandwidth, overhead, share;
    double *seconds; /* by item */
} Figures;

static int measure_all(const lpc_calibrate_item *items, int count, const Options *o,
                       const lpc_threads *threads, Figures *f)
{
    double time = 0;
    int counted = 0;
    for (int i = 0; i < count; i++) {
        int code = time_model(items[i].model, threads, o->quick ? 0.02 : 0.3, &f->seconds[i]);
        if (code) return code;
        double seconds = f->seconds[i] > 1e-9 ? f->seconds[i] : 1e-9;
        if (items[i].kernels > 1)
            f->overhead = seconds / items[i].kernels;
        else
            fprintf(stderr, "%-12s %-5s %10.2f G%sOPS\n", items[i].kind, items[i].type,
                    items[i].flops / seconds * 1e-9, items[i].type[0] == 'f' ? "FL" : "");
        if (!items[i].counts) continue;
        time += seconds / items[i].flops; /* the same work of each kind */
        counted++;
    }
    int code = time_memory(threads, o->threads, o->quick, &f->bandwidth);
    f->share = measure_share(threads, o->threads);
    if (f->share < 1)
        fprintf(stderr, "%-18s %10.2f of the cores' time: a quota, or a busy machine\n", "share",
                f->share);
    if (counted) f->gflops = counted / time * 1e-9 * f->share;
    f->bandwidth *= f->share;
    return code;
}

static void put_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar((unsigned char)*text < 32 ? ' ' : *text);
    }
}

static void print_target(const lpc_calibrate_target *t, const Options *o, const Figures *f)
{
    printf("%s\n  \"description\": \"", t->head);
    put_text(t->description);
    printf("; calibrated with %d thread%s", o->threads, o->threads > 1 ? "s" : "");
    if (f->share < 1) printf(" and %.0f %% of their cores' time", f->share * 100);
    if (o->note) printf(", ");
    if (o->note) put_text(o->note);
    printf("\",%s\n  \"cores\": %d,\n  \"gflops\": %.4g,\n  \"memory_bandwidth\": %.4g,\n"
           "  \"call_overhead\": %.3g\n}\n",
           t->middle, o->threads, f->gflops, f->bandwidth, f->overhead);
}

static void print_json(const lpc_calibrate_item *items, int count, const Options *o,
                       const Figures *f)
{
    printf("{\"cores\":%d,\"gflops\":%.6g,\"memory_bandwidth\":%.6g,\"call_overhead\":%.6g,"
           "\"kernels\":[",
           o->threads, f->gflops, f->bandwidth, f->overhead);
    for (int i = 0; i < count; i++)
        printf("%s{\"kind\":\"%s\",\"type\":\"%s\",\"flops\":%.0f,\"seconds\":%.6g}", i ? "," : "",
               items[i].kind, items[i].type, items[i].flops, f->seconds[i]);
    printf("]}\n");
}

static int link_main(const Options *o)
{
    LpcError error = {0};
    LpcLinkFigures figures = {0, 0};
    int code = o->serve ? lpc_link_serve(o->serve, o->once, &error)
                        : lpc_link_measure(o->peer, &figures, &error);
    if (code)
        fprintf(stderr, "calibrate: %s\n", error.text);
    else if (o->peer)
        printf("{\"bandwidth\": %.4g, \"latency\": %.3g}\n", figures.bandwidth, figures.latency);
    return code;
}

static int start_pool(int count, LpcPool **pool, lpc_threads *threads)
{
    void *memory = room(lpc_pool_bytes(count));
    if (!memory || lpc_pool_start(memory, count)) return fail("cannot start threads");
    *pool = memory;
    *threads = lpc_pool_threads(*pool);
    return 0;
}

int lpc_calibrate_main(const lpc_calibrate_item *items, int count,
                       const lpc_calibrate_target *target, int argc, char **argv)
{
    Options o;
    LpcPool *pool = NULL;
    lpc_threads threads;
    Figures figures = {.overhead = 1e-7};
    int code = parse(&o, argc, argv);
    if (code) return code;
    if (o.help) {
        puts(
            "usage: calibrate [--threads N] [--quick] [--note TEXT] [--json] > TARGET.json\n"
            "       calibrate --serve [HOST:PORT] [--once]   answers a peer that measures the "
            "link\n"
            "       calibrate --peer HOST:PORT               measures the link to one that serves\n"
            "Measures this device and prints a target file for lpc; docs/targets.md explains.");
        return 0;
    }
    if (o.serve || o.peer) return link_main(&o);
    figures.seconds = calloc((size_t)count + 1, sizeof *figures.seconds);
    if (!figures.seconds) return fail("out of memory");
    if (o.threads > 1) code = start_pool(o.threads, &pool, &threads);
    if (!code) code = measure_all(items, count, &o, pool ? &threads : NULL, &figures);
    if (pool) lpc_pool_stop(pool);
    free(pool);
    if (code) {
        free(figures.seconds);
        return code;
    }
    fprintf(stderr, "memory       read  %10.2f GB/s\ncall         %16.3g us\n",
            figures.bandwidth * 1e-9, figures.overhead * 1e6);
    if (o.json)
        print_json(items, count, &o, &figures);
    else
        print_target(target, &o, &figures);
    free(figures.seconds);
    return fflush(stdout) ? fail("cannot write") : 0;
}

/* ---- One model, kernel by kernel ---- */

/* share: of the cores' time, as measure_share has it; a median is of kernels that no quota held up. */
static int measure_kernels(Bench *bench, int kernels, int repeat, double share)
{
    uint64_t *ns = calloc((size_t)kernels + 1, sizeof *ns), whole = 0;
    float *times = calloc(((size_t)kernels + 1) * (size_t)repeat, sizeof *times);
    int code = ns && times ? bench_run(bench, &whole) : fail("out of memory");
    for (int r = 0; r < repeat && !code; r++) {
        memset(ns, 0, (size_t)kernels * sizeof *ns);
        lpc_profile = (lpc_profile_table){ns, kernels};
        code = bench_run(bench, &whole);
        lpc_profile = (lpc_profile_table){NULL, 0};
        for (int k = 0; k < kernels; k++) times[k * repeat + r] = (float)ns[k];
        times[kernels * repeat + r] = (float)whole;
    }
    for (int k = 0; k <= kernels && !code; k++) {
        double median = (double)lpc_median(times + k * repeat, (size_t)repeat) / share;
        if (k < kernels)
            printf("kernel %d %.0f\n", k, median);
        else
            printf("run %.0f\n", median);
    }
    free(ns);
    free(times);
    return code;
}

int lpc_measure_main(const lpc_model *model, int kernels, int argc, char **argv)
{
    Options o;
    Bench bench;
    LpcPool *pool = NULL;
    lpc_threads threads;
    int code = parse(&o, argc, argv);
    if (code) return code;
    if (o.threads > 1) code = start_pool(o.threads, &pool, &threads);
    if (code) return code;
    code = bench_open(&bench, model, pool ? &threads : NULL);
    double share = 1;
    if (!code && lpc_cpu_quota() > 0) share = measure_share(pool ? &threads : NULL, o.threads);
    if (!code) code = measure_kernels(&bench, kernels, o.repeat, share > 0 ? share : 1);
    bench_close(&bench);
    if (pool) lpc_pool_stop(pool);
    free(pool);
    return code;
}
