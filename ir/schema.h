/* JSON objects read by tables: one row a field, with its type, its range and where it goes.
 * Targets, profiles, clusters, plans, tilings and manifests are all read so. Errors name the file,
 * the place and the field, and what was expected:
 *
 *     camera.json: field 'cache.l1d': expected a size ..., got "64 kilo"
 *     layers.json: layer 'conv1': unknown field 'wieghts': expected one of name, weights, ...
 *     out/manifest.json: stages[1]: field 'name' is missing: expected a text */
#ifndef LPC_IR_SCHEMA_H
#define LPC_IR_SCHEMA_H

#include "ir/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cJSON cJSON;

typedef struct JsonReader {
    Diag *diag;
    Arena *arena;
    const char *where; /* "layer 'conv1'": begins messages; NULL: nothing */
    const char *path;  /* of the object in it, "cache."; NULL: the object itself */
    int index;         /* of the element that is read, in its list or map */
    const char *key;   /* its name, in a map */
} JsonReader;

typedef enum JsonKind {
    JSON_TEXT,   /* const char *: not empty */
    JSON_LINE,   /* the same, without control characters */
    JSON_STRING, /* const char *: any, also "" */
    JSON_MAYBE,  /* const char *: not empty; null leaves what was so */
    JSON_FLAG,   /* bool */
    JSON_INT,    /* int: a whole number from least to most */
    JSON_INT64,  /* int64_t: the same; most is at most 2^53, so that doubles are exact */
    JSON_NUMBER, /* double: from least to most */
    JSON_BYTES,  /* double: a number of bytes or "988MB", from least to most */
    JSON_SIZE,   /* int64_t: the same, rounded */
    JSON_CHOICE, /* int or enum: a word, which one of `fields` names; its `at` is the value */
    JSON_WORDS,  /* const char *const *, NULL-terminated; its length is the int at `count` */
    JSON_OBJECT, /* `fields`, which go into the same struct */
    JSON_LIST,   /* an array of `least` elements or more, each by `read` */
    JSON_MAP,    /* an object with any names, each value by `read`; reader->key is its name */
    JSON_OTHER,  /* by `read` */
    JSON_SKIP,   /* known, and not read */
    JSON_REST    /* as the table's end: fields that it does not list are somebody else's */
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
    int (*read)(JsonReader *reader, const JsonField *field, const cJSON *json, void *to);
};

/* Rows of tables. */
/* clang-format off */
#define JSON_END  {NULL, JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL}
#define JSON_OPEN {NULL, JSON_REST, false, 0, 0, 0, 0, NULL, NULL, NULL}
#define JSON_KNOWN(name) {name, JSON_SKIP, false, 0, 0, 0, 0, NULL, NULL, NULL}
#define JSON_WORD(word, value) {word, JSON_SKIP, false, value, 0, 0, 0, NULL, NULL, NULL}
#define JSON_EACH(name, kind, required, least, expected, read) \
    {name, kind, required, 0, 0, least, 0, expected, NULL, read}
/* clang-format on */

/* The fields of an object into the struct `to`, in the table's order. Unknown and repeated ones are
 * errors: most are misspelt known ones. */
int json_fields(JsonReader *reader, const cJSON *object, const JsonField *fields, void *to);
/* One field's value; a value of several kinds is read by the row of the kind that it has. */
int json_field(JsonReader *reader, const JsonField *field, const cJSON *json, void *to);
/* The file's object so. As with json_read, reports are about this file from then on. */
int json_load(Diag *diag, Arena *arena, const char *path, const JsonField *fields, void *to);
/* Reports that a field is not as expected (json NULL: that it is missing). LPC_ERROR. */
int json_wrong(const JsonReader *reader, const char *field, const cJSON *json,
               const char *expected);
/* Messages about this element begin with "layer 'NAME'" from now on, where `field` names it, else
 * with "layer #INDEX". */
void json_place(JsonReader *reader, const char *what, const char *field, const cJSON *json);
/* A new array of numbers from field->least to field->most, `count` of them. `holes`: some may be
 * null, and are read as -1. */
int json_numbers(JsonReader *reader, const JsonField *field, const cJSON *list, int count,
                 bool holes, double **out);
/* A new array of whole numbers from field->least to field->most (at most 2^53); `count` of them, or
 * where *count < 0 as many as there are. */
int json_int64s(JsonReader *reader, const JsonField *field, const cJSON *list, int *count,
                int64_t **out);

#endif
