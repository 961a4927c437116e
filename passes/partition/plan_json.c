/* Plans as JSON: written with all figures, read back for which layers run where. */
#include "passes/partition/json_parts.h"
#include "passes/partition/planner.h"

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
#define ADD(name, value) add(j, #name, (double)(value));
    PLAN_STAGE_FIGURES(ADD)
#undef ADD
    if (s->compact) cJSON_AddTrueToObject(j, "compact");
    add(j, "compute_s", s->compute_s);
    add(j, "send_s", s->send_s);
    return j;
}

char *plan_json(const Plan *p)
{
    cJSON *root = cJSON_CreateObject();
    bool time = p->options.objective == PLAN_THROUGHPUT || p->options.objective == PLAN_LATENCY;
    cJSON_AddStringToObject(root, "objective", objective_name(p->options.objective));
    cJSON_AddStringToObject(root, "order", p->options.free_order ? "free" : "fixed");
    add(root, "memory_limit", p->options.memory_limit);
    add(root, "queue", p->options.queue);
    add(root, "batch", p->options.batch);
    cJSON_AddBoolToObject(root, "overlap", !p->options.no_overlap);
    cJSON *list = cJSON_AddArrayToObject(root, "stages");
    for (int k = 0; k < p->count; k++) cJSON_AddItemToArray(list, stage_json(&p->stages[k]));
    cJSON_AddStringToObject(root, "limiting",
                            p->client_limits ? "client" : p->stages[p->limiting].device);
#define ADD(name, value) add(root, #name, (double)(value));
    PLAN_FIGURES(ADD)
#undef ADD
    add(root, "bound_s", time ? p->bound : p->period_bound_s);
    cJSON_AddBoolToObject(root, "exact", p->exact);
    cJSON_AddStringToObject(root, "method", p->method);
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
static int check_list(Diag *diag, const Profile *p, const char *const *names, int k, int first,
                      int end)
{
    int next = first;
    for (; *names; names++) {
        int layer;
        TRY(layer_of(diag, p, *names, k, &layer));
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
    const char *const *layers;
    int layer_count;
} InStage;

static int read_layers(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    static const char expected[] = "a number of layers, or their names";
    size_t list = offsetof(InStage, layers), count = offsetof(InStage, layer_count);
    JsonField number = {f->name, JSON_INT, false, count, 0, 0, 1e9, expected, NULL, NULL};
    JsonField names = {f->name, JSON_WORDS, false, list, count, 0, 1e9, expected, NULL, NULL};
    return json_field(r, cJSON_IsArray(json) ? &names : &number, json, to);
}

#define FIGURE(name, value) JSON_KNOWN(#name),

/* Figures are computed anew. */
static const JsonField stage_fields[] = {
    NAME("device", InStage, device),
    NAME("first", InStage, first),
    NAME("last", InStage, last),
    JSON_EACH("layers", JSON_OTHER, false, 0, NULL, read_layers),
    JSON_KNOWN("target"),
    JSON_KNOWN("compact"),
    JSON_KNOWN("compute_s"),
    JSON_KNOWN("send_s"),
    PLAN_STAGE_FIGURES(FIGURE) JSON_END};

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
    if (s->layers) TRY(check_list(diag, p, s->layers, k, first, last + 1));
    out->device[k] = d;
    out->end[k] = in->next = last + 1;
    return 0;
}

static int read_stage(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    InPlan *in = to;
    InStage stage = {0};
    int k = r->index;
    (void)f;
    if (k == PLAN_DEVICES) return diag_error(r->diag, "more than %d stages", PLAN_DEVICES);
    r->where = arena_printf(r->arena, "stage %d", k + 1);
    TRY(json_fields(r, json, stage_fields, &stage));
    TRY(check_stage(r->diag, in, &stage, k));
    in->out->count++;
    return 0;
}

static const JsonField plan_fields[] = {
    JSON_EACH("stages", JSON_LIST, true, 1, "a list of stages", read_stage),
    JSON_KNOWN("objective"),
    JSON_KNOWN("order"),
    JSON_KNOWN("memory_limit"),
    JSON_KNOWN("queue"),
    JSON_KNOWN("batch"),
    JSON_KNOWN("overlap"),
    JSON_KNOWN("limiting"),
    JSON_KNOWN("bound_s"),
    JSON_KNOWN("exact"),
    JSON_KNOWN("method"),
    PLAN_FIGURES(FIGURE) JSON_END};

int plan_read(Diag *diag, Arena *arena, const char *path, const Profile *profile,
              const Cluster *cluster, Partition *partition)
{
    const char *before = diag->file;
    InPlan in = {.profile = profile, .cluster = cluster, .out = partition};
    partition->count = 0;
    int code = json_load(diag, arena, path, plan_fields, &in);
    if (!code && in.next < profile->count)
        code = diag_error(diag, "layer '%s'%s left out", profile->layers[in.next].name,
                          in.next + 1 < profile->count ? " and those after it are" : " is");
    if (!code) diag->file = before;
    return code;
}
