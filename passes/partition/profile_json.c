/* Profiles and clusters as JSON, through cJSON. Errors name the file, the place and the field. */
#include "passes/partition/json_read.h"

#include "ir/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Profiles ---- */

static int read_layer(Reader *r, const cJSON *j, int index, Layer *layer)
{
    static const char *const fields[] = {"name", "weights", "activations", "buffers", "state",
                                         "code", "flops", "bytes", "out_bytes", "tensors",
                                         "out_tensors", "whole", NULL};
    *layer = (Layer){.bytes = -1};
    r->where = arena_printf(r->arena, "layer #%d", index);
    TRY(json_known_fields(r, j, fields));
    TRY(json_name(r, j, "name", &layer->name));
    r->where = arena_printf(r->arena, "layer '%s'", layer->name);
    TRY(json_size(r, j, "weights", &layer->weights));
    TRY(json_size(r, j, "activations", &layer->activations));
    TRY(json_size(r, j, "buffers", &layer->buffers));
    TRY(json_size(r, j, "state", &layer->state));
    TRY(json_size(r, j, "code", &layer->code));
    TRY(json_size(r, j, "out_bytes", &layer->out_bytes));
    TRY(json_size(r, j, "out_tensors", &layer->out_tensors));
    TRY(json_number(r, j, "flops", false, &layer->flops));
    TRY(json_number(r, j, "bytes", true, &layer->bytes));
    layer->whole = cJSON_IsTrue(json_item(j, "whole"));
    return json_count(r, j, "tensors", &layer->tensors);
}

static int layer_of(Reader *r, const Profile *p, const cJSON *j, int *index)
{
    *index = cJSON_IsString(j) ? profile_find(p, j->valuestring) : -1;
    if (*index < 0)
        return diag_error(r->diag, "%s: no layer is called '%s'", r->where,
                          cJSON_IsString(j) ? j->valuestring : "?");
    return 0;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int read_shared(Reader *r, Profile *p, const cJSON *list)
{
    static const char *const fields[] = {"name", "bytes", "layers", NULL};
    const cJSON *j, *layer;
    cJSON_ArrayForEach(j, list)
    {
        SharedWeight s = {0};
        r->where = arena_printf(r->arena, "shared weight #%d", p->shared_count);
        TRY(json_known_fields(r, j, fields));
        TRY(json_name(r, j, "name", &s.name));
        TRY(json_size(r, j, "bytes", &s.bytes));
        cJSON_ArrayForEach(layer, json_item(j, "layers"))
        {
            int index;
            TRY(layer_of(r, p, layer, &index));
            arena_push(r->arena, s.layers, s.layer_count) = index;
        }
        if (s.layer_count)
            qsort(s.layers, (size_t)s.layer_count, sizeof *s.layers, compare_ints);
        arena_push(r->arena, p->shared, p->shared_count) = s;
    }
    return 0;
}

static int read_live(Reader *r, Profile *p, const cJSON *list)
{
    static const char *const fields[] = {"name", "from", "to", "bytes", NULL};
    const cJSON *j;
    cJSON_ArrayForEach(j, list)
    {
        LiveTensor t = {.from = -1, .to = p->count};
        r->where = arena_printf(r->arena, "tensor #%d", p->tensor_count);
        TRY(json_known_fields(r, j, fields));
        TRY(json_name(r, j, "name", &t.name));
        TRY(json_size(r, j, "bytes", &t.bytes));
        if (json_item(j, "from")) TRY(layer_of(r, p, json_item(j, "from"), &t.from));
        if (json_item(j, "to")) TRY(layer_of(r, p, json_item(j, "to"), &t.to));
        arena_push(r->arena, p->tensors, p->tensor_count) = t;
    }
    return 0;
}

/* [{"target":T,"emulated":bool,"seconds":[number or null, ...]}] */
static int read_times(Reader *r, Profile *p, const cJSON *list)
{
    static const char *const fields[] = {"target", "emulated", "seconds", NULL};
    const cJSON *j, *one;
    cJSON_ArrayForEach(j, list)
    {
        LayerSeconds times = {0};
        int at = 0;
        r->where = arena_printf(r->arena, "times #%d", p->time_count);
        TRY(json_known_fields(r, j, fields));
        TRY(json_name(r, j, "target", &times.target));
        times.emulated = cJSON_IsTrue(json_item(j, "emulated"));
        times.seconds = arena_array(r->arena, (size_t)p->count, sizeof *times.seconds);
        if (cJSON_GetArraySize(json_item(j, "seconds")) != p->count)
            return json_bad(r, "seconds", "a list with one number or null for each layer");
        cJSON_ArrayForEach(one, json_item(j, "seconds"))
        {
            double value = cJSON_IsNull(one) ? -1 : cJSON_IsNumber(one) ? one->valuedouble : NAN;
            if (!(cJSON_IsNull(one) || (value >= 0 && value < 1e9)))
                return json_bad(r, "seconds", "numbers of 0 or more, or null");
            times.seconds[at++] = value;
        }
        arena_push(r->arena, p->times, p->time_count) = times;
    }
    return 0;
}

static int read_profile(Diag *diag, Arena *arena, const cJSON *root, Profile *p)
{
    static const char *const fields[] = {"name",    "layers", "shared",     "live",
                                         "planned", "times",  "footprints", NULL};
    Reader r = {diag, arena, "profile"};
    TRY(json_known_fields(&r, root, fields));
    if (json_item(root, "name")) TRY(json_name(&r, root, "name", &p->name));
    const cJSON *layers = json_item(root, "layers"), *j;
    int n = cJSON_GetArraySize(layers), i = 0;
    if (!cJSON_IsArray(layers) || n < 1) return json_bad(&r, "layers", "a list of layers");
    p->layers = arena_array(arena, (size_t)n, sizeof *p->layers);
    cJSON_ArrayForEach(j, layers)
    {
        TRY(read_layer(&r, j, i, &p->layers[i]));
        i++;
    }
    p->count = n;
    p->planned = cJSON_IsTrue(json_item(root, "planned"));
    TRY(read_shared(&r, p, json_item(root, "shared")));
    TRY(read_times(&r, p, json_item(root, "times")));
    TRY(footprints_read(&r, p, json_item(root, "footprints")));
    return read_live(&r, p, json_item(root, "live"));
}

int profile_read(Diag *diag, Arena *arena, const char *path, Profile **profile)
{
    cJSON *root;
    const char *file = diag->file;
    TRY(json_read(diag, arena, path, &root));
    *profile = arena_alloc(arena, sizeof **profile);
    (*profile)->name = path;
    int code = read_profile(diag, arena, root, *profile);
    cJSON_Delete(root);
    if (!code) code = profile_check(diag, *profile);
    diag->file = file;
    return code;
}

static cJSON *layer_json(const Layer *layer)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", layer->name);
    cJSON_AddNumberToObject(j, "weights", (double)layer->weights);
    cJSON_AddNumberToObject(j, "activations", (double)layer->activations);
    json_add_size(j, "buffers", layer->buffers);
    json_add_size(j, "state", layer->state);
    json_add_size(j, "code", layer->code);
    cJSON_AddNumberToObject(j, "flops", layer->flops);
    if (layer->bytes >= 0) cJSON_AddNumberToObject(j, "bytes", layer->bytes);
    cJSON_AddNumberToObject(j, "out_bytes", (double)layer->out_bytes);
    cJSON_AddNumberToObject(j, "tensors", layer->tensors);
    json_add_size(j, "out_tensors", layer->out_tensors);
    if (layer->whole) cJSON_AddTrueToObject(j, "whole");
    return j;
}

static void add_times(cJSON *root, const Profile *p)
{
    cJSON *list = p->time_count ? cJSON_AddArrayToObject(root, "times") : NULL;
    for (int i = 0; i < p->time_count; i++) {
        cJSON *j = cJSON_CreateObject(), *seconds;
        cJSON_AddStringToObject(j, "target", p->times[i].target);
        if (p->times[i].emulated) cJSON_AddTrueToObject(j, "emulated");
        seconds = cJSON_AddArrayToObject(j, "seconds");
        for (int k = 0; k < p->count; k++) {
            double value = p->times[i].seconds[k];
            cJSON_AddItemToArray(seconds, value < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(value));
        }
        cJSON_AddItemToArray(list, j);
    }
}

static cJSON *profile_json(const Profile *p)
{
    cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "layers");
    if (p->planned) cJSON_AddTrueToObject(root, "planned");
    for (int i = 0; i < p->count; i++) cJSON_AddItemToArray(list, layer_json(&p->layers[i]));
    if (p->shared_count) list = cJSON_AddArrayToObject(root, "shared");
    for (int i = 0; i < p->shared_count; i++) {
        const SharedWeight *s = &p->shared[i];
        cJSON *j = cJSON_CreateObject(), *layers;
        cJSON_AddStringToObject(j, "name", s->name);
        cJSON_AddNumberToObject(j, "bytes", (double)s->bytes);
        layers = cJSON_AddArrayToObject(j, "layers");
        for (int k = 0; k < s->layer_count; k++)
            cJSON_AddItemToArray(layers, cJSON_CreateString(p->layers[s->layers[k]].name));
        cJSON_AddItemToArray(list, j);
    }
    if (p->tensor_count) list = cJSON_AddArrayToObject(root, "live");
    for (int i = 0; i < p->tensor_count; i++) {
        const LiveTensor *t = &p->tensors[i];
        cJSON *j = cJSON_CreateObject();
        cJSON_AddStringToObject(j, "name", t->name);
        if (t->from >= 0) cJSON_AddStringToObject(j, "from", p->layers[t->from].name);
        if (t->to < p->count) cJSON_AddStringToObject(j, "to", p->layers[t->to].name);
        cJSON_AddNumberToObject(j, "bytes", (double)t->bytes);
        cJSON_AddItemToArray(list, j);
    }
    add_times(root, p);
    footprints_write(root, p);
    return root;
}

int profile_write(Diag *diag, const char *path, const Profile *p)
{
    cJSON *root = profile_json(p);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    FILE *file = fopen(path, "wb");
    bool ok = file && text && fputs(text, file) >= 0 && fputc('\n', file) >= 0;
    if (file && fclose(file)) ok = false;
    cJSON_free(text);
    return ok ? 0 : diag_error(diag, "cannot write '%s': %s", path, strerror(errno));
}

/* ---- Clusters ---- */

static int read_device(Reader *r, const cJSON *j, int index, Device *d)
{
    static const char *const fields[] = {"name", "target", "gflops", "memory_bandwidth", "memory",
                                         "count", "call_overhead", "runtime", NULL};
    *d = (Device){.count = 1};
    r->where = arena_printf(r->arena, "device #%d", index);
    TRY(json_known_fields(r, j, fields));
    TRY(json_name(r, j, "name", &d->name));
    r->where = arena_printf(r->arena, "device '%s'", d->name);
    d->target = d->name;
    if (json_item(j, "target")) TRY(json_name(r, j, "target", &d->target));
    if (!json_item(j, "gflops")) return json_bad(r, "gflops", "a number above 0");
    if (!json_item(j, "memory")) return json_bad(r, "memory", "bytes, such as \"4GB\"");
    TRY(json_number(r, j, "gflops", false, &d->gflops));
    TRY(json_number(r, j, "memory_bandwidth", true, &d->memory_bandwidth));
    TRY(json_number(r, j, "call_overhead", false, &d->call_overhead));
    TRY(json_size(r, j, "memory", &d->memory));
    TRY(json_size(r, j, "runtime", &d->runtime));
    return json_count(r, j, "count", &d->count);
}

static int read_link(Reader *r, const cJSON *j, const char *where, Link *link)
{
    r->where = where;
    if (!json_item(j, "bandwidth")) return json_bad(r, "bandwidth", "bytes per second, above 0");
    TRY(json_number(r, j, "bandwidth", true, &link->bandwidth));
    TRY(json_number(r, j, "latency", false, &link->latency));
    if (!(link->bandwidth > 0)) return json_bad(r, "bandwidth", "bytes per second, above 0");
    if (link->latency > 1e6) return json_bad(r, "latency", "at most 10^6 seconds");
    return 0;
}

static int link_end(Reader *r, const Cluster *c, const cJSON *j, const char *field, int *end)
{
    const char *name;
    TRY(json_name(r, j, field, &name));
    *end = cluster_find(c, name);
    if (*end < 0) return diag_error(r->diag, "%s: no device is called '%s'", r->where, name);
    return 0;
}

static int read_cluster(Diag *diag, Arena *arena, const cJSON *root, Cluster *c)
{
    static const char *const fields[] = {"name", "devices", "links", "default_link", NULL};
    static const char *const ends[] = {"from", "to", "bandwidth", "latency", NULL};
    Reader r = {diag, arena, "cluster"};
    const cJSON *j;
    TRY(json_known_fields(&r, root, fields));
    cJSON_ArrayForEach(j, json_item(root, "devices"))
    {
        Device d;
        TRY(read_device(&r, j, c->count, &d));
        arena_push(arena, c->devices, c->count) = d;
    }
    r.where = "cluster";
    if (!c->count) return json_bad(&r, "devices", "a list of devices");
    cJSON_ArrayForEach(j, json_item(root, "links"))
    {
        Link link = {0};
        r.where = arena_printf(arena, "link #%d", c->link_count);
        TRY(json_known_fields(&r, j, ends));
        TRY(link_end(&r, c, j, "from", &link.from));
        TRY(link_end(&r, c, j, "to", &link.to));
        TRY(read_link(&r, j, r.where, &link));
        arena_push(arena, c->links, c->link_count) = link;
    }
    c->otherwise = (Link){.bandwidth = 110e6};
    const cJSON *otherwise = json_item(root, "default_link");
    return otherwise ? read_link(&r, otherwise, "default_link", &c->otherwise) : 0;
}

int cluster_read(Diag *diag, Arena *arena, const char *path, Cluster *cluster)
{
    cJSON *root;
    const char *file = diag->file;
    *cluster = (Cluster){0};
    TRY(json_read(diag, arena, path, &root));
    int code = read_cluster(diag, arena, root, cluster);
    cJSON_Delete(root);
    diag->file = file;
    return code;
}
