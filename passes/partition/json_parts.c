/* What the files of profiles, footprints and clusters share. */
#include "passes/partition/json_parts.h"

void json_add_size(cJSON *object, const char *field, int64_t bytes)
{
    if (bytes) cJSON_AddNumberToObject(object, field, (double)bytes);
}
