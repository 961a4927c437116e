/* See log.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "log.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const levels[] = {
#define X(id, name) name,
    LPC_LEVELS(X)
#undef X
};

static const char *const events[] = {
#define X(id, name) name,
    LPC_EVENTS(X)
#undef X
};

/* ---- Time ---- */

typedef struct Day {
    int64_t year;
    int month, day;
} Day;

/* The civil day so many days after 1 January 1970 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"): gmtime
 * may read files and take memory. */
static Day day_of(int64_t days)
{
    days += 719468;                                            /* from 1 March of year 0 on, */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097; /* 400 years, */
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* which begins in March */
    return (Day){year + era * 400 + (month >= 10), (int)(month < 10 ? month + 3 : month - 9),
                 (int)(of_year - (153 * month + 2) / 5 + 1)};
}

static void time_text(const struct timespec *when, char text[LPC_LOG_TIME])
{
    enum { DAY_S = 86400 };
    int64_t at = (int64_t)when->tv_sec, days = at / DAY_S - (at % DAY_S < 0);
    int second = (int)(at - days * DAY_S);
    Day day = day_of(days);
    char room[80]; /* for years that do not come */
    snprintf(room, sizeof room, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ", (long long)day.year,
             day.month, day.day, second / 3600, second / 60 % 60, second % 60,
             (int)(when->tv_nsec / 1000000));
    memcpy(text, room, LPC_LOG_TIME - 1);
    text[LPC_LOG_TIME - 1] = 0;
}

/* ---- Lines ---- */

/* A line that is being made. */
typedef struct Line {
    char *text;
    size_t length, most; /* most: without what must stand at its end */
} Line;

static void put(Line *line, const char *text, size_t size)
{
    if (size > line->most - line->length) size = line->most - line->length;
    memcpy(line->text + line->length, text, size);
    line->length += size;
}

static void put_text(Line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_safe(Line *line, const char *text)
{
    for (; *text && line->length < line->most; text++) {
        unsigned char c = (unsigned char)*text;
        line->text[line->length++] = c < ' ' || c == 0x7f ? '?' : *text;
    }
}

/* The inside of a JSON string; a character and its backslash are not parted. */
static void put_quoted(Line *line, const char *text)
{
    for (; *text && line->length + 2 <= line->most; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') line->text[line->length++] = '\\';
        line->text[line->length++] = c < ' ' || c >= 0x7f ? '?' : *text;
    }
}

static void put_json(Line *line, const LpcLog *log, const char *when, LpcLevel level,
                     LpcEvent event, const char *text)
{
    enum { NAME_MOST = 300 }; /* so that there is room for the text */
    size_t most = line->most;
    put_text(line, "{\"time\":\"");
    put_text(line, when);
    put_text(line, "\",\"level\":\"");
    put_text(line, levels[level]);
    put_text(line, "\",\"stage\":\"");
    if (line->most > NAME_MOST) line->most = NAME_MOST;
    put_quoted(line, log->name ? log->name : "gateway");
    line->most = most;
    put_text(line, "\",\"event\":\"");
    put_text(line, events[event]);
    put_text(line, "\",\"text\":\"");
    put_quoted(line, text);
}

static void put_plain(Line *line, const LpcLog *log, const char *when, LpcLevel level,
                      const char *text)
{
    put_text(line, when);
    put_text(line, " ");
    put_text(line, levels[level]);
    put_text(line, log->name ? " stage '" : " gateway");
    if (log->name) put_safe(line, log->name);
    put_text(line, log->name ? "': " : ": ");
    put_safe(line, text);
}

size_t lpc_log_line(const LpcLog *log, const struct timespec *when, LpcLevel level, LpcEvent event,
                    const char *text, char *line, size_t size)
{
    const char *end = log->json ? "\"}\n" : "\n";
    Line out = {line, 0, size - strlen(end)};
    char time[LPC_LOG_TIME];
    time_text(when, time);
    if (log->json)
        put_json(&out, log, time, level, event, text);
    else
        put_plain(&out, log, time, level, text);
    out.most = size;
    put_text(&out, end);
    return out.length;
}

void lpc_log(const LpcLog *log, int fd, LpcLevel level, LpcEvent event, const char *text)
{
    char line[LPC_LOG_LINE];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t length = lpc_log_line(log, &now, level, event, text, line, sizeof line);
    if (write(fd, line, length) < 0) return;
}

const char *lpc_log_said(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    const char *at = line;
    for (const char *f = form; *f; f++, at++)
        if (*f == 'd' ? *at < '0' || *at > '9' : *at != *f) return line;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        size_t length = strlen(levels[i]);
        if (!strncmp(at, levels[i], length) && at[length] == ' ') return at + length + 1;
    }
    return line;
}
