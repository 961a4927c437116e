/* Lines of the log: their time, their two forms, what of them is cut or made harmless. */
#include "tests/check.h"
#include "runtime/log.h"

static const char *line_of(int json, time_t seconds, const char *name, const char *text)
{
    static char line[LPC_LOG_LINE + 1];
    LpcLog log = {name, json};
    struct timespec when = {seconds, 7999999};
    size_t length =
        lpc_log_line(&log, &when, LPC_LOG_WARNING, LPC_EVENT_REFUSED, text, line, LPC_LOG_LINE);
    line[length] = 0;
    return line;
}

static void times(void)
{
    static const struct {
        time_t at;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.007Z "},          {951782400, "2000-02-29T00:00:00.007Z "},
        {951868799, "2000-02-29T23:59:59.007Z "},  {1000000000, "2001-09-09T01:46:40.007Z "},
        {1796082621, "2026-11-30T23:50:21.007Z "}, {2147483647, "2038-01-19T03:14:07.007Z "},
        {-1, "1969-12-31T23:59:59.007Z "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *line = line_of(0, cases[i].at, "pi", "x");
        CHECK(!strncmp(line, cases[i].text, strlen(cases[i].text)), "%s", line);
    }
}

static void forms(void)
{
    CHECK(!strcmp(line_of(0, 0, "pi", "a\033[2J\n\"b\""),
                  "1970-01-01T00:00:00.007Z warning stage 'pi': a?[2J?\"b\"\n"),
          "%s", line_of(0, 0, "pi", "a\033[2J\n\"b\""));
    CHECK(!strcmp(line_of(0, 0, NULL, "b"), "1970-01-01T00:00:00.007Z warning gateway: b\n"));
    CHECK(
        !strcmp(line_of(1, 0, "p\"i", "a\\\n\xc3\xa4\"b"),
                "{\"time\":\"1970-01-01T00:00:00.007Z\",\"level\":\"warning\",\"stage\":\"p\\\"i\","
                "\"event\":\"refused\",\"text\":\"a\\\\???\\\"b\"}\n"),
        "%s", line_of(1, 0, "p\"i", "a\\\n\xc3\xa4\"b"));
}

/* However long name and text are, the line has its end, and in JSON no half of an escape. */
static void lengths(void)
{
    char text[3000], name[3000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(name, '"', sizeof name - 1);
        memset(text, '\\', sizeof text - 1);
        name[sizeof name - 1] = text[sizeof text - 1 - shift] = 0;
        text[sizeof text - 1] = 0;
        memset(text, 'x', shift);
        const char *line = line_of(1, 0, name, text);
        size_t length = strlen(line), slashes = 0;
        CHECK(length <= LPC_LOG_LINE && !strcmp(line + length - 3, "\"}\n"), "%zu", length);
        for (size_t at = length - 4; line[at] == '\\'; at--) slashes++;
        CHECK(slashes > 100 && slashes % 2 == 0, "%zu", slashes);
        CHECK(strlen(line_of(0, 0, name, text)) == LPC_LOG_LINE);
    }
}

static void said(void)
{
    static const char *const plain[] = {"", "stage 'pi': x", "2026-11-30T21:23:41.007Z",
                                        "2026-11-30T21:23:41.007Z fatal stage 'pi': x",
                                        "2026-11-30T21:23:41.0070 error x"};
    CHECK(!strcmp(lpc_log_said("2026-11-30T21:23:41.007Z error stage 'pi': x"), "stage 'pi': x"));
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        CHECK(lpc_log_said(plain[i]) == plain[i], "%s", plain[i]);
}

int main(void)
{
    times();
    forms();
    lengths();
    said();
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
