/* A pipeline that runs, seen from outside: its stages are asked for their figures again and again.
 *
 *     watch_open(&w, arena, package, addresses, devices, tls);
 *     for (;; sleep) { watch_look(w); ... w->stages[i].seen, w->limits ... }
 *
 * What a stage tells are sums since it began (runtime/figures.h); what is seen here are their changes from one look to
 * the next, by the stage's own clock. */
#ifndef LPC_LIB_WATCH_H
#define LPC_LIB_WATCH_H

#include "lib/run/run.h"
#include "runtime/gate.h"

/* What a stage did between two looks. */
typedef struct WatchSeen {
    double seconds;         /* between them; 0: there was one look only, or the stage is new */
    double frames, in, out; /* frames, bytes of them: each second */
    double busy, input,
        output;       /* parts of the time: it computed, waited for frames, for room after it */
    double compute_s; /* of a frame; < 0: none was computed */
} WatchSeen;

typedef struct WatchStage {
    const char *name, *device, *address;
    double predicted_s; /* of computing a frame; < 0: not known */
    int predicted_cores;
    bool is_up;
    LpcError error;    /* why not */
    LpcFigures now;    /* what it told last */
    LpcFigures before; /* and at the look before that */
    bool has_before;
    WatchSeen seen;
    LpcHello hello;  /* the question */
    LpcTlsPool *tls; /* NULL: links are plain */
    const LpcCrc *crc;
} WatchStage;

typedef struct Watch {
    WatchStage *stages;
    int count;
    int limiting;       /* the stage that limits the others; -1: none does */
    const char *limits; /* who does, and why: a sentence in the arena */
    LpcCrc crc;
    Arena *arena;
} Watch;

/* addresses, devices: of each stage; they stay the caller's, as does tls, with a session for each. */
void watch_open(Watch *watch, Arena *arena, const Package *package, const char *const *addresses,
                const char *const *devices, LpcTlsPool *tls);
/* Asks all of them at once; takes as long as the slowest, about a second at most. */
void watch_look(Watch *watch);

/* What was done between two answers of one stage. */
WatchSeen watch_seen(const LpcFigures *before, const LpcFigures *now);
/* Fills in limiting and limits. */
void watch_judge(Watch *watch);

#endif
