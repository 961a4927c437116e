/* Sizes, and weights that several layers share: what profiles and footprints have in common. */
#include "passes/partition/profile.h"

/* Too large a product is left for profile_check to refuse. */
int64_t bytes_times(int64_t bytes, int batch)
{
    double product = (double)bytes * batch;
    return product > 2 * PROFILE_BYTES ? (int64_t)(2 * PROFILE_BYTES) : bytes * batch;
}

int shared_check(Diag *diag, const Profile *p, const SharedWeight *shared, int count)
{
    for (int i = 0; i < count; i++) {
        const SharedWeight *s = &shared[i];
        if (s->bytes < 0 || (double)s->bytes > PROFILE_BYTES || !s->layer_count)
            return diag_error(diag, "shared weight '%s': expected bytes and at least one layer",
                              s->name);
        for (int k = 0; k < s->layer_count; k++) {
            if (s->layers[k] < 0 || s->layers[k] >= p->count ||
                (k && s->layers[k] <= s->layers[k - 1]))
                return diag_error(diag, "shared weight '%s': expected each layer once, in order",
                                  s->name);
        }
    }
    return 0;
}
