/* Main programs: random ones through the text form and back, and with their memory shared or apart.
 * The backends run the same programs in test_backend_*. */
#include "passes/memory/memory.h"
#include "tests/unit/main_cases.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROGRAMS = 1000, BYTES = 4 * MAIN_PART * MAIN_PARTS };

static int failures;

static void check(bool good, const char *what, int number)
{
    if (good) return;
    printf("FAIL %s: program %d\n", what, number);
    failures++;
}

typedef struct Result {
    int code;
    int64_t symbols[MAIN_SYMBOLS];
    uint8_t y[BYTES];
} Result;

static Result evaluate(Arena *arena, const Program *program, int number)
{
    Result result = {.symbols = {number % MAIN_PARTS, -5, 99, INT64_MAX, 3}};
    int32_t x[MAIN_PART * MAIN_PARTS];
    for (int i = 0; i < MAIN_PART * MAIN_PARTS; i++) x[i] = (i * 37 + number) % 101 - 50;
    uint8_t *work = arena_alloc(arena, (size_t)program->work_bytes + 1);
    memset(work, number & 1 ? 0x11 : 0xee, (size_t)program->work_bytes);
    Diag diag;
    diag_init(&diag, arena, "main");
    result.code = loops_eval(program, &diag, (const void *const[]){x}, (void *const[]){result.y},
                             result.symbols, work, NULL, NULL);
    diag_flush(&diag);
    return result;
}

static bool same(const Result *a, const Result *c)
{
    return a->code == c->code && !memcmp(a->symbols, c->symbols, sizeof a->symbols) &&
           !memcmp(a->y, c->y, sizeof a->y);
}

static bool goes_round(Arena *arena, const Program *program)
{
    Diag diag;
    Text text, again;
    Program *read;
    diag_init(&diag, arena, "main");
    text_init(&text, arena);
    text_init(&again, arena);
    loops_print(&text, program);
    int code = loops_verify(program, &diag);
    if (!code) code = loops_parse(arena, &diag, text.data, "main", &read);
    diag_flush(&diag);
    if (code) return false;
    loops_print(&again, read);
    return !strcmp(text.data, again.data);
}

static void print_it(Arena *arena, const Program *program)
{
    Text text;
    text_init(&text, arena);
    loops_print(&text, program);
    fputs(text.data, stdout);
}

/* One that is asked for is printed. */
static void run(int number, int codes[4], bool print)
{
    Arena *arena = arena_new();
    MemoryFigures figures;
    Program *program = main_random(arena, "random", (uint32_t)number);
    memory_apart(program, &figures);
    Result apart = evaluate(arena, program, number);
    program = main_random(arena, "random", (uint32_t)number);
    plan_memory(program, NULL, 0, &figures);
    Result shared = evaluate(arena, program, number);
    check(apart.code == 0 || apart.code == 1, "an unexpected code", number);
    check(same(&apart, &shared), "shared memory gives other results", number);
    check(goes_round(arena, program), "the text form", number);
    codes[apart.code & 3]++;
    if (print) print_it(arena, program);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    int codes[4] = {0};
    int first = argc > 1 ? atoi(argv[1]) : 0, last = argc > 1 ? first + 1 : PROGRAMS;
    for (int i = first; i < last; i++) run(i, codes, argc > 1);
    printf("%d main programs, %d of them ended by a bound, %d failures\n", last - first, codes[1],
           failures);
    return failures != 0 || (argc == 1 && codes[0] < PROGRAMS / 2);
}
