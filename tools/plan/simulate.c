/* `lpc simulate PLAN`: frames through the stages of a plan, one event after the other, and, from
 * the same figures, the plain alternative: every layer split over several devices. docs/planning.md
 * gives the formulas. */
#include "tools/plan/plan.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lpc simulate PLAN.json [--frames N] [--tokens N] [--json]\n"
    "                   [--profile FILE --cluster FILE --tensor-parallel T --pipeline P]\n"
    "\n"
    "  PLAN.json                what `lpc plan --json` printed\n"
    "  --frames N               how many frames go through (256)\n"
    "  --tokens N               tokens in one frame (1)\n"
    "  --tensor-parallel T      also each layer split over T equal devices, P such groups as "
    "stages\n";

typedef struct SimStage {
    const char *device;
    double compute, send;
    double *done, *sent; /* by frame */
} SimStage;

typedef struct Simulation {
    Arena *arena;
    Diag *diag;
    const char *plan_file, *profile_file, *cluster_file;
    int frames, tensor, pipeline, queue;
    double tokens;
    bool overlap, json;
    SimStage *stages;
    int count;
    double period, latency;
} Simulation;

static double number(const cJSON *object, const char *field, double otherwise)
{
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(object, field);
    return cJSON_IsNumber(j) ? j->valuedouble : otherwise;
}

static int read_stages(Simulation *s, const cJSON *root)
{
    const cJSON *j;
    s->queue = (int)fmin(1024, fmax(1, number(root, "queue", PLAN_QUEUE)));
    s->overlap = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(root, "overlap"));
    cJSON_ArrayForEach(j, cJSON_GetObjectItemCaseSensitive(root, "stages"))
    {
        const cJSON *device = cJSON_GetObjectItemCaseSensitive(j, "device");
        SimStage stage = {.compute = number(j, "compute_s", -1), .send = number(j, "send_s", -1)};
        if (!cJSON_IsString(device) || !(stage.compute >= 0) || !(stage.send >= 0))
            return diag_error(s->diag, "stage %d: expected device, compute_s and send_s",
                              s->count + 1);
        stage.device = arena_strdup(s->arena, device->valuestring);
        arena_push(s->arena, s->stages, s->count) = stage;
    }
    return s->count ? 0 : diag_error(s->diag, "field 'stages': expected a list of stages");
}

static int read_plan(Simulation *s)
{
    FILE *file = fopen(s->plan_file, "rb");
    if (!file) return diag_error(s->diag, "cannot read '%s': %s", s->plan_file, strerror(errno));
    Text all;
    text_init(&all, s->arena);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file));) text_addn(&all, part, n);
    fclose(file);
    s->diag->file = s->plan_file;
    cJSON *root = cJSON_Parse(all.data);
    int code = root ? read_stages(s, root) : diag_error(s->diag, "not JSON");
    cJSON_Delete(root);
    return code;
}

/* A frame is computed when it has arrived, the stage is idle and a send slot is free; it is sent
 * when it is computed, the link is idle and the next stage has a receive slot free. */
static void flow(Simulation *s)
{
    for (int k = 0; k < s->count; k++) {
        s->stages[k].done = arena_array(s->arena, (size_t)s->frames, sizeof(double));
        s->stages[k].sent = arena_array(s->arena, (size_t)s->frames, sizeof(double));
    }
    for (int f = 0; f < s->frames; f++) {
        for (int k = 0; k < s->count; k++) {
            SimStage *stage = &s->stages[k], *next = k + 1 < s->count ? stage + 1 : NULL;
            double start = k ? stage[-1].sent[f] : 0;
            if (f) start = fmax(start, s->overlap ? stage->done[f - 1] : stage->sent[f - 1]);
            if (f >= s->queue) start = fmax(start, stage->sent[f - s->queue]);
            stage->done[f] = start + stage->compute;
            double send = stage->done[f];
            if (f) send = fmax(send, stage->sent[f - 1]);
            if (next && f >= s->queue) send = fmax(send, next->done[f - s->queue]);
            stage->sent[f] = send + stage->send;
        }
    }
    const double *end = s->stages[s->count - 1].done;
    int half = s->frames / 2;
    s->latency = end[0];
    s->period = s->frames > 1 ? (end[s->frames - 1] - end[half]) / (s->frames - 1 - half) : end[0];
}

/* One of `pipeline` equal runs of layers on `tensor` equal devices: the work of a layer is divided,
 * and its two partial results are summed by rings of 2 (T - 1) steps. */
static int alternative(Simulation *s, double *period, double *latency, double *memory)
{
    Profile *p;
    Cluster raw, cluster;
    TRY(profile_read(s->diag, s->arena, s->profile_file, &p));
    TRY(cluster_read(s->diag, s->arena, s->cluster_file, &raw));
    TRY(cluster_expand(s->diag, s->arena, &raw, &cluster));
    if (s->tensor * s->pipeline > cluster.count)
        return diag_error(s->diag, "%d x %d devices: the cluster has %d", s->tensor, s->pipeline,
                          cluster.count);
    const Device *d = &cluster.devices[0];
    Link link = cluster_link(&cluster, 0, cluster.count > 1 ? 1 : 0);
    double tensor = s->tensor;
    *period = *latency = *memory = 0;
    for (int stage = 0; stage < s->pipeline; stage++) {
        int first = p->count * stage / s->pipeline, end = p->count * (stage + 1) / s->pipeline;
        double compute = 0, bytes = 0, send = 0;
        for (int i = first; i < end; i++) {
            const Layer *l = &p->layers[i];
            double size = (double)(l->weights + l->activations + l->buffers);
            double moved = l->bytes >= 0 ? l->bytes : size;
            double flops = l->flops / tensor / (d->gflops * 1e9);
            double moving = d->memory_bandwidth > 0 ? moved / tensor / d->memory_bandwidth : 0;
            double ring =
                2 * (tensor - 1) * ((double)l->out_bytes / tensor / link.bandwidth + link.latency);
            compute += fmax(flops, moving) + d->call_overhead + 2 * ring;
            bytes += (size + (double)l->state) / tensor;
        }
        if (stage + 1 < s->pipeline)
            send = (double)p->layers[end - 1].out_bytes / tensor / link.bandwidth + link.latency;
        *period = fmax(*period, s->overlap ? fmax(compute, send) : compute + send);
        *latency += compute + send;
        *memory = fmax(*memory, bytes);
    }
    return 0;
}

static void print_text(const Simulation *s)
{
    Arena *a = s->arena;
    printf("%-16s %12s %12s %7s\n", "stage", "compute", "send", "busy");
    for (int k = 0; k < s->count; k++) {
        const SimStage *stage = &s->stages[k];
        printf("%-16s %12s %12s %5.1f %%\n", stage->device, plan_seconds(a, stage->compute),
               plan_seconds(a, stage->send), s->period > 0 ? 100 * stage->compute / s->period : 0);
    }
    printf("\n%-28s %12s %12s %12s %14s %14s\n", "", "period", "latency", "all frames", "tokens/s",
           "s/token");
}

/* With an empty pipeline at the start: the first frame's latency, then one period for each other.
 */
static double total_of(const Simulation *s, double period, double latency)
{
    return latency + (s->frames - 1) * period;
}

static void print_row(const Simulation *s, const char *name, double period, double latency)
{
    printf("%-28s %12s %12s %12s %14.6g %14.6g\n", name, plan_seconds(s->arena, period),
           plan_seconds(s->arena, latency), plan_seconds(s->arena, total_of(s, period, latency)),
           period > 0 ? s->tokens / period : 0, period / s->tokens);
}

static cJSON *row_json(const Simulation *s, double period, double latency)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddNumberToObject(j, "period_s", period);
    cJSON_AddNumberToObject(j, "latency_s", latency);
    cJSON_AddNumberToObject(j, "total_s", total_of(s, period, latency));
    cJSON_AddNumberToObject(j, "tokens_per_second", period > 0 ? s->tokens / period : 0);
    cJSON_AddNumberToObject(j, "time_per_token_s", period / s->tokens);
    return j;
}

static int simulate(Simulation *s)
{
    double period = 0, latency = 0, memory = 0;
    TRY(read_plan(s));
    flow(s);
    if (s->tensor) TRY(alternative(s, &period, &latency, &memory));
    const char *name = arena_printf(s->arena, "tensor %d x pipeline %d", s->tensor, s->pipeline);
    if (s->json) {
        cJSON *root = row_json(s, s->period, s->latency);
        if (s->tensor) {
            cJSON *other = row_json(s, period, latency);
            cJSON_AddNumberToObject(other, "memory", memory);
            cJSON_AddItemToObject(root, "alternative", other);
        }
        char *text = cJSON_Print(root);
        puts(text);
        cJSON_free(text);
        cJSON_Delete(root);
        return 0;
    }
    print_text(s);
    print_row(s, "this plan", s->period, s->latency);
    if (!s->tensor) return 0;
    print_row(s, name, period, latency);
    printf("\n%s: %s on each device\n", name, plan_bytes(s->arena, memory));
    return 0;
}

static int option(Simulation *s, const char *name, const char *value)
{
    char *end;
    if (!strcmp(name, "--profile")) return s->profile_file = value, 0;
    if (!strcmp(name, "--cluster")) return s->cluster_file = value, 0;
    double n = strtod(value, &end);
    if (!*value || *end || !(n >= 1 && n <= 1e15)) return LPC_USAGE;
    if (!strcmp(name, "--tokens")) return s->tokens = n, 0;
    if (n > 1e6) return LPC_USAGE;
    if (!strcmp(name, "--frames")) return s->frames = (int)n, 0;
    if (!strcmp(name, "--tensor-parallel")) return s->tensor = (int)n, 0;
    if (!strcmp(name, "--pipeline")) return s->pipeline = (int)n, 0;
    return LPC_USAGE;
}

static int parse(Simulation *s, int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        if (!strcmp(argv[at], "--json")) {
            s->json = true;
        } else if (argv[at][0] != '-') {
            if (s->plan_file) return LPC_USAGE;
            s->plan_file = argv[at];
        } else if (at + 1 >= argc || option(s, argv[at], argv[at + 1])) {
            return LPC_USAGE;
        } else {
            at++;
        }
    }
    return s->plan_file && (!s->tensor || (s->profile_file && s->cluster_file)) ? 0 : LPC_USAGE;
}

int command_simulate(int argc, char **argv)
{
    Simulation s = {.frames = 256, .tokens = 1, .pipeline = 1};
    if (parse(&s, argc, argv)) {
        bool help = argc > 1 && !strcmp(argv[1], "--help");
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : LPC_USAGE;
    }
    s.arena = arena_new();
    Diag diag;
    diag_init(&diag, s.arena, NULL);
    s.diag = &diag;
    int code = simulate(&s);
    diag_flush(&diag);
    arena_free(s.arena);
    return code;
}
