/* Targets: every one that lpc brings loads, aliases and user directories are followed, and each bad
 * field gives one error that names the file, the field and what was expected. */
#define _GNU_SOURCE
#include "tests/check.h"

#include "ir/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/lpc-targets-XXXXXX";

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = calloc(1, 65536);
    if (text && fread(text, 1, 65535, file) == 0) text[0] = 0;
    fclose(file);
    return text;
}

/* pi5.json with `from` replaced by `to`, as DIR/t.json. */
static const char *edited(const char *from, const char *to)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/t.json", dir);
    char *text = read_file(LPC_SOURCE_DIR "/targets/pi5.json");
    char *at = text ? strstr(text, from) : NULL;
    FILE *file = fopen(path, "wb");
    if (!at || !file) {
        fprintf(stderr, "cannot edit '%s'\n", from);
        exit(1);
    }
    fwrite(text, 1, (size_t)(at - text), file);
    fputs(to, file);
    fputs(at + strlen(from), file);
    fclose(file);
    free(text);
    return path;
}

/* The edited file fails to load with one message, which holds the file's name, the field and
 * `expected`. */
static void check_bad(const char *from, const char *to, const char *field, const char *expected)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    const char *path = edited(from, to), *dirs[] = {dir};
    Target *t = NULL;
    int code = target_load(&diag, arena, "t", dirs, 1, &t);
    if (code != LPC_ERROR || diag.count != 1 || !strstr(diag.messages[0], path) ||
        !strstr(diag.messages[0], field) || !strstr(diag.messages[0], expected)) {
        fprintf(stderr, "'%s' -> '%s': %d, %d messages: %s\n", from, to, code, diag.count,
                diag.count ? diag.messages[0] : "");
        failures++;
    }
    arena_free(arena);
}

static void test_bad_fields(void)
{
    check_bad("\"cores\": 4,", "", "'cores'", "is missing: expected a whole number");
    check_bad("\"cores\": 4", "\"cores\": 0", "'cores'", "from 1 to 1024, got 0");
    check_bad("\"cores\": 4", "\"cores\": 1.5", "'cores'", "got 1.5");
    check_bad("\"cores\": 4", "\"cores\": \"4\"", "'cores'", "a whole number");
    check_bad("\"cores\"", "\"corse\"", "'corse'", "unknown field");
    check_bad("\"64KiB\"", "\"64 kilo\"", "'cache.l1d'", "a size");
    check_bad("\"64KiB\"", "-1", "'cache.l1d'", "a size");
    check_bad("\"3GB\"", "\"3kB\"", "'memory'", "from 65536 bytes");
    check_bad("\"3GB\"", "1e300", "'memory'", "a size from");
    check_bad("\"gflops\": 100", "\"gflops\": -3", "'gflops'", "a number above 0");
    check_bad("\"bits\": 128", "\"bits\": 100", "'vector.bits'", "0 (none), 128");
    check_bad("\"sdot\"", "\"vnni\"", "'isa.dot'", "(x86_64)");
    check_bad("\"fma\": true", "\"fma\": 1", "'isa.fma'", "true or false");
    check_bad("\"aarch64-linux-gnu\"", "\"../etc\"", "'triple'", "a triple");
    check_bad("\"+dotprod\"", "\"dotprod\"", "'features'", "each with its sign");
    check_bad("[\"aarch64-linux-gnu-gcc\"]", "[]", "'cc'", "a list of words");
    check_bad("[\"pi\"]", "[1]", "'aliases'", "a list of names");
    check_bad("\"cores\": 4,", "\"cores\": 4", "line", "not JSON");
    check_bad("{", "[{", "", "not JSON");
}

static void test_load(void)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    Target *t = NULL, **all = NULL;
    const char **aliases = NULL;
    int count = 0;
    CHECK(target_list(&diag, arena, NULL, 0, &all, &aliases, &count) == 0);
    CHECK(count >= 7 && strcmp(all[0]->name, "host") == 0 && all[0]->native);
    for (int i = 2; i < count; i++) CHECK(strcmp(all[i - 1]->name, all[i]->name) < 0);
    CHECK(target_load(&diag, arena, "pi", NULL, 0, &t) == 0 && strcmp(t->name, "pi") == 0);
    CHECK(t && t->dot == DOT_SDOT && t->l1d == 65536 && t->memory == 3000000000);
    CHECK(t && strcmp(t->features, "+dotprod,+fullfp16") == 0 && t->linker == t->cc);
    CHECK(target_load(&diag, arena, "riscv64", NULL, 0, &t) == 0 && t->vector_bits == 0);
    CHECK(target_load(&diag, arena, "host", NULL, 0, &t) == 0 && t->cores >= 1 && t->memory > 0);
    CHECK(diag.count == 0);

    /* A user's directory comes first, and its broken files do not disturb others' names. */
    edited("\"cores\": 4", "\"cores\": 3");
    const char *dirs[] = {dir};
    CHECK(target_load(&diag, arena, "t", dirs, 1, &t) == 0 && t->cores == 3);
    CHECK(target_load(&diag, arena, "pi", dirs, 1, &t) == 0 && t->cores == 3);
    edited("\"cores\": 4", "\"cores\": true");
    CHECK(target_load(&diag, arena, "pi", dirs, 1, &t) == 0 && t->cores == 4);
    CHECK(diag.count == 0);
    CHECK(target_load(&diag, arena, "phone", dirs, 1, &t) == LPC_ERROR && diag.count == 2);
    CHECK(target_load(&diag, arena, "../targets/pi5", NULL, 0, &t) == LPC_ERROR);
    const char *missing[] = {"/nonexistent"};
    CHECK(target_load(&diag, arena, "pi", missing, 1, &t) == LPC_ERROR);
    arena_free(arena);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    test_load();
    test_bad_fields();
    char path[256];
    snprintf(path, sizeof path, "%s/t.json", dir);
    unlink(path);
    rmdir(dir);
    return failures != 0;
}
