/* Lowered stages as the package's job: contracts, figures, names. */
#include "lib/compile/compile.h"

#include "backend/package/package.h"

#include <ctype.h>
#include <string.h>
#include <xxhash.h>

static void fill_contract(Graph *graph, Tensor *const *tensors, int count, PackContract *contract)
{
    contract->count = count;
    contract->tensors = arena_array(graph->arena, (size_t)count, sizeof *contract->tensors);
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        PackTensor *p = &contract->tensors[i];
        *p = (PackTensor){
            .name = t->name, .id = (uint32_t)t->id, .dtype = t->dtype, .rank = t->rank};
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

const char *compile_label(const Node *node)
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
static void name_build(PackJob *job, const Stage *stage, const uint8_t *id)
{
    Text text;
    text_init(&text, job->arena);
    text_printf(&text, "%s_build_", stage->prefix);
    for (int i = 0; i < 8; i++) text_printf(&text, "%02x", id[i]);
    stage->program->build = text.data;
}

static void add_nodes(Text *text, const Stage *stage)
{
    for (int i = 0; i < stage->node_count; i++) {
        const Node *node = stage->nodes[i];
        text_printf(text, "%s %s\n", op_info(node->op)->name, node->name);
    }
}

static void set_before(PackContract *contract, const Text *nodes, int count)
{
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(nodes->data, nodes->length));
    contract->before_count = count;
    memcpy(contract->before, hash.digest, sizeof contract->before);
}

/* The nodes that run before each cut, and all ids. */
static void set_ids(PackJob *job, const Cut *cut)
{
    Text nodes;
    int count = 0;
    text_init(&nodes, job->arena);
    for (int i = 0; i < cut->count; i++) {
        set_before(&job->stages[i].in, &nodes, count);
        add_nodes(&nodes, &cut->stages[i]);
        count += cut->stages[i].node_count;
        set_before(&job->stages[i].out, &nodes, count);
    }
    package_ids(job);
}

static const char *options_text(Arena *arena, const CompileOptions *options, OptionReach reach)
{
    Text text;
    text_init(&text, arena);
    options_reaching(&text, options, reach);
    return text.data;
}

const Backend *compile_backend(const CompileOptions *options)
{
    int count;
    if (options->backend) return options->backend;
    return options->portable ? backend_portable() : backend_list(&count);
}

int compile_job(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                const Cut *cut, PackJob *job)
{
    const char *file = options->model ? options->model : graph->name;
    const char *slash = strrchr(file, '/');
    const Backend *backend = compile_backend(options);
    if (options->weights == WEIGHTS_C && !backend->reads_arrays)
        return diag_error(diag, "--weights c: not with --emit %s (--emit %s can)", backend->name,
                          backend_portable()->name);
    if (options->portable && !backend->portable)
        return diag_error(diag, "--portable: --emit %s is no C (--emit %s is)", backend->name,
                          backend_portable()->name);
    *job = (PackJob){.arena = arena,
                     .diag = diag,
                     .sizes = graph->sizes,
                     .model = graph->name,
                     .model_file = slash ? slash + 1 : file,
                     .stage_count = cut->count,
                     .backend = backend,
                     .weights = options->weights,
                     .portable = backend->portable && (options->portable || options->no_plan),
                     .profile = options->profile,
                     .link = !options->no_link,
                     .mpi = options->mpi,
                     .temporary = options->temporary,
                     .threads = options->threads,
                     .form = options_text(arena, options, REACH_FORM),
                     .cutting = options_text(arena, options, REACH_CUT)};
    fill_state_symbols(graph, job);
    job->stages = arena_array(arena, (size_t)cut->count, sizeof *job->stages);
    for (int i = 0; i < cut->count; i++) {
        const Stage *s = &cut->stages[i];
        PackStage *p = &job->stages[i];
        StageBytes bytes = stage_bytes(s);
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
        p->first = s->node_count ? compile_label(s->nodes[0]) : "";
        p->last = s->node_count ? compile_label(s->nodes[s->node_count - 1]) : "";
        fill_contract(graph, s->in, s->in_count, &p->in);
        fill_contract(graph, s->out, s->out_count, &p->out);
    }
    TRY(compile_model_hash(diag, options, graph, job->model_hash));
    set_ids(job, cut);
    for (int i = 0; i < cut->count; i++) name_build(job, &cut->stages[i], job->stages[i].id);
    return 0;
}

int compile_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *folder)
{
    PackJob job;
    TRY(compile_job(arena, diag, options, graph, cut, &job));
    return package_write(&job, folder);
}
