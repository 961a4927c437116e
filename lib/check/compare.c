/* Element by element, in double precision. */
#include "lib/check/compare.h"

#include "lib/files/tensor_strings.h"

#include <math.h>
#include <string.h>

static bool same_shape(const HostTensor *a, const HostTensor *c)
{
    if (a->rank != c->rank) return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != c->dims[i]) return false;
    }
    return true;
}

static bool one_matches(double got, double want, bool is_float, const Tolerance *t, double *error)
{
    *error = 0;
    if (isnan(got) || isnan(want)) {
        *error = isnan(got) && isnan(want) ? 0 : INFINITY;
        return *error == 0;
    }
    if (isinf(got) || isinf(want)) {
        *error = got == want ? 0 : INFINITY;
        return *error == 0;
    }
    *error = fabs(got - want);
    return *error <= (is_float ? t->atol + t->rtol * fabs(want) : t->steps);
}

/* Byte by byte, whatever the bounds. */
static bool compare_strings(const HostTensor *got, const HostTensor *want, Arena *arena,
                            Difference *d)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < d->elements; i++) {
        size_t g, w;
        const char *is = host_string(got, i, &g), *should = host_string(want, i, &w);
        if (g == w && !memcmp(is, should, g)) continue;
        if (!wrong++)
            d->shape_error = arena_printf(arena, "string [%lld]: got '%.*s', expected '%.*s'",
                                          (long long)i, (int)g, is, (int)w, should);
    }
    return wrong == 0;
}

bool compare_tensors(const HostTensor *got, const HostTensor *want, const Tolerance *tolerance,
                     Arena *arena, Difference *d)
{
    *d = (Difference){0};
    bool strings = dtype_is_string(got->type) && dtype_is_string(want->type);
    if ((got->type != want->type && !strings) || !same_shape(got, want)) {
        d->shape_error = arena_printf(arena, "got %s, expected %s", host_shape_text(got, arena),
                                      host_shape_text(want, arena));
        return false;
    }
    double worst = -1;
    d->elements = host_elements(want);
    if (strings) return compare_strings(got, want, arena, d);
    HostTensor parts[2] = {*got, *want}; /* of complex numbers, one behind the other */
    bool is_complex = dtype_is_complex(want->type);
    parts[0].type = parts[1].type = dtype_part(want->type);
    bool is_float = dtype_is_float(parts[1].type);
    if (is_complex) d->elements *= 2;
    for (int64_t i = 0; i < d->elements; i++) {
        double error, g = host_value(&parts[0], i), w = host_value(&parts[1], i);
        bool ok = one_matches(g, w, is_float, tolerance, &error);
        double relative = error == 0 ? 0 : error / fabs(w);
        if (!ok) d->wrong++;
        if (error > d->largest_absolute) d->largest_absolute = error;
        if (relative > d->largest_relative) d->largest_relative = relative;
        double badness = is_float ? error - tolerance->rtol * (isinf(w) ? 0 : fabs(w)) : error;
        if (badness > worst) {
            worst = badness;
            d->worst = i;
        }
    }
    return d->wrong == 0;
}
