/* State pairs (--state IN=OUT), and what must hold of sizes once the graph is there. */
#include "frontend/import.h"

#include <string.h>

static Tensor *find(Tensor **tensors, int count, const char *name, size_t length)
{
    for (int i = 0; i < count; i++) {
        if (strlen(tensors[i]->name) == length && !memcmp(tensors[i]->name, name, length)) {
            return tensors[i];
        }
    }
    return NULL;
}

/* Names may hold '=' themselves: the first split at which both sides are known counts. */
static int find_pair(Import *im, const char *text, StatePair *pair)
{
    Graph *graph = im->graph;
    const char *split = strchr(text, '=');
    if (!split) return diag_error(im->diag, "--state %s: expected INPUT=OUTPUT", text);
    for (const char *at = split; at; at = strchr(at + 1, '=')) {
        pair->in = find(graph->inputs, graph->input_count, text, (size_t)(at - text));
        pair->out = find(graph->outputs, graph->output_count, at + 1, strlen(at + 1));
        if (pair->in && pair->out) return LPC_OK;
    }
    size_t length = (size_t)(split - text);
    if (!find(graph->inputs, graph->input_count, text, length)) {
        return diag_error(im->diag, "--state %s: the model has no input '%.*s'", text, (int)length,
                          text);
    }
    return diag_error(im->diag, "--state %s: the model has no output '%s'", text, split + 1);
}

static int mismatch(Diag *diag, const StatePair *pair, const char *what)
{
    return diag_error(diag, "--state %s=%s: input and output differ in %s", pair->in->name,
                      pair->out->name, what);
}

/* What the model itself says about the output. */
static int check_declared(Import *im, const StatePair *pair)
{
    const Onnx__GraphProto *graph = im->model->graph;
    for (size_t i = 0; i < graph->n_output; i++) {
        const Onnx__ValueInfoProto *value = graph->output[i];
        if (strcmp(value->name, pair->out->name) || !value->type || !value->type->tensor_type)
            continue;
        const Onnx__TensorTypeProto *type = value->type->tensor_type;
        if (type->elem_type && graph_dtype(im->graph, type->elem_type) != pair->in->dtype) {
            return mismatch(im->diag, pair, "element type");
        }
        if (type->shape && type->shape->n_dim != (size_t)pair->in->rank) {
            return mismatch(im->diag, pair, "number of dimensions");
        }
    }
    return LPC_OK;
}

static bool size_uses(const Size *size, int symbol)
{
    if (size->kind == SIZE_CONST) return false;
    if (size->kind == SIZE_SYM) return size->sym == symbol;
    return size_uses(size->a, symbol) || size_uses(size->b, symbol);
}

static bool tensor_uses(const Tensor *tensor, int symbol)
{
    for (int i = 0; i < tensor->rank; i++) {
        if (size_uses(tensor->dims[i], symbol)) return true;
    }
    return false;
}

/* A symbol that only states have is not given with each call: the run loop keeps it. */
static void mark_symbols(Graph *graph)
{
    for (int s = 0; s < sizes_symbol_count(graph->sizes); s++) {
        bool by_state = false, by_input = false;
        for (int i = 0; i < graph->input_count; i++) {
            if (!tensor_uses(graph->inputs[i], s)) continue;
            if (graph->inputs[i]->is_state)
                by_state = true;
            else
                by_input = true;
        }
        if (by_state && !by_input) sizes_symbol_at(graph->sizes, s)->source = SYM_STATE;
    }
}

static int add_pair(Import *im, const char *text)
{
    Graph *graph = im->graph;
    StatePair pair = {0};
    TRY(find_pair(im, text, &pair));
    if (pair.in->is_state || pair.out->is_state_out)
        return diag_error(im->diag, "--state %s: already part of another state", text);
    TRY(check_declared(im, &pair));
    pair.in->is_state = true;
    pair.in->state_out = pair.out;
    pair.out->is_state_out = true;
    arena_push(im->arena, graph->states, graph->state_count) = pair;
    return LPC_OK;
}

/* IN=OUT with a star in each: a pair for every input that IN fits, whose output has the same in the star's
 * place. False where it is no such pattern: an input may have a star in its name. */
static bool is_pattern(const Graph *graph, const char *text)
{
    const char *split = strchr(text, '='), *star = strchr(text, '*');
    if (!split || !star || star > split || !strchr(split, '*')) return false;
    return !find(graph->inputs, graph->input_count, text, (size_t)(split - text));
}

static int add_pattern(Import *im, const char *text)
{
    const char *split = strchr(text, '='), *star = strchr(text, '*'), *to = strchr(split, '*');
    size_t before = (size_t)(star - text), after = (size_t)(split - star) - 1;
    int failed = LPC_OK, found = 0;
    for (int i = 0; i < im->graph->input_count; i++) {
        const char *name = im->graph->inputs[i]->name;
        size_t length = strlen(name);
        if (length < before + after || strncmp(name, text, before) ||
            strncmp(name + length - after, star + 1, after))
            continue;
        found++;
        failed |= add_pair(im, arena_printf(im->arena, "%s=%.*s%.*s%s", name, (int)(to - split) - 1,
                                            split + 1, (int)(length - before - after),
                                            name + before, to + 1));
    }
    if (!found) return diag_error(im->diag, "--state %s: the model has no such input", text);
    return failed;
}

int states_read(Import *im)
{
    int failed = LPC_OK;
    for (int i = 0; i < im->options->state_count; i++) {
        const char *text = im->options->states[i];
        failed |= is_pattern(im->graph, text) ? add_pattern(im, text) : add_pair(im, text);
    }
    mark_symbols(im->graph);
    return failed;
}

int import_check_states(Graph *graph)
{
    int failed = LPC_OK;
    for (int i = 0; i < graph->state_count; i++) {
        const StatePair *pair = &graph->states[i];
        if (pair->in->dtype != pair->out->dtype) {
            failed = mismatch(graph->diag, pair, "element type");
        } else if (pair->in->rank != pair->out->rank) {
            failed = mismatch(graph->diag, pair, "number of dimensions");
        }
    }
    return failed;
}

int import_check_bounds(Graph *graph)
{
    int failed = LPC_OK;
    for (int s = 0; s < sizes_symbol_count(graph->sizes); s++) {
        const Symbol *symbol = sizes_symbol_at(graph->sizes, s);
        if (symbol->max >= 0 || symbol->source == SYM_NODE) continue;
        for (int i = 0; i < graph->input_count; i++) {
            if (!tensor_uses(graph->inputs[i], s)) continue;
            failed = diag_error(
                graph->diag, "input '%s': size '%s' has no value: give --bind %s=N or --max %s=N",
                graph->inputs[i]->name, symbol->name, symbol->name, symbol->name);
            break;
        }
    }
    return failed;
}
