/* `lpc profile MODEL.onnx|OUT`: where the time of an inference goes. */
#include "tools/profile/profile.h"

#include "runtime/pool.h"
#include "runtime/stats.h"
#include "tools/compile/compile.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WARM_UP = 3, DEFAULT_ROWS = 40, DEFAULT_RUNS = 30 };

static const char usage_text[] =
    "usage: lpc profile MODEL.onnx|OUT [option]...\n"
    "Times every kernel of the model on this machine, beside its floating point operations, its\n"
    "bytes and what the machine can do at most. OUT must have been compiled with --profile.\n"
    "  --repeat N         runs, of which medians are told (default 30)\n"
    "  --input NAME=FILE  an input, .npy or .pb; without: seeded noise, sizes at their bounds,\n"
    "                     state's sizes at half of theirs\n"
    "  --seed N           of the noise (default 1)\n"
    "  --threads N        (default 1)\n"
    "  --rows N           kernels in the table (default 40)\n"
    "  --json             prints the figures as JSON\n"
    "  and the options of compiling\n";

typedef struct Profiling {
    CompileOptions compile;
    const char *path;
    const char *inputs[MAX_OPTIONS]; /* NAME=FILE */
    int input_count;
    int64_t repeat, seed;
    int rows, json, help;
    Arena *arena;
    Diag *diag;
    char *work;                      /* temporary folder */
    const char *folder;              /* the package */
    Package *package;
    ProfileModule *modules;
    LpcPool *pool;
    lpc_threads threads;
    int64_t *sizes;                  /* as bound, before a run */
    void **workspaces, **states;     /* by stage */
    void ***tensors;                 /* by cut */
} Profiling;

/* ---- The command line ---- */

static int usage_error(Diag *diag, const char *text, const char *what)
{
    diag_error(diag, "profile: %s%s (see lpc profile --help)", text, what);
    return LPC_USAGE;
}

static int parse_count(Profiling *p, const char *name, const char *value, int64_t *count)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (!*value || *end || errno || number < 1 || number > 1000000)
        return usage_error(p->diag, "expected a number from 1 to 1000000 after ", name);
    *count = number;
    return LPC_OK;
}

static int parse_own(Profiling *p, const char *name, const char *value)
{
    int64_t rows;
    if (!strcmp(name, "--repeat")) return parse_count(p, name, value, &p->repeat);
    if (!strcmp(name, "--seed")) return parse_count(p, name, value, &p->seed);
    if (!strcmp(name, "--rows")) {
        TRY(parse_count(p, name, value, &rows));
        p->rows = (int)rows;
        return LPC_OK;
    }
    if (strcmp(name, "--input") != 0) return usage_error(p->diag, "unknown option ", name);
    if (!strchr(value, '=') || p->input_count == MAX_OPTIONS)
        return usage_error(p->diag, "--input: expected NAME=FILE, got ", value);
    p->inputs[p->input_count++] = value;
    return LPC_OK;
}

static int parse(Profiling *p, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        int code = compile_option(&p->compile, argc, argv, &i);
        if (code > 0) return code;
        if (code == 0) continue;
        const char *name = argv[i++];
        if (!strcmp(name, "--help")) p->help = 1;
        else if (!strcmp(name, "--json")) p->json = 1;
        else if (name[0] == '-' && i == argc)
            return usage_error(p->diag, "a value is missing after ", name);
        else if (name[0] == '-') TRY(parse_own(p, name, argv[i++]));
        else if (p->path) return usage_error(p->diag, "more than one model: ", name);
        else p->path = name;
    }
    if (!p->path && !p->help) return usage_error(p->diag, "the model or the folder is missing", "");
    return LPC_OK;
}

/* ---- Loading ---- */

static int make_package(Profiling *p)
{
    struct stat info;
    const char *root = getenv("TMPDIR");
    p->work = arena_printf(p->arena, "%s/lpc-profile-XXXXXX", root && *root ? root : "/tmp");
    char *made = mkdtemp(p->work);
    if (!made) {
        p->work = NULL;
        return diag_error(p->diag, "cannot make a temporary folder: %s", strerror(errno));
    }
    if (!stat(p->path, &info) && S_ISDIR(info.st_mode)) {
        p->folder = p->path;
    } else {
        p->compile.model = p->path;
        p->compile.out = p->folder = arena_printf(p->arena, "%s/out", p->work);
        p->compile.profile = p->compile.no_link = true;
        TRY(compile_package(p->arena, p->diag, &p->compile, NULL, NULL));
    }
    p->diag->file = NULL;
    return package_load(&p->package, p->arena, p->diag, p->folder);
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
    int count = p->package->stage_count;
    p->modules = arena_array(p->arena, (size_t)count, sizeof *p->modules);
    p->workspaces = arena_array(p->arena, (size_t)count, sizeof *p->workspaces);
    p->states = arena_array(p->arena, (size_t)count, sizeof *p->states);
    p->tensors = arena_array(p->arena, (size_t)count + 1, sizeof *p->tensors);
    for (int i = 0; i < count; i++) {
        const char *name = p->package->stages[i].name;
        TRY(profile_load(&p->modules[i], p->arena, p->diag, p->folder, name, p->work));
        const lpc_model *model = p->modules[i].model;
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
    for (int i = 0; p->modules && i < p->package->stage_count; i++) {
        const lpc_model *model = p->modules[i].model;
        for (uint32_t k = 0; model && p->tensors[i + 1] && k < model->out.tensor_count; k++)
            free(p->tensors[i + 1][k]);
        for (uint32_t k = 0; model && !i && p->tensors[0] && k < model->in.tensor_count; k++)
            free(p->tensors[0][k]);
        free(p->workspaces[i]);
        free(p->states[i]);
        if (p->modules[i].library) dlclose(p->modules[i].library);
    }
    if (p->work) remove_tree(p->work);
}

/* ---- Inputs ---- */

static int read_inputs(Profiling *p, HostTensor *inputs)
{
    for (int i = 0; i < p->input_count; i++) {
        const char *equals = strchr(p->inputs[i], '=');
        const char *name = arena_strndup(p->arena, p->inputs[i], (size_t)(equals - p->inputs[i]));
        int index = package_find(&p->package->inputs, name);
        if (index < 0) return diag_error(p->diag, "no input is called '%s'", name);
        TRY(host_read(&inputs[index], p->arena, p->diag, equals + 1));
        if (inputs[index].type != p->package->inputs.tensors[index].type)
            return diag_error(p->diag, "input '%s' has another type", name);
    }
    return LPC_OK;
}

/* Noise for what is not given; a state is half full. */
static int fill_inputs(Profiling *p)
{
    const Package *package = p->package;
    HostTensor *inputs = arena_array(p->arena, (size_t)package->inputs.count + 1, sizeof *inputs);
    p->sizes = arena_array(p->arena, (size_t)package->symbol_count + 1, sizeof *p->sizes);
    TRY(read_inputs(p, inputs));
    TRY(package_bind_some(package, p->diag, inputs, p->sizes));
    TRY(run_noise(package, p->arena, p->diag, (uint64_t)p->seed, inputs, p->sizes));
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
    size_t bytes = (size_t)p->package->symbol_count * sizeof *sizes;
    if (bytes) memcpy(sizes, p->sizes, bytes);
    for (int i = 0; i < p->package->stage_count; i++) {
        const lpc_model *model = p->modules[i].model;
        uint64_t begin = lpc_now_ns();
        int code = model->run((const void *const *)p->tensors[i], p->tensors[i + 1], sizes,
                              p->workspaces[i], p->states[i], p->pool ? &p->threads : NULL);
        times[i] = (float)((double)(lpc_now_ns() - begin) * 1e-6);
        if (code != LPC_RUN_OK)
            return diag_error(p->diag, "stage '%s': its run failed with %d%s", model->name, code,
                              p->input_count ? "" : ": give it inputs that suit it (--input)");
    }
    return LPC_OK;
}

/* Medians of `repeat` values each; times stands run by run. */
static float median_at(Profiling *p, const float *times, int stride, int at, float *column)
{
    for (int64_t r = 0; r < p->repeat; r++) column[r] = times[r * stride + at];
    return lpc_median(column, (size_t)p->repeat);
}

/* First whole runs, without marks; then with them. */
static int run_all(Profiling *p)
{
    int stages = p->package->stage_count, kernels = 0;
    int64_t *sizes = arena_array(p->arena, (size_t)p->package->symbol_count + 1, sizeof *sizes);
    float *column = arena_array(p->arena, (size_t)p->repeat, sizeof *column);
    float *whole = arena_array(p->arena, (size_t)(p->repeat * stages), sizeof *whole);
    for (int i = 0; i < WARM_UP; i++) TRY(run_once(p, sizes, whole));
    for (int64_t r = 0; r < p->repeat; r++) TRY(run_once(p, sizes, whole + r * stages));
    for (int i = 0; i < stages; i++) {
        p->modules[i].total_ms = median_at(p, whole, stages, i, column);
        kernels += p->modules[i].kernel_count;
    }
    uint64_t *ns = arena_array(p->arena, (size_t)kernels + 1, sizeof *ns);
    float *times = arena_array(p->arena, (size_t)(p->repeat * kernels) + 1, sizeof *times);
    for (int i = 0, at = 0; i < stages; at += p->modules[i++].kernel_count)
        *p->modules[i].table = (lpc_profile_table){ns + at, p->modules[i].kernel_count};
    for (int64_t r = 0; r < p->repeat; r++) {
        memset(ns, 0, (size_t)kernels * sizeof *ns);
        TRY(run_once(p, sizes, whole));
        for (int k = 0; k < kernels; k++) times[r * kernels + k] = (float)((double)ns[k] * 1e-6);
    }
    for (int i = 0, at = 0; i < stages; i++)
        for (int k = 0; k < p->modules[i].kernel_count; k++)
            p->modules[i].kernels[k].ms = median_at(p, times, kernels, at++, column);
    return LPC_OK;
}

static int profile(Profiling *p)
{
    ProfileCeiling ceiling;
    TRY(make_package(p));
    TRY(load_stages(p));
    TRY(start_pool(p));
    TRY(fill_inputs(p));
    TRY(run_all(p));
    int threads = p->pool ? p->compile.threads : 1;
    TRY(profile_measure(&ceiling, p->diag, p->modules, p->package->stage_count,
                        p->pool ? &p->threads : NULL, threads));
    ProfileReport report = {.model = p->package->model,
                            .modules = p->modules,
                            .module_count = p->package->stage_count,
                            .threads = threads,
                            .runs = p->repeat,
                            .ceiling = &ceiling,
                            .rows = p->rows};
    if (p->json) profile_print_json(&report);
    else profile_print(&report, p->arena);
    return fflush(stdout) ? diag_error(p->diag, "cannot write to standard output") : LPC_OK;
}

int command_profile(int argc, char **argv)
{
    Arena *arena = arena_new();
    Diag diag;
    Profiling *p = arena_alloc(arena, sizeof *p);
    diag_init(&diag, arena, NULL);
    p->arena = arena;
    p->diag = &diag;
    p->repeat = DEFAULT_RUNS;
    p->rows = DEFAULT_ROWS;
    p->seed = 1;
    int code = parse(p, argc, argv);
    if (!code && p->help) {
        fputs(usage_text, stdout);
    } else if (!code) {
        diag.file = p->path;
        code = profile(p);
        free_stages(p);
    }
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
