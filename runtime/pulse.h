/* Signs of life on the two links of a stream.
 *
 * A thread of its own sends a beat along the link after and against the link before, however long the computing
 * takes, and hears what the link after sends against the stream: beats, the reason why it breaks off, its end, or
 * nothing for too long. So a neighbour that hangs or is cut off is told from one that computes. (What comes along
 * the link before is the reader's: link.c.) */
#ifndef LPC_RUNTIME_PULSE_H
#define LPC_RUNTIME_PULSE_H

#include "helper.h"
#include "transport.h"

typedef struct LpcPulse {
    /* set by its owner before lpc_pulse_start */
    const LpcCrc *crc;
    int beat_ms; /* how often a beat is sent; 0: never */
    /* What the owner does. */
    void (*look)(void *self, LpcBeat *beat);
    /* Called once: the link after has ended, or its end gives no sign of life, or told an error, whose code it is
     * then. */
    void (*lost)(void *self, const LpcError *error);
    void *self;
    pthread_mutex_t
        sending;   /* held by whoever sends along the link after; made by lpc_pulse_start */
    uint64_t sent; /* frames that were sent along it, under the mutex */
    /* its own */
    LpcHelper helper;
    int wake[2];
    pthread_mutex_t mutex;
    int quit;          /* these under the mutex */
    LpcLink *in, *out; /* the links before and after; NULL: there is none yet */
    uint64_t heard_ns; /* when the link after last gave a sign of life */
    LpcBeat after;     /* the last beat from there */
    int is_last;       /* the last frame went out: the link after may end */
} LpcPulse;

/* Makes the thread, which waits. Returns an errno value. */
int lpc_pulse_start(LpcPulse *pulse);
/* A stream begins: beats go against this link (NULL: there is none). */
void lpc_pulse_begin(LpcPulse *pulse, LpcLink *in);
/* And along this one, which is listened to from now on. */
void lpc_pulse_connect(LpcPulse *pulse, LpcLink *out);
/* The last frame is about to go along the link after. */
void lpc_pulse_is_last(LpcPulse *pulse);
/* Nothing more comes along the link before: no more beats go against it. */
void lpc_pulse_in_ended(LpcPulse *pulse);
/* The stream has ended: neither link is touched any more. */
void lpc_pulse_end(LpcPulse *pulse);
/* Ends the thread. */
void lpc_pulse_stop(LpcPulse *pulse);

/* The error of a link that fell silent: who, for how long, and what it last said of itself. */
void lpc_pulse_silence(const LpcLink *link, const LpcBeat *last, LpcError *error);

#endif
