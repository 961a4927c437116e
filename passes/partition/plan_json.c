/* Plans as JSON: written with all figures, read back for which layers run where. */
#include "passes/partition/planner.h"

#include "ir/json.h"
#include "ir/schema.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

static void add(cJSON *object, const char *field, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, field, value);
    else
        cJSON_AddNullToObject(object, field);
}

static cJSON *stage_json(const PlanStage *s)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "device", s->device);
    if (s->target) cJSON_AddStringToObject(j, "target", s->target);
    cJSON_AddStringToObject(j, "first", s->first_name);
    cJSON_AddStringToObject(j, "last", s->last_name);
    add(j, "layers", s->end - s->first);
    add(j, "tensors", s->tensors);
    add(j, "weights", (double)s->bytes.weights);
    add(j, "activations", (double)s->bytes.activations);
    add(j, "buffers", (double)s->bytes.buffers);
    add(j, "state", (double)s->bytes.state);
    add(j, "queues", (double)s->bytes.queues);
    add(j, "code", (double)s->bytes.code);
    add(j, "memory", (double)s->memory);
    if (s->compact) cJSON_AddTrueToObject(j, "compact");
    add(j, "budget", (double)s->budget);
    add(j, "device_memory", (double)s->device_memory);
    add(j, "in_bytes", (double)s->in_bytes);
    add(j, "out_bytes", (double)s->out_bytes);
    add(j, "compute_s", s->compute_s);
    add(j, "send_s", s->send_s);
    return j;
}

char *plan_json(const Plan *plan)
{
    cJSON *root = cJSON_CreateObject();
    bool time =
        plan->options.objective == PLAN_THROUGHPUT || plan->options.objective == PLAN_LATENCY;
    cJSON_AddStringToObject(root, "objective", objective_name(plan->options.objective));
    cJSON_AddStringToObject(root, "order", plan->options.free_order ? "free" : "fixed");
    add(root, "memory_limit", plan->options.memory_limit);
    add(root, "queue", plan->options.queue);
    add(root, "batch", plan->options.batch);
    cJSON_AddBoolToObject(root, "overlap", !plan->options.no_overlap);
    cJSON *list = cJSON_AddArrayToObject(root, "stages");
    for (int k = 0; k < plan->count; k++) cJSON_AddItemToArray(list, stage_json(&plan->stages[k]));
    cJSON_AddStringToObject(root, "limiting", plan->stages[plan->limiting].device);
    add(root, "bottleneck_s", plan->bottleneck_s);
    add(root, "latency_s", plan->latency_s);
    add(root, "throughput", plan->throughput);
    add(root, "fraction", plan->fraction);
    add(root, "largest", (double)plan->largest);
    add(root, "value", plan->value);
    add(root, "bound", plan->bound);
    add(root, "bound_s", time ? plan->bound : plan->period_bound_s);
    add(root, "gap", plan->gap);
    cJSON_AddBoolToObject(root, "exact", plan->exact);
    cJSON_AddStringToObject(root, "method", plan->method);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

/* ---- Reading ---- */

static int layer_of(Diag *diag, const Profile *p, const char *name, int k, int *layer)
{
    *layer = profile_find(p, name);
    if (*layer >= 0) return 0;
    return diag_error(diag, "stage %d: the model has no layer '%s'", k + 1, name);
}

/* Layer `layer` comes where `expected` should. */
static int out_of_order(Diag *diag, const Profile *p, int k, int layer, int expected)
{
    const char *name = p->layers[layer].name;
    if (layer < expected)
        return diag_error(diag,
                          "stage %d: layer '%s' is repeated or out of order: it is placed already",
                          k + 1, name);
    return diag_error(diag,
                      "stage %d: layer '%s' is left out or out of order: layer '%s' comes instead",
                      k + 1, p->layers[expected].name, name);
}

/* The names of all layers, when the file lists them. */
static int read_list(Diag *diag, const Profile *p, const cJSON *list, int k, int first, int end)
{
    const cJSON *j;
    int next = first;
    cJSON_ArrayForEach(j, list)
    {
        int layer;
        TRY(layer_of(diag, p, cJSON_IsString(j) ? j->valuestring : "?", k, &layer));
        if (layer != next || next >= end)
            return out_of_order(diag, p, k, layer, next < p->count ? next : p->count - 1);
        next++;
    }
    if (next != end)
        return diag_error(diag, "stage %d: layer '%s' is left out", k + 1, p->layers[next].name);
    return 0;
}

/* A stage as its object has it. `layers` is how many there are, or the names of all. */
typedef struct InStage {
    const char *device, *first, *last;
    const cJSON *layers;
} InStage;

static int keep_layers(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    if (!cJSON_IsArray(json) && !cJSON_IsNumber(json))
        return json_wrong(r, f->name, json, "a number of layers, or their names");
    ((InStage *)to)->layers = cJSON_IsArray(json) ? json : NULL;
    return 0;
}

#define NAME(name, field)                                                                          \
    {name, JSON_TEXT, true, offsetof(InStage, field), 0, 0, 0, "a name", NULL, NULL}
#define FIGURE(name) {name, JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL}

/* Figures are computed anew. */
static const JsonField stage_fields[] = {
    NAME("device", device),
    NAME("first", first),
    NAME("last", last),
    {"layers", JSON_OTHER, false, 0, 0, 0, 0, NULL, NULL, keep_layers},
    FIGURE("target"),
    FIGURE("tensors"),
    FIGURE("weights"),
    FIGURE("activations"),
    FIGURE("buffers"),
    FIGURE("state"),
    FIGURE("queues"),
    FIGURE("code"),
    FIGURE("memory"),
    FIGURE("compact"),
    FIGURE("budget"),
    FIGURE("device_memory"),
    FIGURE("in_bytes"),
    FIGURE("out_bytes"),
    FIGURE("compute_s"),
    FIGURE("send_s"),
    FIGURE(NULL)};

/* A plan, while it is read. */
typedef struct InPlan {
    const Profile *profile;
    const Cluster *cluster;
    Partition *out;
    int next; /* the first layer that no stage has */
} InPlan;

static int check_stage(Diag *diag, InPlan *in, const InStage *s, int k)
{
    const Profile *p = in->profile;
    Partition *out = in->out;
    int first, last, d = cluster_find(in->cluster, s->device);
    if (d < 0) return diag_error(diag, "stage %d: there is no device '%s'", k + 1, s->device);
    for (int e = 0; e < k; e++) {
        if (out->device[e] == d)
            return diag_error(diag, "stage %d: device '%s' runs a stage already", k + 1, s->device);
    }
    TRY(layer_of(diag, p, s->first, k, &first));
    TRY(layer_of(diag, p, s->last, k, &last));
    if (first != in->next)
        return in->next < p->count
                   ? out_of_order(diag, p, k, first, in->next)
                   : diag_error(diag, "stage %d: layer '%s' is repeated", k + 1, s->first);
    if (last < first)
        return diag_error(diag, "stage %d: layers '%s' and '%s' are out of order", k + 1, s->first,
                          s->last);
    if (s->layers) TRY(read_list(diag, p, s->layers, k, first, last + 1));
    out->device[k] = d;
    out->end[k] = in->next = last + 1;
    return 0;
}

static int read_stage(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InPlan *in = to;
    InStage stage = {0};
    int k = in->out->count;
    (void)f;
    if (k == PLAN_DEVICES) return diag_error(r->diag, "more than %d stages", PLAN_DEVICES);
    r->where = arena_printf(r->arena, "stage %d", k + 1);
    TRY(json_fields(r, json, stage_fields, &stage));
    TRY(check_stage(r->diag, in, &stage, k));
    in->out->count++;
    return 0;
}

static const JsonField plan_fields[] = {
    {"stages", JSON_LIST, true, 0, 0, 1, 0, "a list of stages", NULL, read_stage},
    FIGURE("objective"),
    FIGURE("order"),
    FIGURE("memory_limit"),
    FIGURE("queue"),
    FIGURE("batch"),
    FIGURE("overlap"),
    FIGURE("limiting"),
    FIGURE("bottleneck_s"),
    FIGURE("latency_s"),
    FIGURE("throughput"),
    FIGURE("fraction"),
    FIGURE("largest"),
    FIGURE("value"),
    FIGURE("bound"),
    FIGURE("bound_s"),
    FIGURE("gap"),
    FIGURE("exact"),
    FIGURE("method"),
    FIGURE(NULL)};

int plan_read(Diag *diag, Arena *arena, const char *path, const Profile *profile,
              const Cluster *cluster, Partition *partition)
{
    const char *before = diag->file;
    JsonReader reader = {.diag = diag, .arena = arena};
    InPlan in = {.profile = profile, .cluster = cluster, .out = partition};
    cJSON *root;
    partition->count = 0;
    TRY(json_read(diag, arena, path, &root));
    int code = json_fields(&reader, root, plan_fields, &in);
    cJSON_Delete(root);
    if (!code && in.next < profile->count)
        code = diag_error(diag, "layer '%s'%s left out", profile->layers[in.next].name,
                          in.next + 1 < profile->count ? " and those after it are" : " is");
    if (!code) diag->file = before;
    return code;
}
