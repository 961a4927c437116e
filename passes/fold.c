/* Constant folding: a node whose inputs are all constants is lowered by itself, in scalar code, and
 * run by the evaluator at compile time. So folding needs no second definition of any operator. */
#include "passes/expand/expand.h"
#include "passes/lower/rules.h"
#include "passes/loops/passes.h"
#include "passes/memory/memory.h"
#include "passes/passes.h"
#include "passes/shape/shape.h"

#include <string.h>

static void place_whole(Lower *lw, const Tensor *tensor, BufferClass class, int index)
{
    Place *place = &lw->places[tensor->id];
    place->buffer = program_buffer(lw->program, tensor->name, class, tensor->dtype,
                                   tensor_elements(lw->sizes, tensor));
    place->buffer->index = index;
    place_row_major(lw, tensor, place);
}

/* The constants' bytes, as the program laid them out. */
static void *gather_constants(Arena *arena, const Program *program)
{
    char *bytes = arena_alloc(arena, (size_t)program->const_bytes + 64);
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class == BUFFER_CONST)
            buffer->source->read(buffer->source, 0, bytes + buffer->offset,
                                 (size_t)buffer->max_bytes);
    }
    return bytes;
}

static int run(Graph *graph, Lower *lw, Node *node, void **results)
{
    Program *program = lw->program;
    TRY(lower_node(lw, node));
    TRY(pass_vectorize(program, 0));
    MemoryFigures figures;
    plan_memory(program, NULL, 0, &figures);
    void *work = arena_alloc(lw->arena, (size_t)program->work_bytes + 64);
    void *weights = gather_constants(lw->arena, program);
    int symbols = sizes_symbol_count(graph->sizes);
    int64_t *sizes = arena_array(lw->arena, (size_t)symbols + 1, sizeof *sizes);
    int told = graph->diag->count;
    int code = loops_eval(program, graph->diag, NULL, results, sizes, work, NULL, weights);
    if (code && graph->diag->count > told) return LPC_ERROR;
    if (code)
        return diag_node(graph->diag, &node->origin, "cannot be computed at compile time (code %d)",
                         code);
    return 0;
}

static bool of_literals(const Node *node)
{
    for (int i = 0; i < node->in_count; i++) {
        if (node->in[i] && node->in[i]->data && !node->in[i]->data->is_literal) return false;
    }
    return true;
}

static int fold_node(Graph *graph, Node *node)
{
    static const Target nobody = {.name = "fold"};
    static const LowerTarget scalar = {.device = &nobody, .scalar = true};
    Arena *scratch = arena_new();
    Lower lw = {.arena = scratch,
                .diag = graph->diag,
                .graph = graph,
                .sizes = graph->sizes,
                .rules = lower_rules,
                .target = &scalar};
    lw.program = program_new(scratch, graph->sizes, "fold");
    lw.main = &lw.program->main->body;
    size_t tensors = (size_t)graph->tensor_count;
    lw.next_alias = graph->tensor_count;
    if (node->custom) tensors += (size_t)node->in_count + (size_t)node->out_count;
    lw.places = arena_array(scratch, tensors, sizeof *lw.places);
    void **results = arena_array(scratch, (size_t)node->out_count, sizeof *results);
    for (int i = 0; i < node->out_count; i++) {
        const Tensor *out = node->out[i];
        if (!out) continue;
        place_whole(&lw, out, BUFFER_OUTPUT, i);
        size_t bytes = (size_t)tensor_static_elements(out) * dtype_size(out->dtype);
        results[i] = arena_alloc(graph->arena, bytes + 16);
    }
    lw.program->output_count = node->out_count;
    int code = run(graph, &lw, node, results);
    for (int i = 0; i < node->out_count && !code; i++) {
        Tensor *out = node->out[i];
        if (!out) continue;
        Const *data = arena_alloc(graph->arena, sizeof *data);
        int64_t count = tensor_static_elements(out);
        if (dtype_is_subbyte(out->dtype)) narrow_pack(out->dtype, count, results[i], results[i]);
        data->data = results[i];
        data->bytes = (size_t)dtype_const_bytes(out->dtype, count);
        data->is_literal = of_literals(node);
        out->data = data;
    }
    arena_free(scratch);
    return code;
}

/* Shapes stand below lowering and expanding: they are given the means. */
int pass_shapes(Graph *g)
{
    TRY(shapes_infer(g, fold_node, expand_shape));
    shapes_compare_stated(g);
    return 0;
}

/* What rules compute of constants is computed now: shapes fold what they come by. */
int pass_expand(Graph *g)
{
    bool any;
    TRY(expand_nodes(g, &any));
    return any ? pass_shapes(g) : 0;
}

int pass_fold(Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_VALUES || !shapes_can_fold(g, n)) continue;
        TRY(fold_node(g, n));
        shapes_release(g, n);
    }
    graph_sweep(g);
    return 0;
}
