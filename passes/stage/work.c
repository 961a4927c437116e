/* Which nodes run, in which order, and how long tensors live. */
#include "passes/stage/work.h"

#include <string.h>

static bool runs(const Node *node)
{
    if (node->op == OP_DELETED) return false;
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && !node->out[i]->is_inlined) return true;
    }
    return node->out_count == 0;
}

/* The position of a loop's node. */
static int position_of(const Work *w, const Node *node)
{
    int at = 0;
    while (at < w->count && w->nodes[at] != node) at++;
    return at;
}

/* A view that its first user, before position `at`, does not pull into a loop. */
static int stay_outside(const Work *w, const Node *view, int at)
{
    if (at + 1 >= w->count) return at;
    const Node *user = w->nodes[at + 1];
    const Region *body = user->op == OP_LOOP_LEAVE ? user->body : region_body(user->region);
    for (; body && !region_within(view->region, body); body = region_body(body->parent))
        at = position_of(w, body->enter) - 1;
    return at;
}

/* Views cost nothing where they are used, so they run right before their first user; then a cut
 * carries their source once. */
static void sink_views(Work *w)
{
    for (int i = w->count - 1; i >= 0; i--) {
        Node *view = w->nodes[i];
        if (!op_info(view->op)->is_view || view->epilogue_count) continue;
        int at = i;
        for (int k = i + 1; k < w->count; k++) {
            Reads reads = w->reads[w->nodes[k]->id];
            bool used = false;
            for (int r = 0; r < reads.count && !used; r++) {
                for (int o = 0; o < view->out_count; o++)
                    used = used || reads.items[r] == view->out[o];
            }
            if (used) break;
            at = k;
        }
        if (at == w->count - 1) continue; /* only an output: stays beside its source */
        at = stay_outside(w, view, at);
        memmove(&w->nodes[i], &w->nodes[i + 1], (size_t)(at - i) * sizeof *w->nodes);
        w->nodes[at] = view;
    }
}

int64_t work_tensor_bytes(const Work *w, const Tensor *tensor)
{
    double bytes = (double)dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++) {
        bytes *= (double)size_upper(w->graph->sizes, tensor->dims[i]);
    }
    return bytes > 4e18 ? INT64_MAX / 4 : (int64_t)bytes;
}

static void find_lifetimes(Work *w)
{
    const Graph *g = w->graph;
    for (int i = 0; i < g->tensor_count; i++) {
        w->first[i] = -1;
        w->last[i] = -2;
    }
    for (int i = 0; i < w->count; i++) {
        Reads reads = w->reads[w->nodes[i]->id];
        for (int r = 0; r < reads.count; r++) w->last[reads.items[r]->id] = i;
        for (int o = 0; o < w->nodes[i]->out_count; o++) {
            const Tensor *out = o ? w->nodes[i]->out[o] : node_result(w->nodes[i]);
            if (!out) continue;
            w->first[out->id] = i;
            if (w->last[out->id] < i) w->last[out->id] = i;
        }
    }
    for (int i = 0; i < g->output_count; i++) {
        if (!g->outputs[i]->is_state_out) w->last[g->outputs[i]->id] = w->count;
    }
}

bool work_crosses(const Work *w, const Tensor *tensor, int at)
{
    if (tensor->data || tensor->is_state || tensor->is_state_out || tensor->is_inlined)
        return false;
    return w->last[tensor->id] >= at && w->first[tensor->id] < at &&
           (w->first[tensor->id] >= 0 || !tensor->producer);
}

int64_t work_sizes_bytes(const Work *w)
{
    return buffer_room((int64_t)sizeof(int64_t) * sizes_symbol_count(w->graph->sizes));
}

void work_contract(const Work *w, int at, Tensor ***list, int *count, int64_t *bytes)
{
    const Graph *g = w->graph;
    *list = NULL;
    *count = 0;
    *bytes = work_sizes_bytes(w);
    if (at == w->count) {
        for (int i = 0; i < g->output_count; i++) {
            if (g->outputs[i]->is_state_out) continue;
            arena_push(g->arena, *list, *count) = g->outputs[i];
        }
    } else if (at == 0) {
        for (int i = 0; i < g->input_count; i++) {
            if (!g->inputs[i]->is_state) arena_push(g->arena, *list, *count) = g->inputs[i];
        }
    } else {
        for (int i = 0; i < g->tensor_count; i++) {
            if (work_crosses(w, g->tensors[i], at))
                arena_push(g->arena, *list, *count) = g->tensors[i];
        }
    }
    for (int i = 0; i < *count; i++) *bytes += buffer_room(work_tensor_bytes(w, (*list)[i]));
}

/* A state stays on one device: no cut between its uses and the node that renews it. */
static void keep_states_whole(Work *w)
{
    const Graph *g = w->graph;
    for (int i = 0; i < g->state_count; i++) {
        int from = w->count, to = w->first[g->states[i].out->id];
        for (int k = w->count - 1; k >= 0; k--) {
            Reads reads = w->reads[w->nodes[k]->id];
            for (int r = 0; r < reads.count; r++) {
                const Tensor *read = reads.items[r];
                if (read != g->states[i].in && read != g->states[i].out) continue;
                if (read == g->states[i].in) from = k;
                if (k > to) to = k;
            }
        }
        if (to >= 0 && to < from) from = to;
        for (int k = from + 1; k <= to; k++) w->allowed[k] = false;
        w->state_first[i] = from < w->count ? from : w->count - 1;
    }
}

/* A loop runs on one device, from its enter node to its leave node. */
static void keep_loops_whole(Work *w)
{
    for (int i = 0; i < w->count; i++) {
        if (w->nodes[i]->op != OP_LOOP_ENTER) continue;
        int end = position_of(w, w->nodes[i]->body->leave);
        for (int k = i + 1; k <= end && k < w->count; k++) w->allowed[k] = false;
    }
}

static bool is_constant(const Tensor *tensor)
{
    while (tensor && !tensor->data) {
        const Node *node = tensor->producer;
        if (!node || !op_info(node->op)->is_view || node->epilogue_count) return false;
        tensor = node_in(node, 0);
    }
    return tensor != NULL;
}

bool work_is_constant_view(const Work *w, const Tensor *tensor)
{
    int at = w->first[tensor->id];
    return at >= 0 && w->last[tensor->id] == at + 1 && at + 1 < w->count && is_constant(tensor);
}

/* So that no weights cross a cut: an output projection that is a Transpose of the embedding takes the
 * embedding to its own device. */
static void keep_constant_views(Work *w)
{
    const Graph *g = w->graph;
    for (int i = 0; i < g->tensor_count; i++) {
        if (work_is_constant_view(w, g->tensors[i])) w->allowed[w->last[i]] = false;
    }
}

void work_init(Work *w, Graph *graph)
{
    Arena *arena = graph->arena;
    *w = (Work){.graph = graph};
    w->nodes = arena_array(arena, (size_t)graph->node_count + 1, sizeof *w->nodes);
    for (int i = 0; i < graph->node_count; i++) {
        if (runs(graph->nodes[i])) w->nodes[w->count++] = graph->nodes[i];
    }
    w->reads = arena_array(arena, (size_t)graph->next_node_id + 1, sizeof *w->reads);
    for (int i = 0; i < w->count; i++) w->reads[w->nodes[i]->id] = node_reads(arena, w->nodes[i]);
    sink_views(w);
    w->first = arena_array(arena, (size_t)graph->tensor_count, sizeof *w->first);
    w->last = arena_array(arena, (size_t)graph->tensor_count, sizeof *w->last);
    w->state_first = arena_array(arena, (size_t)graph->state_count, sizeof *w->state_first);
    w->allowed = arena_array(arena, (size_t)w->count + 1, sizeof *w->allowed);
    for (int i = 1; i < w->count; i++) w->allowed[i] = true;
    find_lifetimes(w);
    keep_states_whole(w);
    keep_loops_whole(w);
    keep_constant_views(w);
}
