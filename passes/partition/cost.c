/* Costs of layers, cuts and stages, in ticks and bytes. */
#include "passes/partition/cost.h"

#include <math.h>

static double layer_seconds(const Cost *c, const Device *d, int i)
{
    const Layer *layer = &c->profile->layers[i];
    double bytes = layer->bytes, measured = profile_measured(c->profile, d, i);
    if (measured >= 0) return measured;
    if (bytes < 0) {
        bytes = (double)(layer->weights + layer->activations + layer->buffers);
        for (int s = c->shared_at[i]; s < c->shared_at[i + 1]; s++)
            bytes += (double)c->profile->shared[c->shared[s]].bytes;
    }
    double compute = layer->flops / (d->gflops * 1e9);
    double moving = d->memory_bandwidth > 0 ? bytes / d->memory_bandwidth : 0;
    return (compute > moving ? compute : moving) + d->call_overhead;
}

static double send_seconds(const Cost *c, int link, int at)
{
    return c->links[link].latency + (double)c->cut[at] / c->links[link].bandwidth;
}

static void init_shared(Cost *c)
{
    const Profile *p = c->profile;
    c->shared_at = arena_array(c->arena, (size_t)c->n + 2, sizeof *c->shared_at);
    for (int s = 0; s < p->shared_count; s++) {
        for (int k = 0; k < p->shared[s].layer_count; k++) c->shared_at[p->shared[s].layers[k] + 2]++;
    }
    for (int i = 2; i <= c->n + 1; i++) c->shared_at[i] += c->shared_at[i - 1];
    c->shared = arena_array(c->arena, (size_t)c->shared_at[c->n + 1] + 1, sizeof *c->shared);
    for (int s = 0; s < p->shared_count; s++) {
        for (int k = 0; k < p->shared[s].layer_count; k++)
            c->shared[c->shared_at[p->shared[s].layers[k] + 1]++] = s;
    }
}

static void init_sizes(Cost *c)
{
    const Profile *p = c->profile;
    size_t room = (size_t)c->n + 2;
    c->cut = arena_array(c->arena, room, sizeof *c->cut);
    c->allowed = arena_array(c->arena, room, sizeof *c->allowed);
    c->fixed = arena_array(c->arena, room, sizeof *c->fixed);
    if (p->planned) c->live = arena_array(c->arena, room, sizeof *c->live);
    for (int i = 0; i < c->n; i++) {
        const Layer *l = &p->layers[i];
        c->fixed[i + 1] = c->fixed[i] + l->weights + l->buffers + l->state + l->code +
                          (p->planned ? 0 : l->activations);
        if (p->planned) c->live[i] = l->activations;
        c->allowed[i] = i > 0 && !l->whole;
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

static void init_links(Cost *c)
{
    c->links = NULL;
    c->link_count = 0;
    for (int a = 0; a < c->m; a++) {
        for (int b = 0; b < c->m; b++) {
            Link link = cluster_link(c->cluster, a, b);
            int k = 0;
            while (k < c->link_count && (c->links[k].bandwidth != link.bandwidth ||
                                         c->links[k].latency != link.latency))
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
    return longest + send * c->m;
}

static bool same_speed(const Device *a, const Device *b)
{
    return a->gflops == b->gflops && a->memory_bandwidth == b->memory_bandwidth &&
           a->call_overhead == b->call_overhead;
}

static int64_t *init_prefix(const Cost *c, int d)
{
    const Device *device = &c->cluster->devices[d];
    for (int e = 0; e < d; e++) {
        const Device *other = &c->cluster->devices[e];
        if (same_speed(other, device) && profile_same_times(c->profile, other, device))
            return c->prefix[e];
    }
    int64_t *prefix = arena_array(c->arena, (size_t)c->n + 1, sizeof *prefix);
    for (int i = 0; i < c->n; i++)
        prefix[i + 1] = prefix[i] + (int64_t)(layer_seconds(c, device, i) / c->tick + 0.5);
    return prefix;
}

static int64_t budget_of(const Cost *c, int d)
{
    const PlanOptions *o = &c->options;
    int64_t memory = o->capacity > 0 ? o->capacity : c->cluster->devices[d].memory;
    return o->memory_limit < 1 ? (int64_t)(o->memory_limit * (double)memory) : memory;
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
    init_shared(c);
    init_sizes(c);
    init_links(c);
    double longest = longest_seconds(c), fastest = 0;
    c->tick = longest > 0 ? longest * 0x1p-58 : 1;
    for (int d = 0; d < c->m; d++) {
        if (cluster->devices[d].gflops > fastest) fastest = cluster->devices[d].gflops;
    }
    for (int d = 0; d < c->m; d++) {
        c->prefix[d] = init_prefix(c, d);
        c->cap[d] = budget_of(c, d);
        c->speed[d] = (int64_t)(cluster->devices[d].gflops / fastest * 0x1p40);
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

int64_t cost_memory(const Cost *c, int device, int first, int end)
{
    int64_t bytes = c->fixed[end] - c->fixed[first] + c->cluster->devices[device].runtime +
                    c->options.queue * (c->cut[first] + c->cut[end]);
    int64_t live = 0;
    for (int i = first; i < end; i++) {
        if (c->live && c->live[i] > live) live = c->live[i];
        for (int s = c->shared_at[i]; s < c->shared_at[i + 1]; s++) {
            const SharedWeight *w = &c->profile->shared[c->shared[s]];
            bool before = false; /* the layers are ascending: is there one in [first, i)? */
            for (int k = 0; k < w->layer_count && w->layers[k] < i; k++)
                before = before || w->layers[k] >= first;
            if (!before) bytes += w->bytes;
        }
    }
    return bytes + live;
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
    Score score = {.devices = p->count};
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
