/* Footprints as JSON: lists with a value for each layer, and the buffers of the workspace. */
#include "passes/partition/json_read.h"

#include <math.h>

/* A whole number of 0 or more for each of `count` places; all 0 when there is no such field. */
static int read_list(Reader *r, const cJSON *object, const char *field, int count, int64_t **out)
{
    const cJSON *list = json_item(object, field), *one;
    int at = 0;
    *out = arena_array(r->arena, (size_t)count + 1, sizeof **out);
    if (!list) return 0;
    if (cJSON_GetArraySize(list) != count)
        return json_bad(r, field, "a list with one number for each layer");
    cJSON_ArrayForEach(one, list)
    {
        double value = cJSON_IsNumber(one) ? one->valuedouble : -1;
        if (!(value >= 0 && value <= 0x1p52 && value == floor(value)))
            return json_bad(r, field, "whole numbers of 0 or more");
        (*out)[at++] = (int64_t)value;
    }
    return 0;
}

/* Of any size; *out stays NULL when there is no such field. */
static int read_numbers(Reader *r, const cJSON *object, const char *field, int count, double **out)
{
    const cJSON *list = json_item(object, field), *one;
    int at = 0;
    if (!list) return 0;
    *out = arena_array(r->arena, (size_t)count + 1, sizeof **out);
    if (cJSON_GetArraySize(list) != count)
        return json_bad(r, field, "a list with one number for each layer");
    cJSON_ArrayForEach(one, list) (*out)[at++] = cJSON_IsNumber(one) ? one->valuedouble : -1;
    return 0;
}

static int read_buffer(Reader *r, const cJSON *j, WorkBuffer *b)
{
    static const char *const fields[] = {"bytes", "first", "last", "from", "to", "over", NULL};
    *b = (WorkBuffer){.over = -1};
    TRY(json_known_fields(r, j, fields));
    TRY(json_size(r, j, "bytes", &b->bytes));
    TRY(json_count(r, j, "first", &b->first));
    TRY(json_count(r, j, "last", &b->last));
    TRY(json_count(r, j, "from", &b->from));
    TRY(json_count(r, j, "to", &b->to));
    return json_count(r, j, "over", &b->over);
}

static int read_shared(Reader *r, const cJSON *j, SharedWeight *s)
{
    static const char *const fields[] = {"name", "bytes", "layers", NULL};
    const cJSON *layer;
    TRY(json_known_fields(r, j, fields));
    TRY(json_name(r, j, "name", &s->name));
    TRY(json_size(r, j, "bytes", &s->bytes));
    cJSON_ArrayForEach(layer, json_item(j, "layers"))
    {
        double value = cJSON_IsNumber(layer) ? layer->valuedouble : -1;
        if (!(value >= 0 && value < 1e9)) return json_bad(r, "layers", "numbers of layers");
        arena_push(r->arena, s->layers, s->layer_count) = (int)value;
    }
    return 0;
}

static int read_one(Reader *r, const cJSON *j, int layers, Footprint *f)
{
    static const char *const fields[] = {"target", "compact", "weights", "state",
                                         "code",   "steps",   "flops",   "bytes",
                                         "shared", "workspace", "slack", NULL};
    const cJSON *one;
    int64_t *steps;
    TRY(json_known_fields(r, j, fields));
    TRY(json_name(r, j, "target", &f->target));
    r->where = arena_printf(r->arena, "footprint '%s'", f->target);
    f->compact = cJSON_IsTrue(json_item(j, "compact"));
    TRY(read_list(r, j, "weights", layers, &f->weights));
    TRY(read_list(r, j, "state", layers, &f->state));
    TRY(read_list(r, j, "code", layers, &f->code));
    TRY(read_list(r, j, "steps", layers, &steps));
    TRY(read_numbers(r, j, "flops", layers, &f->flops));
    TRY(read_numbers(r, j, "bytes", layers, &f->bytes));
    TRY(json_size(r, j, "slack", &f->slack));
    f->steps = arena_array(r->arena, (size_t)layers + 1, sizeof *f->steps);
    for (int i = 0; i < layers; i++) f->steps[i] = steps[i] < 1 << 30 ? (int)steps[i] : 1 << 30;
    cJSON_ArrayForEach(one, json_item(j, "shared"))
    {
        SharedWeight shared = {0};
        TRY(read_shared(r, one, &shared));
        arena_push(r->arena, f->shared, f->shared_count) = shared;
    }
    cJSON_ArrayForEach(one, json_item(j, "workspace"))
    {
        WorkBuffer buffer;
        TRY(read_buffer(r, one, &buffer));
        arena_push(r->arena, f->buffers, f->buffer_count) = buffer;
    }
    return 0;
}

int footprints_read(Reader *r, Profile *p, const cJSON *list)
{
    const cJSON *j;
    cJSON_ArrayForEach(j, list)
    {
        Footprint f = {0};
        r->where = arena_printf(r->arena, "footprint #%d", p->footprint_count);
        TRY(read_one(r, j, p->count, &f));
        arena_push(r->arena, p->footprints, p->footprint_count) = f;
    }
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
