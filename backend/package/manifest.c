/* The manifests: OUT/manifest.json for the pipeline, OUT/STAGE/manifest.json for each stage. */
#include "backend/package/parts.h"

#include "backend/host/output.h"

#include <cjson/cJSON.h>
#include <string.h>

static const char *source_name(SymSource source)
{
    return source == SYM_INPUT ? "input" : source == SYM_STATE ? "state" : "node";
}

static cJSON *symbols_json(PackJob *job)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < sizes_symbol_count(job->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(job->sizes, i);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", symbol->name);
        cJSON_AddNumberToObject(item, "max", (double)symbol->max);
        cJSON_AddStringToObject(item, "source", source_name(symbol->source));
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *tensors_json(PackJob *job, const PackContract *contract)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", t->name);
        cJSON_AddNumberToObject(item, "id", t->id);
        cJSON_AddStringToObject(item, "dtype", dtype_name(t->dtype));
        cJSON *dims = cJSON_AddArrayToObject(item, "dims");
        for (int k = 0; k < t->rank; k++) {
            cJSON_AddItemToArray(dims, cJSON_CreateString(size_text(job->sizes, t->dims[k])));
        }
        if (t->order) cJSON_AddItemToObject(item, "order", cJSON_CreateIntArray(t->order, t->rank));
        cJSON_AddNumberToObject(item, "max_bytes", (double)t->max_bytes);
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *cut_json(PackJob *job, const PackContract *contract, int index)
{
    cJSON *cut = cJSON_CreateObject();
    cJSON_AddNumberToObject(cut, "index", index);
    unsigned long long hash = package_contract_hash(job, contract);
    cJSON_AddStringToObject(cut, "id", package_id_text(job, contract->id));
    cJSON_AddStringToObject(cut, "hash", arena_printf(job->arena, "%016llx", hash));
    cJSON_AddNumberToObject(cut, "max_payload", (double)package_max_payload(job, contract));
    cJSON_AddItemToObject(cut, "tensors", tensors_json(job, contract));
    return cut;
}

/* What runs the program on a machine of another kind; `lpc run` leaves it out where the triple's
 * architecture is the machine's own. */
static cJSON *emulator_json(const Target *target)
{
    return cJSON_CreateStringArray((const char *const *)target->emulator, target->emulator_count);
}

static void add_memory(cJSON *item, const PackStage *stage)
{
    const Program *p = stage->program;
    cJSON_AddNumberToObject(item, "workspace_bytes", (double)p->work_bytes);
    cJSON_AddNumberToObject(item, "workspace_naive_bytes", (double)stage->naive_bytes);
    cJSON_AddNumberToObject(item, "workspace_bound_bytes", (double)stage->bound_bytes);
    cJSON_AddNumberToObject(item, "state_bytes", (double)p->state_bytes);
    cJSON_AddNumberToObject(item, "weights_bytes", (double)p->const_bytes);
    cJSON_AddNumberToObject(item, "queue_bytes", (double)stage->queue_bytes);
    cJSON_AddNumberToObject(item, "code_bytes", (double)stage->code_bytes);
    cJSON_AddNumberToObject(item, "memory_bytes", (double)stage->memory_bytes);
    cJSON_AddNumberToObject(item, "budget_bytes", (double)stage->budget_bytes);
}

static cJSON *stage_json(PackJob *job, const PackStage *stage)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", stage->name);
    cJSON_AddStringToObject(item, "folder", stage->name);
    cJSON_AddStringToObject(item, "build_id", package_id_text(job, stage->id));
    cJSON_AddStringToObject(item, "target", stage->target->name);
    cJSON_AddStringToObject(item, "triple", stage->target->triple);
    if (job->link && package_can_link(job, stage->target))
        cJSON_AddStringToObject(item, "program", arena_printf(job->arena, "%s/stage", stage->name));
    else
        cJSON_AddNullToObject(item, "program");
    cJSON_AddStringToObject(item, "needs", package_needs(job, stage));
    cJSON_AddItemToObject(item, "emulator", emulator_json(stage->target));
    cJSON_AddNumberToObject(item, "layers", stage->layers);
    cJSON_AddStringToObject(item, "first", stage->first);
    cJSON_AddStringToObject(item, "last", stage->last);
    cJSON_AddNumberToObject(item, "flops", stage->flops);
    if (stage->predicted_compute_s >= 0) {
        cJSON_AddNumberToObject(item, "predicted_compute_s", stage->predicted_compute_s);
        cJSON_AddNumberToObject(item, "predicted_send_s", stage->predicted_send_s);
        cJSON_AddNumberToObject(item, "predicted_cores", stage->target->cores);
    }
    add_memory(item, stage);
    return item;
}

static int write_json(PackJob *job, cJSON *json, const char *path)
{
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    const char *lines = arena_printf(job->arena, "%s\n", text);
    cJSON_free(text);
    return output_write(job->diag, path, lines, strlen(lines));
}

/* By position in the program: how often a run calls the kernel when every symbol has its bound. */
static double *kernel_times(PackJob *job, const Program *program)
{
    MainStep *steps;
    double *times = arena_array(job->arena, (size_t)program->kernel_count + 1, sizeof *times);
    int count = main_steps(program, job->arena, &steps);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < program->kernel_count && steps[i].inst->op == LI_CALL; k++)
            if (program->kernels[k] == steps[i].inst->callee) times[k] += steps[i].times;
    }
    return times;
}

static int stage_manifest(PackJob *job, int index, const char *out)
{
    const PackStage *stage = &job->stages[index];
    cJSON *json = stage_json(job, stage);
    cJSON_AddNumberToObject(json, "format", 1);
    cJSON_AddStringToObject(json, "model", job->model);
    cJSON_AddStringToObject(json, "function", arena_printf(job->arena, "%s_run", stage->prefix));
    if (job->profile) cJSON_AddTrueToObject(json, "profile");
    cJSON_AddItemToObject(json, "symbols", symbols_json(job));
    cJSON_AddItemToObject(json, "in", cut_json(job, &stage->in, index));
    cJSON_AddItemToObject(json, "out", cut_json(job, &stage->out, index + 1));
    cJSON *kernels = cJSON_AddArrayToObject(json, "kernels");
    const double *times = kernel_times(job, stage->program);
    for (int i = 0; i < stage->program->kernel_count; i++) {
        const Kernel *k = stage->program->kernels[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", k->name);
        cJSON_AddStringToObject(item, "node", k->origin.node ? k->origin.node : "");
        cJSON_AddStringToObject(item, "op", k->origin.op ? k->origin.op : "");
        cJSON_AddNumberToObject(item, "flops", k->cost.flops);
        cJSON_AddNumberToObject(item, "bytes", k->cost.bytes);
        if (times[i] != 1) cJSON_AddNumberToObject(item, "times", times[i]);
        cJSON_AddItemToArray(kernels, item);
    }
    return write_json(job, json, arena_printf(job->arena, "%s/%s/manifest.json", out, stage->name));
}

int package_manifest(PackJob *job, const char *folder)
{
    for (int i = 0; i < job->stage_count; i++) TRY(stage_manifest(job, i, folder));
    const PackStage *first = &job->stages[0], *last = &job->stages[job->stage_count - 1];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "format", 1);
    cJSON_AddStringToObject(json, "lpc", LPC_VERSION);
    cJSON_AddStringToObject(json, "model", job->model);
    cJSON_AddStringToObject(json, "build_id", package_id_text(job, job->build_id));
    cJSON_AddItemToObject(json, "symbols", symbols_json(job));
    cJSON_AddItemToObject(json, "inputs", tensors_json(job, &first->in));
    cJSON_AddItemToObject(json, "outputs", tensors_json(job, &last->out));
    cJSON *stages = cJSON_AddArrayToObject(json, "stages");
    cJSON *cuts = cJSON_AddArrayToObject(json, "cuts");
    for (int i = 0; i < job->stage_count; i++) {
        cJSON_AddItemToArray(stages, stage_json(job, &job->stages[i]));
        cJSON_AddItemToArray(cuts, cut_json(job, &job->stages[i].in, i));
    }
    cJSON_AddItemToArray(cuts, cut_json(job, &last->out, job->stage_count));
    return write_json(job, json, arena_printf(job->arena, "%s/manifest.json", folder));
}
