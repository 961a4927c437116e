/* Sizes: floor division, remainder, minimum, maximum.
 *
 * These are atoms of the normal form, so the less of them the better: what divides exactly goes out
 * of the division, nested divisions become one, and an operation whose result the bounds already
 * decide disappears. Bounds are those known at the time: give symbols their bounds first. */
#include "ir/sym_poly.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Greatest common divisor of `start` and the coefficients of all terms that are not constant. */
static int64_t common_factor(const Poly *poly, int64_t start)
{
    for (int i = 0; i < poly->count; i++) {
        if (poly->terms[i].degree) start = gcd(poly->terms[i].coef, start);
    }
    return start;
}

/* Every coefficient divided by `factor`, the constant one rounded down; its remainder goes to
 * *rest. */
static const Size *divide_coefs(SizeTable *table, const Size *size, int64_t factor, int64_t *rest)
{
    Poly poly = poly_of(table, size);
    *rest = 0;
    for (int i = 0; i < poly.count; i++) {
        Term *term = &poly.terms[i];
        if (term->degree == 0) *rest = floor_mod(term->coef, factor);
        term->coef = floor_div(term->coef, factor);
    }
    return poly_size(table, poly);
}

/* Splits a into q * b + rest: the terms that the single term `b` divides go into q; of a constant,
 * with a constant b, the multiple below it. */
static const Size *split(SizeTable *table, const Size *a, const Term *b, const Size **rest)
{
    Poly poly = poly_of(table, a), whole = {0}, part = {0};
    for (int i = 0; i < poly.count; i++) {
        Term term = poly.terms[i], quotient;
        if (term_divide(table, &term, b, &quotient)) {
            poly_add(table, &whole, quotient);
        } else if (term.degree == 0 && b->degree == 0) {
            poly_add(table, &whole, (Term){.coef = floor_div(term.coef, b->coef)});
            poly_add(table, &part, (Term){.coef = floor_mod(term.coef, b->coef)});
        } else {
            poly_add(table, &part, term);
        }
    }
    *rest = poly_size(table, part);
    return poly_size(table, whole);
}

/* floor((floor(x/d) + m) / b) = floor((x + d*m) / (d*b)): the one DIV atom of a sum, else NULL. */
static const Size *only_div(SizeTable *table, const Size *a, const Size *b)
{
    if (a->kind == SIZE_DIV) return a;
    if (!size_is_const(b)) return NULL;
    Poly poly = poly_of(table, a);
    const Size *found = NULL;
    for (int i = 0; i < poly.count; i++) {
        const Term *term = &poly.terms[i];
        for (int k = 0; k < term->degree; k++) {
            if (term->atoms[k]->kind != SIZE_DIV) continue;
            if (found || term->coef != 1 || term->degree != 1) return NULL;
            found = term->atoms[k];
        }
    }
    if (!found || !size_is_const(found->b)) return NULL;
    int64_t product;
    if (__builtin_mul_overflow(found->b->value, b->value, &product)) return NULL;
    return found;
}

/* Takes one common atom out of all terms of a and b at a time: (x*p)/(x*q) = p/q. */
static bool cancel_atom(SizeTable *table, const Size **a, const Size **b)
{
    Poly top = poly_of(table, *a), bottom = poly_of(table, *b);
    if (!top.count || !bottom.count) return false;
    for (int k = 0; k < bottom.terms[0].degree; k++) {
        Term atom = {.coef = 1, .degree = 1, .atoms = &bottom.terms[0].atoms[k]};
        Poly new_top = {0}, new_bottom = {0};
        Term quotient;
        bool all = true;
        for (int i = 0; i < top.count && all; i++) {
            all = term_divide(table, &top.terms[i], &atom, &quotient);
            poly_add(table, &new_top, quotient);
        }
        for (int i = 0; i < bottom.count && all; i++) {
            all = term_divide(table, &bottom.terms[i], &atom, &quotient);
            poly_add(table, &new_bottom, quotient);
        }
        if (!all) continue;
        *a = poly_size(table, new_top);
        *b = poly_size(table, new_bottom);
        return true;
    }
    return false;
}

/* The division of what is left after whole multiples went out. */
static const Size *div_rest(SizeTable *table, const Size *a, const Size *b)
{
    if (size_is(a, 0)) return a;
    const Size *inner = only_div(table, a, b);
    if (inner) {
        const Size *others = size_sub(table, a, inner);
        const Size *top = size_add(table, inner->a, size_mul(table, others, inner->b));
        return size_div(table, top, size_mul(table, inner->b, b));
    }
    if (cancel_atom(table, &a, &b)) return size_div(table, a, b);
    Poly top = poly_of(table, a), bottom = poly_of(table, b);
    int64_t factor = common_factor(&bottom, common_factor(&top, 0)), rest;
    for (int i = 0; i < bottom.count; i++) factor = gcd(bottom.terms[i].coef, factor);
    if (factor > 1) {
        a = divide_coefs(table, a, factor, &rest);
        return size_div(table, a, divide_coefs(table, b, factor, &rest));
    }
    if (size_is_const(b)) {
        Range range = size_range(table, a);
        if (range.lo != INT64_MIN && range.hi != INT64_MAX &&
            floor_div(range.lo, b->value) == floor_div(range.hi, b->value))
            return size_const(table, floor_div(range.lo, b->value));
    }
    return size_node(table, SIZE_DIV, a, b);
}

const Size *size_div(SizeTable *table, const Size *a, const Size *b)
{
    if (size_is(b, 1)) return a;
    if (size_is(b, 0) || size_is(a, 0)) return size_const(table, 0);
    if (size_is_const(a) && size_is_const(b))
        return size_const(table, floor_div(a->value, b->value));
    if (a == b) return size_const(table, 1);
    Poly bottom = poly_of(table, b);
    const Size *rest, *quotient;
    if (bottom.count == 1) {
        quotient = split(table, a, &bottom.terms[0], &rest);
    } else {
        quotient = poly_divide(table, a, b, &rest);
        if (!quotient) return div_rest(table, a, b);
    }
    return size_add(table, quotient, div_rest(table, rest, b));
}

const Size *size_divi(SizeTable *table, const Size *a, int64_t b)
{
    return size_div(table, a, size_const(table, b));
}

const Size *size_ceildiv(SizeTable *table, const Size *a, const Size *b)
{
    return size_div(table, size_addi(table, size_add(table, a, b), -1), b);
}

/* ---- Remainder ---- */

/* Coefficients modulo c, and (x mod d) becomes x where c divides d: both change a by multiples of
 * c. */
static const Size *reduce_coefs(SizeTable *table, const Size *a, int64_t c)
{
    Poly poly = poly_of(table, a);
    const Size *sum = size_const(table, 0);
    bool again = false;
    for (int i = 0; i < poly.count; i++) {
        Term *term = &poly.terms[i];
        Poly one = {0};
        const Size *atom = term->degree == 1 ? term->atoms[0] : NULL;
        bool opens =
            atom && atom->kind == SIZE_MOD && size_is_const(atom->b) && atom->b->value % c == 0;
        term->coef = floor_mod(term->coef, c);
        poly_add(table, &one, *term);
        const Size *size = opens ? size_muli(table, atom->a, term->coef) : poly_size(table, one);
        again = again || opens;
        sum = size_add(table, sum, size);
    }
    return again ? reduce_coefs(table, sum, c) : sum;
}

static const Size *mod_const(SizeTable *table, const Size *a, int64_t c)
{
    a = reduce_coefs(table, a, c);
    if (size_is_const(a)) return size_const(table, floor_mod(a->value, c));
    Poly poly = poly_of(table, a);
    int64_t factor = common_factor(&poly, c), rest;
    if (factor > 1) { /* (g*p + r) mod (g*c) = g * (p mod c) + r for r < g */
        const Size *part = divide_coefs(table, a, factor, &rest);
        part = size_mod(table, part, size_const(table, c / factor));
        return size_addi(table, size_muli(table, part, factor), rest);
    }
    Range range = size_range(table, a);
    if (range.lo >= 0 && range.hi < c) return a;
    return size_node(table, SIZE_MOD, a, size_const(table, c));
}

const Size *size_mod(SizeTable *table, const Size *a, const Size *b)
{
    if (size_is(b, 1) || size_is(b, 0) || size_is(a, 0) || a == b) return size_const(table, 0);
    if (size_is_const(a) && size_is_const(b))
        return size_const(table, floor_mod(a->value, b->value));
    if (size_is_const(b) && b->value > 0) return mod_const(table, a, b->value);
    Poly bottom = poly_of(table, b);
    const Size *rest = a;
    if (bottom.count == 1)
        split(table, a, &bottom.terms[0], &rest);
    else if (!poly_divide(table, a, b, &rest))
        rest = a;
    if (size_is(rest, 0)) return rest;
    return size_node(table, SIZE_MOD, rest, b);
}

/* ---- Minimum and maximum ---- */

enum { MAX_OPERANDS = 16 };

typedef struct Operands {
    const Size *items[MAX_OPERANDS];
    int count;
} Operands;

/* Is the minimum (maximum) of a and b always a? */
static bool decides(SizeTable *table, SizeKind kind, const Size *a, const Size *b)
{
    const Size *more = kind == SIZE_LEAST ? size_sub(table, b, a) : size_sub(table, a, b);
    return size_range(table, more).lo >= 0;
}

/* Adds the operands of nested nodes of the same kind, without those that others make needless. */
static bool take_operands(SizeTable *table, Operands *list, SizeKind kind, const Size *size)
{
    if (size->kind == kind)
        return take_operands(table, list, kind, size->a) &&
               take_operands(table, list, kind, size->b);
    for (int i = 0; i < list->count; i++) {
        if (decides(table, kind, list->items[i], size)) return true;
    }
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        if (!decides(table, kind, size, list->items[i])) list->items[kept++] = list->items[i];
    }
    list->count = kept;
    if (kept == MAX_OPERANDS) return false;
    while (kept > 0 && size_compare(size, list->items[kept - 1]) < 0) {
        list->items[kept] = list->items[kept - 1];
        kept--;
    }
    list->items[kept] = size;
    list->count++;
    return true;
}

static const Size *min_max(SizeTable *table, SizeKind kind, const Size *a, const Size *b)
{
    if (a == b) return a;
    Operands list = {.count = 0};
    if (!take_operands(table, &list, kind, a) || !take_operands(table, &list, kind, b)) {
        return size_compare(a, b) < 0 ? size_node(table, kind, a, b) : size_node(table, kind, b, a);
    }
    const Size *result = list.items[0];
    for (int i = 1; i < list.count; i++) result = size_node(table, kind, result, list.items[i]);
    return result;
}

const Size *size_min(SizeTable *table, const Size *a, const Size *b)
{
    return min_max(table, SIZE_LEAST, a, b);
}

const Size *size_max(SizeTable *table, const Size *a, const Size *b)
{
    return min_max(table, SIZE_MOST, a, b);
}
