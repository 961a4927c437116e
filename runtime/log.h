/* Lines that a program leaves behind: what happened, when, how bad it is, and to whom.
 *
 *     2026-11-30T20:09:14.123Z error stage 'pi': nobody connected to 0.0.0.0:7002 within 60 s
 *
 * or, for programs that read them, one JSON object each:
 *
 *     {"time":"2026-11-30T20:09:14.123Z","level":"error","stage":"pi","event":"broken","text":"nobody ..."}
 *
 * Times are UTC. A line is one write, without memory of its own and without stdio, so that lines of several threads
 * do not mix. */
#ifndef LPC_RUNTIME_LOG_H
#define LPC_RUNTIME_LOG_H

#include <stddef.h>
#include <time.h>

/* X(enumerator, name) */
#define LPC_LEVELS(X)                                                                              \
    X(LPC_LOG_ERROR, "error")     /* something failed that was asked for */                        \
    X(LPC_LOG_WARNING, "warning") /* somebody was sent away, something was given up */             \
    X(LPC_LOG_INFO, "info")       /* it went as it should */

typedef enum LpcLevel {
#define X(id, name) id,
    LPC_LEVELS(X)
#undef X
} LpcLevel;

/* What happened, for programs. X(enumerator, name) */
#define LPC_EVENTS(X)                                                                              \
    X(LPC_EVENT_USAGE, "usage")     /* the command line is wrong */                                \
    X(LPC_EVENT_START, "start")     /* it listens, */                                              \
    X(LPC_EVENT_FAILED, "failed")   /* or could not start or end as it should */                   \
    X(LPC_EVENT_STREAM, "stream")   /* a stream has begun, */                                      \
    X(LPC_EVENT_ENDED, "ended")     /* or ended as it should, */                                   \
    X(LPC_EVENT_BROKEN, "broken")   /* or broke */                                                 \
    X(LPC_EVENT_REFUSED, "refused") /* who connected was sent away */                              \
    X(LPC_EVENT_KEYS, "keys")       /* SIGHUP: the keys were read again, or could not be */        \
    X(LPC_EVENT_STOPPED, "stopped") /* a signal ended it */

typedef enum LpcEvent {
#define X(id, name) id,
    LPC_EVENTS(X)
#undef X
} LpcEvent;

enum {
    LPC_LOG_LINE = 1024, /* longest line, with its end; what is longer is cut */
    LPC_LOG_TIME = 25    /* "2026-11-30T20:09:14.123Z" with its zero */
};

typedef struct LpcLog {
    const char *name; /* of the stage; NULL: it is the gateway */
    int json;
} LpcLog;

/* Writes the line to fd. */
void lpc_log(const LpcLog *log, int fd, LpcLevel level, LpcEvent event, const char *text);
/* The same into line[size], size at least 200, at that time; returns its length. Characters that would steer a
 * terminal, and in JSON those that are not ASCII, become '?'. */
size_t lpc_log_line(const LpcLog *log, const struct timespec *when, LpcLevel level, LpcEvent event,
                    const char *text, char *line, size_t size);
/* A line of the first form without its time and level; any other line as it is. */
const char *lpc_log_said(const char *line);

#endif
