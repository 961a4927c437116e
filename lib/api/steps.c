/* The steps of liblpc: import, inspect, compile, emit, check. Each does what it needs of the
 * others. */
#include "lib/api/api.h"

#include "lib/check/check.h"
#include "lib/make/make.h"

static int wrong_order(lpc_compiler *c, const char *what)
{
    diag_error(&c->diag, "%s", what);
    return LPC_USAGE;
}

int api_need_model(lpc_compiler *c)
{
    if (c->graph) return 0;
    return wrong_order(c, "no model has been imported: lpc_import comes first");
}

CompileOptions api_compile_options(lpc_compiler *c)
{
    CompileOptions options = c->options.compile;
    if (options.planned) options.plan.use_all = true;
    return options;
}

/* ---- The model ---- */

static int import(lpc_compiler *c, void *to)
{
    CompileOptions *o = &c->options.compile;
    if (c->graph) return wrong_order(c, "a model has been imported already: one for each compiler");
    Graph *graph;
    TRY(make_check_out(&c->diag, o));
    *o = api_compile_options(c);
    o->model = arena_strdup(c->arena, to);
    c->diag.file = o->model;
    TRY(compile_graph(c->arena, &c->diag, o, &graph));
    c->graph = graph;
    return 0;
}

lpc_status lpc_import(lpc_compiler *c, const char *path)
{
    return api_run(c, import, (char *)(uintptr_t)path);
}

typedef struct Inspecting {
    const char *path;
    const lpc_inspection *result;
} Inspecting;

static int inspect(lpc_compiler *c, void *to)
{
    Inspecting *x = to;
    CompileOptions options = api_compile_options(c);
    Inspection inspection;
    if (x->path)
        options.model = arena_strdup(c->arena, x->path);
    else
        TRY(api_need_model(c));
    c->diag.file = options.model;
    int code = inspect_model(c->arena, &c->diag, &options, &inspection);
    x->result = api_inspection(c, &inspection, !code);
    return code;
}

lpc_status lpc_inspect(lpc_compiler *c, const char *path, const lpc_inspection **inspection)
{
    Inspecting x = {.path = path};
    lpc_status status = api_run(c, inspect, &x);
    *inspection = x.result;
    return status;
}

/* ---- Stages ---- */

int api_compile(lpc_compiler *c)
{
    TRY(api_need_model(c));
    if (c->cut) return 0;
    Cut *cut = arena_alloc(c->arena, sizeof *cut);
    c->diag.file = c->options.compile.model;
    TRY(make_stages(c->arena, &c->diag, &c->options.compile, c->graph, cut));
    c->cut = cut;
    return 0;
}

static int compile_pipeline(lpc_compiler *c, void *to)
{
    const lpc_pipeline **out = to;
    TRY(api_compile(c));
    if (!c->pipeline) c->pipeline = api_pipeline(c, c->cut);
    *out = c->pipeline;
    return 0;
}

lpc_status lpc_compile(lpc_compiler *c, const lpc_pipeline **pipeline)
{
    const lpc_pipeline *unused;
    if (pipeline) *pipeline = NULL;
    return api_run(c, compile_pipeline, pipeline ? pipeline : &unused);
}

static int emit(lpc_compiler *c, void *to)
{
    TRY(api_compile(c));
    c->options.compile.out = to;
    return make_output(c->arena, &c->diag, &c->options.compile, c->graph, c->cut);
}

lpc_status lpc_emit(lpc_compiler *c, const char *folder)
{
    return api_run(c, emit, (char *)(uintptr_t)folder);
}

/* ---- Checking ---- */

typedef struct Checking {
    const char *path;
    const char *const *sets;
    size_t count;
    lpc_checked *results;
    int result_count;
} Checking;

static void keep_result(void *user, const CheckedOutput *o, Arena *arena)
{
    Checking *checking = user;
    lpc_checked result = {.data_set = o->folder,
                          .output = o->name,
                          .shape = host_shape_text(o->want, arena),
                          .ok = o->ok,
                          .shape_error = o->difference.shape_error,
                          .largest_absolute = o->difference.largest_absolute,
                          .largest_relative = o->difference.largest_relative,
                          .wrong = o->difference.wrong,
                          .elements = o->difference.elements,
                          .drawn = o->drawn};
    if (result.wrong) {
        result.worst = o->difference.worst;
        result.got = host_value(o->got, result.worst);
        result.expected = host_value(o->want, result.worst);
    }
    arena_push(arena, checking->results, checking->result_count) = result;
}

static int check(lpc_compiler *c, void *to)
{
    Checking *checking = to;
    Options *o = &c->options;
    if (!checking->path) TRY(api_need_model(c));
    const char **sets = arena_array(c->arena, checking->count + 1, sizeof *sets);
    for (size_t i = 0; i < checking->count; i++)
        sets[i] = arena_strdup(c->arena, checking->sets[i]);
    CheckOptions options = {.compile = api_compile_options(c),
                            .folders = sets,
                            .folder_count = (int)checking->count,
                            .tolerance = {.rtol = o->rtol, .atol = o->atol},
                            .evaluate = o->evaluate,
                            .link = o->link || o->keep,
                            .tell = keep_result,
                            .user = checking};
    if (checking->path) options.compile.model = arena_strdup(c->arena, checking->path);
    TRY(check_cut_evenly(c->arena, &c->diag, &options, o->stages));
    if (!checking->count) {
        check_ready(c->arena, &options);
        return 0;
    }
    char *kept = NULL;
    options.compile.temporary = !o->keep;
    int code = check_model(c->arena, &c->diag, &options, o->keep ? &kept : NULL);
    c->kept = kept;
    return code;
}

const char *lpc_kept(const lpc_compiler *c)
{
    return c->kept;
}

lpc_status lpc_check(lpc_compiler *c, const char *path, const char *const *data_sets, size_t count,
                     const lpc_checked **results, size_t *result_count)
{
    Checking checking = {.path = path, .sets = data_sets, .count = count};
    lpc_status status = api_run(c, check, &checking);
    if (results) *results = checking.results;
    if (result_count) *result_count = (size_t)checking.result_count;
    return status;
}
