/* See inspect.h. */
#include "lib/inspect/inspect.h"

#include "ir/custom.h"
#include "passes/passes.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *c)
{
    return strcmp(((const OperatorCount *)a)->op, ((const OperatorCount *)c)->op);
}

static void count_op(Arena *arena, OperatorCount **list, int *count, const char *op)
{
    for (int i = 0; i < *count; i++) {
        if (!strcmp((*list)[i].op, op)) {
            (*list)[i].count++;
            return;
        }
    }
    OperatorCount item = {op, 1};
    arena_push(arena, *list, *count) = item;
}

static void count_operators(const Graph *graph, Inspection *x)
{
    for (int i = 0; i < graph->node_count; i++) {
        const Node *n = graph->nodes[i];
        count_op(graph->arena, &x->operators, &x->operator_count,
                 n->custom ? n->custom->op->name : op_info(n->op)->name);
    }
    if (x->operator_count)
        qsort(x->operators, (size_t)x->operator_count, sizeof *x->operators, by_name);
}

static void count_constants(const Graph *graph, Inspection *x)
{
    for (int i = 0; i < graph->tensor_count; i++) {
        const Tensor *t = graph->tensors[i];
        if (!t->data) continue;
        x->parameters += (double)tensor_static_elements(t);
        x->parameter_bytes += (double)t->data->bytes;
    }
}

static bool all_bounded(const Graph *graph)
{
    for (int i = 0; i < sizes_symbol_count(graph->sizes); i++) {
        if (sizes_symbol_at(graph->sizes, i)->max < 0) return false;
    }
    return true;
}

/* Figures that need sizes. */
static void add_needs(Inspection *x)
{
    for (int i = 0; i < x->cut.count; i++) {
        const Stage *s = &x->cut.stages[i];
        int64_t all = s->program->work_bytes + s->program->state_bytes + s->in_bytes + s->out_bytes;
        x->flops += s->flops;
        x->weights += s->program->const_bytes;
        if (all > x->memory) x->memory = all;
    }
}

/* What is wrong with the nodes that were read, behind none that was not. Loops are left out: what is in them
 * is looked at by trying the whole of it. */
static int look_further(Graph *graph, Inspection *x)
{
    for (int i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i]->body) return LPC_ERROR;
    }
    pass_shapes(graph);
    x->unknown_sizes = graph->unknown_sizes;
    return LPC_ERROR;
}

int inspect_model(Arena *arena, Diag *diag, CompileOptions *options, Inspection *x)
{
    Graph *graph;
    *x = (Inspection){0};
    int code = compile_import(arena, diag, options, &x->missing, &graph);
    if (!graph) return code;
    count_operators(graph, x);
    count_constants(graph, x);
    if (code) return look_further(graph, x);
    x->graph = graph;
    code = compile_passes(options, graph);
    if (code) x->unknown_sizes = graph->unknown_sizes;
    TRY(code);
    x->bounded = all_bounded(graph);
    if (!x->bounded) return 0;
    TRY(compile_stages(arena, diag, options, graph, &x->cut));
    add_needs(x);
    return 0;
}
