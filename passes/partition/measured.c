/* Measured times of layers, which stand in for the model's. */
#include "passes/partition/profile.h"

#include <string.h>

static const LayerSeconds *find(const Profile *p, const Device *device)
{
    for (int i = 0; i < p->time_count; i++) {
        if (!strcmp(p->times[i].target, device->name)) return &p->times[i];
    }
    for (int i = 0; i < p->time_count; i++) {
        if (!strcmp(p->times[i].target, device->target->name)) return &p->times[i];
    }
    return NULL;
}

double profile_measured(const Profile *p, const Device *device, int layer)
{
    const LayerSeconds *times = p->time_count ? find(p, device) : NULL;
    return times ? times->seconds[layer] : -1;
}

bool profile_same_times(const Profile *p, const Device *a, const Device *b)
{
    return !p->time_count || find(p, a) == find(p, b);
}

void profile_scale_times(Arena *arena, Profile *p, int batch)
{
    LayerSeconds *scaled = arena_array(arena, (size_t)p->time_count + 1, sizeof *scaled);
    for (int i = 0; i < p->time_count; i++) {
        scaled[i] = p->times[i];
        scaled[i].seconds = arena_array(arena, (size_t)p->count + 1, sizeof *scaled[i].seconds);
        for (int k = 0; k < p->count; k++) scaled[i].seconds[k] = p->times[i].seconds[k] * batch;
    }
    p->times = scaled;
}
