/* From an ONNX file to a graph on which all graph passes have run. */
#include "lib/compile/compile.h"

#include "ir/names.h"
#include "lib/custom/custom.h"
#include "lib/files/tensor_io.h"
#include "passes/passes.h"

#include <string.h>
#include <time.h>

double compile_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void compile_lap(Diag *diag, const CompileOptions *options, const char *what, double *since)
{
    double now = compile_seconds();
    if (options->time_passes) diag_note(diag, "%-12s %9.3f ms", what, (now - *since) * 1e3);
    *since = now;
}

/* --bind-input NAME=FILE: the file's tensor becomes the input's contents. */
static int read_bound_inputs(Arena *arena, Diag *diag, CompileOptions *options)
{
    for (int i = 0; i < options->input_file_count; i++) {
        const Given *given = &options->input_files[i];
        HostTensor tensor;
        TRY(host_read(&tensor, arena, diag, given->file));
        int64_t *dims = arena_array(arena, TENSOR_RANK_MAX, sizeof *dims);
        memcpy(dims, tensor.dims, sizeof tensor.dims);
        arena_push(arena, options->const_inputs, options->const_input_count) =
            (ConstInput){given->name, tensor.type, tensor.rank, dims, tensor.data};
    }
    options->input_file_count = 0;
    return 0;
}

/* No error: a build may give all its models the same options. */
static void tell_unused(Diag *diag, const ImportOptions *import)
{
    Text names;
    text_init(&names, diag->arena);
    for (int i = 0; i < import->custom_count; i++) {
        const CustomOp *op = &import->customs[i];
        if (import->custom_used[i] || op->is_found || op->is_domain) continue;
        text_printf(&names, "%s%s", names.length ? ", " : "", op->name);
    }
    if (names.length) diag_note(diag, "lpc: --custom: the model has no %s", names.data);
}

int compile_import(Arena *arena, Diag *diag, CompileOptions *options, MissingList *missing,
                   Graph **graph)
{
    *graph = NULL;
    TRY(read_bound_inputs(arena, diag, options));
    TRY(customs_open(options->customs, diag));
    ImportOptions import = {.binds = options->binds,
                            .bind_count = options->bind_count,
                            .maxes = options->maxes,
                            .max_count = options->max_count,
                            .states = options->states,
                            .state_count = options->state_count,
                            .const_inputs = options->const_inputs,
                            .const_input_count = options->const_input_count,
                            .input_shapes = options->input_shapes,
                            .input_shape_count = options->input_shape_count,
                            .nchwc_block = options->nchwc_block,
                            .accuracy_level = options->accuracy_level,
                            .infer = pass_shapes,
                            .random_seed = options->random_seed,
                            .random_input = options->random_input,
                            .max_string = options->max_string,
                            .missing = missing};
    if (options->customs) {
        import.customs = options->customs->ops;
        import.custom_count = options->customs->count;
    }
    import.custom_used = arena_array(arena, (size_t)import.custom_count + 1, sizeof(bool));
    TRY(import_onnx(arena, diag, options->model, &import, graph));
    tell_unused(diag, &import);
    return 0;
}

int compile_passes(const CompileOptions *options, Graph *graph)
{
    double since = compile_seconds();
    if (options->name) graph->name = names_identifier(graph->arena, options->name);
    TRY(options->no_plan ? passes_run_plain(graph) : passes_run_default(graph));
    TRY(import_check_states(graph));
    compile_lap(graph->diag, options, "graph", &since);
    return 0;
}

int compile_graph(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph)
{
    double since = compile_seconds();
    TRY(compile_import(arena, diag, options, NULL, graph));
    compile_lap(diag, options, "import", &since);
    return compile_passes(options, *graph);
}
