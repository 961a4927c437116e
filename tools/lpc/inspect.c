/* `lpc inspect MODEL.onnx`. */
#include "lib/inspect/inspect.h"
#include "tools/lpc/command.h"

#include <stdio.h>

static void print_tensor(Graph *graph, const Tensor *t)
{
    printf("  %-32s %s[", t->name, dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) {
        printf("%s%s", i ? ", " : "", size_text(graph->sizes, t->dims[i]));
    }
    printf("]%s\n", t->is_state ? " (state)" : t->is_state_out ? " (renewed state)" : "");
}

static void print_symbols(const Graph *graph)
{
    static const char *const sources[] = {"a size of an input", "a size of state",
                                          "known only when the model runs"};
    int count = sizes_symbol_count(graph->sizes);
    printf("free symbols:%s\n", count ? "" : " none");
    for (int i = 0; i < count; i++) {
        const Symbol *s = sizes_symbol_at(graph->sizes, i);
        if (s->max < 0)
            printf("  %-32s %s; no bound: --bind or --max\n", s->name, sources[s->source]);
        else if (s->max >= LOOP_UNBOUNDED)
            printf("  %-32s %s; needs no bound\n", s->name, sources[s->source]);
        else
            printf("  %-32s %s; at most %lld\n", s->name, sources[s->source], (long long)s->max);
    }
}

static void print_needs(const Inspection *x)
{
    if (!x->bounded) {
        printf("FLOPs, peak memory: give every free symbol a value or bound\n");
        return;
    }
    printf("FLOPs: %.0f\n", x->flops);
    printf("peak memory: %lld bytes of activations, %lld bytes of weights\n", (long long)x->memory,
           (long long)x->weights);
    print_stages(&x->cut);
}

/* What was found; code: of what failed then. */
static void print_inspection(const CompileOptions *options, const Inspection *x, int code)
{
    Graph *graph = x->graph;
    printf("model: %s\noperators:", options->model);
    for (int i = 0; i < x->operator_count; i++)
        printf(" %s:%d", x->operators[i].op, x->operators[i].count);
    printf("\nparameters: %.0f (%.0f bytes)\n", x->parameters, x->parameter_bytes);
    if (!graph) return;
    printf("inputs:\n");
    for (int i = 0; i < graph->input_count; i++) print_tensor(graph, graph->inputs[i]);
    printf("outputs:\n");
    for (int i = 0; i < graph->output_count; i++) print_tensor(graph, graph->outputs[i]);
    print_symbols(graph);
    if (!code) print_needs(x);
}

int command_inspect(Options *o, Diag *diag)
{
    Inspection inspection;
    if (!o->argument_count) return usage_error(FOR_INSPECT, "missing 'MODEL.onnx'");
    diag->file = o->compile.model = o->arguments[0];
    int code = inspect_model(o->arena, diag, &o->compile, &inspection);
    if (inspection.operators) print_inspection(&o->compile, &inspection, code);
    return code;
}
