/* What the files of profiles, footprints and clusters share (ir/schema.h reads them). */
#ifndef LPC_PARTITION_JSON_PARTS_H
#define LPC_PARTITION_JSON_PARTS_H

#include "ir/schema.h"
#include "passes/partition/profile.h"

#include <cjson/cJSON.h>

#define SIZE(name, type, field)                                                                    \
    {                                                                                              \
        name,   JSON_SIZE,                                                                         \
        false,  offsetof(type, field),                                                             \
        0,      0,                                                                                 \
        0x1p60, "at most 2^60 bytes: a number of 0 or more, \"988MB\" or \"988MiB\"",              \
        NULL,   NULL}
#define COUNT(name, type, field, least)                                                            \
    {name, JSON_INT, false, offsetof(type, field), 0, least, 1e9, "a whole number", NULL, NULL}
#define FLAG(name, type, field)                                                                    \
    {name, JSON_FLAG, false, offsetof(type, field), 0, 0, 0, NULL, NULL, NULL}
#define NAME(name, type, field)                                                                    \
    {name, JSON_TEXT, true, offsetof(type, field), 0, 0, 0, "a name", NULL, NULL}

void json_add_size(cJSON *object, const char *field, int64_t bytes); /* not when it is 0 */

/* --- footprint_json.c --- */

/* One of the "footprints" of a profile whose layers are read. */
int footprint_read(JsonReader *reader, const JsonField *field, const cJSON *json, void *profile);
void footprints_write(cJSON *root, const Profile *profile);

#endif
