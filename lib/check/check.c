/* See check.h. The model is compiled anew where the data's shapes differ. */
#include "lib/check/check.h"

#include "lib/check/evaluate.h"
#include "lib/files/folder.h"
#include "lib/make/make.h"
#include "lib/run/run.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is bound as contents at most: shapes and axes, not data. */
enum { SMALL_INPUT = 64 };

typedef struct DataSet {
    const char *folder;
    HostTensor *in, *out;
    int in_count, out_count;
} DataSet;

/* A check while it runs. */
typedef struct Check {
    const CheckOptions *options;
    Tolerance tolerance;
    Evaluation *evaluation; /* instead of a package's programs */
    Arena *arena;
    Diag diag;
    const char **input_names; /* the model's inputs, in order */
    int *input_ranks;         /* -1: not declared */
    int input_count;
    bool quantises;
    const char *work; /* temporary folder */
    Package *package; /* compiled for `shapes_of` */
    const DataSet *shapes_of;
    bool contents_bound; /* the package was compiled with contents of inputs */
    int compiled;
} Check;

/* ---- Data sets ---- */

static int read_tensors(Check *c, const char *folder, const char *kind, HostTensor **list,
                        int *count)
{
    for (;;) {
        const char *path = arena_printf(c->arena, "%s/%s_%d.pb", folder, kind, *count);
        if (access(path, F_OK)) return 0;
        HostTensor tensor;
        TRY(host_read(&tensor, c->arena, &c->diag, path));
        arena_push(c->arena, *list, *count) = tensor;
    }
}

static int read_set(Check *c, const char *folder, DataSet *set)
{
    struct stat info;
    c->diag.file = NULL;
    if (stat(folder, &info) || !S_ISDIR(info.st_mode))
        return diag_error(&c->diag, "data set '%s' is not a folder", folder);
    set->folder = folder;
    TRY(read_tensors(c, folder, "input", &set->in, &set->in_count));
    TRY(read_tensors(c, folder, "output", &set->out, &set->out_count));
    /* A scalar is as often stored with one dimension as with none. */
    for (int i = 0; i < set->in_count && i < c->input_count; i++) {
        HostTensor *in = &set->in[i];
        if (c->input_ranks[i] == 0 && host_elements(in) == 1) in->rank = 0;
    }
    if (!set->out_count)
        return diag_error(&c->diag, "data set '%s' has no output_0.pb to compare with", folder);
    return 0;
}

static bool same_shapes(const DataSet *a, const DataSet *b)
{
    if (!a || a->in_count != b->in_count) return false;
    for (int i = 0; i < a->in_count; i++) {
        if (a->in[i].rank != b->in[i].rank) return false;
        if (memcmp(a->in[i].dims, b->in[i].dims, (size_t)a->in[i].rank * sizeof(int64_t)))
            return false;
    }
    return true;
}

/* ---- Compiling for a data set ---- */

static int read_interface(Check *c)
{
    Graph *graph;
    Diag quiet;
    diag_init(&quiet, c->arena, c->options->compile.model);
    CompileOptions options = c->options->compile;
    ImportOptions import = {.states = options.states, .state_count = options.state_count};
    if (import_onnx(c->arena, &quiet, options.model, &import, &graph)) {
        c->diag = quiet;
        return LPC_ERROR;
    }
    size_t count = (size_t)graph->input_count + 1;
    c->input_names = arena_array(c->arena, count, sizeof *c->input_names);
    c->input_ranks = arena_array(c->arena, count, sizeof *c->input_ranks);
    for (int i = 0; i < graph->input_count; i++) {
        c->input_ranks[c->input_count] = graph->inputs[i]->rank;
        c->input_names[c->input_count++] = graph->inputs[i]->name;
    }
    for (int i = 0; i < graph->node_count; i++)
        c->quantises |= (op_info(graph->nodes[i]->op)->traits & T_QUANTISES) != 0;
    return 0;
}

static void bind_shapes(const Check *c, const DataSet *set, CompileOptions *options)
{
    for (int i = 0; i < set->in_count && i < c->input_count; i++) {
        arena_push(c->arena, options->input_shapes, options->input_shape_count) =
            (InputShape){c->input_names[i], set->in[i].rank, set->in[i].dims};
    }
}

/* Small inputs of the kinds that carry shapes, axes and scales become constants. */
static int bind_contents(const Check *c, const DataSet *set, CompileOptions *options)
{
    int bound = 0;
    for (int i = 0; i < set->in_count && i < c->input_count; i++) {
        const HostTensor *in = &set->in[i];
        bool sizes = in->type == DT_I64 || in->type == DT_I32 || in->type == DT_I16 ||
                     (dtype_is_float(in->type) && in->rank <= (i > 0));
        if (!sizes || in->rank > 1 || host_elements(in) > SMALL_INPUT) continue;
        arena_push(c->arena, options->const_inputs, options->const_input_count) =
            (ConstInput){c->input_names[i], in->type, in->rank, in->dims, in->data};
        bound++;
    }
    return bound;
}

static int compile_once(Check *c, Diag *diag, CompileOptions *options)
{
    if (c->options->evaluate)
        return evaluate_compile(c->arena, diag, options, &c->evaluation, &c->package);
    options->out = arena_printf(c->arena, "%s/out%d", c->work, c->compiled++);
    return make_package(c->arena, diag, options, NULL, NULL);
}

static int compile_for(Check *c, const DataSet *set)
{
    CompileOptions options = c->options->compile;
    Diag first, second;
    if (set->in_count != c->input_count)
        return diag_error(&c->diag, "data set '%s' has %d inputs, the model has %d", set->folder,
                          set->in_count, c->input_count);
    bind_shapes(c, set, &options);
    diag_init(&first, c->arena, c->options->compile.model);
    int code = compile_once(c, &first, &options);
    c->contents_bound = false;
    if (code) {
        options = c->options->compile;
        bind_shapes(c, set, &options);
        diag_init(&second, c->arena, c->options->compile.model);
        if (bind_contents(c, set, &options)) code = compile_once(c, &second, &options);
        if (!code) c->contents_bound = true;
    }
    if (code) {
        c->diag = first;
        return code;
    }
    c->diag.file = NULL;
    c->shapes_of = set;
    return c->options->evaluate ? 0 : package_load(&c->package, c->arena, &c->diag, options.out);
}

/* ---- Running and comparing ---- */

static int order_inputs(Check *c, const DataSet *set, HostTensor *inputs)
{
    for (int i = 0; i < c->package->inputs.count; i++) {
        const char *name = c->package->inputs.tensors[i].name;
        int found = -1;
        for (int k = 0; k < c->input_count && k < set->in_count; k++) {
            if (!strcmp(c->input_names[k], name)) found = k;
        }
        if (found < 0)
            return diag_error(&c->diag, "data set '%s' has no input '%s'", set->folder, name);
        inputs[i] = set->in[found];
    }
    return 0;
}

static int run_programs(Check *c, const HostTensor *inputs, int64_t *sizes, HostTensor *outputs)
{
    static const RunOptions defaults = {.timeout = 60, .guard = 1};
    RunOptions options = defaults;
    options.threads = c->options->compile.threads;
    RunSession *session;
    LpcError error;
    TRY(run_open(&session, c->arena, &c->diag, c->package, &options));
    int code = run_feed(session, inputs, sizes, &error);
    if (code)
        code = run_failed(session, &c->diag, &error);
    else
        code = run_collect(session, c->arena, &c->diag, outputs, NULL);
    if (!code) code = run_finish(session, &c->diag);
    run_free(session);
    return code ? LPC_ERROR : 0;
}

static int run_set(Check *c, const DataSet *set, HostTensor *outputs)
{
    size_t count = (size_t)c->package->inputs.count + 1;
    HostTensor *inputs = arena_array(c->arena, count, sizeof *inputs);
    int64_t *sizes = arena_array(c->arena, (size_t)c->package->symbol_count + 1, sizeof *sizes);
    TRY(order_inputs(c, set, inputs));
    TRY(package_bind(c->package, &c->diag, inputs, sizes));
    if (c->options->evaluate)
        return evaluate_run(c->evaluation, c->arena, &c->diag, inputs, sizes, outputs);
    return run_programs(c, inputs, sizes, outputs);
}

static bool compare(Check *c, const DataSet *set, int index, const HostTensor *got)
{
    CheckedOutput output = {.folder = set->folder,
                            .name = c->package->outputs.tensors[index].name,
                            .got = got,
                            .want = &set->out[index]};
    output.ok = compare_tensors(got, output.want, &c->tolerance, c->arena, &output.difference);
    if (c->options->tell) c->options->tell(c->options->user, &output, c->arena);
    return output.ok;
}

static int check_set(Check *c, const DataSet *set)
{
    if (!same_shapes(c->shapes_of, set) || c->contents_bound) TRY(compile_for(c, set));
    size_t count = (size_t)c->package->outputs.count + 1;
    HostTensor *outputs = arena_array(c->arena, count, sizeof *outputs);
    if (c->package->outputs.count < set->out_count)
        return diag_error(&c->diag, "data set '%s' has %d outputs, the package %d", set->folder,
                          set->out_count, c->package->outputs.count);
    TRY(run_set(c, set, outputs));
    bool ok = true;
    for (int i = 0; i < set->out_count; i++) ok = compare(c, set, i, &outputs[i]) && ok;
    return ok ? 0 : LPC_MISMATCH;
}

static int check_sets(Check *c)
{
    int worst = 0;
    TRY(read_interface(c));
    c->tolerance.steps = c->quantises ? 1 : 0;
    for (int i = 0; i < c->options->folder_count; i++) {
        DataSet *set = arena_alloc(c->arena, sizeof *set);
        TRY(read_set(c, c->options->folders[i], set));
        int code = check_set(c, set);
        if (code == LPC_ERROR) return code;
        if (code) worst = code;
    }
    return worst;
}

int check_cut_evenly(Arena *arena, Diag *diag, CheckOptions *options, int stages)
{
    CompileOptions *c = &options->compile;
    if (!stages || c->target_count == stages) return 0;
    if (c->target_count > 1) {
        diag_error(diag, "--stages %d does not match the %d targets", stages, c->target_count);
        return LPC_USAGE;
    }
    const char *only = c->target_count ? c->targets[0] : "host";
    c->targets = arena_array(arena, (size_t)stages, sizeof *c->targets);
    c->target_count = stages;
    for (int i = 0; i < stages; i++) c->targets[i] = only;
    return 0;
}

int check_model(Arena *arena, Diag *diag, const CheckOptions *options, char **kept)
{
    Check *c = arena_alloc(arena, sizeof *c);
    *c = (Check){.options = options, .tolerance = options->tolerance, .arena = arena};
    diag_init(&c->diag, arena, options->compile.model);
    c->diag.listener = diag->listener;
    char *work = work_folder(arena, diag, "check");
    if (!work) return LPC_ERROR;
    c->work = work;
    int code = check_sets(c);
    diag_take(diag, &c->diag);
    if (kept)
        *kept = work;
    else
        remove_tree(work);
    return code;
}
