/* Words, numbers and strings of the graph's text form (docs/graph-text.md).
 *
 * After an error `failed` is set and the text ends, so that callers need not look at every step:
 * what they get then is empty, never NULL. */
#ifndef LPC_IR_GRAPH_READER_H
#define LPC_IR_GRAPH_READER_H

#include "ir/arena.h"
#include "ir/diag.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct GraphReader {
    Arena *arena;
    Diag *diag;
    const char *text, *at;
    bool failed;
} GraphReader;

/* Reports `format`, in which %s stands for `what`, with the line. Always false. */
bool reader_fail(GraphReader *r, const char *format, const char *what);
/* Passes over space and over lines whose first character is '#'. */
void reader_skip(GraphReader *r);
/* Letters, digits, '_' and the characters in `more`. */
size_t reader_word_length(const char *text, const char *more);
bool reader_peek(GraphReader *r, char c);
bool reader_take(GraphReader *r, char c);
bool reader_expect(GraphReader *r, char c);
bool reader_take_word(GraphReader *r, const char *word);
const char *reader_string(GraphReader *r);
/* A word, or a string in its place; `what` is what was expected when there is neither. */
const char *reader_word(GraphReader *r, const char *more, const char *what);
int64_t reader_int(GraphReader *r);          /* values above INT64_MAX wrap: they are u64 */
int reader_small(GraphReader *r, int limit); /* -1 to limit */
double reader_double(GraphReader *r);
/* The length of a number at `at`, 0 when there is none; *is_float: it is written as one. */
size_t reader_number_length(const char *at, bool *is_float);

#endif
