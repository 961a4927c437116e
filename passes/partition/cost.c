/* Costs of layers, cuts and stages, in ticks and bytes. */
#include "passes/partition/cost.h"

#include <math.h>

static double layer_seconds(const Cost *c, const Device *d, int i)
{
    const Layer *layer = &c->profile->layers[i];
    double flops, bytes, measured = profile_measured(c->profile, d, i);
    if (measured >= 0) return measured;
    profile_work(c->profile, d, i, &flops, &bytes);
    if (bytes < 0) {
        bytes = (double)(layer->weights + layer->activations + layer->buffers);
        for (int s = c->own->shared_at[i]; s < c->own->shared_at[i + 1]; s++)
            bytes += (double)c->profile->shared[c->own->shared[s]].bytes;
    }
    double compute = flops / (d->target->gflops * 1e9);
    double moving = d->target->memory_bandwidth > 0 ? bytes / d->target->memory_bandwidth : 0;
    return (compute > moving ? compute : moving) + d->target->call_overhead;
}

static double send_seconds(const Cost *c, int link, int at)
{
    return c->links[link].latency + (double)c->cut[at] / c->links[link].bandwidth;
}

/* What crosses cut `at`, which is one of the ends, over the client's link. */
static double client_seconds(const Cost *c, int at)
{
    const Link *link = &c->options.client;
    return link->bandwidth > 0 ? link->latency + (double)c->cut[at] / link->bandwidth : 0;
}

static void init_client(Cost *c)
{
    c->client_in = (int64_t)(client_seconds(c, 0) / c->tick + 0.5);
    c->client_out = (int64_t)(client_seconds(c, c->n) / c->tick + 0.5);
}

static void init_sizes(Cost *c)
{
    const Profile *p = c->profile;
    size_t room = (size_t)c->n + 2;
    c->cut = arena_array(c->arena, room, sizeof *c->cut);
    c->allowed = arena_array(c->arena, room, sizeof *c->allowed);
    for (int i = 0; i < c->n; i++) {
        c->allowed[i] = i > 0 && !p->layers[i].whole;
        if (i && !p->tensor_count) c->cut[i] = p->layers[i - 1].out_bytes;
    }
    c->allowed[c->n] = true;
    for (int t = 0; t < p->tensor_count; t++) { /* as differences, then summed up */
        c->cut[p->tensors[t].from + 1] += p->tensors[t].bytes;
        c->cut[p->tensors[t].to + 1] -= p->tensors[t].bytes;
    }
    if (!p->tensor_count) return;
    for (int i = 1; i <= c->n; i++) c->cut[i] += c->cut[i - 1];
}

static void init_needs(Cost *c)
{
    for (int d = 0; d < c->m; d++) {
        const Device *device = &c->cluster->devices[d];
        const Footprint *f = profile_footprint(c->profile, device, c->options.compact);
        int k = 0;
        while (k < c->kind_count && !footprint_equal(f, c->kinds[k]->footprint, c->n)) k++;
        if (k == c->kind_count)
            c->kinds[c->kind_count++] = f ? needs_new(c->arena, c->profile, f) : c->own;
        c->needs[d] = c->kinds[k];
        c->base[d] = device->runtime + c->needs[d]->slack;
    }
}

static void init_links(Cost *c)
{
    c->links = NULL;
    c->link_count = 0;
    for (int a = 0; a < c->m; a++) {
        for (int b = 0; b < c->m; b++) {
            Link link = cluster_link(c->cluster, a, b);
            int k = 0;
            while (k < c->link_count &&
                   (c->links[k].bandwidth != link.bandwidth || c->links[k].latency != link.latency))
                k++;
            if (k == c->link_count) arena_push(c->arena, c->links, c->link_count) = link;
            c->link[a][b] = k;
        }
    }
}

static double longest_seconds(const Cost *c)
{
    double longest = 0, send = 0;
    int widest = 0;
    for (int d = 0; d < c->m; d++) {
        double sum = 0;
        for (int i = 0; i < c->n; i++) sum += layer_seconds(c, &c->cluster->devices[d], i);
        if (sum > longest) longest = sum;
    }
    for (int i = 1; i < c->n; i++) {
        if (c->cut[i] > c->cut[widest]) widest = i;
    }
    for (int k = 0; k < c->link_count; k++) {
        double one = send_seconds(c, k, widest);
        if (one > send) send = one;
    }
    return longest + send * c->m + client_seconds(c, 0) + client_seconds(c, c->n);
}

static bool same_speed(const Cost *c, const Device *a, const Device *b)
{
    return profile_footprint(c->profile, a, false) == profile_footprint(c->profile, b, false) &&
           a->target->gflops == b->target->gflops &&
           a->target->memory_bandwidth == b->target->memory_bandwidth &&
           a->target->call_overhead == b->target->call_overhead;
}

static int64_t *init_prefix(const Cost *c, int d)
{
    const Device *device = &c->cluster->devices[d];
    for (int e = 0; e < d; e++) {
        const Device *other = &c->cluster->devices[e];
        if (same_speed(c, other, device) && profile_same_times(c->profile, other, device))
            return c->prefix[e];
    }
    int64_t *prefix = arena_array(c->arena, (size_t)c->n + 1, sizeof *prefix);
    for (int i = 0; i < c->n; i++)
        prefix[i + 1] = prefix[i] + (int64_t)(layer_seconds(c, device, i) / c->tick + 0.5);
    return prefix;
}

void cost_init(Cost *c, Arena *arena, const Profile *profile, const Cluster *cluster,
               const PlanOptions *options)
{
    *c = (Cost){.arena = arena,
                .profile = profile,
                .cluster = cluster,
                .options = *options,
                .n = profile->count,
                .m = cluster->count};
    c->own = needs_new(arena, profile, NULL);
    init_sizes(c);
    init_needs(c);
    init_links(c);
    double longest = longest_seconds(c), fastest = 0;
    c->tick = longest > 0 ? longest * 0x1p-58 : 1;
    init_client(c);
    for (int d = 0; d < c->m; d++) {
        if (cluster->devices[d].target->gflops > fastest)
            fastest = cluster->devices[d].target->gflops;
    }
    for (int d = 0; d < c->m; d++) {
        c->prefix[d] = init_prefix(c, d);
        c->cap[d] = plan_budget(options, &cluster->devices[d]);
        c->speed[d] = (int64_t)(cluster->devices[d].target->gflops / fastest * 0x1p40);
    }
}

int64_t cost_compute(const Cost *c, int device, int first, int end)
{
    return c->prefix[device][end] - c->prefix[device][first];
}

int64_t cost_send(const Cost *c, int link, int at)
{
    return (int64_t)(send_seconds(c, link, at) / c->tick + 0.5);
}

static int64_t queues(const Cost *c, int first, int end)
{
    return c->options.queue * (c->cut[first] + c->cut[end]);
}

int64_t cost_memory(const Cost *c, int device, int first, int end)
{
    return needs_memory(c->needs[device], first, end) + c->base[device] + queues(c, first, end);
}

StageBytes cost_bytes(const Cost *c, int device, int first, int end)
{
    StageBytes b = needs_bytes(c->needs[device], first, end);
    b.queues = queues(c, first, end);
    b.code += c->cluster->devices[device].runtime;
    return b;
}

int64_t cost_least(const Cost *c, int first, int end)
{
    int64_t bytes = 0;
    for (int i = first; i < end; i++) {
        int64_t least = INT64_MAX;
        for (int k = 0; k < c->kind_count; k++) {
            int64_t own = c->kinds[k]->fixed[i + 1] - c->kinds[k]->fixed[i];
            if (own < least) least = own;
        }
        bytes += least;
    }
    for (int s = 0; c->kind_count == 1 && end - first == c->n && s < c->kinds[0]->weight_count; s++)
        bytes += c->kinds[0]->weights[s].bytes;
    return bytes;
}

double cost_fraction(const Cost *c, int device, int64_t memory)
{
    if (c->cap[device] > 0) return (double)memory / (double)c->cap[device];
    return memory > 0 ? INFINITY : 0;
}

int64_t cost_cap(const Cost *c, int device, double fraction)
{
    int64_t cap = c->cap[device];
    if (fraction >= 1 || cap <= 0) return cap;
    int64_t most = (int64_t)(fraction * (double)cap);
    while (most > 0 && cost_fraction(c, device, most) > fraction) most--;
    while (most < cap && cost_fraction(c, device, most + 1) <= fraction) most++;
    return most;
}

double cost_seconds(const Cost *c, int64_t ticks)
{
    return (double)ticks * c->tick;
}

Score cost_score(const Cost *c, const Partition *p)
{
    Score score = {.devices = p->count,
                   .period = c->client_in > c->client_out ? c->client_in : c->client_out,
                   .latency = c->client_in + c->client_out};
    for (int s = 0, first = 0; s < p->count; first = p->end[s++]) {
        int d = p->device[s];
        int64_t compute = cost_compute(c, d, first, p->end[s]), send = 0;
        if (s + 1 < p->count) send = cost_send(c, c->link[d][p->device[s + 1]], p->end[s]);
        int64_t period = c->options.no_overlap ? compute + send : compute > send ? compute : send;
        int64_t memory = cost_memory(c, d, first, p->end[s]);
        double fraction = cost_fraction(c, d, memory);
        if (period > score.period) score.period = period;
        if (fraction > score.fraction) score.fraction = fraction;
        if (memory > score.largest) score.largest = memory;
        score.latency += compute + send;
        score.speed += c->speed[d];
    }
    return score;
}

#define LESS(field)                                                                                \
    if (a->field != b->field) return a->field < b->field ? -1 : 1
#define MORE(field)                                                                                \
    if (a->field != b->field) return a->field > b->field ? -1 : 1

int score_compare(Objective objective, const Score *a, const Score *b)
{
    switch (objective) {
    case PLAN_LATENCY:
        LESS(latency);
        LESS(period);
        break;
    case PLAN_PARTITIONS:
        LESS(devices);
        LESS(largest);
        break;
    case PLAN_MEMORY: LESS(fraction); break;
    default: break;
    }
    LESS(period);
    LESS(latency);
    LESS(devices);
    MORE(speed);
    return 0;
}
