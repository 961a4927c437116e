/* `lpc inspect MODEL.onnx`: what a model is made of and what it needs. */
#include "tools/compile/compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_tensor(Graph *graph, const Tensor *t)
{
    printf("  %-32s %s[", t->name, dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) {
        printf("%s%s", i ? ", " : "", size_text(graph->sizes, t->dims[i]));
    }
    printf("]%s\n", t->is_state ? " (state)" : t->is_state_out ? " (renewed state)" : "");
}

typedef struct Count {
    const char *op;
    int count;
} Count;

static int by_name(const void *a, const void *c)
{
    return strcmp(((const Count *)a)->op, ((const Count *)c)->op);
}

static void count_op(Arena *arena, Count **list, int *count, const char *op)
{
    for (int i = 0; i < *count; i++) {
        if (!strcmp((*list)[i].op, op)) {
            (*list)[i].count++;
            return;
        }
    }
    Count item = {op, 1};
    arena_push(arena, *list, *count) = item;
}

static void print_operators(const Graph *graph)
{
    Count *list = NULL;
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        count_op(graph->arena, &list, &count, op_info(graph->nodes[i]->op)->name);
    }
    if (count) qsort(list, (size_t)count, sizeof *list, by_name);
    printf("operators:");
    for (int i = 0; i < count; i++) printf(" %s:%d", list[i].op, list[i].count);
    printf("\n");
}

static void print_constants(const Graph *graph)
{
    double elements = 0, bytes = 0;
    for (int i = 0; i < graph->tensor_count; i++) {
        const Tensor *t = graph->tensors[i];
        if (!t->data) continue;
        elements += (double)tensor_static_elements(t);
        bytes += (double)t->data->bytes;
    }
    printf("parameters: %.0f (%.0f bytes)\n", elements, bytes);
}

static void print_symbols(const Graph *graph)
{
    static const char *const sources[] = {"a size of an input", "a size of state",
                                          "known only when the model runs"};
    int count = sizes_symbol_count(graph->sizes);
    printf("free symbols:%s\n", count ? "" : " none");
    for (int i = 0; i < count; i++) {
        const Symbol *s = sizes_symbol_at(graph->sizes, i);
        if (s->max < 0) printf("  %-32s %s; no bound: --bind or --max\n", s->name, sources[s->source]);
        else
            printf("  %-32s %s; at most %lld\n", s->name, sources[s->source], (long long)s->max);
    }
}

static bool all_bounded(const Graph *graph)
{
    for (int i = 0; i < sizes_symbol_count(graph->sizes); i++) {
        if (sizes_symbol_at(graph->sizes, i)->max < 0) return false;
    }
    return true;
}

/* Figures that need sizes: only when every symbol has a bound. */
static int print_needs(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph)
{
    if (!all_bounded(graph)) {
        printf("FLOPs, peak memory: give every free symbol a value or bound\n");
        return 0;
    }
    Cut cut;
    TRY(compile_stages(arena, diag, options, graph, &cut));
    double flops = 0;
    int64_t memory = 0, weights = 0;
    for (int i = 0; i < cut.count; i++) {
        const Stage *s = &cut.stages[i];
        int64_t all = s->program->work_bytes + s->program->state_bytes + s->in_bytes + s->out_bytes;
        flops += s->flops;
        weights += s->program->const_bytes;
        if (all > memory) memory = all;
    }
    printf("FLOPs: %.0f\n", flops);
    printf("peak memory: %lld bytes of activations, %lld bytes of weights\n", (long long)memory,
           (long long)weights);
    print_plan(graph, &cut);
    return 0;
}

static int inspect(Arena *arena, Diag *diag, CompileOptions *options)
{
    Graph *graph;
    ImportOptions import = {.binds = options->binds, .bind_count = options->bind_count};
    TRY(import_onnx(arena, diag, options->model, &import, &graph));
    printf("model: %s\n", graph->file);
    print_operators(graph);
    print_constants(graph);
    TRY(compile_graph(arena, diag, options, &graph));
    printf("inputs:\n");
    for (int i = 0; i < graph->input_count; i++) print_tensor(graph, graph->inputs[i]);
    printf("outputs:\n");
    for (int i = 0; i < graph->output_count; i++) print_tensor(graph, graph->outputs[i]);
    print_symbols(graph);
    return print_needs(arena, diag, options, graph);
}

int command_inspect(int argc, char **argv)
{
    CompileOptions options = {0};
    TRY(compile_arguments(&options, argc, argv, 1, "lpc inspect"));
    if (!options.model) {
        fprintf(stderr, "usage: lpc inspect MODEL.onnx [options of compiling]\n");
        return LPC_USAGE;
    }
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, options.model);
    int code = inspect(arena, &diag, &options);
    diag_flush(&diag);
    arena_free(arena);
    return code;
}
