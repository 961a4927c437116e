/* Regular expressions, compiled to deterministic automata over bytes.
 *
 * The language is RE2's (https://github.com/google/re2/wiki/Syntax) without what needs Unicode's
 * categories (\p) and what no automaton can do. Text is UTF-8: a class of characters is byte sequences.
 *
 *   regex_parse.c      text to a tree
 *   regex_chars.c      classes of characters
 *   regex_automaton.c  tree to a nondeterministic automaton, and that to a table
 *   regex.c            kernels that run the table; RegexFullMatch */
#ifndef LPC_PASSES_LOWER_REGEX_H
#define LPC_PASSES_LOWER_REGEX_H

#include "passes/lower/strings/strings.h"

/* ---- Classes of characters (regex_chars.c) ---- */

typedef struct CharRange {
    int32_t first, last;
} CharRange;

/* Ranges; in order and apart once chars_normalise has run. */
typedef struct Chars {
    CharRange *ranges;
    int count;
} Chars;

enum { LAST_CHARACTER = 0x10ffff };

void chars_add(Arena *arena, Chars *chars, int32_t first, int32_t last);
void chars_normalise(Chars *chars);
void chars_negate(Arena *arena, Chars *chars);
/* Adds the other case of every character. */
void chars_fold_case(Arena *arena, Chars *chars);
/* "alpha", or one letter: d, s, w; false: there is no such class. */
bool chars_add_class(Arena *arena, Chars *chars, const char *name, size_t length);
/* The character at *at, which moves behind it; -1: it is no UTF-8. */
int32_t utf8_read(const char **at, const char *end);

/* ---- Trees (regex_parse.c) ---- */

typedef enum RegexKind {
    REGEX_EMPTY,
    REGEX_CHARS,
    REGEX_BYTE, /* any byte */
    REGEX_CAT,
    REGEX_ALT,
    REGEX_REPEAT,
    REGEX_ASSERT
} RegexKind;

typedef enum RegexAssert {
    ASSERT_TEXT_BEGIN,
    ASSERT_TEXT_END,
    ASSERT_LINE_BEGIN,
    ASSERT_LINE_END,
    ASSERT_WORD_EDGE,
    ASSERT_NO_WORD_EDGE
} RegexAssert;

typedef struct Regex Regex;
struct Regex {
    RegexKind kind;
    Regex *a, *c;
    int least, most; /* REPEAT; most -1: any number */
    RegexAssert what;
    Chars chars;
};

/* NULL, and *problem says why, when the pattern is no expression or not supported. */
Regex *regex_parse(Arena *arena, const char *pattern, const char **problem);

/* ---- Automata (regex_automaton.c) ---- */

/* What stands before a place: nothing, a newline, a letter, digit or underscore, anything else. */
enum { AFTER_NOTHING, AFTER_NEWLINE, AFTER_WORD, AFTER_OTHER, CONTEXTS };

enum { MATCHED = 1 << 30 /* in `next`: the expression has matched before that byte */ };

typedef struct Automaton {
    int states, classes;
    uint8_t *class_of; /* by byte */
    int32_t *next;     /* by state * classes + class; state 0 is dead */
    uint8_t *ends;     /* by state: the expression has matched when the text ends here */
    int start[CONTEXTS];
} Automaton;

int regex_compile(Arena *arena, const char *pattern, Automaton *automaton, const char **problem);

/* ---- Kernels (regex.c) ---- */

/* The automaton of a pattern of lw->node's; reports what is wrong with it. */
int regex_automaton(Lower *lw, const char *pattern, Automaton *automaton);
/* Emits a run from `at` on, within [begin, end) of a string: the length of the longest match, -1: none. */
Inst *regex_run(Lower *lw, const char *name, const Automaton *automaton, const Str *s, Inst *begin,
                Inst *at, Inst *end);

#endif
