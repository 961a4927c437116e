/* What a profile must satisfy, whoever wrote it: the planner's sums then do not overflow. */
#include "passes/partition/profile.h"

#include "ir/names.h"

#include <math.h>

/* Sums of what passes the checks, times the depth of queues, stay below 2^63. */
static const double largest_sum = 0x1p55;
enum { MOST_LAYERS = 1 << 20 };

static int check_layer(Diag *diag, const Layer *layer)
{
    const struct {
        const char *field;
        double value;
        double most;
    } fields[] = {{"weights", (double)layer->weights, PROFILE_BYTES},
                  {"activations", (double)layer->activations, PROFILE_BYTES},
                  {"buffers", (double)layer->buffers, PROFILE_BYTES},
                  {"state", (double)layer->state, PROFILE_BYTES},
                  {"code", (double)layer->code, PROFILE_BYTES},
                  {"out_bytes", (double)layer->out_bytes, PROFILE_BYTES},
                  {"tensors", (double)layer->tensors, 1e9},
                  {"flops", layer->flops, 1e30}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!(fields[i].value >= 0 && fields[i].value <= fields[i].most))
            return diag_error(diag, "layer '%s': field '%s': expected 0 to %g, got %g", layer->name,
                              fields[i].field, fields[i].most, fields[i].value);
    }
    if (isnan(layer->bytes) || layer->bytes > 1e30)
        return diag_error(diag, "layer '%s': field 'bytes': expected 0 to 1e30", layer->name);
    return 0;
}

static int check_sum(Diag *diag, const Profile *p)
{
    double sum = 0;
    for (int i = 0; i < p->count; i++) {
        const Layer *l = &p->layers[i];
        sum += (double)l->weights + (double)l->activations + (double)l->buffers + (double)l->state +
               (double)l->code + (double)l->out_bytes;
    }
    for (int i = 0; i < p->shared_count; i++) sum += (double)p->shared[i].bytes;
    for (int i = 0; i < p->tensor_count; i++) sum += (double)p->tensors[i].bytes;
    for (int i = 0; i < p->footprint_count; i++) sum += footprint_sum(&p->footprints[i], p->count);
    return sum <= largest_sum ? 0 : diag_error(diag, "the sizes sum to more than 2^55 bytes");
}

int profile_check(Diag *diag, const Profile *p)
{
    if (p->count < 1 || p->count > MOST_LAYERS)
        return diag_error(diag, "expected 1 to %d layers, got %d", MOST_LAYERS, p->count);
    NameTable *names = names_new(diag->arena);
    for (int i = 0; i < p->count; i++) {
        if (names_find(names, p->layers[i].name))
            return diag_error(diag, "two layers are called '%s'", p->layers[i].name);
        names_put(names, p->layers[i].name, &p->layers[i]);
        TRY(check_layer(diag, &p->layers[i]));
    }
    TRY(shared_check(diag, p, p->shared, p->shared_count));
    for (int i = 0; i < p->footprint_count; i++) TRY(footprint_check(diag, p, &p->footprints[i]));
    for (int i = 0; i < p->tensor_count; i++) {
        const LiveTensor *t = &p->tensors[i];
        if (t->from < -1 || t->to <= t->from || t->to > p->count || t->bytes < 0 ||
            (double)t->bytes > PROFILE_BYTES)
            return diag_error(diag, "tensor '%s': expected bytes, and a user after its maker",
                              t->name);
    }
    return check_sum(diag, p);
}
