/* The table of options: names are taken once by each subcommand, values land where they belong, any
 * number of them; the text for the build id has what reaches an output and nothing else. */
#include "tests/check.h"

#include "lib/options/options.h"

#include <stdio.h>
#include <string.h>

static Arena *arena;
static Diag diag;

static Options parse(int command, const char *const *words, int expected)
{
    Options options;
    char *argv[64];
    int argc = 0;
    while (words[argc]) argv[argc] = (char *)(uintptr_t)words[argc], argc++;
    options_init(&options, arena);
    diag_init(&diag, arena, NULL);
    int code = options_parse(&options, &diag, command, argc, argv, 0);
    CHECK(code == expected);
    if (code != expected && diag.count) printf("%s\n", diag.messages[0]);
    CHECK(diag.count == (expected != 0));
    return options;
}

static void names_are_taken_once(void)
{
    for (int i = 0; i < option_count; i++) {
        const Option *a = &option_table[i];
        CHECK(a->commands && a->help && a->name[0] == '-');
        CHECK(a->help[strlen(a->help) - 1] != '.');
        CHECK(a->kind != OPTION_OTHER || a->set);
        for (int k = i + 1; k < option_count; k++) {
            const Option *b = &option_table[k];
            CHECK(strcmp(a->name, b->name) != 0 || !(a->commands & b->commands));
        }
    }
}

static void values_land(void)
{
    static const char *const words[] = {"a.onnx",
                                        "--bind=n=3",
                                        "--max",
                                        "m=5",
                                        "--targets",
                                        "pc,,pi",
                                        "--targets=android",
                                        "--portable",
                                        "--memory-limit",
                                        "0.5",
                                        "--state",
                                        "x=y",
                                        "--bind-input",
                                        "k=f.npy",
                                        NULL};
    Options o = parse(0, words, 0);
    CHECK(o.argument_count == 1 && !strcmp(o.arguments[0], "a.onnx"));
    CHECK(o.compile.bind_count == 1 && !strcmp(o.compile.binds[0].name, "n"));
    CHECK(o.compile.binds[0].value == 3 && o.compile.maxes[0].value == 5);
    CHECK(o.compile.target_count == 3 && !strcmp(o.compile.targets[2], "android"));
    CHECK(o.compile.portable && o.compile.planned && o.compile.plan.memory_limit == 0.5);
    CHECK(!strcmp(o.compile.states[0], "x=y") && !strcmp(o.compile.input_files[0].file, "f.npy"));
    static const char *const run[] = {"out", "--feedback", "in=argmax(out)", "--repeat", "7", NULL};
    o = parse(1, run, 0);
    CHECK(!strcmp(o.feedback_in, "in") && !strcmp(o.feedback_out, "out") && o.repeat == 7);
    static const char *const serve[] = {"--serve", "--once", NULL};
    o = parse(8, serve, 0);
    CHECK(!strcmp(o.serve, "*:7700") && o.once);
}

/* More of one option than any list of fixed size would hold. */
static void lists_grow(void)
{
    Options o;
    options_init(&o, arena);
    diag_init(&diag, arena, NULL);
    const Option *bind = option_find("bind", FOR_COMPILE);
    CHECK(bind && bind == option_find("--bind", FOR_COMPILE));
    for (int i = 0; i < 1000; i++)
        CHECK(!option_set(&o, &diag, bind, arena_printf(arena, "n%d=%d", i, i)));
    CHECK(o.compile.bind_count == 1000 && o.compile.binds[999].value == 999);
}

static void wrong_values(void)
{
    static const char *const cases[][3] = {
        {"--bind", "n", NULL},          {"--bind", "=3", NULL},
        {"--bind", "n=3x", NULL},       {"--bind", "n=-1", NULL},
        {"--threads", "0", NULL},       {"--threads", "1.5", NULL},
        {"--memory-limit", "2", NULL},  {"--objective", "x", NULL},
        {"--emit", "eval", NULL},       {"--state", "x", NULL},
        {"--name", "", NULL},           {"--bind-input", "x=", NULL},
        {"--threads", "nan", NULL},     {"--nchwc-block", "4", NULL},
        {"--accuracy-level", "2", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) parse(0, cases[i], LPC_USAGE);
    static const char *const eval[] = {"--emit", "eval", NULL};
    CHECK(parse(2, eval, 0).evaluate);
}

static const char *reaching(const char *const *words)
{
    Options o = parse(0, words, 0);
    Text text;
    text_init(&text, arena);
    options_reaching(&text, &o.compile, REACH_MODEL);
    options_reaching(&text, &o.compile, REACH_FORM);
    options_reaching(&text, &o.compile, REACH_CUT);
    return text.data;
}

static void what_reaches(void)
{
    static const char *const none[] = {NULL}, *const same[] = {
                                                  "--quiet", "--no-link", "--time-passes",
                                                  "-o",      "out",       "--verbose",
                                                  NULL};
    static const char *const others[][3] = {
        {"--portable", NULL},      {"--emit", "c"},           {"--threads", "4"},
        {"--bind", "n=1"},         {"--max", "n=1"},          {"--state", "a=b"},
        {"--name", "x"},           {"--instrument", NULL},    {"--no-plan", NULL},
        {"--objective", "memory"}, {"--memory-limit", "0.9"}, {"--nchwc-block", "16"},
        {"--random-seed", "7"},    {"--random-input", "x"},   {"--accuracy-level", "4"}};
    const char *plain = reaching(none);
    CHECK(!strcmp(plain, reaching(same)));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(strcmp(plain, reaching(others[i])) != 0);
}

int main(void)
{
    arena = arena_new();
    names_are_taken_once();
    values_land();
    lists_grow();
    wrong_values();
    what_reaches();
    arena_free(arena);
    return failures != 0;
}
