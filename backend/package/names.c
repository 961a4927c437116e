/* Names of the model's in what is written for compilers and readers. */
#include "backend/package/parts.h"

#include <ctype.h>

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
