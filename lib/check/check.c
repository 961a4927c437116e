/* See check.h. The model is compiled anew where the data's shapes differ. */
#include "lib/check/check.h"

#include "backend/plugin/load.h"
#include "lib/check/data.h"
#include "lib/check/evaluate.h"
#include "lib/check/leeway.h"
#include "lib/check/loaded.h"
#include "lib/custom/custom.h"
#include "lib/files/folder.h"
#include "lib/files/maps.h"
#include "lib/make/make.h"
#include "lib/run/run.h"

#include <stdio.h>
#include <string.h>

/* What is bound as contents at most: shapes and axes, not data. */
enum { SMALL_INPUT = 64 };

/* A check while it runs. */
typedef struct Check {
    const CheckOptions *options;
    Tolerance tolerance;
    Evaluation *evaluation; /* instead of a package's programs */
    Arena *arena;
    Diag diag;
    ModelEnds ends;
    Leeway leeway;
    const char *work;     /* temporary folder */
    LoadedStages *loaded; /* instead of the package's programs; NULL: they are linked */
    Package *package;     /* compiled for `shapes_of` */
    const DataSet *shapes_of;
    bool contents_bound; /* the package was compiled with contents of inputs */
    int compiled;
} Check;

/* ---- Compiling for a data set ---- */

static void bind_shapes(const Check *c, const DataSet *set, CompileOptions *options)
{
    for (int i = 0; i < set->in_count; i++) {
        arena_push(c->arena, options->input_shapes, options->input_shape_count) =
            (InputShape){set->in_names[i], set->in[i].rank, set->in[i].dims};
    }
    for (int i = 0; i < set->bind_count; i++)
        arena_push(c->arena, options->binds, options->bind_count) = set->binds[i];
}

/* Small inputs of the kinds that carry shapes, axes, pads, scales and conditions. */
static bool may_decide(const HostTensor *in, bool is_first)
{
    int64_t count = host_elements(in);
    if (count > SMALL_INPUT) return false;
    if (dtype_is_float(in->type)) return in->rank < 2 && (!is_first || count == 1);
    return in->rank <= 2 &&
           (in->type == DT_I64 || in->type == DT_I32 || in->type == DT_I16 || in->type == DT_BOOL);
}

/* They become constants. */
static int bind_contents(const Check *c, const DataSet *set, CompileOptions *options)
{
    int bound = 0;
    for (int i = 0; i < set->in_count; i++) {
        const HostTensor *in = &set->in[i];
        if (!may_decide(in, i == 0)) continue;
        arena_push(c->arena, options->const_inputs, options->const_input_count) =
            (ConstInput){set->in_names[i], in->type, in->rank, in->dims, in->data};
        bound++;
    }
    return bound;
}

static int compile_once(Check *c, Diag *diag, CompileOptions *options)
{
    if (c->options->evaluate)
        return evaluate_compile(c->arena, diag, options, &c->evaluation, &c->package);
    Graph *graph;
    Cut cut;
    options->out = arena_printf(c->arena, "%s/out%d", c->work, c->compiled++);
    TRY(compile_graph(c->arena, diag, options, &graph));
    TRY(make_stages(c->arena, diag, options, graph, &cut));
    c->loaded = NULL;
    if (!c->options->link) TRY(loaded_plan(c->arena, diag, options, graph, &cut, &c->loaded));
    options->no_link = c->loaded != NULL;
    TRY(make_output(c->arena, diag, options, graph, &cut));
    return c->loaded ? loaded_open(c->loaded, diag) : 0;
}

static Diag *start(const Check *c, Diag *diag)
{
    diag_init(diag, c->arena, c->options->compile.model);
    diag->listener = c->diag.listener;
    return diag;
}

static int compile_for(Check *c, const DataSet *set)
{
    CompileOptions options = c->options->compile;
    Diag told; /* by the compilation that knew most */
    if (set->in_files != c->ends.input_count)
        return diag_error(&c->diag, "data set '%s' has %d inputs, the model has %d", set->folder,
                          set->in_files, c->ends.input_count);
    bind_shapes(c, set, &options);
    int code = compile_once(c, start(c, &told), &options);
    c->contents_bound = false;
    if (code) {
        options = c->options->compile;
        bind_shapes(c, set, &options);
        c->contents_bound = bind_contents(c, set, &options) > 0;
        if (c->contents_bound) code = compile_once(c, start(c, &told), &options);
    }
    if (!code) {
        told.listener = NULL; /* its notes have been told */
        code = leeway_read(c->arena, &told, &options, &c->leeway);
    }
    if (code) {
        c->diag = told;
        return code;
    }
    c->tolerance.steps = c->leeway.quantises ? 1 : 0;
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
        for (int k = 0; k < set->in_count; k++) {
            if (!strcmp(set->in_names[k], name)) found = k;
        }
        if (found < 0)
            return diag_error(&c->diag, "data set '%s' has no input '%s'", set->folder, name);
        inputs[i] = set->in[found];
        TRY(package_take(c->package, c->arena, &c->diag, i, &inputs[i]));
    }
    return 0;
}

static int run_programs(Check *c, const HostTensor *inputs, int64_t *sizes, HostTensor *outputs)
{
    static const RunOptions defaults = {.timeout = 60, .guard = 1};
    RunOptions options = defaults;
    options.threads = c->options->compile.threads;
    options.stage_main = c->loaded ? loaded_stage_main : NULL;
    options.self = c->loaded;
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

/* ---- Comparing ---- */

/* What the program made, and how much of it has been compared. */
typedef struct Made {
    const DataSet *set;
    const PackageEnd *ends;
    const HostTensor *tensors;
    int next;
} Made;

static bool tell(const Check *c, CheckedOutput *output)
{
    if (c->options->tell) c->options->tell(c->options->user, output, c->arena);
    return output->ok;
}

static bool compare(const Check *c, const Made *made, const char *name, const HostTensor *got,
                    const HostTensor *want)
{
    CheckedOutput output = {.folder = made->set->folder, .name = name, .got = got, .want = want};
    output.ok = compare_tensors(got, want, &c->tolerance, c->arena, &output.difference);
    output.drawn =
        !output.ok && !output.difference.shape_error && leeway_is_drawn(&c->leeway, got->name);
    output.ok |= output.drawn;
    return tell(c, &output);
}

static bool wrong_count(const Check *c, const Made *made, const char *name, int got, int want)
{
    static const HostTensor none;
    CheckedOutput output = {.folder = made->set->folder, .name = name, .got = &none, .want = &none};
    output.difference.shape_error =
        arena_printf(c->arena, "got %d elements, expected %d", got, want);
    return tell(c, &output);
}

/* Element i of a sequence that is one tensor. */
static HostTensor slice(const HostTensor *all, int i)
{
    HostTensor one = *all;
    size_t bytes = all->bytes / (size_t)all->dims[0];
    one.rank--;
    for (int k = 0; k < one.rank; k++) one.dims[k] = all->dims[k + 1];
    one.data = (uint8_t *)all->data + bytes * (size_t)i;
    one.bytes = bytes;
    return one;
}

static bool is_next(const Made *made, const char *name)
{
    return made->next < made->ends->count && !strcmp(made->ends->tensors[made->next].name, name);
}

/* A sequence: one tensor that has its name, or one for each element. */
static bool compare_sequence(const Check *c, Made *made, const char *name, const HostValue *want)
{
    bool ok = true, is_whole = is_next(made, name);
    const HostTensor *first = &made->tensors[made->next];
    int got = 0;
    while (!is_whole && is_next(made, import_element_name(c->arena, name, got))) {
        made->next++;
        got++;
    }
    if (is_whole) {
        got = first->rank ? (int)first->dims[0] : 0;
        made->next++;
    }
    if (got != want->count) return wrong_count(c, made, name, got, want->count);
    for (int i = 0; i < got; i++) {
        HostTensor one = is_whole ? slice(first, i) : first[i];
        ok &=
            compare(c, made, import_element_name(c->arena, name, i), &one, &want->items[i].tensor);
    }
    return ok;
}

/* A map: its keys, which ascend in what is expected and in what was read, and its values. An empty one in a file
 * has no types. */
static bool compare_map(const Check *c, Made *made, const char *name, const HostValue *want)
{
    const char *names[] = {import_keys_name(c->arena, name), import_values_name(c->arena, name)};
    HostTensor wanted[2] = {0};
    bool ok = true;
    Diag quiet;
    diag_init(&quiet, c->arena, NULL);
    for (int i = 0; i < 2 && made->next + i < made->ends->count; i++)
        wanted[i].type = made->tensors[made->next + i].type;
    if (map_tensors(want, c->arena, &quiet, name, &wanted[0], &wanted[1]))
        return wrong_count(c, made, name, 2, 0);
    for (int i = 0; i < 2; i++) {
        if (!is_next(made, names[i])) return wrong_count(c, made, name, i, 2);
        ok &= compare(c, made, names[i], &made->tensors[made->next], &wanted[i]);
        made->next++;
    }
    return ok;
}

static bool compare_value(const Check *c, Made *made, const char *name, const HostValue *want)
{
    if (want->kind == HOST_OPTIONAL && want->count)
        return compare_value(c, made, name, &want->items[0]);
    if (want->kind == HOST_SEQUENCE) return compare_sequence(c, made, name, want);
    if (want->kind == HOST_MAP) return compare_map(c, made, name, want);
    bool is_there = made->next < made->ends->count;
    if (want->kind == HOST_OPTIONAL)
        is_there = is_next(made, name) || is_next(made, import_element_name(c->arena, name, 0));
    if (want->kind == HOST_OPTIONAL) return !is_there || wrong_count(c, made, name, 1, 0);
    if (want->kind != HOST_TENSOR || !is_there) return wrong_count(c, made, name, is_there, 1);
    const char *own = made->ends->tensors[made->next].name;
    made->next++;
    return compare(c, made, own, &made->tensors[made->next - 1], &want->tensor);
}

static int check_set(Check *c, const DataSet *set)
{
    if (!data_same_shapes(c->shapes_of, set) || c->contents_bound) TRY(compile_for(c, set));
    size_t count = (size_t)c->package->outputs.count + 1;
    HostTensor *outputs = arena_array(c->arena, count, sizeof *outputs);
    if (c->ends.output_count < set->out_count)
        return diag_error(&c->diag, "data set '%s' has %d outputs, the model %d", set->folder,
                          set->out_count, c->ends.output_count);
    TRY(run_set(c, set, outputs));
    Made made = {.set = set, .ends = &c->package->outputs, .tensors = outputs};
    bool ok = true;
    for (int i = 0; i < set->out_count; i++)
        ok = compare_value(c, &made, c->ends.outputs[i].name, &set->out[i]) && ok;
    return ok ? 0 : LPC_MISMATCH;
}

static int check_sets(Check *c)
{
    int worst = 0;
    TRY(import_ends(c->arena, &c->diag, c->options->compile.model, &c->ends));
    for (int i = 0; i < c->options->folder_count; i++) {
        DataSet *set = arena_alloc(c->arena, sizeof *set);
        c->diag.file = NULL;
        TRY(data_read(c->arena, &c->diag, c->options->folders[i], &c->ends, set));
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
    c->at_most = !c->cut_count && !c->plan_file;
    return 0;
}

void check_ready(Arena *arena, CheckOptions *options)
{
    Diag quiet; /* each of them tells what is wrong */
    diag_init(&quiet, arena, NULL);
    (void)customs_open(options->compile.customs, &quiet);
    customs_close(options->compile.customs);
    if (!options->evaluate && !options->link) load_ready();
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
