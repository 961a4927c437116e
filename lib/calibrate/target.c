/* The target file that a calibration makes: that of the target it starts from, with its own
 * figures. */
#include "lib/calibrate/calibrate.h"

#include "ir/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_list(cJSON *object, const char *field, const char *const *list, int count)
{
    cJSON_AddItemToObject(object, field, cJSON_CreateStringArray(list, count));
}

static void add_features(cJSON *object, Arena *arena, const char *features)
{
    cJSON *list = cJSON_AddArrayToObject(object, "features");
    char *copy = arena_strdup(arena, features), *rest = copy;
    for (char *one; (one = strtok_r(rest, ",", &rest));)
        cJSON_AddItemToArray(list, cJSON_CreateString(one));
}

/* Of a target that has no file: host. */
static cJSON *whole(Arena *arena, const Target *t)
{
    cJSON *root = cJSON_CreateObject(), *part;
    cJSON_AddStringToObject(root, "triple", t->triple);
    cJSON_AddStringToObject(root, "cpu", t->cpu);
    add_features(root, arena, t->features);
    add_list(root, "cflags", t->cflags, t->cflag_count);
    part = cJSON_AddObjectToObject(root, "vector");
    cJSON_AddNumberToObject(part, "bits", t->vector_bits);
    cJSON_AddNumberToObject(part, "registers", t->vector_registers);
    part = cJSON_AddObjectToObject(root, "isa");
    cJSON_AddBoolToObject(part, "fma", t->fma);
    cJSON_AddBoolToObject(part, "fp16", t->fp16);
    cJSON_AddStringToObject(part, "dot", dot_name(t->dot));
    part = cJSON_AddObjectToObject(root, "cache");
    cJSON_AddNumberToObject(part, "l1d", (double)t->l1d);
    cJSON_AddNumberToObject(part, "l2", (double)t->l2);
    cJSON_AddNumberToObject(part, "l3", (double)t->l3);
    cJSON_AddNumberToObject(root, "memory", (double)t->memory);
    add_list(root, "cc", t->cc, t->cc_count);
    add_list(root, "linker", t->linker, t->linker_count);
    add_list(root, "ar", t->ar, t->ar_count);
    add_list(root, "link_flags", t->link_flags, t->link_flag_count);
    add_list(root, "emulator", t->emulator, t->emulator_count);
    return root;
}

int target_parts(Arena *arena, Diag *diag, const Target *target, const char **head,
                 const char **middle)
{
    static const char *const measured[] = {"description", "cores", "gflops", "memory_bandwidth",
                                           "call_overhead"};
    const char *outer = diag->file;
    cJSON *root = NULL, *item;
    Text text;
    if (!target->file) root = whole(arena, target);
    int code = root ? 0 : json_read(diag, arena, target->file, &root);
    diag->file = outer;
    if (code) return code;
    text_init(&text, arena);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(root, measured[i]);
    cJSON_ArrayForEach(item, root)
    {
        char *value = cJSON_PrintUnformatted(item);
        text_printf(&text, "\n  \"%s\": %s,", item->string, value);
        cJSON_free(value);
    }
    cJSON_Delete(root);
    *head = "{";
    *middle = text.data;
    return 0;
}

const char *c_literal(Arena *arena, const char *text)
{
    Text out;
    text_init(&out, arena);
    text_add(&out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c == '?')
            text_printf(&out, "\\%c", c);
        else if (c < 32 || c >= 127)
            text_printf(&out, "\\%03o", c);
        else
            text_printf(&out, "%c", c);
    }
    text_add(&out, "\"");
    return out.data;
}
