/* Targets and backends as the structs of lpc.h, and as JSON. */
#include "lib/api/api.h"

#include <cjson/cJSON.h>

static const char *status(const Target *t)
{
    if (!target_has_program(t->cc)) return "no compiler";
    if (t->native) return "runs here";
    if (target_has_program(t->emulator)) return "emulated";
    return "builds";
}

typedef struct TargetList {
    Target **targets;
    const char **aliases;
    int count;
    void *out;
} TargetList;

/* Targets whose files are good are listed although others are not. */
static int find_targets(lpc_compiler *c, TargetList *list)
{
    const CompileOptions *o = &c->options.compile;
    return target_list(&c->diag, c->arena, o->target_dirs, o->target_dir_count, &list->targets,
                       &list->aliases, &list->count);
}

static lpc_target described(const Target *t, const char *aliases)
{
    return (lpc_target){.name = t->name,
                        .aliases = aliases,
                        .description = t->description,
                        .triple = t->triple,
                        .cpu = t->cpu,
                        .dot = dot_name(t->dot),
                        .here = status(t),
                        .cores = t->cores,
                        .vector_bits = t->vector_bits,
                        .l1d_bytes = t->l1d,
                        .l2_bytes = t->l2,
                        .l3_bytes = t->l3,
                        .memory_bytes = t->memory,
                        .gflops = t->gflops,
                        .memory_bandwidth = t->memory_bandwidth,
                        .runs_here = t->native};
}

static int list_targets(lpc_compiler *c, void *to)
{
    TargetList *list = to;
    int code = find_targets(c, list);
    lpc_target *targets = arena_array(c->arena, (size_t)list->count + 1, sizeof *targets);
    for (int i = 0; i < list->count; i++)
        targets[i] = described(list->targets[i], list->aliases[i]);
    list->out = targets;
    return code;
}

lpc_status lpc_targets(lpc_compiler *c, const lpc_target **targets, size_t *count)
{
    TargetList list = {0};
    lpc_status status = api_run(c, list_targets, &list);
    *targets = list.out;
    *count = (size_t)list.count;
    return status;
}

static cJSON *string_list(const char *const *list, int count)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++) cJSON_AddItemToArray(array, cJSON_CreateString(list[i]));
    return array;
}

static cJSON *target_json(const Target *t, const char *aliases)
{
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "name", t->name);
    cJSON_AddStringToObject(j, "description", t->description);
    cJSON_AddStringToObject(j, "aliases", aliases);
    cJSON_AddStringToObject(j, "triple", t->triple);
    cJSON_AddStringToObject(j, "cpu", t->cpu);
    cJSON_AddStringToObject(j, "features", t->features);
    cJSON_AddNumberToObject(j, "vector_bits", t->vector_bits);
    cJSON_AddNumberToObject(j, "vector_registers", t->vector_registers);
    cJSON_AddBoolToObject(j, "fma", t->fma);
    cJSON_AddBoolToObject(j, "fp16", t->fp16);
    cJSON_AddStringToObject(j, "dot", dot_name(t->dot));
    cJSON_AddNumberToObject(j, "cores", t->cores);
    cJSON_AddNumberToObject(j, "l1d", (double)t->l1d);
    cJSON_AddNumberToObject(j, "l2", (double)t->l2);
    cJSON_AddNumberToObject(j, "l3", (double)t->l3);
    cJSON_AddNumberToObject(j, "memory", (double)t->memory);
    cJSON_AddNumberToObject(j, "gflops", t->gflops);
    cJSON_AddNumberToObject(j, "memory_bandwidth", t->memory_bandwidth);
    cJSON_AddNumberToObject(j, "call_overhead", t->call_overhead);
    cJSON_AddItemToObject(j, "cflags", string_list(t->cflags, t->cflag_count));
    cJSON_AddItemToObject(j, "cc", string_list(t->cc, t->cc_count));
    cJSON_AddItemToObject(j, "linker", string_list(t->linker, t->linker_count));
    cJSON_AddItemToObject(j, "link_flags", string_list(t->link_flags, t->link_flag_count));
    cJSON_AddItemToObject(j, "emulator", string_list(t->emulator, t->emulator_count));
    cJSON_AddStringToObject(j, "here", status(t));
    return j;
}

static int print_targets(lpc_compiler *c, void *to)
{
    TargetList list = {0};
    int code = find_targets(c, &list);
    cJSON *root = cJSON_CreateArray();
    for (int i = 0; i < list.count; i++)
        cJSON_AddItemToArray(root, target_json(list.targets[i], list.aliases[i]));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    *(const char **)to = text ? arena_strdup(c->arena, text) : NULL;
    cJSON_free(text);
    return code;
}

lpc_status lpc_targets_json(lpc_compiler *c, const char **json)
{
    *json = NULL;
    return api_run(c, print_targets, json);
}

size_t lpc_backends(lpc_backend *list, size_t room)
{
    int count;
    const Backend *all = backend_list(&count);
    for (size_t i = 0; i < room && i < (size_t)count; i++)
        list[i] = (lpc_backend){all[i].name, all[i].help};
    return (size_t)count;
}
