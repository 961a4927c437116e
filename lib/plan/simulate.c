/* Frames through the stages of a plan, one event after the other, and, from the same figures, the
 * plain alternative: every layer split over several devices. docs/planning.md gives the formulas.
 */
#include "lib/plan/simulate.h"

#include "ir/schema.h"
#include "passes/partition/planner.h"

#include <math.h>

#define KNOWN(name, value) JSON_KNOWN(#name),
#define SECONDS(name, field)                                                                       \
    {name, JSON_NUMBER, true, offsetof(SimStage, field), 0, 0, 1e300, "seconds", NULL, NULL}

static const JsonField stage_fields[] = {
    {"device", JSON_TEXT, true, offsetof(SimStage, device), 0, 0, 0, "a name", NULL, NULL},
    SECONDS("compute_s", compute),
    SECONDS("send_s", send),
    PLAN_STAGE_FIGURES(KNOWN) JSON_KNOWN("first"),
    JSON_KNOWN("last"),
    JSON_KNOWN("layers"),
    JSON_KNOWN("target"),
    JSON_KNOWN("compact"),
    JSON_END};

static int read_stage(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Simulation *s = to;
    SimStage stage = {0};
    (void)f;
    r->where = arena_printf(r->arena, "stage %d", s->count + 1);
    TRY(json_fields(r, json, stage_fields, &stage));
    arena_push(s->arena, s->stages, s->count) = stage;
    return 0;
}

static const JsonField plan_fields[] = {
    {"queue", JSON_INT, false, offsetof(Simulation, queue), 0, 1, 1024, NULL, NULL, NULL},
    {"client_in_s", JSON_NUMBER, false, offsetof(Simulation, client_in), 0, 0, 1e300, "seconds",
     NULL, NULL},
    {"client_out_s", JSON_NUMBER, false, offsetof(Simulation, client_out), 0, 0, 1e300, "seconds",
     NULL, NULL},
    {"overlap", JSON_FLAG, false, offsetof(Simulation, overlap), 0, 0, 0, NULL, NULL, NULL},
    {"stages", JSON_LIST, true, 0, 0, 1, 0, "a list of stages", NULL, read_stage},
    PLAN_FIGURES(KNOWN) JSON_KNOWN("objective"),
    JSON_KNOWN("order"),
    JSON_KNOWN("memory_limit"),
    JSON_KNOWN("batch"),
    JSON_KNOWN("limiting"),
    JSON_KNOWN("bound_s"),
    JSON_KNOWN("exact"),
    JSON_KNOWN("method"),
    JSON_END};

static int read_plan(Simulation *s)
{
    s->queue = PLAN_QUEUE;
    s->overlap = true;
    return json_load(s->diag, s->arena, s->plan_file, plan_fields, s);
}

/* When frame f of the client has come to the first stage: its link is idle then, and the stage has a receive slot
 * free. */
static double arrival(const Simulation *s, int f, double before)
{
    if (f >= s->queue) before = fmax(before, s->stages[0].done[f - s->queue]);
    return before + s->client_in;
}

/* A frame is computed when it has arrived, the stage is idle and a send slot is free; it is sent
 * when it is computed, the link is idle and the next stage has a receive slot free. */
static void flow(Simulation *s)
{
    for (int k = 0; k < s->count; k++) {
        s->stages[k].done = arena_array(s->arena, (size_t)s->frames, sizeof(double));
        s->stages[k].sent = arena_array(s->arena, (size_t)s->frames, sizeof(double));
    }
    double arrived = 0;
    s->stages[s->count - 1].send = s->client_out;
    for (int f = 0; f < s->frames; f++) {
        arrived = arrival(s, f, arrived);
        for (int k = 0; k < s->count; k++) {
            SimStage *stage = &s->stages[k], *next = k + 1 < s->count ? stage + 1 : NULL;
            double start = k ? stage[-1].sent[f] : arrived;
            if (f) start = fmax(start, s->overlap ? stage->done[f - 1] : stage->sent[f - 1]);
            if (f >= s->queue) start = fmax(start, stage->sent[f - s->queue]);
            stage->done[f] = start + stage->compute;
            double send = stage->done[f];
            if (f) send = fmax(send, stage->sent[f - 1]);
            if (next && f >= s->queue) send = fmax(send, next->done[f - s->queue]);
            stage->sent[f] = send + stage->send;
        }
    }
    const double *end = s->stages[s->count - 1].sent;
    int half = s->frames / 2;
    s->latency = end[0];
    s->period = s->frames > 1 ? (end[s->frames - 1] - end[half]) / (s->frames - 1 - half) : end[0];
}

/* One of `pipeline` equal runs of layers on `tensor` equal devices: the work of a layer is divided,
 * and its two partial results are summed by rings of 2 (T - 1) steps. */
static int alternative(Simulation *s)
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
    SimAlternative *a = &s->alternative;
    for (int stage = 0; stage < s->pipeline; stage++) {
        int first = p->count * stage / s->pipeline, end = p->count * (stage + 1) / s->pipeline;
        double compute = 0, bytes = 0, send = 0;
        for (int i = first; i < end; i++) {
            const Layer *l = &p->layers[i];
            double size = (double)(l->weights + l->activations + l->buffers);
            double flops, moved;
            profile_work(p, d, i, &flops, &moved);
            if (moved < 0) moved = size;
            double computing = flops / tensor / (d->target->gflops * 1e9);
            double moving =
                d->target->memory_bandwidth > 0 ? moved / tensor / d->target->memory_bandwidth : 0;
            double ring =
                2 * (tensor - 1) * ((double)l->out_bytes / tensor / link.bandwidth + link.latency);
            compute += fmax(computing, moving) + d->target->call_overhead + 2 * ring;
            bytes += (size + (double)l->state) / tensor;
        }
        if (stage + 1 < s->pipeline)
            send = (double)p->layers[end - 1].out_bytes / tensor / link.bandwidth + link.latency;
        a->period = fmax(a->period, s->overlap ? fmax(compute, send) : compute + send);
        a->latency += compute + send;
        a->memory = fmax(a->memory, bytes);
    }
    return 0;
}

int simulate(Simulation *s)
{
    TRY(read_plan(s));
    flow(s);
    return s->tensor ? alternative(s) : 0;
}
