/* Profiles and clusters as JSON, through cJSON. Errors name the file, the place and the field. */
#include "passes/partition/json_parts.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Profiles ---- */

static const JsonField layer_fields[] = {
    NAME("name", Layer, name),
    SIZE("weights", Layer, weights),
    SIZE("activations", Layer, activations),
    SIZE("buffers", Layer, buffers),
    SIZE("state", Layer, state),
    SIZE("code", Layer, code),
    SIZE("out_bytes", Layer, out_bytes),
    SIZE("out_tensors", Layer, out_tensors),
    {"flops", JSON_NUMBER, false, offsetof(Layer, flops), 0, 0, 1e300, "a number of 0 or more",
     NULL, NULL},
    {"bytes", JSON_BYTES, false, offsetof(Layer, bytes), 0, 0, 1e300, NULL, NULL, NULL},
    COUNT("tensors", Layer, tensors, 0),
    FLAG("whole", Layer, whole),
    JSON_END};

static int read_layer(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Profile *p = to;
    Layer layer = {.bytes = -1};
    (void)f;
    json_place(r, "layer", "name", json);
    TRY(json_fields(r, json, layer_fields, &layer));
    arena_push(r->arena, p->layers, p->count) = layer;
    return 0;
}

static int layer_of(JsonReader *r, const Profile *p, const char *name, int *index)
{
    *index = profile_find(p, name);
    return *index < 0 ? diag_error(r->diag, "%s: no layer is called '%s'", r->where, name) : 0;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* A thing of the profile that names layers, while it is read. */
typedef struct InProfile {
    Profile *profile;
    SharedWeight shared;
    const char *const *layers;
    LiveTensor tensor;
    const char *from, *to;
    LayerSeconds times;
} InProfile;

static const JsonField shared_fields[] = {NAME("name", InProfile, shared.name),
                                          SIZE("bytes", InProfile, shared.bytes),
                                          {"layers", JSON_WORDS, false, offsetof(InProfile, layers),
                                           offsetof(InProfile, shared.layer_count), 0, 1e9,
                                           "a list of layers", NULL, NULL},
                                          JSON_END};

static int read_shared(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Profile *p = to;
    InProfile in = {.profile = p};
    SharedWeight *s = &in.shared;
    (void)f;
    json_place(r, "shared weight", "name", json);
    TRY(json_fields(r, json, shared_fields, &in));
    s->layers = arena_array(r->arena, (size_t)s->layer_count + 1, sizeof *s->layers);
    for (int i = 0; i < s->layer_count; i++) TRY(layer_of(r, p, in.layers[i], &s->layers[i]));
    qsort(s->layers, (size_t)s->layer_count, sizeof *s->layers, compare_ints);
    arena_push(r->arena, p->shared, p->shared_count) = *s;
    return 0;
}

static const JsonField live_fields[] = {
    NAME("name", InProfile, tensor.name),
    SIZE("bytes", InProfile, tensor.bytes),
    {"from", JSON_TEXT, false, offsetof(InProfile, from), 0, 0, 0, "a layer", NULL, NULL},
    {"to", JSON_TEXT, false, offsetof(InProfile, to), 0, 0, 0, "a layer", NULL, NULL},
    JSON_END};

static int read_live(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Profile *p = to;
    InProfile in = {.profile = p, .tensor = {.from = -1, .to = p->count}};
    (void)f;
    json_place(r, "tensor", "name", json);
    TRY(json_fields(r, json, live_fields, &in));
    if (in.from) TRY(layer_of(r, p, in.from, &in.tensor.from));
    if (in.to) TRY(layer_of(r, p, in.to, &in.tensor.to));
    arena_push(r->arena, p->tensors, p->tensor_count) = in.tensor;
    return 0;
}

static int read_seconds(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InProfile *in = to;
    return json_numbers(r, f, json, in->profile->count, true, &in->times.seconds);
}

/* [{"target":T,"emulated":bool,"seconds":[number or null, ...]}] */
static const JsonField times_fields[] = {NAME("target", InProfile, times.target),
                                         FLAG("emulated", InProfile, times.emulated),
                                         {"seconds", JSON_OTHER, true, 0, 0, 0, 1e9,
                                          "a list with one number or null for each layer", NULL,
                                          read_seconds},
                                         JSON_END};

static int read_times(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Profile *p = to;
    InProfile in = {.profile = p};
    (void)f;
    json_place(r, "times", "target", json);
    TRY(json_fields(r, json, times_fields, &in));
    arena_push(r->arena, p->times, p->time_count) = in.times;
    return 0;
}

/* The layers come first: the rest names them. */
static const JsonField profile_fields[] = {
    {"name", JSON_TEXT, false, offsetof(Profile, name), 0, 0, 0, "a name", NULL, NULL},
    JSON_EACH("layers", JSON_LIST, true, 1, "a list of layers", read_layer),
    FLAG("planned", Profile, planned),
    JSON_EACH("shared", JSON_LIST, false, 0, "a list of shared weights", read_shared),
    JSON_EACH("times", JSON_LIST, false, 0, "a list of times", read_times),
    JSON_EACH("footprints", JSON_LIST, false, 0, "a list of footprints", footprint_read),
    JSON_EACH("live", JSON_LIST, false, 0, "a list of tensors", read_live),
    JSON_END};

int profile_read(Diag *diag, Arena *arena, const char *path, Profile **profile)
{
    const char *file = diag->file;
    *profile = arena_alloc(arena, sizeof **profile);
    (*profile)->name = path;
    int code = json_load(diag, arena, path, profile_fields, *profile);
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
            cJSON_AddItemToArray(seconds,
                                 value < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(value));
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

/* A device, while it is read: what it is called, and what it can do. */
typedef struct InDevice {
    Device d;
    Target t;
} InDevice;

static const JsonField device_fields[] = {
    NAME("name", InDevice, d.name),
    {"target", JSON_TEXT, false, offsetof(InDevice, t.name), 0, 0, 0, "a name", NULL, NULL},
    {"gflops", JSON_NUMBER, true, offsetof(InDevice, t.gflops), 0, 0, 1e300, "a number above 0",
     NULL, NULL},
    {"memory_bandwidth", JSON_BYTES, false, offsetof(InDevice, t.memory_bandwidth), 0, 0, 1e300,
     NULL, NULL, NULL},
    {"memory", JSON_SIZE, true, offsetof(InDevice, t.memory), 0, 0, 0x1p60,
     "at most 2^60 bytes, such as \"4GB\"", NULL, NULL},
    COUNT("count", InDevice, d.count, 0),
    {"cores", JSON_INT, false, offsetof(InDevice, t.cores), 0, 1, 4096, NULL, NULL, NULL},
    {"call_overhead", JSON_NUMBER, false, offsetof(InDevice, t.call_overhead), 0, 0, 1e300,
     "seconds of 0 or more", NULL, NULL},
    SIZE("runtime", InDevice, d.runtime),
    JSON_END};

static int read_device(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Cluster *c = to;
    InDevice in = {.d = {.count = 1}};
    Target *target = arena_alloc(r->arena, sizeof *target);
    (void)f;
    json_place(r, "device", "name", json);
    TRY(json_fields(r, json, device_fields, &in));
    if (!in.t.name) in.t.name = in.d.name;
    *target = in.t;
    in.d.target = target;
    arena_push(r->arena, c->devices, c->count) = in.d;
    return 0;
}

/* A link, while it is read. */
typedef struct InCluster {
    const char *from, *to;
    Link link;
} InCluster;

static const JsonField link_fields[] = {
    NAME("from", InCluster, from),
    NAME("to", InCluster, to),
    {"bandwidth", JSON_BYTES, true, offsetof(InCluster, link.bandwidth), 0, DBL_MIN, 1e300,
     "bytes per second, above 0", NULL, NULL},
    {"latency", JSON_NUMBER, false, offsetof(InCluster, link.latency), 0, 0, 1e6,
     "seconds, at most 10^6", NULL, NULL},
    JSON_END};

static int link_end(JsonReader *r, const Cluster *c, const char *name, int *end)
{
    *end = cluster_find(c, name);
    if (*end < 0) return diag_error(r->diag, "%s: no device is called '%s'", r->where, name);
    return 0;
}

static int read_link(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    Cluster *c = to;
    InCluster in = {0};
    (void)f;
    r->where = arena_printf(r->arena, "link #%d", r->index);
    TRY(json_fields(r, json, link_fields, &in));
    TRY(link_end(r, c, in.from, &in.link.from));
    TRY(link_end(r, c, in.to, &in.link.to));
    arena_push(r->arena, c->links, c->link_count) = in.link;
    return 0;
}

/* A link without ends. */
static int read_one_link(JsonReader *r, const JsonField *f, const cJSON *json, Link *link)
{
    JsonReader reader = {.diag = r->diag, .arena = r->arena, .where = f->name};
    InCluster in = {0};
    TRY(json_fields(&reader, json, link_fields + 2, &in));
    *link = in.link;
    return 0;
}

static int read_client(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    return read_one_link(r, f, json, &((Cluster *)to)->client);
}

static int read_default_link(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    return read_one_link(r, f, json, &((Cluster *)to)->otherwise);
}

static const JsonField cluster_fields[] = {
    JSON_KNOWN("name"),
    JSON_EACH("devices", JSON_LIST, true, 1, "a list of devices", read_device),
    JSON_EACH("links", JSON_LIST, false, 0, "a list of links", read_link),
    JSON_EACH("default_link", JSON_OTHER, false, 0, NULL, read_default_link),
    JSON_EACH("client", JSON_OTHER, false, 0, NULL, read_client),
    JSON_END};

int cluster_read(Diag *diag, Arena *arena, const char *path, Cluster *cluster)
{
    const char *file = diag->file;
    *cluster = (Cluster){.otherwise = {.bandwidth = 110e6}};
    int code = json_load(diag, arena, path, cluster_fields, cluster);
    diag->file = file;
    return code;
}
