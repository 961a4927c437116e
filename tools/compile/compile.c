/* `lpc MODEL.onnx -o OUT`: the whole compiler as a flat list of steps. */
#include "tools/compile/compile.h"
#include "tools/compile/progress.h"

#include "backend/package/package.h"
#include "ir/names.h"
#include "passes/passes.h"
#include "passes/stage/work.h"
#include "tools/report/report.h"
#include "tools/tensor_io.h"
#include "tools/tune/tune.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void lap(const CompileOptions *options, const char *what, double *since)
{
    double now = seconds();
    if (options->time_passes) fprintf(stderr, "%-12s %9.3f ms\n", what, (now - *since) * 1e3);
    *since = now;
}

/* --bind-input NAME=FILE: the file's tensor becomes the input's contents. */
static int read_bound_inputs(Arena *arena, Diag *diag, CompileOptions *options)
{
    for (int i = 0; i < options->input_file_count; i++) {
        const char *text = options->input_files[i], *equals = strchr(text, '=');
        HostTensor tensor;
        TRY(host_read(&tensor, arena, diag, equals + 1));
        int64_t *dims = arena_array(arena, TENSOR_RANK_MAX, sizeof *dims);
        memcpy(dims, tensor.dims, sizeof tensor.dims);
        if (options->const_input_count == MAX_OPTIONS) break;
        options->const_inputs[options->const_input_count++] =
            (ConstInput){arena_strndup(arena, text, (size_t)(equals - text)), tensor.type,
                         tensor.rank, dims, tensor.data};
    }
    options->input_file_count = 0;
    return 0;
}

int compile_graph(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph)
{
    double since = seconds();
    TRY(read_bound_inputs(arena, diag, options));
    ImportOptions import = {.binds = options->binds,
                            .bind_count = options->bind_count,
                            .maxes = options->maxes,
                            .max_count = options->max_count,
                            .states = options->states,
                            .state_count = options->state_count,
                            .const_inputs = options->const_inputs,
                            .const_input_count = options->const_input_count,
                            .input_shapes = options->input_shapes,
                            .input_shape_count = options->input_shape_count};
    TRY(import_onnx(arena, diag, options->model, &import, graph));
    if (options->name) (*graph)->name = names_identifier(arena, options->name);
    lap(options, "import", &since);
    TRY(options->no_plan ? passes_run_plain(*graph) : passes_run_default(*graph));
    TRY(import_check_states(*graph));
    lap(options, "graph", &since);
    return 0;
}

static int load_targets(Arena *arena, Diag *diag, CompileOptions *options, const Target **targets)
{
    if (!options->target_count) options->targets[options->target_count++] = "host";
    if (options->cut_count && options->target_count == 1) {
        while (options->target_count < options->cut_count + 1)
            options->targets[options->target_count++] = options->targets[0];
    }
    for (int i = 0; i < options->target_count; i++) {
        Target *target;
        TRY(target_load(diag, arena, options->targets[i], options->target_dirs,
                        options->target_dir_count, &target));
        targets[i] = target;
    }
    if (options->cut_count && options->cut_count != options->target_count - 1)
        return diag_error(diag, "--cut-after names %d nodes: %d targets need %d", options->cut_count,
                          options->target_count, options->target_count - 1);
    return 0;
}

int compile_lowering(Arena *arena, Diag *diag, CompileOptions *options, const Target *target,
                     LowerTarget *lower)
{
    *lower = stage_lower_target(target, options->portable || options->no_plan);
    lower->plain = options->no_plan;
    if (!options->tune_file) return 0;
    if (!options->tuned)
        TRY(tune_read(arena, diag, options->tune_file, options->tune, &options->tuned));
    TRY(tune_table(options->tuned, diag, lower, target, options->threads ? options->threads : 1,
                   &lower->tuning));
    lower->tuning->notes = options->tune;
    return 0;
}

int compile_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut)
{
    double since = seconds();
    const Target *targets[MAX_STAGES];
    LowerTarget lower[MAX_STAGES];
    TRY(import_check_bounds(graph));
    TRY(load_targets(arena, diag, options, targets));
    for (int i = 0; i < options->target_count; i++)
        TRY(compile_lowering(arena, diag, options, targets[i], &lower[i]));
    if (options->planned && options->cut_count)
        return diag_error(diag, "--cut-after cuts by hand: it does not go with the planner's options");
    CutRequest request = {.targets = targets,
                          .names = options->targets,
                          .count = options->target_count,
                          .cut_after = options->cut_after,
                          .cut_count = options->cut_count,
                          .options = options->planned ? &options->plan : NULL,
                          .plan_file = options->plan_file,
                          .lower = lower};
    TRY(cut_graph(graph, &request, cut));
    lap(options, "cut", &since);
    return 0;
}

/* ---- The package ---- */

static void fill_contract(Graph *graph, Tensor *const *tensors, int count, PackContract *contract)
{
    contract->count = count;
    contract->tensors = arena_array(graph->arena, (size_t)count, sizeof *contract->tensors);
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        PackTensor *p = &contract->tensors[i];
        *p = (PackTensor){.name = t->name, .id = (uint32_t)t->id, .dtype = t->dtype, .rank = t->rank};
        int64_t elements = 1;
        int *order = arena_array(graph->arena, MAX_RANK, sizeof *order);
        for (int k = 0; k < t->rank; k++) {
            p->dims[k] = t->dims[k];
            elements *= size_upper(graph->sizes, t->dims[k]);
            order[k] = t->has_order ? t->order[k] : k;
        }
        if (t->has_order) p->order = order;
        p->max_bytes = elements * (int64_t)dtype_size(t->dtype);
    }
}

static void fill_state_symbols(Graph *graph, PackJob *job)
{
    for (int s = 0; s < sizes_symbol_count(graph->sizes); s++) {
        if (sizes_symbol_at(graph->sizes, s)->source != SYM_STATE) continue;
        const Size *sym = size_sym(graph->sizes, s), *next = NULL;
        for (int i = 0; i < graph->state_count && !next; i++) {
            const StatePair *pair = &graph->states[i];
            for (int k = 0; k < pair->in->rank; k++) {
                if (pair->in->dims[k] == sym) next = pair->out->dims[k];
            }
        }
        PackStateSymbol item = {s, next ? next : sym};
        arena_push(graph->arena, job->state_symbols, job->state_symbol_count) = item;
    }
}

/* Parts of a mapped file that have been hashed are dropped from memory. */
static void hash_mapped(XXH3_state_t *hash, const void *bytes, size_t size)
{
    enum { PART = 8 << 20, PAGE = 4096 };
    const char *from = bytes;
    for (size_t at = 0; at < size; at += PART) {
        size_t length = size - at < PART ? size - at : PART;
        XXH3_128bits_update(hash, from + at, length);
        uintptr_t page = (uintptr_t)(from + at) / PAGE * PAGE;
        madvise((void *)page, (uintptr_t)(from + at) - page + length, MADV_DONTNEED);
    }
}

/* Constants that lie in files of their own are part of the model too. */
static void hash_constants(XXH3_state_t *hash, const Graph *graph)
{
    for (int i = 0; i < graph->tensor_count; i++) {
        const Const *data = graph->tensors[i]->data;
        if (data && data->is_mapped) hash_mapped(hash, data->data, data->bytes);
    }
}

/* Measured tilings that the code has, whatever else the file holds. */
static void add_tilings(Text *plan, const Tuning *tuning)
{
    for (int i = 0; tuning && i < tuning->kernel_count; i++) {
        const TunedKernel *k = &tuning->kernels[i];
        if (!k->used || tiling_is_rule(&k->tiling)) continue;
        text_printf(plan, "%s %d %d %d %d %d\n", k->key, k->tiling.rows, k->tiling.vecs,
                    k->tiling.band, k->tiling.columns, k->tiling.method);
    }
}

/* What the stages must agree on: the model's bytes, the options, the compiler, the plan. Two 128-bit
 * hashes with different seeds; it identifies, it does not authenticate. */
static int make_build_id(Diag *diag, const CompileOptions *options, const Graph *graph,
                         const Cut *cut, uint8_t id[32])
{
    Text plan;
    text_init(&plan, graph->arena);
    text_printf(&plan, "lpc %s emit_c %d portable %d no_plan %d\n", LPC_VERSION, options->emit_c,
                options->portable, options->no_plan);
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        text_printf(&plan, "%s %s %s %s nodes %d\n", s->name, s->target->triple, s->target->cpu,
                    s->target->features, s->node_count);
        add_tilings(&plan, s->lower.tuning);
    }
    for (int i = 0; i < sizes_symbol_count(graph->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(graph->sizes, i);
        text_printf(&plan, "%s %lld\n", symbol->name, (long long)symbol->max);
    }
    for (int i = 0; i < graph->state_count; i++) {
        text_printf(&plan, "%s=%s\n", graph->states[i].in->name, graph->states[i].out->name);
    }
    int file = options->model ? open(options->model, O_RDONLY) : -1;
    struct stat info = {0};
    if (options->model && (file < 0 || fstat(file, &info)))
        return diag_error(diag, "cannot read '%s': %s", options->model, strerror(errno));
    XXH3_state_t *hash = XXH3_createState();
    if (!hash) abort();
    void *bytes = info.st_size ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0)
                               : NULL;
    if (file >= 0) close(file);
    XXH3_128bits_reset(hash);
    if (bytes && bytes != MAP_FAILED) {
        hash_mapped(hash, bytes, (size_t)info.st_size);
        munmap(bytes, (size_t)info.st_size);
    }
    hash_constants(hash, graph);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
    text_addn(&plan, (const char *)canonical.digest, sizeof canonical.digest);
    for (int half = 0; half < 2; half++) {
        XXH3_128bits_reset_withSeed(hash, (XXH64_hash_t)half);
        XXH3_128bits_update(hash, plan.data, plan.length);
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
        memcpy(id + 16 * half, canonical.digest, 16);
    }
    XXH3_freeState(hash);
    return 0;
}

static const char *node_label(const Node *node)
{
    return node->origin.node && *node->origin.node ? node->origin.node : node->name;
}

/* The file that a user includes: as the model was called, where that can be a file's name. */
static const char *header_name(Arena *arena, const CompileOptions *options, const Graph *graph,
                               const Cut *cut, const Stage *stage)
{
    const char *name = options->name ? options->name : graph->name;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_-+.", *c)) name = graph->name;
    }
    if (cut->count == 1) return name;
    char *full = arena_printf(arena, "%s_%s", name, stage->name);
    for (char *c = full + strlen(name); *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    return full;
}

/* The symbol that tells this build's function from any other of its name. */
static void name_build(PackJob *job, const Stage *stage)
{
    Text text;
    text_init(&text, job->arena);
    text_printf(&text, "%s_build_", stage->prefix);
    for (int i = 0; i < 8; i++) text_printf(&text, "%02x", job->build_id[i]);
    stage->program->build = text.data;
}

static int fill_job(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                    const Cut *cut, PackJob *job)
{
    const char *file = options->model ? options->model : graph->name;
    const char *slash = strrchr(file, '/');
    *job = (PackJob){.arena = arena,
                     .diag = diag,
                     .sizes = graph->sizes,
                     .model = graph->name,
                     .model_file = slash ? slash + 1 : file,
                     .stage_count = cut->count,
                     .emit_c = options->emit_c || options->portable,
                     .portable = options->portable || (options->no_plan && options->emit_c),
                     .profile = options->profile,
                     .link = !options->no_link,
                     .dump_llvm = options->dump_llvm,
                     .threads = options->threads};
    TRY(make_build_id(diag, options, graph, cut, job->build_id));
    fill_state_symbols(graph, job);
    job->stages = arena_array(arena, (size_t)cut->count, sizeof *job->stages);
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        PackStage *p = &job->stages[i];
        StageBytes bytes = stage_bytes(s);
        name_build(job, s);
        *p = (PackStage){.name = s->name,
                         .prefix = s->prefix,
                         .header = header_name(arena, options, graph, cut, s),
                         .target = s->target,
                         .program = s->program,
                         .flops = s->flops,
                         .naive_bytes = s->memory.naive,
                         .bound_bytes = s->memory.bound,
                         .queue_bytes = bytes.queues,
                         .code_bytes = bytes.code,
                         .memory_bytes = stage_bytes_sum(&bytes),
                         .budget_bytes = s->budget,
                         .layers = s->node_count,
                         .predicted_compute_s = -1};
        if (cut->plan) {
            p->predicted_compute_s = cut->plan->stages[i].compute_s;
            p->predicted_send_s = cut->plan->stages[i].send_s;
        }
        p->first = s->node_count ? node_label(s->nodes[0]) : "";
        p->last = s->node_count ? node_label(s->nodes[s->node_count - 1]) : "";
        fill_contract(graph, s->in, s->in_count, &p->in);
        fill_contract(graph, s->out, s->out_count, &p->out);
    }
    return 0;
}

void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        Arena *arena = arena_new();
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            const char *inside = arena_printf(arena, "%s/%s", path, entry->d_name);
            struct stat info;
            if (!lstat(inside, &info) && S_ISDIR(info.st_mode)) remove_tree(inside);
            else unlink(inside);
        }
        closedir(dir);
        arena_free(arena);
    }
    rmdir(path);
}

static int open_output(Diag *diag, Arena *arena, const char *out, char **folder, FolderGuard *guard)
{
    struct stat info;
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    const char *plain = arena_strndup(arena, out, length);
    if (!lstat(plain, &info)) return diag_error(diag, "output folder '%s' exists already", plain);
    *folder = arena_printf(arena, "%s.XXXXXX", plain);
    int failure = guard_start(guard, *folder);
    if (failure)
        return diag_error(diag, "cannot make output folder '%s': %s", plain, strerror(failure));
    chmod(*folder, 0755);
    return 0;
}

int compile_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *folder)
{
    PackJob job;
    TRY(fill_job(arena, diag, options, graph, cut, &job));
    return package_write(&job, folder);
}

/* The plan to look at, and the layers to plan again. */
static int write_report(Arena *arena, Diag *diag, const CompileOptions *options, const PackJob *job,
                        Graph *graph, const Cut *cut, const char *folder)
{
    if (cut->plan)
        TRY(profile_write(diag, arena_printf(arena, "%s/layers.json", folder), cut->profile));
    return report_write(job, graph, cut, options->planned ? &options->plan : NULL, folder);
}

/* Tilings that lack are measured on the stages as they are cut by rule; then all is done again as a
 * build does it that only uses the file. */
static int measure_and_cut(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut)
{
    TRY(tune_cut(arena, diag, options, graph, cut));
    options->tune = false;
    int code = compile_stages(arena, diag, options, graph, cut);
    options->tune = true;
    return code;
}

int compile_package(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph, Cut *cut)
{
    Cut own;
    Graph *made;
    if (!cut) cut = &own;
    if (!graph) graph = &made;
    struct stat info;
    if (!lstat(options->out, &info))
        return diag_error(diag, "output folder '%s' exists already", options->out);
    TRY(compile_graph(arena, diag, options, graph));
    TRY(compile_stages(arena, diag, options, *graph, cut));
    if (options->tune) TRY(measure_and_cut(arena, diag, options, *graph, cut));
    PackJob job;
    char *folder = NULL;
    double since = seconds();
    TRY(fill_job(arena, diag, options, *graph, cut, &job));
    diag->file = NULL; /* what fails from here on is not about the model */
    FolderGuard guard;
    ProgressLine progress;
    TRY(open_output(diag, arena, options->out, &folder, &guard));
    progress_start(&progress, diag, options->verbose);
    int code = package_write(&job, folder);
    progress_end(&progress, diag);
    lap(options, "emit", &since);
    if (!code) code = write_report(arena, diag, options, &job, *graph, cut, folder);
    lap(options, "report", &since);
    size_t length = strlen(folder) - 7;
    if (!code && rename(folder, arena_strndup(arena, folder, length)))
        code = diag_error(diag, "cannot make output folder '%s': %s", options->out, strerror(errno));
    if (code) remove_tree(folder);
    guard_end(&guard);
    return code;
}

void print_plan(const Graph *graph, const Cut *cut)
{
    (void)graph;
    printf("%-12s %-12s %6s  %-28s %-28s %12s %12s %12s %12s %9s %10s %9s\n", "stage", "target",
           "layers", "first", "last", "weights", "workspace", "bound", "naive", "state", "sends",
           "MFLOP");
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        const char *first = s->node_count ? node_label(s->nodes[0]) : "-";
        const char *last = s->node_count ? node_label(s->nodes[s->node_count - 1]) : "-";
        printf("%-12s %-12s %6d  %-28.28s %-28.28s %12lld %12lld %12lld %12lld %9lld %10lld %9.2f\n",
               s->name, s->target->name, s->node_count, first, last,
               (long long)s->program->const_bytes, (long long)s->program->work_bytes,
               (long long)s->memory.bound, (long long)s->memory.naive,
               (long long)s->program->state_bytes, (long long)s->out_bytes, s->flops * 1e-6);
    }
}

int command_compile(int argc, char **argv)
{
    CompileOptions options = {0};
    TRY(compile_arguments(&options, argc, argv, 0, "lpc"));
    if (!options.model || !options.out) {
        fprintf(stderr, "usage: lpc MODEL.onnx [--targets T,...] -o OUT (see lpc --help)\n");
        return LPC_USAGE;
    }
    Arena *arena = arena_new();
    Diag diag;
    Cut cut;
    Graph *graph;
    diag_init(&diag, arena, options.model);
    int code = compile_package(arena, &diag, &options, &graph, &cut);
    if (!code && !options.quiet) print_plan(graph, &cut);
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
