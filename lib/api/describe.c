/* Graphs, stages and targets as the structs of lpc.h. */
#include "lib/api/api.h"

#include <string.h>

static const lpc_value *values(Graph *graph, Arena *arena, Tensor *const *tensors, int count)
{
    lpc_value *list = arena_array(arena, (size_t)count + 1, sizeof *list);
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        const char **dims = arena_array(arena, (size_t)t->rank + 1, sizeof *dims);
        for (int k = 0; k < t->rank; k++)
            dims[k] = arena_strdup(arena, size_text(graph->sizes, t->dims[k]));
        list[i] = (lpc_value){t->name, dtype_name(t->dtype), t->rank, dims};
    }
    return list;
}

static const lpc_symbol *symbols(const Graph *graph, Arena *arena, size_t *count)
{
    *count = (size_t)sizes_symbol_count(graph->sizes);
    lpc_symbol *list = arena_array(arena, *count + 1, sizeof *list);
    for (size_t i = 0; i < *count; i++) {
        const Symbol *s = sizes_symbol_at(graph->sizes, (int)i);
        list[i] = (lpc_symbol){s->name, s->max < 0 ? -1 : s->max, s->source == SYM_NODE};
    }
    return list;
}

lpc_inspection *api_inspection(lpc_compiler *c, const Inspection *x)
{
    Graph *graph = x->graph;
    lpc_inspection *i = arena_alloc(c->arena, sizeof *i);
    lpc_operator *operators =
        arena_array(c->arena, (size_t)x->operator_count + 1, sizeof *operators);
    for (int k = 0; k < x->operator_count; k++)
        operators[k] = (lpc_operator){x->operators[k].op, x->operators[k].count};
    *i = (lpc_inspection){.operators = operators,
                          .operator_count = (size_t)x->operator_count,
                          .parameters = x->parameters,
                          .parameter_bytes = x->parameter_bytes,
                          .inputs = values(graph, c->arena, graph->inputs, graph->input_count),
                          .outputs = values(graph, c->arena, graph->outputs, graph->output_count),
                          .input_count = (size_t)graph->input_count,
                          .output_count = (size_t)graph->output_count,
                          .bounded = x->bounded,
                          .flops = x->flops,
                          .activation_bytes = x->memory,
                          .weight_bytes = x->weights};
    i->symbols = symbols(graph, c->arena, &i->symbol_count);
    return i;
}

static lpc_stage stage_of(const Cut *cut, int index)
{
    const Stage *s = &cut->stages[index];
    StageBytes bytes = stage_bytes(s);
    return (lpc_stage){.name = s->name,
                       .target = s->target->name,
                       .first = s->node_count ? compile_label(s->nodes[0]) : "",
                       .last = s->node_count ? compile_label(s->nodes[s->node_count - 1]) : "",
                       .layers = s->node_count,
                       .flops = s->flops,
                       .weight_bytes = s->program->const_bytes,
                       .workspace_bytes = s->program->work_bytes,
                       .state_bytes = s->program->state_bytes,
                       .send_bytes = s->out_bytes,
                       .memory_bytes = stage_bytes_sum(&bytes),
                       .budget_bytes = s->budget,
                       .compute_s = cut->plan ? cut->plan->stages[index].compute_s : -1,
                       .send_s = cut->plan ? cut->plan->stages[index].send_s : -1};
}

lpc_pipeline *api_pipeline(lpc_compiler *c, const Cut *cut)
{
    const Plan *plan = cut->plan;
    lpc_pipeline *p = arena_alloc(c->arena, sizeof *p);
    lpc_stage *stages = arena_array(c->arena, (size_t)cut->count + 1, sizeof *stages);
    for (int i = 0; i < cut->count; i++) stages[i] = stage_of(cut, i);
    *p = (lpc_pipeline){.stages = stages, .stage_count = (size_t)cut->count};
    if (!plan) return p;
    p->throughput = plan->throughput;
    p->latency_s = plan->latency_s;
    p->limiting = plan->limiting;
    p->gap = plan->gap;
    p->exact = plan->exact;
    return p;
}

typedef struct TargetList {
    lpc_target *targets;
    int count;
} TargetList;

static int list_targets(lpc_compiler *c, void *to)
{
    TargetList *list = to;
    Target **targets = NULL;
    const char **aliases = NULL;
    const CompileOptions *o = &c->options.compile;
    int code = target_list(&c->diag, c->arena, o->target_dirs, o->target_dir_count, &targets,
                           &aliases, &list->count);
    list->targets = arena_array(c->arena, (size_t)list->count + 1, sizeof *list->targets);
    for (int i = 0; i < list->count; i++) {
        const Target *t = targets[i];
        list->targets[i] = (lpc_target){.name = t->name,
                                        .aliases = aliases[i],
                                        .description = t->description,
                                        .triple = t->triple,
                                        .cpu = t->cpu,
                                        .cores = t->cores,
                                        .vector_bits = t->vector_bits,
                                        .memory_bytes = t->memory,
                                        .runs_here = t->native};
    }
    return code;
}

lpc_status lpc_targets(lpc_compiler *c, const lpc_target **targets, size_t *count)
{
    TargetList list = {0};
    lpc_status status = api_run(c, list_targets, &list);
    *targets = list.targets;
    *count = (size_t)list.count;
    return status;
}
