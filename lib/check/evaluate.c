/* See evaluate.h. The stages are composed as programs are: what leaves one arrives at the next. */
#include "lib/check/evaluate.h"

#include <assert.h>
#include <string.h>

struct Evaluation {
    Graph *graph;
    Cut cut;
    void **state; /* by stage */
};

/* ---- The package ---- */

static void describe_end(Graph *graph, Tensor *const *tensors, int count, PackageEnd *end)
{
    Arena *arena = graph->arena;
    end->count = count;
    end->tensors = arena_array(arena, (size_t)count + 1, sizeof *end->tensors);
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        PackageTensor *p = &end->tensors[i];
        *p = (PackageTensor){
            .name = t->name, .id = (uint32_t)t->id, .type = t->dtype, .rank = t->rank};
        assert(t->rank <= TENSOR_RANK_MAX && !t->has_order);
        for (int k = 0; k < t->rank; k++) {
            p->dims[k] = t->dims[k];
            p->dim_texts[k] = size_text(graph->sizes, t->dims[k]);
        }
    }
}

static Package *describe(Graph *graph, const Cut *cut)
{
    Arena *arena = graph->arena;
    Package *p = arena_alloc(arena, sizeof *p);
    size_t count = (size_t)sizes_symbol_count(graph->sizes);
    p->sizes = graph->sizes;
    p->symbol_count = (int)count;
    p->symbol_names = arena_array(arena, count + 1, sizeof *p->symbol_names);
    p->symbol_max = arena_array(arena, count + 1, sizeof *p->symbol_max);
    p->symbol_sources = arena_array(arena, count + 1, sizeof *p->symbol_sources);
    for (int i = 0; i < p->symbol_count; i++) {
        const Symbol *symbol = sizes_symbol_at(graph->sizes, i);
        p->symbol_names[i] = symbol->name;
        p->symbol_max[i] = symbol->max;
        p->symbol_sources[i] = symbol->source;
    }
    const Stage *first = &cut->stages[0], *last = &cut->stages[cut->count - 1];
    describe_end(graph, first->in, first->in_count, &p->inputs);
    describe_end(graph, last->out, last->out_count, &p->outputs);
    return p;
}

void evaluate_cut(Graph *graph, const Cut *cut, Evaluation **evaluation, Package **package)
{
    Evaluation *e = arena_alloc(graph->arena, sizeof *e);
    *e = (Evaluation){graph, *cut, NULL};
    e->state = arena_array(graph->arena, (size_t)cut->count + 1, sizeof *e->state);
    for (int i = 0; i < cut->count; i++)
        e->state[i] = arena_alloc(graph->arena, (size_t)cut->stages[i].program->state_bytes + 64);
    *evaluation = e;
    *package = describe(graph, cut);
}

int evaluate_compile(Arena *arena, Diag *diag, CompileOptions *options, Evaluation **evaluation,
                     Package **package)
{
    Graph *graph;
    Cut cut;
    TRY(compile_graph(arena, diag, options, &graph));
    TRY(compile_stages(arena, diag, options, graph, &cut));
    evaluate_cut(graph, &cut, evaluation, package);
    return 0;
}

/* ---- A run ---- */

static void *read_weights(Arena *arena, Diag *diag, const Program *program)
{
    uint8_t *bytes = arena_alloc(arena, (size_t)program->const_bytes + 64);
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *b = program->buffers[i];
        if (b->class != BUFFER_CONST) continue;
        if (b->source->read(b->source, 0, bytes + b->offset, (size_t)b->max_bytes)) {
            diag_error(diag, "cannot read the constant '%s'", b->name);
            return NULL;
        }
    }
    return bytes;
}

/* Memory for what leaves a stage, at the bounds. */
static void **make_outputs(Arena *arena, SizeTable *sizes, const Stage *stage)
{
    void **out = arena_array(arena, (size_t)stage->out_count + 1, sizeof *out);
    for (int i = 0; i < stage->out_count; i++) {
        const Tensor *t = stage->out[i];
        int64_t bytes = (int64_t)dtype_size(t->dtype);
        for (int k = 0; k < t->rank; k++) bytes *= size_upper(sizes, t->dims[k]);
        out[i] = arena_alloc(arena, (size_t)bytes + 64);
    }
    return out;
}

static int run_stage(Arena *arena, Diag *diag, const Stage *stage, const void *const *in,
                     void *const *out, int64_t *sizes, void *state)
{
    const Program *program = stage->program;
    void *workspace = arena_alloc(arena, (size_t)program->work_bytes + 64);
    void *weights = read_weights(arena, diag, program);
    if (!weights) return LPC_ERROR;
    int code = loops_eval(program, diag, in, out, sizes, workspace, state, weights);
    if (code) return diag_error(diag, "stage '%s': the evaluator returned %d", stage->name, code);
    return 0;
}

int evaluate_run(const Evaluation *e, Arena *arena, Diag *diag, const HostTensor *inputs,
                 int64_t *sizes, HostTensor *outputs)
{
    for (int i = 0; i < e->cut.count; i++)
        memset(e->state[i], 0, (size_t)e->cut.stages[i].program->state_bytes);
    return evaluate_next(e, arena, diag, inputs, sizes, outputs);
}

int evaluate_next(const Evaluation *e, Arena *arena, Diag *diag, const HostTensor *inputs,
                  int64_t *sizes, HostTensor *outputs)
{
    const Stage *stage = e->cut.stages;
    const void **in = arena_array(arena, (size_t)stage->in_count + 1, sizeof *in);
    void **out = NULL;
    for (int i = 0; i < stage->in_count; i++) in[i] = inputs[i].data;
    for (int s = 0; s < e->cut.count; s++) {
        stage = &e->cut.stages[s];
        out = make_outputs(arena, e->graph->sizes, stage);
        TRY(run_stage(arena, diag, stage, in, out, sizes, e->state[s]));
        in = arena_array(arena, (size_t)stage->out_count + 1, sizeof *in);
        for (int i = 0; i < stage->out_count; i++) in[i] = out[i];
    }
    for (int i = 0; i < stage->out_count; i++) {
        const Tensor *t = stage->out[i];
        outputs[i] = (HostTensor){.name = arena_strdup(arena, t->name),
                                  .type = t->dtype,
                                  .rank = t->rank,
                                  .data = out[i]};
        for (int k = 0; k < t->rank; k++) outputs[i].dims[k] = size_eval(t->dims[k], sizes);
        outputs[i].bytes = (size_t)host_elements(&outputs[i]) * dtype_size(t->dtype);
    }
    return 0;
}
