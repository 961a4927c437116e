/* Footprints as JSON: lists with a value for each layer, and the buffers of the workspace. */
#include "passes/partition/json_parts.h"

/* A footprint, while it is read. */
typedef struct InFootprint {
    Footprint f;
    int layers; /* of the profile */
    SharedWeight shared;
} InFootprint;

static int read_sizes(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    InFootprint *in = to;
    return json_int64s(r, field, json, &in->layers, (int64_t **)(void *)((char *)to + field->at));
}

static int read_steps(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    InFootprint *in = to;
    int64_t *steps;
    TRY(json_int64s(r, field, json, &in->layers, &steps));
    for (int i = 0; i < in->layers; i++) in->f.steps[i] = (int)steps[i];
    return 0;
}

static int read_work(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    InFootprint *in = to;
    double **list = (double **)(void *)((char *)to + field->at);
    return json_numbers(r, field, json, in->layers, false, list);
}

static const JsonField buffer_fields[] = {SIZE("bytes", WorkBuffer, bytes),
                                          COUNT("first", WorkBuffer, first, 0),
                                          COUNT("last", WorkBuffer, last, 0),
                                          COUNT("from", WorkBuffer, from, 0),
                                          COUNT("to", WorkBuffer, to, 0),
                                          COUNT("over", WorkBuffer, over, 0),
                                          JSON_END};

static int read_buffer(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    Footprint *f = &((InFootprint *)to)->f;
    WorkBuffer buffer = {.over = -1};
    (void)field;
    TRY(json_fields(r, json, buffer_fields, &buffer));
    arena_push(r->arena, f->buffers, f->buffer_count) = buffer;
    return 0;
}

static int shared_layers(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    SharedWeight *s = &((InFootprint *)to)->shared;
    int64_t *layers;
    s->layer_count = -1;
    TRY(json_int64s(r, field, json, &s->layer_count, &layers));
    s->layers = arena_array(r->arena, (size_t)s->layer_count + 1, sizeof *s->layers);
    for (int i = 0; i < s->layer_count; i++) s->layers[i] = (int)layers[i];
    return 0;
}

static const JsonField shared_fields[] = {
    NAME("name", InFootprint, shared.name),
    SIZE("bytes", InFootprint, shared.bytes),
    {"layers", JSON_OTHER, false, 0, 0, 0, 1e9, "a list of numbers of layers", NULL, shared_layers},
    JSON_END};

static int read_shared(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    InFootprint *in = to;
    (void)field;
    in->shared = (SharedWeight){0};
    TRY(json_fields(r, json, shared_fields, in));
    arena_push(r->arena, in->f.shared, in->f.shared_count) = in->shared;
    return 0;
}

#define PER_LAYER(name, field, most, read)                                                         \
    {name, JSON_OTHER, false, offsetof(InFootprint, field), 0, 0, most, NULL, NULL, read}

static const JsonField footprint_fields[] = {
    NAME("target", InFootprint, f.target),
    FLAG("compact", InFootprint, f.compact),
    PER_LAYER("weights", f.weights, 0x1p52, read_sizes),
    PER_LAYER("state", f.state, 0x1p52, read_sizes),
    PER_LAYER("code", f.code, 0x1p52, read_sizes),
    PER_LAYER("steps", f.steps, 1 << 30, read_steps),
    PER_LAYER("flops", f.flops, 1e300, read_work),
    PER_LAYER("bytes", f.bytes, 1e300, read_work),
    JSON_EACH("shared", JSON_LIST, false, 0, "a list of shared weights", read_shared),
    JSON_EACH("workspace", JSON_LIST, false, 0, "a list of buffers", read_buffer),
    SIZE("slack", InFootprint, f.slack),
    JSON_END};

int footprint_read(JsonReader *r, const JsonField *field, const cJSON *json, void *to)
{
    Profile *p = to;
    InFootprint in = {.layers = p->count};
    size_t n = (size_t)p->count + 1;
    (void)field;
    json_place(r, "footprint", "target", json);
    in.f.weights = arena_array(r->arena, n, sizeof *in.f.weights);
    in.f.state = arena_array(r->arena, n, sizeof *in.f.state);
    in.f.code = arena_array(r->arena, n, sizeof *in.f.code);
    in.f.steps = arena_array(r->arena, n, sizeof *in.f.steps);
    TRY(json_fields(r, json, footprint_fields, &in));
    arena_push(r->arena, p->footprints, p->footprint_count) = in.f;
    return 0;
}

/* ---- Writing ---- */

static void add_list(cJSON *object, const char *field, const int64_t *values, int count)
{
    bool any = false;
    for (int i = 0; i < count; i++) any = any || values[i];
    if (!any) return;
    cJSON *list = cJSON_AddArrayToObject(object, field);
    for (int i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)values[i]));
}

static cJSON *buffer_json(const WorkBuffer *b)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddNumberToObject(j, "bytes", (double)b->bytes);
    cJSON_AddNumberToObject(j, "first", b->first);
    cJSON_AddNumberToObject(j, "last", b->last);
    cJSON_AddNumberToObject(j, "from", b->from);
    cJSON_AddNumberToObject(j, "to", b->to);
    if (b->over >= 0) cJSON_AddNumberToObject(j, "over", b->over);
    return j;
}

static cJSON *footprint_json(const Footprint *f, int layers)
{
    cJSON *j = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(j, "target", f->target);
    if (f->compact) cJSON_AddTrueToObject(j, "compact");
    add_list(j, "weights", f->weights, layers);
    add_list(j, "state", f->state, layers);
    add_list(j, "code", f->code, layers);
    list = cJSON_AddArrayToObject(j, "steps");
    for (int i = 0; i < layers; i++) cJSON_AddItemToArray(list, cJSON_CreateNumber(f->steps[i]));
    if (f->flops) cJSON_AddItemToObject(j, "flops", cJSON_CreateDoubleArray(f->flops, layers));
    if (f->bytes) cJSON_AddItemToObject(j, "bytes", cJSON_CreateDoubleArray(f->bytes, layers));
    if (f->shared_count) list = cJSON_AddArrayToObject(j, "shared");
    for (int i = 0; i < f->shared_count; i++) {
        const SharedWeight *s = &f->shared[i];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", s->name);
        cJSON_AddNumberToObject(one, "bytes", (double)s->bytes);
        cJSON_AddItemToObject(one, "layers", cJSON_CreateIntArray(s->layers, s->layer_count));
        cJSON_AddItemToArray(list, one);
    }
    if (f->buffer_count) list = cJSON_AddArrayToObject(j, "workspace");
    for (int i = 0; i < f->buffer_count; i++)
        cJSON_AddItemToArray(list, buffer_json(&f->buffers[i]));
    json_add_size(j, "slack", f->slack);
    return j;
}

void footprints_write(cJSON *root, const Profile *p)
{
    cJSON *list = p->footprint_count ? cJSON_AddArrayToObject(root, "footprints") : NULL;
    for (int i = 0; i < p->footprint_count; i++)
        cJSON_AddItemToArray(list, footprint_json(&p->footprints[i], p->count));
}
