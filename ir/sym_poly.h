/* Sizes from the inside: what sym.c, sym_div.c, sym_eval.c and sym_text.c share.
 *
 * Normal form. A size is a sum of terms; a term is a coefficient times a product of atoms; an atom
 * is a symbol or a DIV, MOD, MIN or MAX node. Atoms of a term are sorted, terms are sorted by
 * falling degree and then by their atoms (so the constant comes last), no coefficient is 0, no two
 * terms have the same atoms. As nodes: ADD leans left, ADD(ADD(t0, t1), t2); a term is the
 * left-leaning MUL of its atoms, with MUL(CONST, product) around it when the coefficient is not 1.
 */
#ifndef LPC_IR_SYM_POLY_H
#define LPC_IR_SYM_POLY_H

#include "ir/sym.h"

typedef struct Term {
    int64_t coef;
    int degree;
    const Size **atoms;
} Term;

typedef struct Poly {
    Term *terms;
    int count;
} Poly;

/* A lower and an upper bound; INT64_MIN and INT64_MAX stand for "none". */
typedef struct Range {
    int64_t lo, hi;
} Range;

Arena *size_arena(const SizeTable *table);
/* The node of that kind over a and b as they are, without any simplification. */
const Size *size_node(SizeTable *table, SizeKind kind, const Size *a, const Size *b);
/* Total order of sizes by structure: never by address or hash. */
int size_compare(const Size *a, const Size *b);

Poly poly_of(SizeTable *table, const Size *size);
/* Sorts, merges and rebuilds; the polynomial's memory is used up. */
const Size *poly_size(SizeTable *table, Poly poly);
void poly_add(SizeTable *table, Poly *poly, Term term);
/* a / b as monomials, when that is exact. */
bool term_divide(SizeTable *table, const Term *a, const Term *b, Term *quotient);
/* a = q * b exactly or with a constant remainder, which goes to *rest. */
const Size *poly_divide(SizeTable *table, const Size *a, const Size *b, const Size **rest);

Range size_range(SizeTable *table, const Size *size);

static inline int64_t sat_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static inline int64_t sat_mul(int64_t a, int64_t b)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
    return product;
}

/* floor(a / b), 0 for b = 0. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    if (b == -1) return a == INT64_MIN ? INT64_MAX : -a;
    int64_t quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/* a - b * floor(a / b), 0 for b = 0. */
static inline int64_t floor_mod(int64_t a, int64_t b)
{
    if (b == 0 || b == -1) return 0;
    int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

#endif
