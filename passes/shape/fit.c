/* Which expression gives the sizes that a function told for some values of the symbols?
 *
 * In the order of what is likely: a constant; a size of an input, times and plus a constant; a window's
 * (x + b) / s; the sum and the product of two; at most or at least so many; any sum of symbols with
 * factors; the elements of everything. It is a guess, right at all points: whoever uses it asks again at
 * run time. */
#include "passes/shape/fit.h"

#include <stddef.h>

static int64_t at(const Fit *f, const Size *size, int point)
{
    return size_eval(size, f->points[point]);
}

static bool holds(const Fit *f, const Size *size)
{
    for (int p = 0; p < f->count; p++) {
        if (at(f, size, p) != f->values[p]) return false;
    }
    return true;
}

static const Size *if_holds(const Fit *f, const Size *size)
{
    return size && holds(f, size) ? size : NULL;
}

/* a * x + b, a and b from two points at which x differs. */
static const Size *fit_line(const Fit *f, const Size *x)
{
    int64_t x0 = at(f, x, 0), v0 = f->values[0];
    for (int p = 1; p < f->count; p++) {
        int64_t dx = at(f, x, p) - x0, dv = f->values[p] - v0;
        if (!dx) continue;
        int64_t part, rest;
        if (dv % dx || __builtin_mul_overflow(x0, dv / dx, &part) ||
            __builtin_sub_overflow(v0, part, &rest))
            return NULL;
        const Size *scaled = size_muli(f->sizes, x, dv / dx);
        return if_holds(f, size_addi(f->sizes, scaled, rest));
    }
    return NULL;
}

/* floor((x + b) / s): every point leaves b a range. */
static const Size *fit_window(const Fit *f, const Size *x)
{
    enum { MOST_STRIDE = 1024 };
    for (int64_t s = 2; s <= MOST_STRIDE; s++) {
        int64_t low = INT64_MIN, high = INT64_MAX;
        for (int p = 0; p < f->count && low <= high; p++) {
            int64_t least = s * f->values[p] - at(f, x, p);
            if (least > low) low = least;
            if (least + s - 1 < high) high = least + s - 1;
        }
        if (low > high) continue;
        const Size *size = size_divi(f->sizes, size_addi(f->sizes, x, low), s);
        if (holds(f, size)) return size;
    }
    return NULL;
}

/* min(x, n) and max(x, n), n the most and the least that there is. */
static const Size *fit_limit(const Fit *f, const Size *x)
{
    int64_t most = f->values[0], least = f->values[0];
    for (int p = 1; p < f->count; p++) {
        if (f->values[p] > most) most = f->values[p];
        if (f->values[p] < least) least = f->values[p];
    }
    const Size *size = if_holds(f, size_min(f->sizes, x, size_const(f->sizes, most)));
    return size ? size : if_holds(f, size_max(f->sizes, x, size_const(f->sizes, least)));
}

static const Size *fit_one(const Fit *f, const Size *(*fit)(const Fit *, const Size *))
{
    const Size *size = NULL;
    for (int i = 0; i < f->term_count && !size; i++) size = fit(f, f->terms[i]);
    return size;
}

static const Size *fit_pairs(const Fit *f)
{
    const Size *size = NULL;
    for (int i = 0; i < f->term_count; i++) {
        for (int k = i; k < f->term_count && !size; k++) {
            const Size *a = f->terms[i], *b = f->terms[k];
            size = fit_line(f, size_mul(f->sizes, a, b));
            if (!size) size = fit_line(f, size_add(f->sizes, a, b));
            if (!size) size = if_holds(f, size_min(f->sizes, a, b));
            if (!size) size = if_holds(f, size_max(f->sizes, a, b));
        }
    }
    return size;
}

/* The point at which only that symbol differs from point 0, -1: none. */
static int only_differs(const Fit *f, int which)
{
    for (int p = 1; p < f->count; p++) {
        bool only = f->points[p][f->symbols[which]] != f->points[0][f->symbols[which]];
        for (int i = 0; i < f->symbol_count && only; i++)
            only = i == which || f->points[p][f->symbols[i]] == f->points[0][f->symbols[i]];
        if (only) return p;
    }
    return -1;
}

/* The sum of all symbols with factors. */
static const Size *fit_sum(const Fit *f)
{
    int64_t rest = f->values[0];
    const Size *sum = size_const(f->sizes, 0);
    for (int i = 0; i < f->symbol_count; i++) {
        int p = only_differs(f, i), symbol = f->symbols[i];
        if (p < 0) return NULL;
        int64_t dx = f->points[p][symbol] - f->points[0][symbol];
        int64_t dv = f->values[p] - f->values[0];
        int64_t part;
        if (dv % dx || __builtin_mul_overflow(f->points[0][symbol], dv / dx, &part) ||
            __builtin_sub_overflow(rest, part, &rest))
            return NULL;
        const Size *term = size_muli(f->sizes, size_sym(f->sizes, symbol), dv / dx);
        sum = size_add(f->sizes, sum, term);
    }
    return if_holds(f, size_addi(f->sizes, sum, rest));
}

static const Size *fit_all(const Fit *f)
{
    const Size *product = size_const(f->sizes, 1);
    for (int i = 0; i < f->term_count; i++) product = size_mul(f->sizes, product, f->terms[i]);
    return fit_line(f, product);
}

/* Larger ones, which no tensor has, are not looked into: so nothing here overflows but products. */
static bool all_small(const Fit *f)
{
    for (int p = 0; p < f->count; p++) {
        if (f->values[p] > INT64_C(1) << 48) return false;
    }
    return true;
}

const Size *fit_size(const Fit *f)
{
    const Size *size = size_const(f->sizes, f->values[0]);
    if (f->symbol_count && f->count < 2) return NULL; /* too little is known */
    size = if_holds(f, size);
    if (size || !all_small(f)) return size;
    size = fit_one(f, fit_line);
    if (!size) size = fit_one(f, fit_limit);
    if (!size) size = fit_one(f, fit_window);
    if (!size) size = fit_pairs(f);
    if (!size) size = fit_sum(f);
    return size ? size : fit_all(f);
}
