/* Sizes of stages in a form that answers quickly for any of them.
 *
 * All of it only grows when a stage grows at either end: sums do, so do maxima over layers, and the
 * workspace because a buffer is in it when all the layers that make and read it are. fit.c relies
 * on that. */
#include "passes/partition/needs.h"

static void init_shared(Needs *needs, Arena *arena)
{
    int n = needs->profile->count, *at = arena_array(arena, (size_t)n + 2, sizeof *at);
    for (int s = 0; s < needs->weight_count; s++) {
        const SharedWeight *w = &needs->weights[s];
        for (int k = 0; k < w->layer_count; k++) at[w->layers[k] + 2]++;
    }
    for (int i = 2; i <= n + 1; i++) at[i] += at[i - 1];
    needs->shared_at = at;
    needs->shared = arena_array(arena, (size_t)at[n + 1] + 1, sizeof *needs->shared);
    for (int s = 0; s < needs->weight_count; s++) {
        const SharedWeight *w = &needs->weights[s];
        for (int k = 0; k < w->layer_count; k++) needs->shared[at[w->layers[k] + 1]++] = s;
    }
}

static void init_layers(Needs *needs, Arena *arena)
{
    const Profile *p = needs->profile;
    if (p->planned) needs->live = arena_array(arena, (size_t)p->count + 1, sizeof *needs->live);
    for (int i = 0; i < p->count; i++) {
        const Layer *l = &p->layers[i];
        needs->fixed[i + 1] = needs->fixed[i] + l->weights + l->buffers + l->state + l->code +
                              (p->planned ? 0 : l->activations);
        if (p->planned) needs->live[i] = l->activations;
    }
}

/* The first step at which a buffer counts, in a stage that starts with layer `first`. */
static int starts_at(const Footprint *f, const WorkBuffer *b, int first, int first_step)
{
    int step = b->first;
    if (b->over >= 0 && f->buffers[b->over].from >= first) step++;
    return step > first_step ? step : first_step;
}

/* Whole-model bytes at each step, then each layer's largest. */
static void init_live(Needs *needs, Arena *arena, const int *step)
{
    const Footprint *f = needs->footprint;
    int n = needs->profile->count;
    int64_t *at = arena_array(arena, (size_t)step[n] + 2, sizeof *at), bytes = 0;
    for (int i = 0; i < f->buffer_count; i++) {
        const WorkBuffer *b = &f->buffers[i];
        at[starts_at(f, b, 0, 0)] += b->bytes;
        at[b->last + 1] -= b->bytes;
    }
    needs->live = arena_array(arena, (size_t)n + 1, sizeof *needs->live);
    for (int i = 0; i < n; i++) {
        for (int k = step[i]; k < step[i + 1]; k++) {
            bytes += at[k];
            if (bytes > needs->live[i]) needs->live[i] = bytes;
        }
    }
}

/* peak[first]: the stage grows layer by layer, and with each of them come the buffers that need no
 * later one. */
static void init_row(const Needs *needs, int first, const int *step, int64_t *bytes, int64_t *row)
{
    const Footprint *f = needs->footprint;
    int n = needs->profile->count, b = 0;
    int64_t most = 0;
    for (int k = step[first]; k < step[n]; k++) bytes[k] = 0;
    while (b < f->buffer_count && f->buffers[b].to < first) b++;
    for (int layer = first; layer < n; layer++) {
        for (; b < f->buffer_count && f->buffers[b].to == layer; b++) {
            const WorkBuffer *buffer = &f->buffers[b];
            if (buffer->from < first) continue;
            for (int k = starts_at(f, buffer, first, step[first]); k <= buffer->last; k++) {
                bytes[k] += buffer->bytes;
                if (k < step[layer] && bytes[k] > most) most = bytes[k];
            }
        }
        for (int k = step[layer]; k < step[layer + 1]; k++) {
            if (bytes[k] > most) most = bytes[k];
        }
        row[layer - first] = most;
    }
}

static void init_peak(Needs *needs, Arena *arena, const int *step)
{
    int n = needs->profile->count;
    int64_t *bytes = arena_array(arena, (size_t)step[n] + 1, sizeof *bytes);
    size_t all = (size_t)n * ((size_t)n + 1) / 2;
    int64_t *row = arena_array(arena, all, sizeof *row);
    needs->peak = arena_array(arena, (size_t)n, sizeof *needs->peak);
    for (int first = 0; first < n; row += n - first++) {
        needs->peak[first] = row;
        init_row(needs, first, step, bytes, row);
    }
}

static void init_footprint(Needs *needs, Arena *arena)
{
    const Footprint *f = needs->footprint;
    int n = needs->profile->count, *step = arena_array(arena, (size_t)n + 1, sizeof *step);
    for (int i = 0; i < n; i++)
        needs->fixed[i + 1] = needs->fixed[i] + f->weights[i] + f->state[i] + f->code[i];
    needs->slack = f->slack;
    footprint_steps(f, n, step);
    if (n <= NEEDS_TABLED)
        init_peak(needs, arena, step);
    else
        init_live(needs, arena, step);
}

const Needs *needs_new(Arena *arena, const Profile *p, const Footprint *f)
{
    Needs *needs = arena_alloc(arena, sizeof *needs);
    *needs = (Needs){.profile = p,
                     .footprint = f,
                     .weights = f ? f->shared : p->shared,
                     .weight_count = f ? f->shared_count : p->shared_count};
    needs->fixed = arena_array(arena, (size_t)p->count + 1, sizeof *needs->fixed);
    init_shared(needs, arena);
    if (f)
        init_footprint(needs, arena);
    else
        init_layers(needs, arena);
    return needs;
}

static int64_t activations(const Needs *needs, int first, int end)
{
    if (needs->peak) return needs->peak[first][end - first - 1];
    int64_t live = 0;
    for (int i = first; needs->live && i < end; i++) {
        if (needs->live[i] > live) live = needs->live[i];
    }
    return live;
}

static int64_t shared_bytes(const Needs *needs, int first, int end)
{
    int64_t bytes = 0;
    for (int i = first; i < end; i++) {
        for (int s = needs->shared_at[i]; s < needs->shared_at[i + 1]; s++) {
            const SharedWeight *w = &needs->weights[needs->shared[s]];
            bool before = false; /* the layers are ascending: is there one in [first, i)? */
            for (int k = 0; k < w->layer_count && w->layers[k] < i; k++)
                before = before || w->layers[k] >= first;
            if (!before) bytes += w->bytes;
        }
    }
    return bytes;
}

int64_t needs_memory(const Needs *needs, int first, int end)
{
    return needs->fixed[end] - needs->fixed[first] + activations(needs, first, end) +
           shared_bytes(needs, first, end);
}

StageBytes needs_bytes(const Needs *needs, int first, int end)
{
    const Footprint *f = needs->footprint;
    StageBytes b = {.weights = shared_bytes(needs, first, end),
                    .activations = activations(needs, first, end) + needs->slack};
    for (int i = first; i < end; i++) {
        const Layer *l = &needs->profile->layers[i];
        b.weights += f ? f->weights[i] : l->weights;
        b.state += f ? f->state[i] : l->state;
        b.code += f ? f->code[i] : l->code;
        if (!f) b.buffers += l->buffers;
        if (!f && !needs->live) b.activations += l->activations;
    }
    return b;
}
