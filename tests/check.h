/* How tests in C say what failed, and count it: main returns whether there were failures. */
#ifndef LPC_TESTS_CHECK_H
#define LPC_TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures __attribute__((unused)), checks __attribute__((unused));

/* In the sanitizers' build, where all is some ten times slower and what is repeated at length says nothing new. */
static inline bool is_sanitized(void)
{
    const char *given = getenv("LPC_SANITIZED");
    return given && !strcmp(given, "1");
}

/* CHECK(condition) or CHECK(condition, format, ...), with up to six values to show. */
/* clang-format off */
#define CHECK(...)                                                                                 \
    CHECK_KIND(__VA_ARGS__, CHECK_SAYS, CHECK_SAYS, CHECK_SAYS, CHECK_SAYS, CHECK_SAYS,            \
               CHECK_SAYS, CHECK_SAYS, CHECK_PLAIN, 0)(__VA_ARGS__)
/* clang-format on */
#define CHECK_KIND(a, b, c, d, e, f, g, h, kind, ...) kind
#define CHECK_PLAIN(condition)                        CHECK_SAYS(condition, "it is not so")
#define CHECK_SAYS(condition, ...)                                                                 \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("FAILED %s:%d: %s: ", __FILE__, __LINE__, #condition);                          \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

/* One of few: a line, whether it failed or not. */
static inline void check(bool good, const char *what)
{
    checks++;
    printf("%s %s\n", good ? "ok  " : "FAIL", what);
    if (!good) failures++;
}

/* One of many: a line when it failed. */
static inline void check_about(bool good, const char *what, const char *about)
{
    checks++;
    if (good) return;
    printf("FAIL %s: %s\n", what, about);
    failures++;
}

#endif
