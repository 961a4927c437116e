/* Names of the model's in what is written for compilers and readers. */
#include "backend/package/parts.h"

#include <ctype.h>
#include <math.h>

const char *package_harmless(PackJob *job, const char *text)
{
    char *copy = arena_strdup(job->arena, text);
    for (char *c = copy; *c; c++) {
        if (*c == '"' || *c == '\\' || *c == '*' || *c == '?' || !isprint((unsigned char)*c))
            *c = '_';
    }
    return copy;
}

const char *package_needs(PackJob *job, const PackStage *stage)
{
    return job->portable ? "" : target_needs(job->arena, stage->target);
}

uint64_t package_predicted_ns(const PackStage *stage)
{
    static const double longest_s = 1e9; /* its nanoseconds fit 64 bits */
    if (!(stage->predicted_compute_s >= 0)) return 0;
    return (uint64_t)(fmin(stage->predicted_compute_s, longest_s) * 1e9 + 0.5);
}
