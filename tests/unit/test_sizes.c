/* Sizes: the laws of the normal form, evaluation, bounds and text, on random expressions. */
#include "tests/check.h"

#include "ir/sym.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SYMBOLS = 4, ROUNDS = 20000 };

static SizeTable *table;
static int64_t values[SYMBOLS];
static uint64_t seed = 12345;

static int64_t below(int64_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)limit);
}

/* A size and what it must evaluate to, computed apart from sym.c. */
typedef struct Pair {
    const Size *size;
    int64_t value;
} Pair;

static int64_t floored(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient * b > a ? quotient - 1 : quotient;
}

static Pair leaf(void)
{
    if (below(3) == 0) {
        int64_t value = below(25) - 8;
        return (Pair){size_const(table, value), value};
    }
    int sym = (int)below(SYMBOLS);
    return (Pair){size_sym(table, sym), values[sym]};
}

static Pair divisor(void)
{
    int64_t value = below(12) + 1;
    Pair pair = {size_const(table, value), value};
    int kind = (int)below(6), sym = (int)below(SYMBOLS), other = (int)below(SYMBOLS);
    if (kind < 3) return pair;
    pair = (Pair){size_sym(table, sym), values[sym]};
    if (kind == 4) {
        pair.size = size_mul(table, pair.size, size_sym(table, other));
        pair.value *= values[other];
    } else if (kind == 5) {
        pair.size = size_addi(table, size_add(table, pair.size, size_sym(table, other)), 1);
        pair.value += values[other] + 1;
    }
    return pair;
}

static Pair expression(int depth)
{
    if (depth == 0) return leaf();
    Pair a = expression(depth - 1), b = expression((int)below(depth));
    switch (below(8)) {
    case 0:
    case 1: return (Pair){size_add(table, a.size, b.size), a.value + b.value};
    case 2: return (Pair){size_sub(table, a.size, b.size), a.value - b.value};
    case 3: return (Pair){size_mul(table, a.size, b.size), a.value * b.value};
    case 4:
        b = divisor();
        return (Pair){size_div(table, a.size, b.size), floored(a.value, b.value)};
    case 5:
        b = divisor();
        return (Pair){size_mod(table, a.size, b.size),
                      a.value - b.value * floored(a.value, b.value)};
    case 6: return (Pair){size_min(table, a.size, b.size), a.value < b.value ? a.value : b.value};
    default: return (Pair){size_max(table, a.size, b.size), a.value > b.value ? a.value : b.value};
    }
}

/* Values from 1 to each symbol's bound, with the bounds themselves frequent. */
static void choose_values(void)
{
    for (int i = 0; i < SYMBOLS; i++) {
        int64_t max = sizes_symbol_at(table, i)->max;
        values[i] = below(4) == 0 ? max : below(max) + 1;
    }
}

static void new_table(Arena *arena, bool bounded)
{
    static const char *const names[SYMBOLS] = {"batch", "seq", "h", "past len"};
    table = sizes_new(arena);
    for (int i = 0; i < SYMBOLS; i++) {
        sizes_symbol_at(table, sizes_symbol(table, names[i]))->max = bounded ? 3 + 4 * i : -1;
    }
}

static void test_random(bool bounded)
{
    bool evaluates = true, round_trips = true, sound = true;
    for (int round = 0; round < ROUNDS; round++) {
        Arena *arena = arena_new();
        new_table(arena, bounded);
        if (!bounded) {
            for (int i = 0; i < SYMBOLS; i++) values[i] = below(20) + 1;
        } else {
            choose_values();
        }
        Pair pair = expression((int)below(5));
        int64_t got = size_eval(pair.size, values);
        const char *text = size_text(table, pair.size);
        if (got != pair.value && evaluates) {
            printf("     %s: got %" PRId64 ", expected %" PRId64 "\n", text, got, pair.value);
            evaluates = false;
        }
        const Size *again = size_parse(table, text, NULL);
        if (again != pair.size && round_trips) {
            printf("     %s: parses to %s\n", text, again ? size_text(table, again) : "nothing");
            round_trips = false;
        }
        int64_t low = size_lower(table, pair.size), high = size_upper(table, pair.size);
        if ((got < low || got > high) && sound) {
            printf("     %s: %" PRId64 " outside [%" PRId64 ", %" PRId64 "]\n", text, got, low,
                   high);
            sound = false;
        }
        arena_free(arena);
    }
    check(evaluates, bounded ? "random, bounded: value" : "random, unbounded: value");
    check(round_trips, bounded ? "random, bounded: round trip" : "random, unbounded: round trip");
    check(sound, bounded ? "random, bounded: bounds" : "random, unbounded: bounds");
}

static void test_laws(void)
{
    bool add = true, mul = true, distributes = true, exact = true, order = true;
    for (int round = 0; round < ROUNDS / 4; round++) {
        Arena *arena = arena_new();
        new_table(arena, false);
        for (int i = 0; i < SYMBOLS; i++) values[i] = below(20) + 1;
        const Size *a = expression((int)below(3)).size, *b = expression((int)below(3)).size;
        const Size *c = expression((int)below(3)).size, *d = divisor().size;
        add = add && size_add(table, a, size_add(table, b, c)) ==
                         size_add(table, size_add(table, c, a), b);
        mul = mul && size_mul(table, a, size_mul(table, b, c)) ==
                         size_mul(table, size_mul(table, c, a), b);
        distributes =
            distributes && size_mul(table, a, size_sub(table, b, c)) ==
                               size_sub(table, size_mul(table, a, b), size_mul(table, c, a));
        exact = exact && size_div(table, size_mul(table, a, d), d) == a;
        order = order && size_min(table, a, size_min(table, b, c)) ==
                             size_min(table, size_min(table, c, a), b);
        arena_free(arena);
    }
    check(add, "a + (b + c) is (c + a) + b");
    check(mul, "a * (b * c) is (c * a) * b");
    check(distributes, "a * (b - c) is a*b - c*a");
    check(exact, "(a * d) / d is a");
    check(order, "min is associative and commutative");
}

/* Each text parses and prints as the second one. */
static void test_forms(void)
{
    static const char *const forms[][2] = {
        {"3", "3"},
        {"seq+batch", "batch + seq"},
        {"h*2*seq - 1", "2*seq*h - 1"},
        {"(4*h)/4", "h"},
        {"(4*h + 8)/4", "h + 2"},
        {"(4*h + 3)/4", "h"},
        {"floor((h - 1)/2) + 1", "floor((h + 1)/2)"},
        {"h/2/3", "floor(h/6)"},
        {"(h/2 + 1)/3", "floor((h + 2)/6)"},
        {"(batch*seq*64)/(seq*64)", "batch"},
        {"(batch*seq*64)/(seq*128)", "floor(batch/2)"},
        {"((batch + 1)*(seq + h))/(seq + h)", "batch + 1"},
        {"6*h/4", "floor(3*h/2)"},
        {"ceil(h/4)", "floor((h + 3)/4)"},
        {"ceil(2*h/4)", "floor((h + 1)/2)"},
        {"(5*h + 9) mod 4", "((h + 1) mod 4)"},
        {"(6*h + 1) mod 4", "2*(h mod 2) + 1"},
        {"(h mod 8) mod 4", "(h mod 4)"},
        {"(h*seq) mod seq", "0"},
        {"min(h, max(h, 3))", "min(h, max(h, 3))"},
        {"min(5, min(h, 3))", "min(h, 3)"},
        {"min(h + 1, h)", "h"},
        {"max(h, h + 1)", "h + 1"},
        {"min(h, 100)", "h"},
        {"max(0, h - seq)", "max(-seq + h, 0)"},
        {"\"past len\" + 1", "\"past len\" + 1"},
        {"\"min\"", "\"min\""},
        {"-h", "-h"},
        {"-h/2", "-floor(h/2)"},
        {"(-h)/2", "floor((-h)/2)"},
        {"h - h", "0"},
        {"(h mod 100)", "h"},
        {"h/100", "0"},
        {"9223372036854775807 + 5", "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const Size *size = size_parse(table, forms[i][0], NULL);
        const char *text = size ? size_text(table, size) : "nothing";
        bool ok = !strcmp(text, forms[i][1]);
        check(ok, forms[i][0]);
        if (!ok) printf("     got %s, expected %s\n", text, forms[i][1]);
    }
}

static void test_errors(void)
{
    static const char *const broken[] = {"",       "3 +",     "min(3)",    "floor(h", "(h", "h h",
                                         "*h",     "\"open",  "ceil(3)",   "h mod",   ")",  "min",
                                         "3 ** 4", "max(,3)", "h + - 3 -", "ceil(h)"};
    bool refused = true;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        if (size_parse(table, broken[i], NULL)) {
            printf("     accepted: %s\n", broken[i]);
            refused = false;
        }
    }
    check(refused, "broken texts are refused");
    const char *text = "h + 1 , 4", *end;
    check(size_parse(table, text, &end) && end == text + 5, "stops behind a size");
    static char deep[5000];
    memset(deep, '(', sizeof deep - 1);
    check(!size_parse(table, deep, NULL), "deep nesting is refused");
}

static void test_bounds(Arena *arena)
{
    const Size *h = size_parse(table, "h", NULL), *open = size_parse(table, "unbounded", NULL);
    const Size *sub = size_substitute(table, size_parse(table, "(h*seq + 7)/4", NULL),
                                      sizes_find(table, "seq"), size_const(table, 4));
    check(sub == size_addi(table, h, 1), "substitution simplifies");
    check(size_upper(table, h) == 11 && size_lower(table, h) == 0, "upper bound of h");
    check(size_upper(table, open) == INT64_MAX &&
              size_upper(table, size_addi(table, open, -5)) == INT64_MAX &&
              size_upper(table, size_divi(table, open, 2)) == INT64_MAX,
          "no bound");
    check(size_lower(table, size_muli(table, open, -2)) == INT64_MIN, "lower bound of -unbounded");
    int64_t huge[8] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, 0, 0};
    check(size_eval(size_parse(table, "batch*seq*h + h", NULL), huge) == INT64_MAX,
          "evaluation saturates");
    const Size *power = h;
    for (int i = 0; i < 40; i++) power = size_mul(table, power, size_addi(table, power, 1));
    check(size_is(power, INT64_MAX), "absurd sizes end at INT64_MAX");
    (void)arena;
}

int main(void)
{
    test_random(true);
    test_random(false);
    test_laws();
    Arena *arena = arena_new();
    new_table(arena, true);
    test_forms();
    test_errors();
    test_bounds(arena);
    arena_free(arena);
    printf("%d failures\n", failures);
    return failures != 0;
}
