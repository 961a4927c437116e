/* The independent check of a plan, ours or anyone's, before it is used.
 *
 * It shares no code with the algorithms nor with cost.c: sizes, tensors and times are added up again
 * from the profile, the slow and plain way. */
#include "passes/partition/planner.h"

#include <math.h>

static int64_t shared_bytes(const SharedWeight *shared, int count, int first, int end)
{
    int64_t bytes = 0;
    for (int s = 0; s < count; s++) {
        int uses = 0;
        for (int k = 0; k < shared[s].layer_count; k++)
            uses += shared[s].layers[k] >= first && shared[s].layers[k] < end;
        if (uses) bytes += shared[s].bytes;
    }
    return bytes;
}

/* Is the buffer in the workspace of the stage, rather than in a queue or another stage's? */
static bool is_inside(const WorkBuffer *b, int first, int end)
{
    return b->from >= first && b->to < end;
}

static int64_t workspace_bytes(const Profile *p, const Footprint *f, int first, int end)
{
    Arena *arena = arena_new();
    int *step = arena_array(arena, (size_t)p->count + 1, sizeof *step);
    footprint_steps(f, p->count, step);
    int64_t *change = arena_array(arena, (size_t)step[p->count] + 2, sizeof *change);
    int64_t live = 0, most = 0;
    for (int i = 0; i < f->buffer_count; i++) {
        const WorkBuffer *b = &f->buffers[i];
        if (!is_inside(b, first, end)) continue;
        bool over = b->over >= 0 && is_inside(&f->buffers[b->over], first, end);
        change[b->first + over] += b->bytes;
        change[b->last + 1] -= b->bytes;
    }
    for (int k = 0; k < step[end]; k++) {
        live += change[k];
        if (k >= step[first] && live > most) most = live;
    }
    arena_free(arena);
    return most;
}

static int64_t footprint_bytes(const Profile *p, const Footprint *f, int first, int end)
{
    int64_t bytes = f->slack + shared_bytes(f->shared, f->shared_count, first, end);
    for (int i = first; i < end; i++) bytes += f->weights[i] + f->state[i] + f->code[i];
    return bytes + workspace_bytes(p, f, first, end);
}

static int64_t layer_bytes(const Profile *p, int first, int end)
{
    int64_t bytes = shared_bytes(p->shared, p->shared_count, first, end), live = 0;
    for (int i = first; i < end; i++) {
        const Layer *l = &p->layers[i];
        bytes += l->weights + l->buffers + l->state + l->code;
        if (!p->planned)
            bytes += l->activations;
        else if (l->activations > live)
            live = l->activations;
    }
    return bytes + live;
}

static int64_t stage_bytes(const Profile *p, const Device *d, const PlanStage *s)
{
    const Footprint *f = profile_footprint(p, d, s->compact);
    return f ? footprint_bytes(p, f, s->first, s->end) : layer_bytes(p, s->first, s->end);
}

static int check_layers(Diag *diag, const Profile *p, const Plan *plan)
{
    int next = 0;
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        if (s->end <= s->first || s->first < 0 || s->end > p->count)
            return diag_error(diag, "plan: stage %d (%s) has no layers", k + 1, s->device);
        if (s->first != next)
            return diag_error(diag, "plan: stage %d (%s) starts with layer '%s', expected '%s'",
                              k + 1, s->device, p->layers[s->first].name,
                              next < p->count ? p->layers[next].name : "(none)");
        if (k && p->layers[s->first].whole)
            return diag_error(diag,
                              "plan: layers '%s' and '%s' share a state and cannot be cut apart",
                              p->layers[s->first - 1].name, p->layers[s->first].name);
        next = s->end;
    }
    if (next != p->count)
        return diag_error(diag, "plan: layer '%s' runs nowhere", p->layers[next].name);
    return 0;
}

static int check_devices(Diag *diag, const Cluster *cluster, const Plan *plan)
{
    bool used[PLAN_DEVICES] = {false};
    int code = 0, last = -1;
    for (int k = 0; k < plan->count; k++) {
        int d = plan->stages[k].device_index;
        if (d < 0 || d >= cluster->count)
            return diag_error(diag, "plan: stage %d runs on no device", k + 1);
        if (used[d])
            code = diag_error(diag, "plan: device '%s' runs two stages", cluster->devices[d].name);
        if (!plan->options.free_order && d < last)
            code = diag_error(diag,
                              "plan: device '%s' comes after '%s', against the given order "
                              "(--order free allows it)",
                              cluster->devices[d].name, cluster->devices[last].name);
        used[d] = true;
        last = d;
    }
    for (int d = 0; d < cluster->count && plan->options.use_all; d++) {
        if (!used[d])
            code = diag_error(diag, "plan: device '%s' is not used", cluster->devices[d].name);
    }
    return code;
}

int plan_short(Diag *diag, int index, const PlanStage *s)
{
    const StageBytes *b = &s->bytes;
    return diag_error(
        diag,
        "plan: stage %d: layers '%s' to '%s' need %lld bytes on %s, whose budget is %lld: %lld "
        "bytes "
        "short (weights %lld, activations %lld, buffers %lld, state %lld, queues %lld, code %lld)",
        index + 1, s->first_name, s->last_name, (long long)s->memory, s->device,
        (long long)s->budget, (long long)(s->memory - s->budget), (long long)b->weights,
        (long long)b->activations, (long long)b->buffers, (long long)b->state, (long long)b->queues,
        (long long)b->code);
}

static int check_memory(Diag *diag, const Profile *p, const Cluster *cluster, const Plan *plan)
{
    int code = 0;
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        const Device *d = &cluster->devices[s->device_index];
        const PlanOptions *o = &plan->options;
        int64_t memory = o->capacity > 0 ? o->capacity : d->target->memory;
        int64_t budget = o->memory_limit < 1 ? (int64_t)(o->memory_limit * (double)memory) : memory;
        int64_t bytes = stage_bytes(p, d, s) + d->runtime +
                        o->queue * (profile_cut_bytes(p, s->first) + profile_cut_bytes(p, s->end));
        /* Where workspaces are not tabled, the planner's are upper bounds. */
        bool more = profile_footprint(p, d, s->compact) && p->count > NEEDS_TABLED;
        if ((more ? bytes > s->memory : bytes != s->memory) || budget != s->budget)
            code = diag_error(diag,
                              "plan: stage %d (%s) needs %lld bytes of %lld, planned with %lld "
                              "of %lld",
                              k + 1, s->device, (long long)bytes, (long long)budget,
                              (long long)s->memory, (long long)s->budget);
        else if (s->memory > budget)
            code = plan_short(diag, k, s);
    }
    return code;
}

/* Follows each tensor from the stage that makes it, link by link, to the one that needs it last. */
static int check_tensors(Diag *diag, const Profile *p, const Plan *plan)
{
    int64_t carried[PLAN_DEVICES] = {0};
    for (int t = 0; t < p->tensor_count; t++) {
        const LiveTensor *x = &p->tensors[t];
        for (int k = 0; k + 1 < plan->count; k++) {
            if (x->from < plan->stages[k].end && x->to >= plan->stages[k + 1].first)
                carried[k] += x->bytes;
        }
    }
    for (int k = 0; k + 1 < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        int64_t bytes = p->tensor_count ? carried[k] : p->layers[s->end - 1].out_bytes;
        if (bytes != s->out_bytes || bytes != plan->stages[k + 1].in_bytes)
            return diag_error(diag, "plan: %lld bytes must leave stage %d (%s), %lld do",
                              (long long)bytes, k + 1, s->device, (long long)s->out_bytes);
    }
    return 0;
}

static double layer_seconds(const Profile *p, const Device *d, int i)
{
    const Layer *l = &p->layers[i];
    double flops, bytes, measured = profile_measured(p, d, i);
    if (measured >= 0) return measured;
    profile_work(p, d, i, &flops, &bytes);
    if (bytes < 0) {
        bytes = (double)(l->weights + l->activations + l->buffers);
        for (int s = 0; s < p->shared_count; s++) {
            for (int k = 0; k < p->shared[s].layer_count; k++)
                bytes += p->shared[s].layers[k] == i ? (double)p->shared[s].bytes : 0;
        }
    }
    double moving = d->target->memory_bandwidth > 0 ? bytes / d->target->memory_bandwidth : 0;
    return fmax(flops / (d->target->gflops * 1e9), moving) + d->target->call_overhead;
}

static bool differs(double a, double b)
{
    return fabs(a - b) > 1e-9 * fmax(fabs(a), fabs(b)) + 1e-15;
}

/* Bytes of the model's inputs, or outputs, over the client's link. */
static double client_seconds(const Profile *p, const Plan *plan, bool inputs)
{
    const Link *link = &plan->options.client;
    int64_t bytes = 0;
    if (link->bandwidth <= 0) return 0;
    for (int t = 0; t < p->tensor_count; t++)
        bytes += (inputs ? p->tensors[t].from < 0 : p->tensors[t].to == p->count)
                     ? p->tensors[t].bytes
                     : 0;
    return link->latency + (double)bytes / link->bandwidth;
}

static int check_times(Diag *diag, const Profile *p, const Cluster *cluster, const Plan *plan)
{
    double in = client_seconds(p, plan, true), out = client_seconds(p, plan, false);
    double latency = in + out, longest = fmax(in, out);
    for (int k = 0; k < plan->count; k++) {
        const PlanStage *s = &plan->stages[k];
        double compute = 0, send = 0;
        for (int i = s->first; i < s->end; i++)
            compute += layer_seconds(p, &cluster->devices[s->device_index], i);
        if (k + 1 < plan->count) {
            Link link = cluster_link(cluster, s->device_index, plan->stages[k + 1].device_index);
            send = link.latency + (double)s->out_bytes / link.bandwidth;
        }
        latency += compute + send;
        longest = fmax(longest, plan->options.no_overlap ? compute + send : fmax(compute, send));
    }
    if (differs(latency, plan->latency_s) || differs(longest, plan->bottleneck_s))
        return diag_error(diag,
                          "plan: latency %.9g s and longest period %.9g s, planned %.9g and %.9g",
                          latency, longest, plan->latency_s, plan->bottleneck_s);
    return 0;
}

int plan_check(Diag *diag, Arena *arena, const Profile *profile, const Cluster *cluster,
               const Plan *plan)
{
    (void)arena;
    TRY(check_layers(diag, profile, plan));
    TRY(check_devices(diag, cluster, plan));
    TRY(check_memory(diag, profile, cluster, plan));
    TRY(check_tensors(diag, profile, plan));
    return check_times(diag, profile, cluster, plan);
}
