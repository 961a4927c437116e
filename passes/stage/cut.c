/* The cut: which nodes run on which device.
 *
 * The nodes that need code, in topological order, are split into as many runs as there are targets:
 * by hand after named nodes, or so that the slowest stage (operations over the device's speed plus
 * bytes sent) is as fast as possible under the devices' memory budgets, exactly, by dynamic
 * programming over all places where a cut is allowed. A cut is not allowed between the uses of a
 * state and the node that renews it. */
#include "passes/stage/stage.h"

#include <math.h>
#include <string.h>

enum { MAX_READS = 256 };

typedef struct Work {
    Graph *graph;
    Node **nodes;
    int count;
    double *flops;        /* of the first i nodes */
    int64_t *weights;     /* bytes of weights first used by the first i nodes */
    int64_t *cut_bytes;   /* payload bound of a cut before node i */
    int64_t *live;        /* live activation bytes while node i runs */
    bool *allowed;        /* cut before node i */
} Work;

static bool runs(const Node *node)
{
    if (node->op == OP_DELETED) return false;
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && !node->out[i]->is_inlined) return true;
    }
    return node->out_count == 0;
}

/* Views cost nothing where they are used, so they run right before their first user; then a cut
 * carries their source once. */
static void sink_views(Work *w)
{
    for (int i = w->count - 1; i >= 0; i--) {
        Node *view = w->nodes[i];
        if (!(op_info(view->op)->traits & T_VIEW) || view->epilogue_count) continue;
        int at = i;
        for (int k = i + 1; k < w->count; k++) {
            Tensor *reads[MAX_READS];
            int n = node_reads(w->nodes[k], reads, MAX_READS);
            bool used = false;
            for (int r = 0; r < n && !used; r++) {
                for (int o = 0; o < view->out_count; o++) used = used || reads[r] == view->out[o];
            }
            if (used) break;
            at = k;
        }
        if (at == w->count - 1) continue; /* only an output: stays beside its source */
        memmove(&w->nodes[i], &w->nodes[i + 1], (size_t)(at - i) * sizeof *w->nodes);
        w->nodes[at] = view;
    }
}

static int64_t tensor_bytes(const Work *w, const Tensor *tensor)
{
    double bytes = (double)dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++) {
        bytes *= (double)size_upper(w->graph->sizes, tensor->dims[i]);
    }
    return bytes > 4e18 ? INT64_MAX / 4 : (int64_t)bytes;
}

static int64_t weights_of(const Work *w, const Node *node, bool *seen)
{
    int64_t bytes = 0;
    for (int i = 0; i < node->in_count; i++) {
        const Tensor *in = node->in[i];
        if (!in) continue;
        if (in->is_inlined && in->producer) bytes += weights_of(w, in->producer, seen);
        if (!in->data || seen[in->id]) continue;
        seen[in->id] = true;
        bytes += (int64_t)in->data->bytes;
    }
    for (int i = 0; i < node->epilogue_count; i++) bytes += weights_of(w, node->epilogue[i], seen);
    return bytes;
}

/* first[t], last[t]: positions that make and last need a tensor with memory; -1 made outside. */
static void lifetimes(const Work *w, int *first, int *last)
{
    const Graph *g = w->graph;
    for (int i = 0; i < g->tensor_count; i++) {
        first[i] = -1;
        last[i] = -2;
    }
    for (int i = 0; i < w->count; i++) {
        Tensor *reads[MAX_READS];
        int n = node_reads(w->nodes[i], reads, MAX_READS);
        for (int r = 0; r < n; r++) last[reads[r]->id] = i;
        for (int o = 0; o < w->nodes[i]->out_count; o++) {
            const Tensor *out = o ? w->nodes[i]->out[o] : node_result(w->nodes[i]);
            if (!out) continue;
            first[out->id] = i;
            if (last[out->id] < i) last[out->id] = i;
        }
    }
    for (int i = 0; i < g->output_count; i++) {
        if (!g->outputs[i]->is_state_out) last[g->outputs[i]->id] = w->count;
    }
}

/* Does the tensor have to be sent over a cut before position `at`? */
static bool crosses(const Tensor *tensor, const int *first, const int *last, int at)
{
    if (tensor->data || tensor->is_state || tensor->is_state_out || tensor->is_inlined) return false;
    return last[tensor->id] >= at && first[tensor->id] < at &&
           (first[tensor->id] >= 0 || !tensor->producer);
}

static void measure(Work *w)
{
    const Graph *g = w->graph;
    size_t n = (size_t)w->count + 1, t = (size_t)g->tensor_count;
    Arena *arena = g->arena;
    w->flops = arena_array(arena, n, sizeof *w->flops);
    w->weights = arena_array(arena, n, sizeof *w->weights);
    w->cut_bytes = arena_array(arena, n, sizeof *w->cut_bytes);
    w->live = arena_array(arena, n, sizeof *w->live);
    w->allowed = arena_array(arena, n, sizeof *w->allowed);
    int *first = arena_array(arena, t, sizeof *first), *last = arena_array(arena, t, sizeof *last);
    bool *seen = arena_array(arena, t, sizeof *seen);
    lifetimes(w, first, last);
    for (int i = 0; i < w->count; i++) {
        w->flops[i + 1] = w->flops[i] + node_flops(g->sizes, w->nodes[i]);
        w->weights[i + 1] = w->weights[i] + weights_of(w, w->nodes[i], seen);
        w->allowed[i] = i > 0;
    }
    for (int i = 0; i < g->tensor_count; i++) {
        const Tensor *tensor = g->tensors[i];
        if (last[i] < 0 || tensor->data || tensor->is_inlined) continue;
        int64_t bytes = tensor_bytes(w, tensor);
        int from = first[i] < 0 ? 0 : first[i], to = last[i] < w->count ? last[i] : w->count - 1;
        for (int k = from; k <= to; k++) w->live[k] += bytes;
        for (int k = from; k <= to + 1 && k <= w->count; k++) {
            if (crosses(tensor, first, last, k)) w->cut_bytes[k] += bytes;
        }
    }
    for (int i = 0; i < g->state_count; i++) {
        int from = w->count, to = first[g->states[i].out->id];
        for (int k = w->count - 1; k >= 0; k--) {
            Tensor *reads[MAX_READS];
            int m = node_reads(w->nodes[k], reads, MAX_READS);
            for (int r = 0; r < m; r++) {
                if (reads[r] != g->states[i].in && reads[r] != g->states[i].out) continue;
                if (reads[r] == g->states[i].in) from = k;
                if (k > to) to = k;
            }
        }
        if (to >= 0 && to < from) from = to;
        for (int k = from + 1; k <= to; k++) w->allowed[k] = false;
    }
}

/* Seconds of nodes [a, b) on a target, with sending what leaves; infinite when it does not fit. */
static double stage_time(const Work *w, int a, int b, const Target *target)
{
    int64_t live = 0;
    for (int i = a; i < b; i++) {
        if (w->live[i] > live) live = w->live[i];
    }
    int64_t weights = w->weights[b] - w->weights[a];
    int64_t queues = 2 * (w->cut_bytes[a] + w->cut_bytes[b]);
    if (weights + live + queues > target->memory) return INFINITY;
    double compute = (w->flops[b] - w->flops[a]) / (target->gflops * 1e9);
    double read = target->memory_bandwidth > 0 ? (double)weights / target->memory_bandwidth : 0;
    return compute > read ? compute : read;
}

/* Seconds to send over a cut, for which the simple planner assumes Gigabit Ethernet. */
static double send_time(const Work *w, int at)
{
    return (double)w->cut_bytes[at] / 110e6;
}

/* Of the stages so far: the longest time to compute or send, and, where that ties (a small model
 * whose sending takes longest anywhere), the longest time to compute. */
typedef struct Slowest {
    double period, compute;
} Slowest;

/* best[s][i]: the first i nodes on the first s targets. */
static int balance(const Work *w, const Target *const *targets, int count, int *ends)
{
    size_t n = (size_t)w->count + 1;
    Slowest *best = arena_array(w->graph->arena, n * (size_t)(count + 1), sizeof *best);
    int *from = arena_array(w->graph->arena, n * (size_t)(count + 1), sizeof *from);
    for (size_t i = 0; i < n * (size_t)(count + 1); i++) best[i].period = INFINITY;
    best[0] = (Slowest){0, 0};
    for (int s = 1; s <= count; s++) {
        for (int i = 1; i <= w->count; i++) {
            if (i < w->count && !w->allowed[i]) continue;
            for (int j = i - 1; j >= s - 1; j--) {
                Slowest now = best[(size_t)(s - 1) * n + (size_t)j];
                if (isinf(now.period)) continue;
                double time = stage_time(w, j, i, targets[s - 1]);
                now.compute = fmax(now.compute, time);
                now.period = fmax(now.period, fmax(time, i < w->count ? send_time(w, i) : 0));
                Slowest *slot = &best[(size_t)s * n + (size_t)i];
                if (now.period < slot->period ||
                    (now.period == slot->period && now.compute < slot->compute)) {
                    *slot = now;
                    from[(size_t)s * n + (size_t)i] = j;
                }
            }
        }
    }
    if (isinf(best[(size_t)count * n + (size_t)w->count].period)) return LPC_ERROR;
    for (int s = count, i = w->count; s > 0; s--) {
        ends[s - 1] = i;
        i = from[(size_t)s * n + (size_t)i];
    }
    return 0;
}

static bool origin_is(const Origin *origin, const char *name)
{
    return origin->node && !strcmp(origin->node, name);
}

static bool goes_by(const Node *node, const char *name, int depth)
{
    if (!strcmp(node->name, name) || origin_is(&node->origin, name)) return true;
    for (int i = 0; i < node->merged_count; i++) {
        if (origin_is(&node->merged[i], name)) return true;
    }
    for (int i = 0; i < node->epilogue_count; i++) {
        if (goes_by(node->epilogue[i], name, depth)) return true;
    }
    for (int i = 0; i < node->out_count; i++) {
        if (node->out[i] && !strcmp(node->out[i]->name, name)) return true;
    }
    for (int i = 0; i < node->in_count && depth < 32; i++) {
        const Tensor *in = node->in[i];
        if (in && in->is_inlined && in->producer && goes_by(in->producer, name, depth + 1))
            return true;
    }
    return false;
}

static int cut_by_name(const Work *w, const char *const *names, int count, int *ends)
{
    Diag *diag = w->graph->diag;
    for (int c = 0; c < count; c++) {
        int at = -1;
        for (int i = 0; i < w->count; i++) {
            if (goes_by(w->nodes[i], names[c], 0)) at = i + 1;
        }
        if (at < 0)
            return diag_error(diag, "--cut-after: no node '%s' runs in this model (folded or unknown)",
                              names[c]);
        if (at >= w->count)
            return diag_error(diag, "--cut-after: nothing is left to run after node '%s'", names[c]);
        if (!w->allowed[at])
            return diag_error(diag, "--cut-after: node '%s' lies between a state's use and its renewal",
                              names[c]);
        if (c && at <= ends[c - 1])
            return diag_error(diag, "--cut-after: node '%s' does not come after node '%s'", names[c],
                              names[c - 1]);
        ends[c] = at;
    }
    ends[count] = w->count;
    return 0;
}

static void contract(const Work *w, const int *first, const int *last, int at, Tensor ***list,
                     int *count, int64_t *bytes)
{
    const Graph *g = w->graph;
    *list = NULL;
    *count = 0;
    *bytes = 0;
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
            if (crosses(g->tensors[i], first, last, at))
                arena_push(g->arena, *list, *count) = g->tensors[i];
        }
    }
    for (int i = 0; i < *count; i++) *bytes += tensor_bytes(w, (*list)[i]);
}

static const char *stage_name(Graph *graph, const char *const *names, int index)
{
    int same = 1;
    for (int i = 0; i < index; i++) same += !strcmp(names[i], names[index]);
    if (same == 1) return names[index];
    return arena_printf(graph->arena, "%s-%d", names[index], same);
}

static void fill_stages(Work *w, const Target *const *targets, const char *const *names, int count,
                        const int *ends, Cut *cut)
{
    Graph *g = w->graph;
    int *first = arena_array(g->arena, (size_t)g->tensor_count, sizeof *first);
    int *last = arena_array(g->arena, (size_t)g->tensor_count, sizeof *last);
    lifetimes(w, first, last);
    cut->count = count;
    cut->stages = arena_array(g->arena, (size_t)count, sizeof *cut->stages);
    for (int s = 0; s < count; s++) {
        int a = s ? ends[s - 1] : 0, b = ends[s];
        Stage *stage = &cut->stages[s];
        stage->target = targets[s];
        stage->name = stage_name(g, names, s);
        stage->nodes = w->nodes + a;
        stage->node_count = b - a;
        stage->flops = w->flops[b] - w->flops[a];
        stage->weight_bytes = w->weights[b] - w->weights[a];
        contract(w, first, last, a, &stage->in, &stage->in_count, &stage->in_bytes);
        contract(w, first, last, b, &stage->out, &stage->out_count, &stage->out_bytes);
        for (int i = a; i < b; i++) w->nodes[i]->layer = i;
    }
}

static int does_not_fit(const Work *w, const Target *const *targets, int count)
{
    Diag *diag = w->graph->diag;
    int64_t budget = 0;
    for (int i = 0; i < count; i++) budget += targets[i]->memory;
    int allowed = 1;
    for (int i = 1; i < w->count; i++) allowed += w->allowed[i];
    if (allowed < count)
        return diag_error(diag, "the model has %d layers that can be cut apart, fewer than %d stages",
                          allowed, count);
    return diag_error(diag,
                      "no cut into %d stages fits the targets' memory: weights take %lld bytes, the "
                      "budgets sum to %lld",
                      count, (long long)w->weights[w->count], (long long)budget);
}

int cut_graph(Graph *graph, const Target *const *targets, const char *const *names,
              int target_count, const char *const *cut_after, int cut_count, Cut *cut)
{
    Work w = {.graph = graph};
    w.nodes = arena_array(graph->arena, (size_t)graph->node_count + 1, sizeof *w.nodes);
    for (int i = 0; i < graph->node_count; i++) {
        if (runs(graph->nodes[i])) w.nodes[w.count++] = graph->nodes[i];
    }
    sink_views(&w);
    measure(&w);
    int *ends = arena_array(graph->arena, (size_t)target_count + 1, sizeof *ends);
    if (cut_count) {
        TRY(cut_by_name(&w, cut_after, cut_count, ends));
    } else if (target_count == 1) {
        ends[0] = w.count;
        if (isinf(stage_time(&w, 0, w.count, targets[0])))
            return does_not_fit(&w, targets, target_count);
    } else if (balance(&w, targets, target_count, ends)) {
        return does_not_fit(&w, targets, target_count);
    }
    fill_stages(&w, targets, names, target_count, ends, cut);
    return 0;
}
