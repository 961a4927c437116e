/* Sizes: the table, hash-consing, and sums and products in normal form (see ir/sym_poly.h).
 *
 * Every operation takes its operands apart into polynomials, computes, and builds the result in
 * normal form, so that equal polynomials are one pointer. Constants, which are nearly all sizes,
 * never get that far. */
#include "ir/sym_poly.h"

#include <stdlib.h>
#include <string.h>

/* A polynomial beyond these limits is no size of a real tensor: it becomes INT64_MAX, which no
 * memory holds, instead of filling ours. */
enum { MAX_TERMS = 2000, MAX_DEGREE = 32 };

struct SizeTable {
    Arena *arena;
    const Size **buckets;
    size_t bucket_count, size_count; /* bucket_count is a power of two */
    Symbol **symbols;
    int symbol_count;
};

SizeTable *sizes_new(Arena *arena)
{
    SizeTable *table = arena_alloc(arena, sizeof *table);
    table->arena = arena;
    table->bucket_count = 256;
    table->buckets = arena_array(arena, table->bucket_count, sizeof *table->buckets);
    return table;
}

Arena *size_arena(const SizeTable *table)
{
    return table->arena;
}

/* ---- Symbols ---- */

int sizes_find(const SizeTable *table, const char *name)
{
    for (int i = 0; i < table->symbol_count; i++) {
        if (!strcmp(table->symbols[i]->name, name)) return i;
    }
    return -1;
}

int sizes_symbol(SizeTable *table, const char *name)
{
    int found = sizes_find(table, name);
    if (found >= 0) return found;
    Symbol *symbol = arena_alloc(table->arena, sizeof *symbol);
    *symbol = (Symbol){.name = arena_strdup(table->arena, name), .max = -1, .source = SYM_INPUT};
    arena_push(table->arena, table->symbols, table->symbol_count) = symbol;
    return table->symbol_count - 1;
}

int sizes_symbol_count(const SizeTable *table)
{
    return table->symbol_count;
}

Symbol *sizes_symbol_at(SizeTable *table, int index)
{
    return table->symbols[index];
}

/* ---- Hash-consing ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdu;
}

static void rehash(SizeTable *table)
{
    size_t count = table->bucket_count * 2;
    const Size **buckets = arena_array(table->arena, count, sizeof *buckets);
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (const Size *size = table->buckets[i]; size;) {
            const Size *next = size->next;
            Size *moved = (Size *)(uintptr_t)size; /* the chain is the only thing that changes */
            moved->next = buckets[size->hash & (count - 1)];
            buckets[size->hash & (count - 1)] = moved;
            size = next;
        }
    }
    table->buckets = buckets;
    table->bucket_count = count;
}

static const Size *intern(SizeTable *table, Size want)
{
    uint64_t hash = mix((uint64_t)want.kind, (uint64_t)want.sym);
    hash = mix(hash, (uint64_t)want.value);
    hash = mix(hash, want.a ? want.a->hash : 1);
    hash = mix(hash, want.b ? want.b->hash : 2);
    hash ^= hash >> 29;
    const Size *at = table->buckets[hash & (table->bucket_count - 1)];
    for (; at; at = at->next) {
        if (at->hash == hash && at->kind == want.kind && at->sym == want.sym &&
            at->value == want.value && at->a == want.a && at->b == want.b)
            return at;
    }
    if (++table->size_count > table->bucket_count) rehash(table);
    Size *size = arena_alloc(table->arena, sizeof *size);
    *size = want;
    size->hash = hash;
    size->next = table->buckets[hash & (table->bucket_count - 1)];
    table->buckets[hash & (table->bucket_count - 1)] = size;
    return size;
}

/* INT64_MIN has no text form of its own and stands for "no bound": the nearest other is used. */
const Size *size_const(SizeTable *table, int64_t value)
{
    if (value == INT64_MIN) value = -INT64_MAX;
    return intern(table, (Size){.kind = SIZE_CONST, .value = value});
}

const Size *size_sym(SizeTable *table, int index)
{
    return intern(table, (Size){.kind = SIZE_SYM, .sym = index});
}

const Size *size_node(SizeTable *table, SizeKind kind, const Size *a, const Size *b)
{
    return intern(table, (Size){.kind = kind, .a = a, .b = b});
}

int size_compare(const Size *a, const Size *b)
{
    if (a == b) return 0;
    if (a->kind != b->kind) {
        if (a->kind == SIZE_CONST) return 1; /* constants last */
        if (b->kind == SIZE_CONST) return -1;
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind == SIZE_CONST) return a->value < b->value ? -1 : 1;
    if (a->kind == SIZE_SYM) return a->sym < b->sym ? -1 : 1;
    int order = size_compare(a->a, b->a);
    return order ? order : size_compare(a->b, b->b);
}

/* ---- Polynomials ---- */

void poly_add(SizeTable *table, Poly *poly, Term term)
{
    arena_push(table->arena, poly->terms, poly->count) = term;
}

static int count_atoms(const Size *product)
{
    if (product->kind == SIZE_CONST) return 0;
    if (product->kind != SIZE_MUL) return 1;
    return count_atoms(product->a) + count_atoms(product->b);
}

static void take_atoms(Term *term, const Size *product)
{
    if (product->kind == SIZE_CONST) {
        term->coef = sat_mul(term->coef, product->value);
    } else if (product->kind == SIZE_MUL) {
        take_atoms(term, product->a);
        take_atoms(term, product->b);
    } else {
        term->atoms[term->degree++] = product;
    }
}

static void take_terms(SizeTable *table, Poly *poly, const Size *sum)
{
    for (; sum->kind == SIZE_ADD; sum = sum->a) take_terms(table, poly, sum->b);
    int degree = count_atoms(sum);
    Term term = {.coef = 1};
    if (degree) term.atoms = arena_array(table->arena, (size_t)degree, sizeof *term.atoms);
    take_atoms(&term, sum);
    poly_add(table, poly, term);
}

static int compare_terms(const Term *a, const Term *b)
{
    if (a->degree != b->degree) return a->degree > b->degree ? -1 : 1;
    for (int i = 0; i < a->degree; i++) {
        int order = size_compare(a->atoms[i], b->atoms[i]);
        if (order) return order;
    }
    return 0;
}

static int compare_terms_v(const void *a, const void *b)
{
    return compare_terms(a, b);
}

static int compare_atoms_v(const void *a, const void *b)
{
    return size_compare(*(const Size *const *)a, *(const Size *const *)b);
}

/* Sorts atoms and terms, and merges terms with the same atoms. */
static void poly_normalise(Poly *poly)
{
    for (int i = 0; i < poly->count; i++) {
        Term *term = &poly->terms[i];
        if (term->degree > 1)
            qsort(term->atoms, (size_t)term->degree, sizeof *term->atoms, compare_atoms_v);
    }
    if (poly->count > 1)
        qsort(poly->terms, (size_t)poly->count, sizeof *poly->terms, compare_terms_v);
    int kept = 0;
    for (int i = 0; i < poly->count; i++) {
        if (kept && !compare_terms(&poly->terms[kept - 1], &poly->terms[i])) {
            Term *last = &poly->terms[kept - 1];
            last->coef = sat_add(last->coef, poly->terms[i].coef);
        } else {
            if (kept && poly->terms[kept - 1].coef == 0) kept--;
            poly->terms[kept++] = poly->terms[i];
        }
    }
    if (kept && poly->terms[kept - 1].coef == 0) kept--;
    poly->count = kept;
}

Poly poly_of(SizeTable *table, const Size *size)
{
    Poly poly = {0};
    take_terms(table, &poly, size);
    poly_normalise(&poly);
    return poly;
}

static const Size *term_size(SizeTable *table, const Term *term)
{
    if (term->degree == 0) return size_const(table, term->coef);
    const Size *product = term->atoms[0];
    for (int i = 1; i < term->degree; i++)
        product = size_node(table, SIZE_MUL, product, term->atoms[i]);
    if (term->coef == 1) return product;
    return size_node(table, SIZE_MUL, size_const(table, term->coef), product);
}

const Size *poly_size(SizeTable *table, Poly poly)
{
    poly_normalise(&poly);
    if (poly.count == 0) return size_const(table, 0);
    if (poly.count > MAX_TERMS) return size_const(table, INT64_MAX);
    const Size *sum = NULL;
    for (int i = 0; i < poly.count; i++) {
        if (poly.terms[i].degree > MAX_DEGREE) return size_const(table, INT64_MAX);
        const Size *term = term_size(table, &poly.terms[i]);
        sum = sum ? size_node(table, SIZE_ADD, sum, term) : term;
    }
    return sum;
}

static Term term_times(SizeTable *table, const Term *a, const Term *b)
{
    Term term = {.coef = sat_mul(a->coef, b->coef), .degree = a->degree + b->degree};
    if (term.degree == 0) return term;
    term.atoms = arena_array(table->arena, (size_t)term.degree, sizeof *term.atoms);
    for (int i = 0; i < a->degree; i++) term.atoms[i] = a->atoms[i];
    for (int i = 0; i < b->degree; i++) term.atoms[a->degree + i] = b->atoms[i];
    return term;
}

bool term_divide(SizeTable *table, const Term *a, const Term *b, Term *quotient)
{
    if (b->coef == 0 || floor_mod(a->coef, b->coef) != 0 || b->degree > a->degree) return false;
    Term result = {.coef = floor_div(a->coef, b->coef)};
    if (a->degree) result.atoms = arena_array(table->arena, (size_t)a->degree, sizeof *a->atoms);
    int used = 0; /* atoms of b that were found in a: both are sorted */
    for (int i = 0; i < a->degree; i++) {
        if (used < b->degree && a->atoms[i] == b->atoms[used])
            used++;
        else
            result.atoms[result.degree++] = a->atoms[i];
    }
    *quotient = result;
    return used == b->degree;
}

/* Long division by leading terms. The order of terms is graded lexicographic, so an exact quotient
 * is always found. */
const Size *poly_divide(SizeTable *table, const Size *a, const Size *b, const Size **rest)
{
    Poly divisor = poly_of(table, b);
    const Size *quotient = size_const(table, 0);
    for (int steps = 0; steps < 64 && !size_is_const(a); steps++) {
        Poly poly = poly_of(table, a);
        Term step;
        if (!divisor.count || !term_divide(table, &poly.terms[0], &divisor.terms[0], &step))
            return NULL;
        const Size *part = term_size(table, &step);
        quotient = size_add(table, quotient, part);
        a = size_sub(table, a, size_mul(table, part, b));
    }
    *rest = a;
    return size_is_const(a) ? quotient : NULL;
}

/* ---- Sums and products ---- */

const Size *size_add(SizeTable *table, const Size *a, const Size *b)
{
    if (size_is_const(a) && size_is_const(b)) return size_const(table, sat_add(a->value, b->value));
    if (size_is(a, 0)) return b;
    if (size_is(b, 0)) return a;
    Poly poly = {0};
    take_terms(table, &poly, a);
    take_terms(table, &poly, b);
    return poly_size(table, poly);
}

const Size *size_sub(SizeTable *table, const Size *a, const Size *b)
{
    return size_add(table, a, size_muli(table, b, -1));
}

const Size *size_mul(SizeTable *table, const Size *a, const Size *b)
{
    if (size_is_const(a) && size_is_const(b)) return size_const(table, sat_mul(a->value, b->value));
    if (size_is(a, 0) || size_is(b, 1)) return a;
    if (size_is(b, 0) || size_is(a, 1)) return b;
    Poly left = poly_of(table, a), right = poly_of(table, b), poly = {0};
    if ((int64_t)left.count * right.count > 8 * MAX_TERMS) return size_const(table, INT64_MAX);
    for (int i = 0; i < left.count; i++) {
        for (int k = 0; k < right.count; k++)
            poly_add(table, &poly, term_times(table, &left.terms[i], &right.terms[k]));
    }
    return poly_size(table, poly);
}

const Size *size_addi(SizeTable *table, const Size *a, int64_t b)
{
    return size_add(table, a, size_const(table, b));
}

const Size *size_muli(SizeTable *table, const Size *a, int64_t b)
{
    return size_mul(table, a, size_const(table, b));
}
