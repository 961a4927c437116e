/* JSON objects read by tables: one row a field, with its type, its range and where it goes.
 * Targets, profiles, clusters, plans, tilings and manifests are all read so. Errors name the file,
 * the place and the field, and what was expected:
 *
 *     camera.json: field 'cache.l1d': expected a size ..., got "64 kilo"
 *     layers.json: layer 'conv1': unknown field 'wieghts': expected one of name, weights, ... */
#ifndef LPC_IR_SCHEMA_H
#define LPC_IR_SCHEMA_H

#include "ir/diag.h"

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

typedef struct JsonReader {
    Diag *diag;
    Arena *arena;
    const char *where; /* "layer 'conv1'": begins messages; NULL: nothing */
    const char *path;  /* of the object in it, "cache."; NULL: the object itself */
} JsonReader;

typedef enum JsonKind {
    JSON_TEXT,   /* const char *: not empty */
    JSON_LINE,   /* the same, without control characters */
    JSON_FLAG,   /* bool */
    JSON_INT,    /* int: a whole number from least to most */
    JSON_NUMBER, /* double: from least to most */
    JSON_BYTES,  /* double: a number of bytes or "988MB", from least to most */
    JSON_SIZE,   /* int64_t: the same, rounded */
    JSON_WORDS,  /* const char *const *, NULL-terminated; its length is the int at `count` */
    JSON_OBJECT, /* `fields`, which go into the same struct */
    JSON_LIST,   /* an array, each element by `read` */
    JSON_OTHER,  /* by `read` */
    JSON_SKIP    /* known, and not read */
} JsonKind;

typedef struct JsonField JsonField;
struct JsonField {
    const char *name; /* NULL: the end of the table */
    JsonKind kind;
    bool required;        /* a field that is not there otherwise leaves what was so */
    size_t at, count;     /* in the struct */
    double least, most;   /* of JSON_WORDS: how many */
    const char *expected; /* for messages; NULL: made from kind and range */
    const JsonField *fields;
    /* Reads an element or a value: 0, or LPC_ERROR, reported. Of other kinds: whether the value
     * that was stored is good, 0: it is. */
    int (*read)(JsonReader *reader, const JsonField *field, const struct cJSON *json, void *to);
};

/* The fields of an object into the struct `to`. Unknown ones are errors: most are misspelt known
 * ones. */
int json_fields(JsonReader *reader, const struct cJSON *object, const JsonField *fields, void *to);
/* Reports that a field is not as expected (json NULL: that it is missing). LPC_ERROR. */
int json_wrong(const JsonReader *reader, const char *field, const struct cJSON *json,
               const char *expected);
/* A new array of whole numbers from 0 to 2^52, `count` of them. */
int json_int64s(JsonReader *reader, const JsonField *field, const struct cJSON *list, int count,
                int64_t **out);

#endif
