/* Reading fields of JSON files, through cJSON. */
#include "passes/partition/json_read.h"

#include "ir/units.h"

#include <math.h>
#include <string.h>

const cJSON *json_item(const cJSON *object, const char *field)
{
    return cJSON_GetObjectItemCaseSensitive(object, field);
}

int json_bad(Reader *r, const char *field, const char *expected)
{
    return diag_error(r->diag, "%s: field '%s': expected %s", r->where, field, expected);
}

/* A number of bytes, or a plain number, of 0 or more. A field that is not there leaves *out. */
int json_number(Reader *r, const cJSON *object, const char *field, bool bytes, double *out)
{
    const cJSON *j = json_item(object, field);
    if (!j) return 0;
    double value = -1;
    if (cJSON_IsNumber(j))
        value = j->valuedouble;
    else if (bytes && cJSON_IsString(j))
        value = parse_bytes(j->valuestring);
    if (!(value >= 0 && value < 1e300))
        return json_bad(r, field,
                        bytes ? "bytes: a number of 0 or more, \"988MB\" or \"988MiB\""
                              : "a number of 0 or more");
    *out = value;
    return 0;
}

int json_size(Reader *r, const cJSON *object, const char *field, int64_t *out)
{
    double value = (double)*out;
    TRY(json_number(r, object, field, true, &value));
    if (value > 0x1p60) return json_bad(r, field, "at most 2^60 bytes");
    *out = (int64_t)(value + 0.5);
    return 0;
}

int json_count(Reader *r, const cJSON *object, const char *field, int *out)
{
    double value = *out;
    TRY(json_number(r, object, field, false, &value));
    if (value > 1e9 || value != floor(value)) return json_bad(r, field, "a whole number");
    *out = (int)value;
    return 0;
}

int json_name(Reader *r, const cJSON *object, const char *field, const char **out)
{
    const cJSON *j = json_item(object, field);
    if (!cJSON_IsString(j) || !j->valuestring[0]) return json_bad(r, field, "a name");
    *out = arena_strdup(r->arena, j->valuestring);
    return 0;
}

int json_known_fields(Reader *r, const cJSON *object, const char *const *names)
{
    if (!cJSON_IsObject(object)) return diag_error(r->diag, "%s: expected an object", r->where);
    const cJSON *j;
    cJSON_ArrayForEach(j, object)
    {
        bool known = false;
        for (int i = 0; names[i] && !known; i++) known = !strcmp(names[i], j->string);
        if (!known) return diag_error(r->diag, "%s: unknown field '%s'", r->where, j->string);
    }
    return 0;
}

void json_add_size(cJSON *object, const char *field, int64_t bytes)
{
    if (bytes) cJSON_AddNumberToObject(object, field, (double)bytes);
}
