/* The gate of a listener: hears everybody at once, lets in as many streams as are waited for.
 *
 * A thread of its own accepts connections and reads their hellos. Whoever is silent, wrong or too late is dropped
 * and holds up nobody; a hello that fits stands in line until there is room, and is told so again and again. Where
 * results are fetched (`result`), a client attaches its stream first and opens it at the first stage then: the
 * stream is let in together with the connection on which its results go. */
#ifndef LPC_RUNTIME_GATE_H
#define LPC_RUNTIME_GATE_H

#include "transport.h"

#include <pthread.h>

enum {
    LPC_SILENT_MOST = 64,  /* connections without a whole hello; more make the oldest one go */
    LPC_PENDING_MOST = 192 /* with those in line and those attached */
};

static const uint32_t LPC_NOT_TOLD = UINT32_MAX; /* nothing about a place in line */

typedef enum LpcPendingKind {
    LPC_IS_SILENT,   /* its hello is not whole */
    LPC_IS_STRANGER, /* it has not proved its key (gate_prove.c) */
    LPC_IS_IN_LINE,  /* its stream waits to be let in */
    LPC_IS_ATTACHED, /* it waits for the results of its stream */
    LPC_IS_LEAVING   /* its stream has ended; its other end has not read all */
} LpcPendingKind;

typedef struct LpcPending {
    LpcPendingKind kind;
    LpcLink link;
    uint8_t hello[LPC_FIRST_BYTES]; /* of a stranger: its first record */
    size_t got;                     /* bytes of that */
    int is_whole;                   /* the stranger's record is */
    uint64_t proving_ns;            /* since when a stranger has a session */
    uint64_t deadline;              /* for the rest of it, or for leaving; UINT64_MAX: none */
    uint64_t place;                 /* in line: lower ones come before */
    uint32_t told;    /* how many it was told to be before it; LPC_NOT_TOLD: nothing yet */
    uint64_t told_ns; /* when */
    uint32_t beat_ms; /* what its hello says of that */
    uint8_t stream[LPC_STREAM_BYTES];
} LpcPending;

typedef struct LpcGate {
    /* set by its owner before lpc_gate_start */
    const LpcTransport *transport;
    LpcListener listener;
    const LpcCrc *crc;
    LpcHello own;
    const char *role;       /* of whoever connects, for messages: "the neighbour before," */
    const LpcHello *result; /* what a client says that fetches results; NULL: nobody may */
    LpcTlsPool *tls;        /* who connects must prove a key first; NULL: links are plain */
    int stop_fd;            /* readable once all is to stop; -1: none */
    int leave_ms; /* lpc_gate_stop waits no longer for those who leave; 0: as long as they may take */
    void (*tell)(void *self,
                 const char *text); /* why somebody was sent away; NULL: nobody hears it */
    void *self;
    /* its own */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int started, wake[2];
    int wanted, serving, is_in, stopped,
        quit; /* under the mutex: who waits for a stream, how many are served */
    LpcLink let_in, result_to;
    LpcLink leaving[LPC_SILENT_MOST]; /* not yet among the pending ones; under the mutex */
    int leaving_count;
    uint8_t stream[LPC_STREAM_BYTES];
    LpcPending pending[LPC_PENDING_MOST];
    int count;
    uint64_t places, refused;
    int64_t budget_ns; /* that may be spent on strangers */
    uint64_t budget_at;
} LpcGate;

/* Starts the thread; the listener listens. Returns an errno value. */
int lpc_gate_start(LpcGate *gate);
/* Waits for the next stream, in as many threads as streams are served at once: link gets its fd, peer and
 * silence_ms, result (NULL where no results are fetched) those of where its results go, stream its identity.
 * Returns 0, LPC_STOPPED, or LPC_EXIT_MISSING with error filled after timeout_ms (-1: none). */
int lpc_gate_take(LpcGate *gate, int timeout_ms, LpcLink *link, LpcLink *result,
                  uint8_t stream[LPC_STREAM_BYTES], LpcError *error);
/* A stream that was taken has ended. */
void lpc_gate_done(LpcGate *gate);
/* Closes a link once its other end has read all that was sent, or gives no sign of life for link->silence_ms or,
 * where it gives none, for link->timeout_ms. (To close it while
 * something comes against the stream would throw away what is under way.) */
void lpc_gate_leave(LpcGate *gate, LpcLink *link);
/* Ends the thread, when all who leave have left, and closes all that is not let in, the listener too. */
void lpc_gate_stop(LpcGate *gate);

/* --- who has not proved a key (gate_prove.c) --- */

/* How many bytes somebody's first record has: 0 while that is not known; -1 when it is not the first one of a TLS client,
 * or is longer than LPC_FIRST_BYTES. */
int lpc_first_bytes(const uint8_t *bytes, size_t got);
/* Adds what may be spent on strangers since it was last called. */
void lpc_gate_refill(LpcGate *gate);
/* Hears a stranger. 0: it has proved its key. LPC_TLS_MORE: not yet. Else an exit status with error filled. */
int lpc_gate_prove(LpcGate *gate, LpcPending *p, LpcError *error);
/* Whether it waits for a session; and the place of who has waited for the longest, -1: nobody does. */
int lpc_gate_waits(const LpcPending *p);
int lpc_gate_first_waiting(const LpcGate *gate);
/* Whether what it sends is to be read now, */
int lpc_gate_is_heard(const LpcGate *gate, const LpcPending *p);
/* when it is to be looked at again at the latest (UINT64_MAX: never), */
uint64_t lpc_gate_proof_due(const LpcGate *gate, const LpcPending *p);
/* and whether its handshake takes longer than it may while others wait. */
int lpc_gate_is_slow(const LpcGate *gate, const LpcPending *p);
/* The place of who goes first when there is no room, of those who are silent or strangers; -1: there are none. *count:
 * how many are. */
int lpc_gate_first_to_go(const LpcGate *gate, int *count);

/* --- who connects (greet.c) --- */

/* Now and so much later, in lpc_now_ns's time; UINT64_MAX for -1. */
uint64_t lpc_deadline(int timeout_ms);
/* How long a neighbour may be silent that said so in its hello: link->silence_ms. */
int lpc_silence_ms(uint32_t beat_ms);

/* Waits until the link can be read, or until deadline, its stop_fd, or the end of watch (NULL: nobody is watched). */
int lpc_wait_answer(LpcLink *link, const LpcLink *watch, uint64_t deadline, LpcError *error);
/* The handshake of an end that is alone with the other one: of who connected, or (is_server) of who accepted. pool NULL: the
 * link stays plain. link->timeout_ms limits it; watch as in lpc_greet. */
int lpc_link_secure(LpcLink *link, LpcTlsPool *pool, int is_server, const LpcLink *watch,
                    LpcError *error);

/* Connects, and makes the handshake of TLS where there is a pool: again, a few times, when the other end leaves before it is
 * over, since a listener that many strangers come to may send away one too many. link has timeout_ms, silence_ms and stop_fd, and
 * gets the rest; role: of the other end, for messages. watch as in lpc_greet. */
int lpc_link_connect(LpcLink *link, const LpcTransport *transport, const char *address,
                     const char *role, LpcTlsPool *pool, const LpcLink *watch, LpcError *error);

/* Who hears that others come first, and how many. */
typedef struct LpcInLine {
    void (*tell)(void *self, const LpcLink *link, uint32_t before);
    void *self;
} LpcInLine;

/* The other side: says hello on a link that was just connected and waits until it is let in, for link->timeout_ms
 * as long as nobody before it goes. link->silence_ms is set as the answers have it. watch: a link whose end ends the wait, or NULL; so does the link's stop_fd. in_line:
 * NULL, or who is told. */
int lpc_greet(LpcLink *link, const LpcLink *watch, const LpcCrc *crc, const LpcHello *hello,
              const LpcInLine *in_line, LpcError *error);

/* What a gate does, for a neighbour that was just accepted and is alone: hears its hello and lets it in. stream
 * gets its identity. */
int lpc_welcome(LpcLink *link, const LpcCrc *crc, const LpcHello *own,
                uint8_t stream[LPC_STREAM_BYTES], LpcError *error);

#endif
