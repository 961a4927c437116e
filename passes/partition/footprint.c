/* Footprints: what a lowered model needs, kept with the profile for each kind of device. */
#include "passes/partition/profile.h"

#include <string.h>

static const Footprint *find(const Profile *p, const char *name, bool compact)
{
    for (int i = 0; name && i < p->footprint_count; i++) {
        const Footprint *f = &p->footprints[i];
        if (f->compact == compact && !strcmp(f->target, name)) return f;
    }
    return NULL;
}

const Footprint *profile_footprint(const Profile *p, const Device *device, bool compact)
{
    const Footprint *own = find(p, device->name, false), *found = own;
    if (!own) found = find(p, device->target->name, false);
    const Footprint *small =
        compact ? find(p, own ? device->name : device->target->name, true) : NULL;
    return small ? small : found;
}

void profile_work(const Profile *p, const Device *device, int layer, double *flops, double *bytes)
{
    const Footprint *f = profile_footprint(p, device, false);
    *flops = f && f->flops ? f->flops[layer] : p->layers[layer].flops;
    *bytes = f && f->bytes ? f->bytes[layer] : p->layers[layer].bytes;
}

static bool shared_equal(const Footprint *a, const Footprint *b)
{
    if (a->shared_count != b->shared_count) return false;
    for (int i = 0; i < a->shared_count; i++) {
        const SharedWeight *x = &a->shared[i], *y = &b->shared[i];
        if (x->bytes != y->bytes || x->layer_count != y->layer_count) return false;
        for (int k = 0; k < x->layer_count; k++) {
            if (x->layers[k] != y->layers[k]) return false;
        }
    }
    return true;
}

static bool buffer_equal(const WorkBuffer *a, const WorkBuffer *b)
{
    return a->bytes == b->bytes && a->first == b->first && a->last == b->last &&
           a->from == b->from && a->to == b->to && a->over == b->over;
}

bool footprint_equal(const Footprint *a, const Footprint *b, int layers)
{
    if (a == b) return true;
    if (!a || !b || a->buffer_count != b->buffer_count || a->slack != b->slack) return false;
    for (int i = 0; i < layers; i++) {
        if (a->weights[i] != b->weights[i] || a->state[i] != b->state[i] ||
            a->code[i] != b->code[i] || a->steps[i] != b->steps[i])
            return false;
    }
    for (int i = 0; i < a->buffer_count; i++) {
        if (!buffer_equal(&a->buffers[i], &b->buffers[i])) return false;
    }
    return shared_equal(a, b);
}

static bool buffer_good(const Footprint *f, int i, int layers, int steps)
{
    const WorkBuffer *b = &f->buffers[i], *before = b->over >= 0 ? &f->buffers[b->over] : NULL;
    if (b->bytes < 0 || b->bytes > (int64_t)1 << 50 || b->first < 0 || b->last < b->first ||
        b->last >= steps || b->from < 0 || b->to < b->from || b->to >= layers)
        return false;
    if (i && f->buffers[i - 1].to > b->to) return false;
    return b->over < 0 || (b->over < i && before->last == b->first && before->from <= b->from &&
                           before->bytes == b->bytes);
}

int footprint_check(Diag *diag, const Profile *p, const Footprint *f)
{
    int64_t steps = 0;
    for (int i = 0; i < p->count; i++) {
        if (f->weights[i] < 0 || f->state[i] < 0 || f->code[i] < 0 || f->steps[i] < 0 ||
            f->steps[i] > 1 << 20)
            return diag_error(diag, "footprint '%s': layer '%s': expected sizes of 0 or more",
                              f->target, p->layers[i].name);
        steps += f->steps[i];
    }
    for (int i = 0; i < p->count; i++) {
        double flops = f->flops ? f->flops[i] : 0, bytes = f->bytes ? f->bytes[i] : 0;
        if (!(flops >= 0 && flops <= 1e30 && bytes >= 0 && bytes <= 1e30))
            return diag_error(diag,
                              "footprint '%s': layer '%s': expected flops and bytes of 0 or more",
                              f->target, p->layers[i].name);
    }
    if (steps > 1 << 24) return diag_error(diag, "footprint '%s': too many steps", f->target);
    bool *taken = arena_array(diag->arena, (size_t)f->buffer_count + 1, sizeof *taken);
    for (int i = 0; i < f->buffer_count; i++) {
        int over = f->buffers[i].over;
        bool good = buffer_good(f, i, p->count, (int)steps) && (over < 0 || !taken[over]);
        if (good && over >= 0) taken[over] = true;
        if (!good)
            return diag_error(
                diag,
                "footprint '%s': buffer #%d: expected bytes, steps and layers of this "
                "profile, ordered by 'to', over another earlier buffer as large",
                f->target, i);
    }
    return shared_check(diag, p, f->shared, f->shared_count);
}

double footprint_sum(const Footprint *f, int layers)
{
    double sum = (double)f->slack;
    for (int i = 0; i < layers; i++)
        sum += (double)f->weights[i] + (double)f->state[i] + (double)f->code[i];
    for (int i = 0; i < f->shared_count; i++) sum += (double)f->shared[i].bytes;
    for (int i = 0; i < f->buffer_count; i++) sum += (double)f->buffers[i].bytes;
    return sum;
}

void footprint_steps(const Footprint *f, int layers, int *at)
{
    at[0] = 0;
    for (int i = 0; i < layers; i++) at[i + 1] = at[i] + f->steps[i];
}

/* Weights are read once for the whole batch. */
static void scale_work(Arena *arena, const Profile *p, int batch, Footprint *f)
{
    size_t n = (size_t)p->count;
    if (f->flops) f->flops = arena_grow(arena, f->flops, n, n, sizeof *f->flops);
    if (f->bytes) f->bytes = arena_grow(arena, f->bytes, n, n, sizeof *f->bytes);
    for (size_t k = 0; k < n; k++) {
        if (f->flops) f->flops[k] *= batch;
        double fixed = (double)f->weights[k];
        if (f->bytes && f->bytes[k] > fixed) f->bytes[k] = fixed + (f->bytes[k] - fixed) * batch;
    }
}

void profile_scale_footprints(Arena *arena, Profile *p, int batch)
{
    Footprint *scaled = arena_array(arena, (size_t)p->footprint_count + 1, sizeof *scaled);
    size_t n = (size_t)p->count;
    for (int i = 0; i < p->footprint_count; i++) {
        const Footprint *f = &p->footprints[i];
        size_t count = (size_t)f->buffer_count;
        scaled[i] = *f;
        scaled[i].state = arena_grow(arena, f->state, n, n, sizeof *f->state);
        scaled[i].buffers = arena_grow(arena, f->buffers, count, count, sizeof *f->buffers);
        for (int k = 0; k < p->count; k++) scaled[i].state[k] = bytes_times(f->state[k], batch);
        scale_work(arena, p, batch, &scaled[i]);
        for (int k = 0; k < f->buffer_count; k++)
            scaled[i].buffers[k].bytes = bytes_times(f->buffers[k].bytes, batch);
    }
    p->footprints = scaled;
}
