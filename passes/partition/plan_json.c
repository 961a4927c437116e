/* Plans as JSON: written with all figures, read back for which layers run where. */
#include "passes/partition/planner.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
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

static int name_of(Diag *diag, const cJSON *stage, int k, const char *field, const char **name)
{
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(stage, field);
    if (!cJSON_IsString(j))
        return diag_error(diag, "stage %d: field '%s': expected a name", k + 1, field);
    *name = j->valuestring;
    return 0;
}

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

static int read_stage(Diag *diag, const Profile *p, const Cluster *cluster, const cJSON *j, int k,
                      int *next, Partition *out)
{
    const char *device = NULL, *first_name = NULL, *last_name = NULL;
    int first, last;
    TRY(name_of(diag, j, k, "device", &device));
    TRY(name_of(diag, j, k, "first", &first_name));
    TRY(name_of(diag, j, k, "last", &last_name));
    int d = cluster_find(cluster, device);
    if (d < 0) return diag_error(diag, "stage %d: there is no device '%s'", k + 1, device);
    for (int e = 0; e < k; e++) {
        if (out->device[e] == d)
            return diag_error(diag, "stage %d: device '%s' runs a stage already", k + 1, device);
    }
    TRY(layer_of(diag, p, first_name, k, &first));
    TRY(layer_of(diag, p, last_name, k, &last));
    if (first != *next)
        return *next < p->count
                   ? out_of_order(diag, p, k, first, *next)
                   : diag_error(diag, "stage %d: layer '%s' is repeated", k + 1, first_name);
    if (last < first)
        return diag_error(diag, "stage %d: layers '%s' and '%s' are out of order", k + 1,
                          first_name, last_name);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(j, "layers");
    if (cJSON_IsArray(list)) TRY(read_list(diag, p, list, k, first, last + 1));
    out->device[k] = d;
    out->end[k] = *next = last + 1;
    return 0;
}

static int read_plan(Diag *diag, const Profile *p, const Cluster *cluster, const cJSON *root,
                     Partition *out)
{
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(root, "stages"), *j;
    int k = 0, next = 0;
    if (!cJSON_IsArray(stages) || !cJSON_GetArraySize(stages))
        return diag_error(diag, "field 'stages': expected a list of stages");
    if (cJSON_GetArraySize(stages) > PLAN_DEVICES)
        return diag_error(diag, "more than %d stages", PLAN_DEVICES);
    cJSON_ArrayForEach(j, stages)
    {
        TRY(read_stage(diag, p, cluster, j, k, &next, out));
        k++;
    }
    out->count = k;
    if (next < p->count)
        return diag_error(diag, "layer '%s'%s left out", p->layers[next].name,
                          next + 1 < p->count ? " and those after it are" : " is");
    return 0;
}

int plan_read(Diag *diag, Arena *arena, const char *path, const Profile *profile,
              const Cluster *cluster, Partition *partition)
{
    FILE *file = fopen(path, "rb");
    const char *before = diag->file;
    diag->file = NULL;
    if (!file) return diag_error(diag, "cannot read '%s': %s", path, strerror(errno));
    Text all;
    text_init(&all, arena);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file));) text_addn(&all, part, n);
    fclose(file);
    diag->file = path;
    cJSON *root = cJSON_Parse(all.data);
    int code =
        root ? read_plan(diag, profile, cluster, root, partition) : diag_error(diag, "not JSON");
    cJSON_Delete(root);
    if (!code) diag->file = before;
    return code;
}
