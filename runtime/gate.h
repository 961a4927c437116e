/* The gate of a listener: hears everybody at once, lets streams in one after the other.
 *
 * A thread of its own accepts connections and reads their hellos. Whoever is silent, wrong or too late is dropped
 * and holds up nobody; a hello that fits stands in line until the one before has been served, and is told so. */
#ifndef LPC_RUNTIME_GATE_H
#define LPC_RUNTIME_GATE_H

#include "transport.h"

#include <pthread.h>

enum {
    LPC_PENDING_MOST = 64
}; /* connections that are not served; more make the oldest silent one go */

typedef struct LpcPending {
    LpcLink link;
    uint8_t hello[LPC_HELLO_BYTES];
    size_t got;        /* bytes of the hello */
    uint64_t deadline; /* for the rest of it */
    uint64_t place;    /* in line: lower ones come before; 0: not in line yet */
    uint32_t told;     /* how many it was told to be before it; UINT32_MAX: nothing yet */
    uint8_t stream[LPC_STREAM_BYTES];
} LpcPending;

typedef struct LpcGate {
    /* set by its owner before lpc_gate_start */
    const LpcTransport *transport;
    LpcListener listener;
    const LpcCrc *crc;
    LpcHello own;
    const char *role;    /* of whoever connects, for messages: "the neighbour before," */
    const uint8_t *only; /* the one stream that is let in; NULL: all */
    int stop_fd;         /* readable once all is to stop; -1: none */
    void (*tell)(void *self,
                 const char *text); /* why somebody was sent away; NULL: nobody hears it */
    void *self;
    /* its own */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int started, wake[2];
    int wanted, is_in, serving, stopped, quit; /* under the mutex */
    LpcLink let_in;
    uint8_t stream[LPC_STREAM_BYTES];
    LpcPending pending[LPC_PENDING_MOST];
    int count;
    uint64_t places, refused;
} LpcGate;

/* Starts the thread; the listener listens. Returns an errno value. */
int lpc_gate_start(LpcGate *gate);
/* Waits for the next stream: link gets its fd and peer, stream its identity. The one before has ended by that.
 * Returns 0, LPC_STOPPED, or LPC_EXIT_MISSING with error filled after timeout_ms (-1: none). */
int lpc_gate_take(LpcGate *gate, int timeout_ms, LpcLink *link, uint8_t stream[LPC_STREAM_BYTES],
                  LpcError *error);
/* Ends the thread and closes all that is not let in, the listener too. */
void lpc_gate_stop(LpcGate *gate);

/* Who hears that others come first, and how many. */
typedef struct LpcInLine {
    void (*tell)(void *self, const LpcLink *link, uint32_t before);
    void *self;
} LpcInLine;

/* The other side: says hello on a link that was just connected and waits until it is let in, for link->timeout_ms
 * from one answer to the next. watch: a link whose end ends the wait, or NULL; so does the link's stop_fd. in_line:
 * NULL, or who is told. */
int lpc_greet(LpcLink *link, const LpcLink *watch, const LpcCrc *crc, const LpcHello *hello,
              const LpcInLine *in_line, LpcError *error);

/* What a gate does, for a neighbour that was just accepted and is alone: hears its hello and lets it in. stream
 * gets its identity. */
int lpc_welcome(LpcLink *link, const LpcCrc *crc, const LpcHello *own,
                uint8_t stream[LPC_STREAM_BYTES], LpcError *error);

#endif
