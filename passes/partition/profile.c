/* Profiles and clusters: what is in them, the batch, and devices of which there are several. */
#include "passes/partition/profile.h"

#include "ir/names.h"

#include <string.h>

static const char *const objective_names[OBJECTIVE_COUNT] = {"throughput", "latency", "memory",
                                                             "partitions"};

const char *objective_name(Objective objective)
{
    return objective_names[objective];
}

int objective_find(const char *name)
{
    for (int i = 0; i < OBJECTIVE_COUNT; i++) {
        if (!strcmp(name, objective_names[i])) return i;
    }
    return -1;
}

PlanOptions plan_defaults(void)
{
    return (PlanOptions){
        .objective = PLAN_THROUGHPUT, .memory_limit = 1, .queue = PLAN_QUEUE, .batch = 1};
}

int64_t plan_budget(const PlanOptions *options, const Device *device)
{
    int64_t memory = options->capacity > 0 ? options->capacity : device->target->memory;
    return options->memory_limit < 1 ? (int64_t)(options->memory_limit * (double)memory) : memory;
}

int profile_find(const Profile *p, const char *layer)
{
    for (int i = 0; i < p->count; i++) {
        if (!strcmp(p->layers[i].name, layer)) return i;
    }
    return -1;
}

int64_t profile_cut_bytes(const Profile *p, int at)
{
    if (!p->tensor_count) return at > 0 && at < p->count ? p->layers[at - 1].out_bytes : 0;
    int64_t bytes = 0;
    for (int i = 0; i < p->tensor_count; i++) {
        if (p->tensors[i].from < at && p->tensors[i].to >= at) bytes += p->tensors[i].bytes;
    }
    return bytes;
}

Profile *profile_scale(Arena *arena, const Profile *p, int batch)
{
    Profile *scaled = arena_alloc(arena, sizeof *scaled);
    *scaled = *p;
    scaled->layers =
        arena_grow(arena, p->layers, (size_t)p->count, (size_t)p->count, sizeof *p->layers);
    scaled->tensors = arena_grow(arena, p->tensors, (size_t)p->tensor_count,
                                 (size_t)p->tensor_count, sizeof *p->tensors);
    if (batch == 1) return scaled;
    profile_scale_times(arena, scaled, batch);
    profile_scale_footprints(arena, scaled, batch);
    for (int i = 0; i < p->count; i++) {
        Layer *layer = &scaled->layers[i];
        double fixed = (double)layer->weights, moved = layer->bytes - fixed;
        layer->flops *= batch;
        layer->activations = bytes_times(layer->activations, batch);
        layer->state = bytes_times(layer->state, batch);
        layer->out_bytes = bytes_times(layer->out_bytes, batch);
        if (layer->bytes >= 0) layer->bytes = moved > 0 ? fixed + moved * batch : layer->bytes;
    }
    for (int i = 0; i < p->tensor_count; i++)
        scaled->tensors[i].bytes = bytes_times(p->tensors[i].bytes, batch);
    return scaled;
}

/* ---- Clusters ---- */

static int check_device(Diag *diag, const Device *d)
{
    if (!(d->target->gflops > 0 && d->target->gflops < 1e15))
        return diag_error(diag, "device '%s': field 'gflops': expected a number above 0", d->name);
    if (!(d->target->memory_bandwidth >= 0) ||
        !(d->target->call_overhead >= 0 && d->target->call_overhead <= 1e6))
        return diag_error(
            diag, "device '%s': expected memory_bandwidth and call_overhead of 0 or more", d->name);
    if (d->target->memory < 0 || d->runtime < 0)
        return diag_error(diag, "device '%s': field 'memory': expected 0 bytes or more", d->name);
    if (d->count < 1 || d->count > PLAN_DEVICES)
        return diag_error(diag, "device '%s': field 'count': expected 1 to %d, got %d", d->name,
                          PLAN_DEVICES, d->count);
    return 0;
}

int cluster_expand(Diag *diag, Arena *arena, const Cluster *cluster, Cluster *expanded)
{
    *expanded = *cluster;
    expanded->devices = NULL;
    expanded->count = 0;
    NameTable *names = names_new(arena);
    for (int i = 0; i < cluster->count; i++) {
        const Device *d = &cluster->devices[i];
        TRY(check_device(diag, d));
        for (int k = 0; k < d->count; k++) {
            Device one = *d;
            one.count = 1;
            one.kind = i;
            if (k) one.name = arena_printf(arena, "%s-%d", d->name, k + 1);
            if (names_find(names, one.name))
                return diag_error(diag, "two devices are called '%s'", one.name);
            if (expanded->count == PLAN_DEVICES)
                return diag_error(diag, "more than %d devices", PLAN_DEVICES);
            arena_push(arena, expanded->devices, expanded->count) = one;
            names_put(names, one.name, &expanded->devices[0]);
        }
    }
    if (!expanded->count) return diag_error(diag, "there is no device");
    return 0;
}

int cluster_find(const Cluster *cluster, const char *name)
{
    for (int i = 0; i < cluster->count; i++) {
        if (!strcmp(cluster->devices[i].name, name)) return i;
    }
    return -1;
}

static int find_unused(const Cluster *cluster, const char *name, const bool *used)
{
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < cluster->count; i++) {
            const Device *d = &cluster->devices[i];
            const char *is = round ? d->target->name : d->name;
            if (!used[i] && !strcmp(is, name)) return i;
        }
    }
    return -1;
}

int cluster_select(Diag *diag, Arena *arena, const Cluster *cluster, const char *const *names,
                   int count, Cluster *selected)
{
    bool *used = arena_array(arena, (size_t)cluster->count, sizeof *used);
    Device *devices = NULL;
    int n = 0;
    for (int i = 0; i < count; i++) {
        int at = find_unused(cluster, names[i], used);
        if (at < 0)
            return diag_error(diag, "the cluster has no %sdevice or target '%s'",
                              cluster_find(cluster, names[i]) >= 0 ? "further " : "", names[i]);
        used[at] = true;
        arena_push(arena, devices, n) = cluster->devices[at];
    }
    *selected = *cluster;
    selected->devices = devices;
    selected->count = n;
    return 0;
}

Link cluster_link(const Cluster *cluster, int from, int to)
{
    Link link = cluster->otherwise;
    for (int i = 0; i < cluster->link_count; i++) {
        const Link *l = &cluster->links[i];
        if (l->from == cluster->devices[from].kind && l->to == cluster->devices[to].kind) link = *l;
    }
    return link;
}
