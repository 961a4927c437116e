/* `lpc check MODEL.onnx DATA_DIR...`: compiles the model for the shapes of each data set, runs the
 * package with its inputs and compares the outputs. With `--emit eval` the evaluator runs it. */
#include "tools/check/compare.h"
#include "tools/check/each.h"
#include "tools/check/evaluate.h"
#include "tools/compile/compile.h"
#include "tools/run/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_TENSORS = 128, SMALL_INPUT = 64 };

typedef struct DataSet {
    const char *folder;
    HostTensor in[MAX_TENSORS], out[MAX_TENSORS];
    int in_count, out_count;
} DataSet;

typedef struct Check {
    CompileOptions base;     /* as given */
    const char **folders;    /* data sets; with --each the folders of models */
    int folder_count;
    bool each;
    int stages;              /* --stages N */
    Tolerance tolerance;
    bool keep;
    bool evaluate;           /* --emit eval */
    Evaluation *evaluation;  /* then, instead of a package's programs */
    Arena *arena;            /* of the whole run */
    Diag diag;
    const char *input_names[MAX_TENSORS]; /* the model's inputs, in order */
    int input_ranks[MAX_TENSORS];         /* -1: not declared */
    int input_count;
    bool quantises;
    char *work;              /* temporary folder */
    Package *package;        /* compiled for `shapes_of` */
    const DataSet *shapes_of;
    bool contents_bound;     /* the package was compiled with contents of inputs */
    int compiled;
} Check;

/* ---- Data sets ---- */

static int read_tensors(Check *c, const char *folder, const char *kind, HostTensor *list, int *count)
{
    for (*count = 0; *count < MAX_TENSORS; (*count)++) {
        const char *path = arena_printf(c->arena, "%s/%s_%d.pb", folder, kind, *count);
        if (access(path, F_OK)) return 0;
        TRY(host_read(&list[*count], c->arena, &c->diag, path));
    }
    return 0;
}

static int read_set(Check *c, const char *folder, DataSet *set)
{
    struct stat info;
    c->diag.file = NULL;
    if (stat(folder, &info) || !S_ISDIR(info.st_mode))
        return diag_error(&c->diag, "data set '%s' is not a folder", folder);
    set->folder = folder;
    TRY(read_tensors(c, folder, "input", set->in, &set->in_count));
    TRY(read_tensors(c, folder, "output", set->out, &set->out_count));
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
    static const char *const quantising[] = {"QuantizeLinear", "DynamicQuantizeLinear",
                                             "QLinearConv", "QLinearMatMul"};
    Graph *graph;
    Diag quiet;
    diag_init(&quiet, c->arena, c->base.model);
    CompileOptions options = c->base;
    ImportOptions import = {.states = options.states, .state_count = options.state_count};
    if (import_onnx(c->arena, &quiet, options.model, &import, &graph)) {
        c->diag = quiet;
        return LPC_ERROR;
    }
    for (int i = 0; i < graph->input_count && i < MAX_TENSORS; i++) {
        c->input_ranks[c->input_count] = graph->inputs[i]->rank;
        c->input_names[c->input_count++] = graph->inputs[i]->name;
    }
    for (int i = 0; i < graph->node_count; i++) {
        for (size_t k = 0; k < sizeof quantising / sizeof *quantising; k++) {
            if (!strcmp(op_info(graph->nodes[i]->op)->name, quantising[k])) c->quantises = true;
        }
    }
    return 0;
}

static void bind_shapes(const Check *c, const DataSet *set, CompileOptions *options)
{
    for (int i = 0; i < set->in_count && i < c->input_count; i++) {
        options->input_shapes[options->input_shape_count++] =
            (InputShape){c->input_names[i], set->in[i].rank, set->in[i].dims};
    }
}

/* Small inputs of the kinds that carry shapes, axes and scales become constants. */
static int bind_contents(const Check *c, const DataSet *set, CompileOptions *options)
{
    int bound = 0;
    for (int i = 0; i < set->in_count && i < c->input_count; i++) {
        const HostTensor *in = &set->in[i];
        bool sizes = in->type == DT_I64 || in->type == DT_I32 ||
                     (dtype_is_float(in->type) && in->rank <= (i > 0));
        if (!sizes || in->rank > 1 || host_elements(in) > SMALL_INPUT) continue;
        options->const_inputs[options->const_input_count++] =
            (ConstInput){c->input_names[i], in->type, in->rank, in->dims, in->data};
        bound++;
    }
    return bound;
}

static int compile_once(Check *c, Diag *diag, CompileOptions *options)
{
    if (c->evaluate) return evaluate_compile(c->arena, diag, options, &c->evaluation, &c->package);
    options->out = arena_printf(c->arena, "%s/out%d", c->work, c->compiled++);
    return compile_package(c->arena, diag, options, NULL, NULL);
}

static int compile_for(Check *c, const DataSet *set)
{
    CompileOptions options = c->base;
    Diag first, second;
    if (set->in_count != c->input_count)
        return diag_error(&c->diag, "data set '%s' has %d inputs, the model has %d", set->folder,
                          set->in_count, c->input_count);
    bind_shapes(c, set, &options);
    diag_init(&first, c->arena, c->base.model);
    int code = compile_once(c, &first, &options);
    c->contents_bound = false;
    if (code) {
        options = c->base;
        bind_shapes(c, set, &options);
        diag_init(&second, c->arena, c->base.model);
        if (bind_contents(c, set, &options)) code = compile_once(c, &second, &options);
        if (!code) c->contents_bound = true;
    }
    if (code) {
        c->diag = first;
        return code;
    }
    c->diag.file = NULL;
    c->shapes_of = set;
    return c->evaluate ? 0 : package_load(&c->package, c->arena, &c->diag, options.out);
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
    static const RunOptions defaults = {.timeout = 60};
    RunOptions options = defaults;
    options.threads = c->base.threads;
    RunSession *session;
    LpcError error;
    TRY(run_open(&session, c->arena, &c->diag, c->package, &options));
    int code = run_feed(session, inputs, sizes, &error);
    if (code) code = run_failed(session, &c->diag, &error);
    else code = run_collect(session, c->arena, &c->diag, outputs, NULL);
    if (!code) code = run_finish(session, &c->diag);
    run_free(session);
    return code ? LPC_ERROR : 0;
}

static int run_set(Check *c, const DataSet *set, HostTensor *outputs)
{
    HostTensor inputs[MAX_TENSORS] = {0};
    int64_t *sizes = arena_array(c->arena, (size_t)c->package->symbol_count + 1, sizeof *sizes);
    TRY(order_inputs(c, set, inputs));
    TRY(package_bind(c->package, &c->diag, inputs, sizes));
    if (c->evaluate)
        return evaluate_run(c->evaluation, c->arena, &c->diag, inputs, sizes, outputs);
    return run_programs(c, inputs, sizes, outputs);
}

static bool report(Check *c, const DataSet *set, int index, const HostTensor *got)
{
    Difference d;
    const HostTensor *want = &set->out[index];
    bool ok = compare_tensors(got, want, &c->tolerance, c->arena, &d);
    printf("%s: output '%s': ", set->folder, c->package->outputs.tensors[index].name);
    if (d.shape_error) printf("%s", d.shape_error);
    else
        printf("%s largest error %.3g absolute, %.3g relative", host_shape_text(want, c->arena),
               d.largest_absolute, d.largest_relative);
    if (d.wrong)
        printf("; %lld of %lld outside the tolerance, worst [%lld]: got %.9g, expected %.9g",
               (long long)d.wrong, (long long)d.elements, (long long)d.worst,
               host_value(got, d.worst), host_value(want, d.worst));
    printf(": %s\n", ok ? "ok" : "MISMATCH");
    return ok;
}

static int check_set(Check *c, const DataSet *set)
{
    if (!same_shapes(c->shapes_of, set) || c->contents_bound) TRY(compile_for(c, set));
    HostTensor outputs[MAX_TENSORS] = {0};
    if (c->package->outputs.count < set->out_count)
        return diag_error(&c->diag, "data set '%s' has %d outputs, the package %d", set->folder,
                          set->out_count, c->package->outputs.count);
    TRY(run_set(c, set, outputs));
    bool ok = true;
    for (int i = 0; i < set->out_count; i++) ok = report(c, set, i, &outputs[i]) && ok;
    return ok ? 0 : LPC_MISMATCH;
}

static int check_all(Check *c)
{
    int worst = 0;
    TRY(read_interface(c));
    c->tolerance.steps = c->quantises ? 1 : 0;
    for (int i = 0; i < c->folder_count; i++) {
        DataSet *set = arena_alloc(c->arena, sizeof *set);
        TRY(read_set(c, c->folders[i], set));
        int code = check_set(c, set);
        if (code == LPC_ERROR) return code;
        if (code) worst = code;
    }
    printf("%s\n", worst ? "FAIL" : "PASS");
    return worst;
}

/* ---- The command line ---- */

static int usage(const char *what, const char *text)
{
    fprintf(stderr, "lpc check: %s '%s'\nusage: lpc check MODEL.onnx DATA_DIR... | --each FOLDER... "
                    "[--stages N] [--rtol R] [--atol A] [options of compiling]\n", what, text);
    return LPC_USAGE;
}

static int parse_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *end || end == text || *value < 0 ? LPC_USAGE : 0;
}

static int own_option(Check *c, int argc, char **argv, int *at)
{
    const char *name = argv[*at];
    double value;
    bool keep = !strcmp(name, "--keep"), each = !strcmp(name, "--each");
    if (keep || each) {
        c->keep |= keep;
        c->each |= each;
        (*at)++;
        return 0;
    }
    bool eval = !strcmp(name, "--emit") && *at + 1 < argc && !strcmp(argv[*at + 1], "eval");
    if (eval || !strcmp(name, "--emit=eval")) {
        c->evaluate = true;
        *at += eval ? 2 : 1;
        return 0;
    }
    bool known = !strcmp(name, "--stages") || !strcmp(name, "--rtol") || !strcmp(name, "--atol");
    if (!known) return -1;
    if (*at + 1 >= argc || parse_number(argv[*at + 1], &value))
        return usage("expected a number after", name);
    if (!strcmp(name, "--rtol")) c->tolerance.rtol = value;
    else if (!strcmp(name, "--atol")) c->tolerance.atol = value;
    else if (value < 1 || value > (double)MAX_STAGES) return usage("bad number of stages", argv[*at + 1]);
    else c->stages = (int)value;
    *at += 2;
    return 0;
}

/* The first of what was given is the model. */
static int split_model(Check *c)
{
    if (c->folder_count < 2) return usage("missing", c->folder_count ? "DATA_DIR" : "MODEL");
    c->base.model = *c->folders++;
    c->folder_count--;
    return 0;
}

static int parse(Check *c, int argc, char **argv)
{
    for (int at = 1; at < argc;) {
        int code = own_option(c, argc, argv, &at);
        if (code < 0) code = compile_option(&c->base, argc, argv, &at);
        if (code == LPC_USAGE) return code;
        if (code == 0) continue;
        if (argv[at][0] == '-') return usage("unknown option", argv[at]);
        c->folders[c->folder_count++] = argv[at++];
    }
    if (c->each && !c->folder_count) return usage("missing", "FOLDER");
    if (!c->each) TRY(split_model(c));
    if (c->stages && c->base.target_count > 1 && c->base.target_count != c->stages)
        return usage("--stages does not match", "--targets");
    if (c->stages && c->base.target_count <= 1) {
        const char *kind = c->base.target_count ? c->base.targets[0] : "host";
        for (int i = 0; i < c->stages; i++) c->base.targets[i] = kind;
        c->base.target_count = c->stages;
    }
    return 0;
}

/* One model, in a temporary folder of its own. */
static int check_model(Check *c)
{
    const char *temporary = getenv("TMPDIR");
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/lpc-check.XXXXXX", temporary && *temporary ? temporary : "/tmp");
    diag_init(&c->diag, c->arena, c->base.model);
    c->work = mkdtemp(folder);
    int code = c->work ? check_all(c)
                       : diag_error(&c->diag, "cannot make '%s': %s", folder, strerror(errno));
    diag_flush(&c->diag);
    if (c->work && c->keep) fprintf(stderr, "kept %s\n", c->work);
    else if (c->work) remove_tree(c->work);
    return code;
}

/* In a process of its own, which needs no more of the folders. */
static int check_folder(void *self, const ModelFolder *folder)
{
    Check *c = self;
    c->base.model = folder->model;
    c->folders = folder->sets;
    c->folder_count = folder->set_count;
    int code = check_model(c);
    arena_free(c->arena);
    return code;
}

int command_check(int argc, char **argv)
{
    static Check check; /* large; one per process */
    Check *c = &check;
    c->tolerance = (Tolerance){.rtol = 1e-3, .atol = 1e-4};
    c->arena = arena_new();
    c->folders = arena_array(c->arena, (size_t)argc, sizeof *c->folders);
    int code = parse(c, argc, argv);
    if (!code)
        code = c->each ? check_each(c->folders, c->folder_count, check_folder, c) : check_model(c);
    arena_free(c->arena);
    return code;
}
