/* Sizes: expressions over named symbols, each symbol with an upper bound.
 *
 * A dimension is a Size: a constant in the common case, else an expression over symbols such as
 * `past + seq` or `floor((h - 1) / 2) + 1`. Sizes are immutable, normalised and hash-consed within
 * their SizeTable, so that two sizes are the same expression exactly when the pointers are equal.
 * Symbols are indexed 0.. in order of creation; at run time their values stand in an int64 array
 * in that order.
 *
 * Text form: `3`, `batch`, `past + seq`, `2*h*w - 1`, `floor((h - 1)/2) + 1`, `ceil(n/4)`,
 * `(n mod 4)`, `min(a, b)`, `max(a, b)`. Printing a size and parsing it gives the same pointer.
 */
#ifndef LPC_IR_SYM_H
#define LPC_IR_SYM_H

#include "ir/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct Size Size;
typedef struct SizeTable SizeTable;

typedef enum SizeKind {
    SIZE_CONST,
    SIZE_SYM,
    SIZE_ADD,   /* a + b */
    SIZE_MUL,   /* a * b */
    SIZE_DIV,   /* floor(a / b), b > 0 */
    SIZE_MOD,   /* a - b * floor(a / b), b > 0 */
    SIZE_LEAST, /* min(a, b); not SIZE_MIN and SIZE_MAX, which is stdint.h's */
    SIZE_MOST   /* max(a, b) */
} SizeKind;

struct Size {
    SizeKind kind;
    int sym;       /* SIZE_SYM: index of the symbol */
    int64_t value; /* SIZE_CONST */
    const Size *a, *b;
    uint64_t hash;
    const Size *next; /* hash chain */
};

/* Who gives a symbol its value at run time. */
typedef enum SymSource {
    SYM_INPUT, /* a dimension of a model input */
    SYM_STATE, /* a dimension of a state tensor: kept by the run loop from one call to the next */
    SYM_NODE   /* stored by a node at run time (NonZero, NonMaxSuppression) */
} SymSource;

typedef struct Symbol {
    const char *name;
    int64_t max; /* upper bound, -1 while unknown */
    SymSource source;
} Symbol;

/* The bound of a symbol that counts iterations and needs none: so many are as good as endless. Such a
 * symbol is in no tensor's size. */
#define LOOP_UNBOUNDED (INT64_C(1) << 50)

SizeTable *sizes_new(Arena *arena);
int sizes_symbol(SizeTable *table, const char *name); /* index; made (max -1) when not known yet */
int sizes_find(const SizeTable *table, const char *name); /* index or -1 */
int sizes_symbol_count(const SizeTable *table);
Symbol *sizes_symbol_at(SizeTable *table, int index);

const Size *size_const(SizeTable *table, int64_t value);
const Size *size_sym(SizeTable *table, int index);
const Size *size_add(SizeTable *table, const Size *a, const Size *b);
const Size *size_sub(SizeTable *table, const Size *a, const Size *b);
const Size *size_mul(SizeTable *table, const Size *a, const Size *b);
const Size *size_div(SizeTable *table, const Size *a, const Size *b);     /* floor; b > 0 */
const Size *size_ceildiv(SizeTable *table, const Size *a, const Size *b); /* floor((a+b-1)/b) */
const Size *size_mod(SizeTable *table, const Size *a, const Size *b);
const Size *size_min(SizeTable *table, const Size *a, const Size *b);
const Size *size_max(SizeTable *table, const Size *a, const Size *b);
/* The same with a constant on the right. */
const Size *size_addi(SizeTable *table, const Size *a, int64_t b);
const Size *size_muli(SizeTable *table, const Size *a, int64_t b);
const Size *size_divi(SizeTable *table, const Size *a, int64_t b);

static inline bool size_is_const(const Size *s)
{
    return s->kind == SIZE_CONST;
}
static inline bool size_is(const Size *s, int64_t value)
{
    return s->kind == SIZE_CONST && s->value == value;
}

/* Value for given symbol values. Saturates at INT64_MAX / INT64_MIN instead of overflowing. */
int64_t size_eval(const Size *size, const int64_t *symbols);
/* Upper and lower bound by interval arithmetic over symbol ranges [0, max]; INT64_MAX when a symbol
 * has no bound yet. Constants are exact. */
int64_t size_upper(SizeTable *table, const Size *size);
int64_t size_lower(SizeTable *table, const Size *size);
bool size_has_symbols(const Size *size);
/* size with symbol `sym` replaced. */
const Size *size_substitute(SizeTable *table, const Size *size, int sym, const Size *by);

void size_print(Text *out, SizeTable *table, const Size *size);
const char *size_text(SizeTable *table, const Size *size); /* in the table's arena */
/* Parses the text form; symbols that do not exist are made. NULL when it is not a size; *end is
 * then where it went wrong. With end NULL the whole text must be used. */
const Size *size_parse(SizeTable *table, const char *text, const char **end);

#endif
