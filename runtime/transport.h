/* Links between stages, and the transports that make them.
 *
 * A link is a connected stream socket, plain or with TLS on it (tls.h); reading, writing and waiting on it are the same
 * for all transports (link.c). A transport says how addresses become links: one struct, one file, one name
 * in the list in transports.c. */
#ifndef LPC_RUNTIME_TRANSPORT_H
#define LPC_RUNTIME_TRANSPORT_H

#include "address.h"
#include "frame.h"
#include "tls.h"

typedef struct LpcLink LpcLink;
struct LpcLink {
    int fd;                    /* -1 when closed */
    LpcTls *tls;               /* all goes through it; NULL: plain */
    int timeout_ms;            /* for a neighbour that stalls where bytes are due; -1: none */
    int stop_fd;               /* readable once the stage is to stop; -1: none */
    int silence_ms;            /* no sign of life for so long ends a wait; 0: none is due */
    int silent;                /* that came to pass */
    uint64_t awake_ns;         /* what the reader may spend on waits without sleep (link.c) */
    int vain;                  /* how often the longest such wait is halved */
    char peer[LPC_PEER_BYTES]; /* for messages */
};

typedef struct LpcListener {
    int fd;
    char address[LPC_PEER_BYTES]; /* with the port that was picked */
} LpcListener;

/* All return 0, LPC_STOPPED when stop_fd became readable, or an exit status with error filled.
 * timeout_ms -1: no limit. */
typedef struct LpcTransport {
    const char *name;
    char
        has; /* a character that every address of it has: "tcp:80" is port 80 of a host called tcp */
    int (*listen)(const char *address, LpcListener *listener, LpcError *error);
    int (*accept)(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                  LpcError *error);
    /* Tries again while nobody listens, until the time is up, or until the other end of `watch` leaves (NULL:
     * nobody is watched). */
    int (*connect)(const char *address, int timeout_ms, int stop_fd, const LpcLink *watch,
                   LpcLink *link, LpcError *error);
    /* Whether the address can be one, without touching the network. */
    int (*check)(const char *address, LpcError *error);
} LpcTransport;

extern const LpcTransport lpc_transport_tcp, lpc_transport_unix;

/* The transport of "NAME:ADDRESS", and *address moved behind the name; TCP when none is named. */
const LpcTransport *lpc_transport_find(const char **address);

LpcReader lpc_link_reader(LpcLink *link);
/* A write has no time limit: a neighbour that computes does not read, and that is back-pressure,
 * not a fault. A neighbour whose machine is gone is found by the transport (TCP keepalive). */
LpcWriter lpc_link_writer(LpcLink *link);
/* Whether a write could begin without waiting. */
int lpc_link_writable(const LpcLink *link);
/* As recv and send, without waiting. What lpc_link_put was given may be sent in part. */
ssize_t lpc_link_get(const LpcLink *link, void *data, size_t size);
void lpc_link_put(const LpcLink *link, void *data, size_t size);
/* Whether something came that poll does not tell of, since it has been read from the socket: to be asked before each
 * wait for the link to become readable that does not follow a read in vain. */
int lpc_link_holds(const LpcLink *link);
/* Whether the other end has left, as far as is known, and all that it sent has been read. */
int lpc_link_has_ended(const LpcLink *link);
/* Makes a thread that waits on the link for reading see its end. */
void lpc_link_interrupt(const LpcLink *link);
/* The other end sees that nothing more comes from this one. */
void lpc_link_end_writing(const LpcLink *link);
/* Both ends see the link's end, whatever they do with it. */
void lpc_link_break(const LpcLink *link);
void lpc_link_close(LpcLink *link);

#endif
