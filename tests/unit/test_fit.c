/* Sizes read as expressions from numbers (passes/shape/fit.c): what comes back is what the numbers were made
 * of, the inputs' own sizes among them, and nothing where they are made otherwise. */
#include "tests/check.h"

#include "passes/shape/fit.h"

#include <stdlib.h>

enum { SYMBOLS = 2, MOST = 64, POINTS = 40 };

static Arena *arena;
static SizeTable *sizes;
static const Size *n, *m;

static void set_up(Fit *fit, const Size **terms, int term_count)
{
    static const int symbols[] = {0, 1};
    uint64_t seed = 7;
    *fit = (Fit){.sizes = sizes,
                 .terms = terms,
                 .term_count = term_count,
                 .symbols = symbols,
                 .symbol_count = SYMBOLS,
                 .count = POINTS};
    for (int p = 0; p < POINTS; p++) {
        fit->points[p] = arena_array(arena, SYMBOLS, sizeof(int64_t));
        for (int s = 0; s < SYMBOLS; s++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            fit->points[p][s] = p == 0 || p == s + 1 ? MOST : (int64_t)((seed >> 33) % MOST);
        }
        if (p == 1) fit->points[p][1] = 5; /* one of them alone */
        if (p == 2) fit->points[p][0] = 6;
    }
}

/* The expression that is found for a size's own values. */
static const Size *found(Fit *fit, const Size *size)
{
    for (int p = 0; p < POINTS; p++) fit->values[p] = size_eval(size, fit->points[p]);
    return fit_size(fit);
}

static void test_expressions(Fit *fit)
{
    static const char *const texts[] = {"7",
                                        "n",
                                        "m",
                                        "n + 3",
                                        "4*m - 1",
                                        "floor((n + 1)/3)",
                                        "ceil(m/7)",
                                        "n + m",
                                        "n*m",
                                        "2*n*m + 5",
                                        "min(n, 10)",
                                        "max(m, 12)",
                                        "min(n, m)",
                                        "2*n + 3*m + 1",
                                        "max(n, m)",
                                        "floor((n - 5)/2) + 1",
                                        "floor(n/1000)"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const Size *want = size_parse(sizes, texts[i], NULL), *got = found(fit, want);
        CHECK(got != NULL, "%s: nothing was found", texts[i]);
        for (int p = 0; got && p < POINTS; p++)
            CHECK(size_eval(got, fit->points[p]) == fit->values[p], "%s: got %s", texts[i],
                  size_text(sizes, got));
        if (i == 1 || i == 2) CHECK(got == want, "%s: not the size itself", texts[i]);
    }
}

static int64_t root_of(int64_t x)
{
    int64_t r = 0;
    while ((r + 1) * (r + 1) <= x) r++;
    return r;
}

static void test_none(Fit *fit)
{
    for (int p = 0; p < POINTS; p++) fit->values[p] = root_of(fit->points[p][0]);
    CHECK(!fit_size(fit), "a root was found to be %s", size_text(sizes, fit_size(fit)));
    for (int p = 0; p < POINTS; p++) fit->values[p] = fit->points[p][0];
    fit->values[POINTS - 1]++;
    CHECK(!fit_size(fit), "one value that differs");
    for (int p = 0; p < POINTS; p++) fit->values[p] = p % 2 ? INT64_MAX - p : p;
    CHECK(!fit_size(fit), "sizes of no tensor");
    fit->count = 1;
    CHECK(!fit_size(fit), "one point tells nothing");
}

int main(void)
{
    Fit fit;
    arena = arena_new();
    sizes = sizes_new(arena);
    n = size_sym(sizes, sizes_symbol(sizes, "n"));
    m = size_sym(sizes, sizes_symbol(sizes, "m"));
    sizes_symbol_at(sizes, 0)->max = sizes_symbol_at(sizes, 1)->max = MOST;
    const Size *terms[] = {n, m};
    set_up(&fit, terms, 2);
    test_expressions(&fit);
    test_none(&fit);
    arena_free(arena);
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
