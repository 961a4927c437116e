/* What the files of profiles, footprints and clusters share. */
#include "passes/partition/json_parts.h"

void json_place(JsonReader *r, const char *what, const cJSON *json, int index)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "name");
    r->where = cJSON_IsString(name) && name->valuestring[0]
                   ? arena_printf(r->arena, "%s '%.60s'", what, name->valuestring)
                   : arena_printf(r->arena, "%s #%d", what, index);
}

void json_add_size(cJSON *object, const char *field, int64_t bytes)
{
    if (bytes) cJSON_AddNumberToObject(object, field, (double)bytes);
}
