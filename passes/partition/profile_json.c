/* Profiles and clusters as JSON, through cJSON. Errors name the file, the place and the field. */
#include "passes/partition/profile.h"

#include "ir/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double parse_bytes(const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},       {"B", 1},          {"kB", 1e3},          {"KB", 1e3},
                 {"MB", 1e6},   {"GB", 1e9},       {"TB", 1e12},         {"KiB", 1024},
                 {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    char *end;
    if (!isdigit((unsigned char)*text)) return -1;
    double value = strtod(text, &end);
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!strcmp(end, units[i].name)) return value * units[i].bytes;
    }
    return -1;
}

typedef struct Reader {
    Diag *diag;
    Arena *arena;
    const char *where; /* "layer 'l0'", "device #2" */
} Reader;

static const cJSON *item(const cJSON *object, const char *field)
{
    return cJSON_GetObjectItemCaseSensitive(object, field);
}

static int bad(Reader *r, const char *field, const char *expected)
{
    return diag_error(r->diag, "%s: field '%s': expected %s", r->where, field, expected);
}

/* A number of bytes, or a plain number, of 0 or more. A field that is not there leaves *out. */
static int get_number(Reader *r, const cJSON *object, const char *field, bool bytes, double *out)
{
    const cJSON *j = item(object, field);
    if (!j) return 0;
    double value = -1;
    if (cJSON_IsNumber(j)) value = j->valuedouble;
    else if (bytes && cJSON_IsString(j)) value = parse_bytes(j->valuestring);
    if (!(value >= 0 && value < 1e300))
        return bad(r, field, bytes ? "bytes: a number of 0 or more, \"988MB\" or \"988MiB\""
                                   : "a number of 0 or more");
    *out = value;
    return 0;
}

static int get_size(Reader *r, const cJSON *object, const char *field, int64_t *out)
{
    double value = (double)*out;
    TRY(get_number(r, object, field, true, &value));
    if (value > 0x1p60) return bad(r, field, "at most 2^60 bytes");
    *out = (int64_t)(value + 0.5);
    return 0;
}

static int get_count(Reader *r, const cJSON *object, const char *field, int *out)
{
    double value = *out;
    TRY(get_number(r, object, field, false, &value));
    if (value > 1e9 || value != floor(value)) return bad(r, field, "a whole number");
    *out = (int)value;
    return 0;
}

static int get_name(Reader *r, const cJSON *object, const char *field, const char **out)
{
    const cJSON *j = item(object, field);
    if (!cJSON_IsString(j) || !j->valuestring[0]) return bad(r, field, "a name");
    *out = arena_strdup(r->arena, j->valuestring);
    return 0;
}

/* Misspelt fields would silently be zeros. */
static int known_fields(Reader *r, const cJSON *object, const char *const *names)
{
    if (!cJSON_IsObject(object)) return diag_error(r->diag, "%s: expected an object", r->where);
    const cJSON *j;
    cJSON_ArrayForEach(j, object)
    {
        bool known = false;
        for (int i = 0; names[i] && !known; i++) known = !strcmp(names[i], j->string);
        if (!known) return diag_error(r->diag, "%s: unknown field '%s'", r->where, j->string);
    }
    return 0;
}

/* ---- Profiles ---- */

static int read_layer(Reader *r, const cJSON *j, int index, Layer *layer)
{
    static const char *const fields[] = {"name", "weights", "activations", "buffers", "state",
                                         "code", "flops", "bytes", "out_bytes", "tensors",
                                         "out_tensors", "whole", NULL};
    *layer = (Layer){.bytes = -1};
    r->where = arena_printf(r->arena, "layer #%d", index);
    TRY(known_fields(r, j, fields));
    TRY(get_name(r, j, "name", &layer->name));
    r->where = arena_printf(r->arena, "layer '%s'", layer->name);
    TRY(get_size(r, j, "weights", &layer->weights));
    TRY(get_size(r, j, "activations", &layer->activations));
    TRY(get_size(r, j, "buffers", &layer->buffers));
    TRY(get_size(r, j, "state", &layer->state));
    TRY(get_size(r, j, "code", &layer->code));
    TRY(get_size(r, j, "out_bytes", &layer->out_bytes));
    TRY(get_size(r, j, "out_tensors", &layer->out_tensors));
    TRY(get_number(r, j, "flops", false, &layer->flops));
    TRY(get_number(r, j, "bytes", true, &layer->bytes));
    layer->whole = cJSON_IsTrue(item(j, "whole"));
    return get_count(r, j, "tensors", &layer->tensors);
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
        TRY(known_fields(r, j, fields));
        TRY(get_name(r, j, "name", &s.name));
        TRY(get_size(r, j, "bytes", &s.bytes));
        cJSON_ArrayForEach(layer, item(j, "layers"))
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
        TRY(known_fields(r, j, fields));
        TRY(get_name(r, j, "name", &t.name));
        TRY(get_size(r, j, "bytes", &t.bytes));
        if (item(j, "from")) TRY(layer_of(r, p, item(j, "from"), &t.from));
        if (item(j, "to")) TRY(layer_of(r, p, item(j, "to"), &t.to));
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
        TRY(known_fields(r, j, fields));
        TRY(get_name(r, j, "target", &times.target));
        times.emulated = cJSON_IsTrue(item(j, "emulated"));
        times.seconds = arena_array(r->arena, (size_t)p->count, sizeof *times.seconds);
        if (cJSON_GetArraySize(item(j, "seconds")) != p->count)
            return bad(r, "seconds", "a list with one number or null for each layer");
        cJSON_ArrayForEach(one, item(j, "seconds"))
        {
            double value = cJSON_IsNull(one) ? -1 : cJSON_IsNumber(one) ? one->valuedouble : NAN;
            if (!(cJSON_IsNull(one) || (value >= 0 && value < 1e9)))
                return bad(r, "seconds", "numbers of 0 or more, or null");
            times.seconds[at++] = value;
        }
        arena_push(r->arena, p->times, p->time_count) = times;
    }
    return 0;
}

static int read_profile(Diag *diag, Arena *arena, const cJSON *root, Profile *p)
{
    static const char *const fields[] = {"name", "layers", "shared", "live", "planned", "times",
                                         NULL};
    Reader r = {diag, arena, "profile"};
    TRY(known_fields(&r, root, fields));
    if (item(root, "name")) TRY(get_name(&r, root, "name", &p->name));
    const cJSON *layers = item(root, "layers"), *j;
    int n = cJSON_GetArraySize(layers), i = 0;
    if (!cJSON_IsArray(layers) || n < 1) return bad(&r, "layers", "a list of layers");
    p->layers = arena_array(arena, (size_t)n, sizeof *p->layers);
    cJSON_ArrayForEach(j, layers)
    {
        TRY(read_layer(&r, j, i, &p->layers[i]));
        i++;
    }
    p->count = n;
    p->planned = cJSON_IsTrue(item(root, "planned"));
    TRY(read_shared(&r, p, item(root, "shared")));
    TRY(read_times(&r, p, item(root, "times")));
    return read_live(&r, p, item(root, "live"));
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

static void add_size(cJSON *object, const char *field, int64_t bytes)
{
    if (bytes) cJSON_AddNumberToObject(object, field, (double)bytes);
}

static cJSON *layer_json(const Layer *layer)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", layer->name);
    cJSON_AddNumberToObject(j, "weights", (double)layer->weights);
    cJSON_AddNumberToObject(j, "activations", (double)layer->activations);
    add_size(j, "buffers", layer->buffers);
    add_size(j, "state", layer->state);
    add_size(j, "code", layer->code);
    cJSON_AddNumberToObject(j, "flops", layer->flops);
    if (layer->bytes >= 0) cJSON_AddNumberToObject(j, "bytes", layer->bytes);
    cJSON_AddNumberToObject(j, "out_bytes", (double)layer->out_bytes);
    cJSON_AddNumberToObject(j, "tensors", layer->tensors);
    add_size(j, "out_tensors", layer->out_tensors);
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
    TRY(known_fields(r, j, fields));
    TRY(get_name(r, j, "name", &d->name));
    r->where = arena_printf(r->arena, "device '%s'", d->name);
    d->target = d->name;
    if (item(j, "target")) TRY(get_name(r, j, "target", &d->target));
    if (!item(j, "gflops")) return bad(r, "gflops", "a number above 0");
    if (!item(j, "memory")) return bad(r, "memory", "bytes, such as \"4GB\"");
    TRY(get_number(r, j, "gflops", false, &d->gflops));
    TRY(get_number(r, j, "memory_bandwidth", true, &d->memory_bandwidth));
    TRY(get_number(r, j, "call_overhead", false, &d->call_overhead));
    TRY(get_size(r, j, "memory", &d->memory));
    TRY(get_size(r, j, "runtime", &d->runtime));
    return get_count(r, j, "count", &d->count);
}

static int read_link(Reader *r, const cJSON *j, const char *where, Link *link)
{
    r->where = where;
    if (!item(j, "bandwidth")) return bad(r, "bandwidth", "bytes per second, above 0");
    TRY(get_number(r, j, "bandwidth", true, &link->bandwidth));
    TRY(get_number(r, j, "latency", false, &link->latency));
    if (!(link->bandwidth > 0)) return bad(r, "bandwidth", "bytes per second, above 0");
    if (link->latency > 1e6) return bad(r, "latency", "at most 10^6 seconds");
    return 0;
}

static int link_end(Reader *r, const Cluster *c, const cJSON *j, const char *field, int *end)
{
    const char *name;
    TRY(get_name(r, j, field, &name));
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
    TRY(known_fields(&r, root, fields));
    cJSON_ArrayForEach(j, item(root, "devices"))
    {
        Device d;
        TRY(read_device(&r, j, c->count, &d));
        arena_push(arena, c->devices, c->count) = d;
    }
    r.where = "cluster";
    if (!c->count) return bad(&r, "devices", "a list of devices");
    cJSON_ArrayForEach(j, item(root, "links"))
    {
        Link link = {0};
        r.where = arena_printf(arena, "link #%d", c->link_count);
        TRY(known_fields(&r, j, ends));
        TRY(link_end(&r, c, j, "from", &link.from));
        TRY(link_end(&r, c, j, "to", &link.to));
        TRY(read_link(&r, j, r.where, &link));
        arena_push(arena, c->links, c->link_count) = link;
    }
    c->otherwise = (Link){.bandwidth = 110e6};
    const cJSON *otherwise = item(root, "default_link");
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
