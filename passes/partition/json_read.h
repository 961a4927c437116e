/* Fields of JSON files, with errors that name the place and the field. */
#ifndef LPC_PARTITION_JSON_READ_H
#define LPC_PARTITION_JSON_READ_H

#include "passes/partition/profile.h"

#include <cjson/cJSON.h>

typedef struct Reader {
    Diag *diag;
    Arena *arena;
    const char *where; /* "layer 'l0'", "device #2" */
} Reader;

const cJSON *json_item(const cJSON *object, const char *field);
int json_bad(Reader *reader, const char *field, const char *expected);
/* Each leaves *out when there is no such field. Numbers are 0 or more; sizes may be "988MB". */
int json_number(Reader *reader, const cJSON *object, const char *field, bool bytes, double *out);
int json_size(Reader *reader, const cJSON *object, const char *field, int64_t *out);
int json_count(Reader *reader, const cJSON *object, const char *field, int *out);
/* A name that has to be there. */
int json_name(Reader *reader, const cJSON *object, const char *field, const char **out);
/* Misspelt fields would silently be zeros. names: NULL-terminated. */
int json_known_fields(Reader *reader, const cJSON *object, const char *const *names);
void json_add_size(cJSON *object, const char *field, int64_t bytes); /* not when it is 0 */

/* --- footprint_json.c --- */

/* The "footprints" of a profile whose layers are read. */
int footprints_read(Reader *reader, Profile *profile, const cJSON *list);
void footprints_write(cJSON *root, const Profile *profile);

#endif
