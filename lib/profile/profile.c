/* Where the time of an inference goes: compile, load, run. */
#include "lib/profile/profile.h"

#include "lib/files/folder.h"
#include "lib/make/make.h"
#include "runtime/pool.h"
#include "runtime/stats.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WARM_UP = 3 };

typedef struct Profiling {
    const ProfileOptions *options;
    CompileOptions compile; /* the options' own, completed */
    Arena *arena;
    Diag *diag;
    char *work;         /* temporary folder */
    const char *folder; /* the package */
    ProfileResult *result;
    LpcPool *pool;
    lpc_threads threads;
    int64_t *sizes;              /* as bound, before a run */
    void **workspaces, **states; /* by stage */
    void ***tensors;             /* by cut */
} Profiling;

/* ---- Loading ---- */

static int prepare(Profiling *p)
{
    struct stat info;
    p->work = work_folder(p->arena, p->diag, "profile");
    if (!p->work) return LPC_ERROR;
    if (!stat(p->options->path, &info) && S_ISDIR(info.st_mode)) {
        p->folder = p->options->path;
    } else {
        p->compile.model = p->options->path;
        p->compile.out = p->folder = arena_printf(p->arena, "%s/out", p->work);
        p->compile.profile = p->compile.no_link = true;
        TRY(make_package(p->arena, p->diag, &p->compile, NULL, NULL));
    }
    p->diag->file = NULL;
    return package_load(&p->result->package, p->arena, p->diag, p->folder);
}

static int start_pool(Profiling *p)
{
    void *memory = NULL;
    if (p->compile.threads < 2) return LPC_OK;
    if (posix_memalign(&memory, 64, lpc_pool_bytes(p->compile.threads)))
        return diag_error(p->diag, "out of memory");
    if (lpc_pool_start(memory, p->compile.threads)) {
        free(memory);
        return diag_error(p->diag, "cannot start %d threads", p->compile.threads);
    }
    p->pool = memory;
    p->threads = lpc_pool_threads(p->pool);
    return LPC_OK;
}

static int allocate(Profiling *p, uint64_t bytes, void **memory)
{
    *memory = NULL;
    if (bytes > SIZE_MAX / 2 || posix_memalign(memory, 4096, (size_t)bytes + 64))
        return diag_error(p->diag, "out of memory");
    memset(*memory, 0, (size_t)bytes + 64);
    return LPC_OK;
}

/* Tensors of one side of a stage, each at its bound. */
static int make_tensors(Profiling *p, const lpc_contract *contract, void ***tensors)
{
    *tensors = arena_array(p->arena, contract->tensor_count + 1, sizeof **tensors);
    for (uint32_t k = 0; k < contract->tensor_count; k++)
        TRY(allocate(p, contract->tensors[k].max_bytes, &(*tensors)[k]));
    return LPC_OK;
}

static int load_stages(Profiling *p)
{
    int count = p->result->package->stage_count;
    p->result->modules = arena_array(p->arena, (size_t)count, sizeof *p->result->modules);
    p->workspaces = arena_array(p->arena, (size_t)count, sizeof *p->workspaces);
    p->states = arena_array(p->arena, (size_t)count, sizeof *p->states);
    p->tensors = arena_array(p->arena, (size_t)count + 1, sizeof *p->tensors);
    for (int i = 0; i < count; i++) {
        const char *name = p->result->package->stages[i].name;
        TRY(profile_load(&p->result->modules[i], p->arena, p->diag, p->folder, name, p->work));
        const lpc_model *model = p->result->modules[i].model;
        TRY(allocate(p, model->workspace_bytes, &p->workspaces[i]));
        TRY(allocate(p, model->state_bytes, &p->states[i]));
        if (!i) TRY(make_tensors(p, &model->in, &p->tensors[0]));
        TRY(make_tensors(p, &model->out, &p->tensors[i + 1]));
    }
    return LPC_OK;
}

static void free_stages(Profiling *p)
{
    if (p->pool) lpc_pool_stop(p->pool);
    free(p->pool);
    for (int i = 0; p->result->modules && i < p->result->package->stage_count; i++) {
        const lpc_model *model = p->result->modules[i].model;
        for (uint32_t k = 0; model && p->tensors[i + 1] && k < model->out.tensor_count; k++)
            free(p->tensors[i + 1][k]);
        for (uint32_t k = 0; model && !i && p->tensors[0] && k < model->in.tensor_count; k++)
            free(p->tensors[0][k]);
        free(p->workspaces[i]);
        free(p->states[i]);
        if (p->result->modules[i].library) dlclose(p->result->modules[i].library);
    }
    if (p->work) remove_tree(p->work);
}

/* ---- Inputs ---- */

static int read_inputs(Profiling *p, HostTensor *inputs)
{
    for (int i = 0; i < p->options->input_count; i++) {
        const char *name = p->options->inputs[i].name;
        int index = package_find(&p->result->package->inputs, name);
        if (index < 0) return diag_error(p->diag, "no input is called '%s'", name);
        TRY(host_read(&inputs[index], p->arena, p->diag, p->options->inputs[i].file));
        TRY(package_take(p->result->package, p->arena, p->diag, index, &inputs[index]));
        if (inputs[index].type != p->result->package->inputs.tensors[index].type)
            return diag_error(p->diag, "input '%s' has another type", name);
    }
    return LPC_OK;
}

/* Noise for what is not given; a state is half full. */
static int fill_inputs(Profiling *p)
{
    const Package *package = p->result->package;
    HostTensor *inputs = arena_array(p->arena, (size_t)package->inputs.count + 1, sizeof *inputs);
    p->sizes = arena_array(p->arena, (size_t)package->symbol_count + 1, sizeof *p->sizes);
    TRY(read_inputs(p, inputs));
    TRY(package_bind_some(package, p->diag, inputs, p->sizes));
    TRY(run_noise(package, p->arena, p->diag, (uint64_t)p->options->seed, inputs, p->sizes));
    TRY(package_bind(package, p->diag, inputs, p->sizes));
    for (int s = 0; s < package->symbol_count; s++)
        if (package->symbol_sources[s] == SYM_STATE) p->sizes[s] = package->symbol_max[s] / 2;
    for (int i = 0; i < package->inputs.count; i++)
        memcpy(p->tensors[0][i], inputs[i].data, inputs[i].bytes);
    return LPC_OK;
}

/* ---- Running ---- */

/* One inference through all stages; their times in ms. */
static int run_once(Profiling *p, int64_t *sizes, float *times)
{
    size_t bytes = (size_t)p->result->package->symbol_count * sizeof *sizes;
    if (bytes) memcpy(sizes, p->sizes, bytes);
    for (int i = 0; i < p->result->package->stage_count; i++) {
        const lpc_model *model = p->result->modules[i].model;
        uint64_t begin = lpc_now_ns();
        int code = model->run((const void *const *)p->tensors[i], p->tensors[i + 1], sizes,
                              p->workspaces[i], p->states[i], p->pool ? &p->threads : NULL);
        times[i] = (float)((double)(lpc_now_ns() - begin) * 1e-6);
        if (code != LPC_RUN_OK)
            return diag_error(p->diag, "stage '%s': its run failed with %d%s", model->name, code,
                              p->options->input_count ? ""
                                                      : ": give it inputs that suit it (--input)");
    }
    return LPC_OK;
}

/* Medians of `repeat` values each; times stands run by run. */
static float median_at(Profiling *p, const float *times, int stride, int at, float *column)
{
    for (int64_t r = 0; r < p->options->repeat; r++) column[r] = times[r * stride + at];
    return lpc_median(column, (size_t)p->options->repeat);
}

/* First whole runs, without marks; then with them. */
static int run_all(Profiling *p)
{
    int stages = p->result->package->stage_count, kernels = 0;
    int64_t *sizes =
        arena_array(p->arena, (size_t)p->result->package->symbol_count + 1, sizeof *sizes);
    float *column = arena_array(p->arena, (size_t)p->options->repeat, sizeof *column);
    float *whole = arena_array(p->arena, (size_t)(p->options->repeat * stages), sizeof *whole);
    for (int i = 0; i < WARM_UP; i++) TRY(run_once(p, sizes, whole));
    for (int64_t r = 0; r < p->options->repeat; r++) TRY(run_once(p, sizes, whole + r * stages));
    for (int i = 0; i < stages; i++) {
        p->result->modules[i].total_ms = median_at(p, whole, stages, i, column);
        kernels += p->result->modules[i].kernel_count;
    }
    uint64_t *ns = arena_array(p->arena, (size_t)kernels + 1, sizeof *ns);
    float *times = arena_array(p->arena, (size_t)(p->options->repeat * kernels) + 1, sizeof *times);
    for (int i = 0, at = 0; i < stages; at += p->result->modules[i++].kernel_count)
        *p->result->modules[i].table =
            (lpc_profile_table){ns + at, p->result->modules[i].kernel_count};
    for (int64_t r = 0; r < p->options->repeat; r++) {
        memset(ns, 0, (size_t)kernels * sizeof *ns);
        TRY(run_once(p, sizes, whole));
        for (int k = 0; k < kernels; k++) times[r * kernels + k] = (float)((double)ns[k] * 1e-6);
    }
    for (int i = 0, at = 0; i < stages; i++)
        for (int k = 0; k < p->result->modules[i].kernel_count; k++)
            p->result->modules[i].kernels[k].ms = median_at(p, times, kernels, at++, column);
    return LPC_OK;
}

static int profile(Profiling *p)
{
    ProfileResult *r = p->result;
    TRY(prepare(p));
    TRY(load_stages(p));
    TRY(start_pool(p));
    TRY(fill_inputs(p));
    TRY(run_all(p));
    r->threads = p->pool ? p->compile.threads : 1;
    r->model = r->package->model;
    r->module_count = r->package->stage_count;
    return profile_measure(&r->ceiling, p->diag, r->modules, r->module_count,
                           p->pool ? &p->threads : NULL, r->threads);
}

int profile_model(Arena *arena, Diag *diag, const ProfileOptions *options, ProfileResult *result)
{
    Profiling *p = arena_alloc(arena, sizeof *p);
    *result = (ProfileResult){.runs = options->repeat};
    *p = (Profiling){.options = options,
                     .compile = options->compile,
                     .arena = arena,
                     .diag = diag,
                     .result = result};
    diag->file = options->path;
    int code = profile(p);
    free_stages(p);
    return code;
}
