/* Between the parts of the parser of loops: the scanner and the program (loops_parse.c), kernels
 * (loops_parse_kernel.c). Functions return LPC_OK or have reported what was expected, and where. */
#ifndef LPC_IR_LOOPS_PARSE_H
#define LPC_IR_LOOPS_PARSE_H

#include "ir/loops.h"

typedef struct Parser {
    Arena *arena;
    Diag *diag;
    const char *file, *at;
    int line, depth;
    Program *program;
    Builder b;     /* of the kernel that is being read */
    Inst **values; /* by id in the text */
    int value_room, next_id;
} Parser;

int parse_fail(Parser *p, const char *expected);
void parse_skip(Parser *p);
/* Goes over `token` (a word or punctuation) when it comes next. */
bool parse_accept(Parser *p, const char *token);
int parse_expect(Parser *p, const char *token);
int parse_word(Parser *p, const char **out);
int parse_quoted(Parser *p, const char **out);
int parse_name(Parser *p, const char **out); /* a word or a quoted string */
int parse_integer(Parser *p, int64_t *out);
int parse_number(Parser *p, double *out);
int parse_type(Parser *p, LType *out);
int parse_size(Parser *p, const Size **out);
/* The next word's index in a list that ends with NULL. */
int parse_choice(Parser *p, const char *const *words, const char *what, int *out);

int parse_kernel(Parser *p); /* after "kernel" */

#endif
