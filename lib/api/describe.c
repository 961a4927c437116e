/* Graphs and stages as the structs of lpc.h. */
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
        lpc_role role = t->is_state       ? LPC_ROLE_STATE
                        : t->is_state_out ? LPC_ROLE_RENEWED
                                          : LPC_ROLE_PLAIN;
        list[i] = (lpc_value){t->name, dtype_name(t->dtype), t->rank, dims, role};
    }
    return list;
}

static const lpc_symbol *symbols(const Graph *graph, Arena *arena, size_t *count)
{
    *count = (size_t)sizes_symbol_count(graph->sizes);
    lpc_symbol *list = arena_array(arena, *count + 1, sizeof *list);
    for (size_t i = 0; i < *count; i++) {
        const Symbol *s = sizes_symbol_at(graph->sizes, (int)i);
        lpc_source source = s->source == SYM_INPUT   ? LPC_SOURCE_INPUT
                            : s->source == SYM_STATE ? LPC_SOURCE_STATE
                                                     : LPC_SOURCE_NODE;
        list[i] = (lpc_symbol){s->name, s->max < 0 ? -1 : s->max, s->max >= LOOP_UNBOUNDED, source};
    }
    return list;
}

static lpc_stage stage_of(const Cut *cut, int index)
{
    const Stage *s = &cut->stages[index];
    const PlanStage *planned = cut->plan ? &cut->plan->stages[index] : NULL;
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
                       .bound_bytes = s->memory.bound,
                       .naive_bytes = s->memory.naive,
                       .send_bytes = s->out_bytes,
                       .tensors = planned ? planned->tensors : 0,
                       .activation_bytes = bytes.activations,
                       .buffer_bytes = bytes.buffers,
                       .queue_bytes = bytes.queues,
                       .code_bytes = bytes.code,
                       .memory_bytes = stage_bytes_sum(&bytes),
                       .budget_bytes = s->budget,
                       .device_bytes = planned ? planned->device_memory : 0,
                       .compute_s = planned ? planned->compute_s : -1,
                       .cores = planned ? planned->cores : 0,
                       .send_s = planned ? planned->send_s : -1};
}

static lpc_stage *stages_of(Arena *arena, const Cut *cut)
{
    lpc_stage *stages = arena_array(arena, (size_t)cut->count + 1, sizeof *stages);
    for (int i = 0; i < cut->count; i++) stages[i] = stage_of(cut, i);
    return stages;
}

static void add_values(lpc_compiler *c, Graph *graph, lpc_inspection *i)
{
    i->typed = true;
    i->inputs = values(graph, c->arena, graph->inputs, graph->input_count);
    i->input_count = (size_t)graph->input_count;
    i->outputs = values(graph, c->arena, graph->outputs, graph->output_count);
    i->output_count = (size_t)graph->output_count;
    i->symbols = symbols(graph, c->arena, &i->symbol_count);
}

static lpc_missing *missing_of(Arena *arena, const MissingList *list)
{
    static const lpc_newer newer[] = {[NEWER_NOT] = LPC_NEWER_NOT,
                                      [NEWER_MAY_HELP] = LPC_NEWER_MAY_HELP,
                                      [NEWER_HELPS] = LPC_NEWER_HELPS};
    lpc_missing *out = arena_array(arena, (size_t)list->count + 1, sizeof *out);
    for (int i = 0; i < list->count; i++) {
        const Missing *m = &list->at[i];
        out[i] = (lpc_missing){.op = m->op,
                               .node = m->node,
                               .index = m->index,
                               .opset = m->opset,
                               .why = m->why,
                               .needs = m->needs ? m->needs : "",
                               .newer = newer[m->newer]};
    }
    return out;
}

lpc_inspection *api_inspection(lpc_compiler *c, const Inspection *x, bool lowered)
{
    lpc_inspection *i = arena_alloc(c->arena, sizeof *i);
    lpc_operator *operators =
        arena_array(c->arena, (size_t)x->operator_count + 1, sizeof *operators);
    for (int k = 0; k < x->operator_count; k++)
        operators[k] = (lpc_operator){x->operators[k].op, x->operators[k].count};
    *i = (lpc_inspection){.operators = operators,
                          .operator_count = (size_t)x->operator_count,
                          .parameters = x->parameters,
                          .parameter_bytes = x->parameter_bytes,
                          .bounded = x->bounded,
                          .missing = missing_of(c->arena, &x->missing),
                          .unknown_sizes = x->unknown_sizes,
                          .missing_count = (size_t)x->missing.count};
    if (x->graph) add_values(c, x->graph, i);
    if (!lowered || !x->bounded) return i;
    i->lowered = true;
    i->flops = x->flops;
    i->activation_bytes = x->memory;
    i->weight_bytes = x->weights;
    i->stages = stages_of(c->arena, &x->cut);
    i->stage_count = (size_t)x->cut.count;
    return i;
}

/* ---- Plans ---- */

static lpc_stage planned_stage(const PlanStage *s)
{
    return (lpc_stage){.name = s->device,
                       .target = s->target,
                       .first = s->first_name,
                       .last = s->last_name,
                       .layers = s->end - s->first,
                       .tensors = s->tensors,
                       .weight_bytes = s->bytes.weights,
                       .state_bytes = s->bytes.state,
                       .activation_bytes = s->bytes.activations,
                       .buffer_bytes = s->bytes.buffers,
                       .queue_bytes = s->bytes.queues,
                       .code_bytes = s->bytes.code,
                       .send_bytes = s->out_bytes,
                       .memory_bytes = s->memory,
                       .budget_bytes = s->budget,
                       .device_bytes = s->device_memory,
                       .compute_s = s->compute_s,
                       .cores = s->cores,
                       .send_s = s->send_s};
}

static void add_figures(lpc_pipeline *p, const Plan *plan)
{
    p->objective = objective_name(plan->options.objective);
    p->free_order = plan->options.free_order;
    p->period_s = plan->bottleneck_s;
    p->latency_s = plan->latency_s;
    p->throughput = plan->throughput;
    p->fraction = plan->fraction;
    p->client_in_s = plan->client_in_s;
    p->client_out_s = plan->client_out_s;
    p->limiting = plan->limiting;
    p->client_limits = plan->client_limits;
    p->bound = plan->bound;
    p->gap = plan->gap;
    p->exact = plan->exact;
    p->method = plan->method;
}

lpc_pipeline *api_pipeline(lpc_compiler *c, const Cut *cut)
{
    lpc_pipeline *p = arena_alloc(c->arena, sizeof *p);
    *p = (lpc_pipeline){.stages = stages_of(c->arena, cut), .stage_count = (size_t)cut->count};
    if (cut->plan) add_figures(p, cut->plan);
    return p;
}

lpc_pipeline *api_planned(lpc_compiler *c, const Plan *plan)
{
    lpc_pipeline *p = arena_alloc(c->arena, sizeof *p);
    lpc_stage *stages = arena_array(c->arena, (size_t)plan->count + 1, sizeof *stages);
    for (int i = 0; i < plan->count; i++) stages[i] = planned_stage(&plan->stages[i]);
    *p = (lpc_pipeline){.stages = stages, .stage_count = (size_t)plan->count};
    add_figures(p, plan);
    return p;
}
