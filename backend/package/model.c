/* The stage's descriptor as a value, for a function that is loaded here: what stage.c says in C. */
#include "backend/package/parts.h"

#include <string.h>

/* lpc_model's functions are told nothing of whose they are: a process runs one. */
static const PackStage *described;
static const PackJob *described_job;
static int64_t *next_values; /* one for each symbol that state keeps */

static int64_t tensor_bytes(int side, uint32_t k, const int64_t *sizes)
{
    const PackContract *contract = side ? &described->out : &described->in;
    if (k >= (uint32_t)contract->count) return 0;
    const PackTensor *t = &contract->tensors[k];
    int64_t bytes = (int64_t)dtype_size(t->dtype);
    for (int i = 0; i < t->rank; i++) bytes *= size_eval(t->dims[i], sizes);
    return bytes;
}

static void state_begin(int64_t *sizes)
{
    for (int i = 0; i < described_job->state_symbol_count; i++)
        sizes[described_job->state_symbols[i].sym] = 0;
}

static void state_next(int64_t *sizes)
{
    int count = described_job->state_symbol_count;
    for (int i = 0; i < count; i++)
        next_values[i] = size_eval(described_job->state_symbols[i].next, sizes);
    for (int i = 0; i < count; i++) sizes[described_job->state_symbols[i].sym] = next_values[i];
}

static void describe_symbols(PackJob *job, lpc_model *model)
{
    size_t count = (size_t)sizes_symbol_count(job->sizes);
    const char **names = arena_array(job->arena, count + 1, sizeof *names);
    int64_t *most = arena_array(job->arena, count + 1, sizeof *most);
    uint8_t *is_state = arena_array(job->arena, count + 1, sizeof *is_state);
    for (size_t i = 0; i < count; i++) {
        const Symbol *symbol = sizes_symbol_at(job->sizes, (int)i);
        names[i] = package_harmless(job, symbol->name);
        most[i] = symbol->max;
        is_state[i] = symbol->source == SYM_STATE;
    }
    model->symbol_count = (uint32_t)count;
    model->symbol_names = names;
    model->symbol_max = most;
    model->symbol_is_state = is_state;
}

static lpc_contract describe_contract(PackJob *job, const PackContract *contract, int cut)
{
    lpc_tensor_info *infos = arena_array(job->arena, (size_t)contract->count + 1, sizeof *infos);
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        infos[i] =
            (lpc_tensor_info){package_harmless(job, t->name), t->id,
                              (uint32_t)dtype_to_onnx(t->dtype), t->rank, (uint64_t)t->max_bytes};
    }
    return (lpc_contract){.cut = (uint32_t)cut,
                          .hash = package_contract_hash(job, contract),
                          .tensor_count = (uint32_t)contract->count,
                          .tensors = infos,
                          .max_payload = (uint64_t)package_max_payload(job, contract),
                          .id = contract->id};
}

lpc_model package_model(PackJob *job, int index, lpc_run_fn *run)
{
    const PackStage *stage = &job->stages[index];
    const char *needs = package_needs(job, stage);
    lpc_model model = {.name = stage->name,
                       .build_id = stage->id,
                       .in = describe_contract(job, &stage->in, index),
                       .out = describe_contract(job, &stage->out, index + 1),
                       .workspace_bytes = (uint64_t)stage->program->work_bytes,
                       .state_bytes = (uint64_t)stage->program->state_bytes,
                       .weights_bytes = (uint64_t)stage->program->const_bytes,
                       .run = run,
                       .tensor_bytes = tensor_bytes,
                       .needs = *needs ? needs : NULL};
    describe_symbols(job, &model);
    if (job->state_symbol_count) {
        model.state_begin = state_begin;
        model.state_next = state_next;
    }
    described = stage;
    described_job = job;
    next_values = arena_array(job->arena, (size_t)job->state_symbol_count + 1, sizeof *next_values);
    return model;
}
