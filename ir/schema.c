/* JSON objects read by tables of fields. */
#include "ir/schema.h"

#include "ir/json.h"
#include "ir/units.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

/* ---- Messages ---- */

int json_wrong(const JsonReader *r, const char *field, const cJSON *json, const char *expected)
{
    const char *where = r->where ? r->where : "", *colon = r->where ? ": " : "";
    const char *path = r->path ? r->path : "";
    if (!json)
        return diag_error(r->diag, "%s%sfield '%s%s' is missing: expected %s", where, colon, path,
                          field, expected);
    char *text = cJSON_PrintUnformatted(json);
    int code = diag_error(r->diag, "%s%sfield '%s%s': expected %s, got %.60s", where, colon, path,
                          field, expected, text ? text : "something else");
    cJSON_free(text);
    return code;
}

/* "inner or outer" */
static const char *choices(Arena *arena, const JsonField *words)
{
    Text text;
    text_init(&text, arena);
    for (const JsonField *w = words; w->name; w++)
        text_printf(&text, "%s%s", w == words ? "" : w[1].name ? ", " : " or ", w->name);
    return text.data;
}

static const char *expected_of(const JsonReader *r, const JsonField *f)
{
    if (f->expected) return f->expected;
    switch (f->kind) {
    case JSON_TEXT:
    case JSON_LINE:
    case JSON_STRING: return "a text";
    case JSON_MAYBE: return "a text or null";
    case JSON_FLAG: return "true or false";
    case JSON_CHOICE: return choices(r->arena, f->fields);
    case JSON_INT:
    case JSON_INT64:
        return arena_printf(r->arena, "a whole number from %.0f to %.0f", f->least, f->most);
    case JSON_NUMBER: return arena_printf(r->arena, "a number from %g to %g", f->least, f->most);
    case JSON_BYTES:
    case JSON_SIZE: return "a size: bytes, or a text such as \"988MB\" or \"2GiB\"";
    case JSON_WORDS: return "a list of words";
    case JSON_OBJECT:
    case JSON_MAP: return "an object";
    default: return "a list";
    }
}

static int unknown(const JsonReader *r, const cJSON *item, const JsonField *fields)
{
    Text known;
    text_init(&known, r->arena);
    for (const JsonField *f = fields; f->name; f++)
        text_printf(&known, "%s%s", f > fields ? ", " : "", f->name);
    return diag_error(r->diag, "%s%sunknown field '%s%.60s': expected one of %s",
                      r->where ? r->where : "", r->where ? ": " : "", r->path ? r->path : "",
                      item->string, known.data);
}

/* ---- Values ---- */

static bool is_text(const cJSON *json, bool line)
{
    if (!cJSON_IsString(json) || !json->valuestring[0]) return false;
    for (const char *c = json->valuestring; *c && line; c++)
        if (iscntrl((unsigned char)*c)) return false;
    return true;
}

static int store_words(JsonReader *r, const JsonField *f, const cJSON *json, char *to)
{
    int n = cJSON_GetArraySize(json), k = 0;
    const cJSON *one;
    if (!cJSON_IsArray(json) || n < f->least || n > f->most)
        return json_wrong(r, f->name, json, expected_of(r, f));
    const char **list = arena_array(r->arena, (size_t)n + 1, sizeof *list);
    cJSON_ArrayForEach(one, json)
    {
        if (!is_text(one, false)) return json_wrong(r, f->name, json, expected_of(r, f));
        list[k++] = arena_strdup(r->arena, one->valuestring);
    }
    *(const char *const **)(void *)(to + f->at) = list;
    *(int *)(void *)(to + f->count) = k;
    return 0;
}

static int store_number(JsonReader *r, const JsonField *f, const cJSON *json, char *to)
{
    bool bytes = f->kind == JSON_BYTES || f->kind == JSON_SIZE;
    double value = NAN;
    if (cJSON_IsNumber(json))
        value = json->valuedouble;
    else if (bytes && cJSON_IsString(json) && parse_bytes(json->valuestring) >= 0)
        value = parse_bytes(json->valuestring);
    bool inside = value >= f->least && value <= f->most;
    if (!inside && bytes && value >= 0 && !f->expected)
        return json_wrong(r, f->name, json,
                          arena_printf(r->arena, "a size from %.0f bytes to %s", f->least,
                                       bytes_text(r->arena, f->most)));
    bool whole = f->kind == JSON_INT || f->kind == JSON_INT64;
    if (!inside || (whole && value != floor(value)))
        return json_wrong(r, f->name, json, expected_of(r, f));
    void *at = to + f->at;
    if (f->kind == JSON_INT)
        *(int *)at = (int)value;
    else if (f->kind == JSON_INT64)
        *(int64_t *)at = (int64_t)value;
    else if (f->kind == JSON_SIZE)
        *(int64_t *)at = (int64_t)(value + 0.5);
    else
        *(double *)at = value;
    return 0;
}

static int store_choice(JsonReader *r, const JsonField *f, const cJSON *json, char *to)
{
    const JsonField *word = f->fields;
    while (cJSON_IsString(json) && word->name && strcmp(word->name, json->valuestring) != 0) word++;
    if (!cJSON_IsString(json) || !word->name)
        return json_wrong(r, f->name, json, expected_of(r, f));
    *(int *)(void *)(to + f->at) = (int)word->at;
    return 0;
}

/* The elements of a list or a map. Each has a reader of its own: where it is said to be ends with
 * it. */
static int read_each(JsonReader *r, const JsonField *f, const cJSON *json, char *to)
{
    bool map = f->kind == JSON_MAP;
    const char *where = r->where ? r->where : "", *colon = r->where ? ": " : "";
    const char *path = r->path ? r->path : "";
    const cJSON *one;
    int index = 0;
    if ((map ? !cJSON_IsObject(json) : !cJSON_IsArray(json)) || cJSON_GetArraySize(json) < f->least)
        return json_wrong(r, f->name, json, expected_of(r, f));
    cJSON_ArrayForEach(one, json)
    {
        JsonReader inner = {.diag = r->diag, .arena = r->arena, .index = index, .key = one->string};
        inner.where =
            map ? arena_printf(r->arena, "%s%s%s%s '%.60s'", where, colon, path, f->name,
                               one->string)
                : arena_printf(r->arena, "%s%s%s%s[%d]", where, colon, path, f->name, index);
        TRY(f->read(&inner, f, one, to));
        index++;
    }
    return 0;
}

static int read_object(JsonReader *r, const JsonField *f, const cJSON *json, char *to)
{
    JsonReader inner = *r;
    if (!cJSON_IsObject(json)) return json_wrong(r, f->name, json, expected_of(r, f));
    inner.path = arena_printf(r->arena, "%s%s.", r->path ? r->path : "", f->name);
    return json_fields(&inner, json, f->fields, to);
}

int json_field(JsonReader *r, const JsonField *f, const cJSON *json, void *struct_to)
{
    char *to = struct_to;
    switch (f->kind) {
    case JSON_TEXT:
    case JSON_LINE:
        if (!is_text(json, f->kind == JSON_LINE))
            return json_wrong(r, f->name, json, expected_of(r, f));
        *(const char **)(void *)(to + f->at) = arena_strdup(r->arena, json->valuestring);
        break;
    case JSON_MAYBE:
        if (cJSON_IsNull(json)) return 0;
        if (!is_text(json, false)) return json_wrong(r, f->name, json, expected_of(r, f));
        *(const char **)(void *)(to + f->at) = arena_strdup(r->arena, json->valuestring);
        break;
    case JSON_STRING:
        if (!cJSON_IsString(json)) return json_wrong(r, f->name, json, expected_of(r, f));
        *(const char **)(void *)(to + f->at) = arena_strdup(r->arena, json->valuestring);
        break;
    case JSON_FLAG:
        if (!cJSON_IsBool(json)) return json_wrong(r, f->name, json, expected_of(r, f));
        *(bool *)(to + f->at) = cJSON_IsTrue(json);
        break;
    case JSON_INT:
    case JSON_INT64:
    case JSON_NUMBER:
    case JSON_BYTES:
    case JSON_SIZE: TRY(store_number(r, f, json, to)); break;
    case JSON_WORDS: TRY(store_words(r, f, json, to)); break;
    case JSON_OBJECT: return read_object(r, f, json, to);
    case JSON_LIST:
    case JSON_MAP: return read_each(r, f, json, to);
    case JSON_CHOICE: TRY(store_choice(r, f, json, to)); break;
    case JSON_OTHER: return f->read(r, f, json, to);
    case JSON_SKIP:
    case JSON_REST: return 0;
    }
    if (f->read && f->read(r, f, json, to)) return json_wrong(r, f->name, json, expected_of(r, f));
    return 0;
}

/* Does the object have another of that name? */
static bool repeated(const cJSON *item)
{
    const cJSON *next = item ? item->next : NULL;
    while (next && strcmp(next->string, item->string) != 0) next = next->next;
    return next;
}

int json_fields(JsonReader *r, const cJSON *object, const JsonField *fields, void *to)
{
    const cJSON *item;
    if (!cJSON_IsObject(object))
        return diag_error(r->diag, "%s%sexpected an object", r->where ? r->where : "",
                          r->where ? ": " : "");
    cJSON_ArrayForEach(item, object)
    {
        const JsonField *f = fields;
        while (f->name && strcmp(f->name, item->string) != 0) f++;
        if (!f->name && f->kind != JSON_REST) return unknown(r, item, fields);
    }
    for (const JsonField *f = fields; f->name; f++) {
        item = cJSON_GetObjectItemCaseSensitive(object, f->name);
        if (repeated(item))
            return diag_error(r->diag, "%s%sfield '%s%s' is repeated", r->where ? r->where : "",
                              r->where ? ": " : "", r->path ? r->path : "", f->name);
        if (item)
            TRY(json_field(r, f, item, to));
        else if (f->required)
            return json_wrong(r, f->name, NULL, expected_of(r, f));
    }
    return 0;
}

int json_load(Diag *diag, Arena *arena, const char *path, const JsonField *fields, void *to)
{
    JsonReader reader = {.diag = diag, .arena = arena};
    cJSON *root;
    TRY(json_read(diag, arena, path, &root));
    int code = json_fields(&reader, root, fields, to);
    cJSON_Delete(root);
    return code;
}

void json_place(JsonReader *r, const char *what, const char *field, const cJSON *json)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, field);
    r->where = is_text(name, true) ? arena_printf(r->arena, "%s '%.60s'", what, name->valuestring)
                                   : arena_printf(r->arena, "%s #%d", what, r->index);
}

/* ---- Lists of numbers ---- */

static int check_length(const JsonReader *r, const JsonField *f, const cJSON *list, int count,
                        const char *of)
{
    if (cJSON_IsArray(list) && (count < 0 || cJSON_GetArraySize(list) == count)) return 0;
    return json_wrong(r, f->name, list,
                      count < 0 ? arena_printf(r->arena, "a list of %s", of)
                                : arena_printf(r->arena, "a list of %d %s", count, of));
}

int json_numbers(JsonReader *r, const JsonField *f, const cJSON *list, int count, bool holes,
                 double **out)
{
    const cJSON *one;
    int at = 0;
    TRY(check_length(r, f, list, count, holes ? "numbers or null" : "numbers"));
    *out = arena_array(r->arena, (size_t)count + 1, sizeof **out);
    cJSON_ArrayForEach(one, list)
    {
        bool hole = holes && cJSON_IsNull(one);
        double value = cJSON_IsNumber(one) ? one->valuedouble : NAN;
        if (!hole && !(value >= f->least && value <= f->most))
            return json_wrong(r, f->name, one,
                              arena_printf(r->arena, "numbers from %g to %g%s", f->least, f->most,
                                           holes ? ", or null" : ""));
        (*out)[at++] = hole ? -1 : value;
    }
    return 0;
}

int json_int64s(JsonReader *r, const JsonField *f, const cJSON *list, int *count, int64_t **out)
{
    const cJSON *one;
    int at = 0;
    TRY(check_length(r, f, list, *count, "whole numbers"));
    *count = cJSON_GetArraySize(list);
    *out = arena_array(r->arena, (size_t)*count + 1, sizeof **out);
    cJSON_ArrayForEach(one, list)
    {
        double value = cJSON_IsNumber(one) ? one->valuedouble : NAN;
        if (!(value >= f->least && value <= f->most && value == floor(value)))
            return json_wrong(
                r, f->name, one,
                arena_printf(r->arena, "whole numbers from %.0f to %.0f", f->least, f->most));
        (*out)[at++] = (int64_t)value;
    }
    return 0;
}
