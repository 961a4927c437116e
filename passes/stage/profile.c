/* A graph as the planner sees it: one layer for each node that needs code. */
#include "ir/names.h"
#include "passes/stage/work.h"

#include <string.h>

#define MOST_BYTES ((int64_t)1 << 51)

typedef struct Use {
    int count, *layers; /* ascending, each once */
} Use;

static void add_use(const Work *w, Use *uses, const Tensor *tensor, int layer)
{
    Use *use = &uses[tensor->id];
    if (use->count && use->layers[use->count - 1] == layer) return;
    arena_push(w->graph->arena, use->layers, use->count) = layer;
}

/* The constants that a node reads, seen through its epilogue and its inlined producers. What a view
 * reads besides its source (a shape, axes) is used up at compile time. */
static void find_weights(const Work *w, Use *uses, const Node *node, int layer)
{
    bool is_view = op_info(node->op)->is_view;
    for (int i = 0; i < (is_view && node->in_count ? 1 : node->in_count); i++) {
        const Tensor *in = node->in[i];
        if (!in) continue;
        if (in->is_inlined && in->producer) find_weights(w, uses, in->producer, layer);
        if (in->data) add_use(w, uses, in, layer);
    }
    for (int i = 0; i < node->epilogue_count; i++) find_weights(w, uses, node->epilogue[i], layer);
}

static void fill_weights(const Work *w, Profile *p)
{
    const Graph *g = w->graph;
    Use *uses = arena_array(g->arena, (size_t)g->tensor_count, sizeof *uses);
    for (int i = 0; i < w->count; i++) find_weights(w, uses, w->nodes[i], i);
    for (int t = 0; t < g->tensor_count; t++) {
        const Tensor *tensor = g->tensors[t];
        if (!uses[t].count) continue;
        int64_t bytes = (int64_t)tensor->data->bytes;
        if (uses[t].count == 1) {
            p->layers[uses[t].layers[0]].weights += bytes;
            p->layers[uses[t].layers[0]].tensors += !tensor->data->is_literal;
            continue;
        }
        SharedWeight shared = {tensor->name, bytes, uses[t].layers, uses[t].count};
        arena_push(g->arena, p->shared, p->shared_count) = shared;
    }
}

static void add_live(const Work *w, Profile *p, LiveTensor tensor, bool counts)
{
    arena_push(w->graph->arena, p->tensors, p->tensor_count) = tensor;
    for (int cut = tensor.from + 1; cut <= tensor.to; cut++) {
        if (cut == 0) continue;
        p->layers[cut - 1].out_bytes += tensor.bytes;
        p->layers[cut - 1].out_tensors += counts;
    }
}

/* Inputs that nobody reads, outputs that no layer makes, and those that are there twice cross the
 * first or the last cut as well: contracts list them. */
static void fill_ends(const Work *w, Profile *p)
{
    for (int end = 0; end < 2; end++) {
        int at = end ? w->count : 0, count;
        Tensor **list;
        int64_t bytes;
        work_contract(w, at, &list, &count, &bytes);
        for (int i = 0; i < count; i++) {
            bool crosses = work_crosses(w, list[i], at);
            for (int k = 0; k < i && crosses; k++) crosses = list[k] != list[i];
            int64_t room = buffer_room(work_tensor_bytes(w, list[i]));
            if (!crosses && room <= MOST_BYTES)
                add_live(w, p, (LiveTensor){list[i]->name, at - 1, at, room}, true);
        }
    }
}

/* What lives in the workspace while a layer runs, and what crosses cuts. */
static void fill_tensors(const Work *w, Profile *p)
{
    const Graph *g = w->graph;
    for (int i = 0; i < g->tensor_count; i++) {
        const Tensor *t = g->tensors[i];
        if (w->last[i] < 0 || t->data || t->is_inlined || t->is_state || t->is_state_out) continue;
        if (work_is_constant_view(w, t)) continue;
        int from = w->first[i], to = w->last[i];
        int64_t bytes = work_tensor_bytes(w, t);
        if (bytes > MOST_BYTES)
            bytes = MOST_BYTES; /* refused by profile_check, but sums stay sums */
        for (int k = from < 0 ? 0 : from; k <= to && k < w->count; k++)
            p->layers[k].activations += bytes;
        if (to <= from || (from < 0 && t->producer)) continue;
        add_live(w, p, (LiveTensor){t->name, from, to, buffer_room(bytes)}, true);
    }
    fill_ends(w, p);
    if (w->count && work_sizes_bytes(w))
        add_live(w, p, (LiveTensor){"(sizes)", -1, w->count, work_sizes_bytes(w)}, false);
    for (int i = 0; i < g->state_count; i++)
        p->layers[w->state_first[i]].state += work_tensor_bytes(w, g->states[i].in);
}

static void fill_layer(const Work *w, int i, NameTable *names, Layer *layer)
{
    const Node *node = w->nodes[i];
    const char *name = node->origin.node && *node->origin.node ? node->origin.node : node->name;
    layer->name = names_unique(names, name && *name ? name : "layer");
    names_put(names, layer->name, layer);
    layer->code = STAGE_LAYER_CODE_BYTES;
    layer->whole = i > 0 && !w->allowed[i];
}

Profile *work_profile(const Work *w)
{
    Graph *g = w->graph;
    Profile *p = arena_alloc(g->arena, sizeof *p);
    *p = (Profile){.name = g->name, .count = w->count, .planned = true};
    p->layers = arena_array(g->arena, (size_t)w->count, sizeof *p->layers);
    NameTable *names = names_new(g->arena);
    for (int i = 0; i < w->count; i++) fill_layer(w, i, names, &p->layers[i]);
    fill_weights(w, p);
    fill_tensors(w, p);
    return p;
}
