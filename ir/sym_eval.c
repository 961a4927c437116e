/* Sizes: their value and their bounds. */
#include "ir/sym_poly.h"

int64_t size_eval(const Size *size, const int64_t *symbols)
{
    if (size->kind == SIZE_CONST) return size->value;
    if (size->kind == SIZE_SYM) return symbols[size->sym];
    int64_t a = size_eval(size->a, symbols), b = size_eval(size->b, symbols);
    switch (size->kind) {
    case SIZE_ADD: return sat_add(a, b);
    case SIZE_MUL: return sat_mul(a, b);
    case SIZE_DIV: return floor_div(a, b);
    case SIZE_MOD: return floor_mod(a, b);
    case SIZE_LEAST: return a < b ? a : b;
    default: return a > b ? a : b;
    }
}

bool size_has_symbols(const Size *size)
{
    return size->kind != SIZE_CONST; /* everything else folds */
}

/* ---- Bounds. INT64_MIN and INT64_MAX are infinite, and stay so. ---- */

static bool infinite(int64_t value)
{
    return value == INT64_MIN || value == INT64_MAX;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t bound_add(int64_t a, int64_t b)
{
    return infinite(a) ? a : infinite(b) ? b : sat_add(a, b);
}

static int64_t bound_mul(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) return 0;
    if (infinite(a) || infinite(b)) return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
    return sat_mul(a, b);
}

/* floor(a / b), b > 0. */
static int64_t bound_div(int64_t a, int64_t b)
{
    if (infinite(a)) return b == INT64_MAX ? (a < 0 ? -1 : INT64_MAX) : a;
    if (b == INT64_MAX) return a < 0 ? -1 : 0;
    return floor_div(a, b);
}

static Range range_mul(Range a, Range b)
{
    int64_t corner[4] = {bound_mul(a.lo, b.lo), bound_mul(a.lo, b.hi), bound_mul(a.hi, b.lo),
                         bound_mul(a.hi, b.hi)};
    Range range = {corner[0], corner[0]};
    for (int i = 1; i < 4; i++) {
        range.lo = min64(range.lo, corner[i]);
        range.hi = max64(range.hi, corner[i]);
    }
    return range;
}

/* The divisor is positive by contract; if its range reaches below, 0 counts as "result 0" and a
 * negative one makes the result unknown. */
static Range range_div(Range a, Range b)
{
    if (b.lo < 0) return (Range){INT64_MIN, INT64_MAX};
    int64_t least = max64(b.lo, 1), most = max64(b.hi, 1);
    Range range = {.lo = min64(bound_div(a.lo, least), bound_div(a.lo, most)),
                   .hi = max64(bound_div(a.hi, least), bound_div(a.hi, most))};
    if (b.lo == 0) range = (Range){min64(range.lo, 0), max64(range.hi, 0)};
    return range;
}

static Range range_mod(Range a, Range b)
{
    if (b.lo < 0) return (Range){INT64_MIN, INT64_MAX};
    int64_t most = infinite(b.hi) ? INT64_MAX : max64(b.hi - 1, 0);
    if (a.lo >= 0) most = min64(most, a.hi);
    return (Range){0, most};
}

Range size_range(SizeTable *table, const Size *size)
{
    if (size->kind == SIZE_CONST) return (Range){size->value, size->value};
    if (size->kind == SIZE_SYM) {
        int64_t max = sizes_symbol_at(table, size->sym)->max;
        return (Range){0, max < 0 ? INT64_MAX : max};
    }
    Range a = size_range(table, size->a), b = size_range(table, size->b);
    switch (size->kind) {
    case SIZE_ADD: return (Range){bound_add(a.lo, b.lo), bound_add(a.hi, b.hi)};
    case SIZE_MUL: return range_mul(a, b);
    case SIZE_DIV: return range_div(a, b);
    case SIZE_MOD: return range_mod(a, b);
    case SIZE_LEAST: return (Range){min64(a.lo, b.lo), min64(a.hi, b.hi)};
    default: return (Range){max64(a.lo, b.lo), max64(a.hi, b.hi)};
    }
}

int64_t size_upper(SizeTable *table, const Size *size)
{
    return size_range(table, size).hi;
}

int64_t size_lower(SizeTable *table, const Size *size)
{
    return size_range(table, size).lo;
}
