/* Links through TLS: both ends prove that they have the same key, and nobody else reads or changes what goes over.
 *
 * TLS 1.2 (RFC 5246) with ECDHE-PSK and ChaCha20-Poly1305 (RFC 7905), by mbed TLS. A key is one of a file (keys.h); its
 * name goes over the wire, the secret never does, and who has the secret later cannot read what was recorded before.
 *
 * Sessions are made at start, so many as there may be links at once; with them all that a link needs but what a handshake
 * takes from the heap for the time that it lasts (Debian's mbed TLS has no allocator of one's own): that is bounded by
 * how many handshakes there are at once, LPC_PROVING_MOST and one for each stream.
 *
 * With LPC_TLS undefined none of mbed TLS is needed, there are no sessions, and files of keys are refused. */
#ifndef LPC_RUNTIME_TLS_H
#define LPC_RUNTIME_TLS_H

#include "keys.h"

#include <sys/types.h>

enum {
    LPC_FIRST_BYTES = 256, /* the longest first record that is taken from somebody unknown */
    LPC_PROVING_MOST = 16  /* whom a listener hears at once while they prove their key */
};

enum { LPC_TLS_MORE = -2 }; /* of lpc_tls_step: something must come first */

typedef struct LpcTlsPool LpcTlsPool;
typedef struct LpcTls LpcTls; /* the session of one link */

/* Whether this program can do it. */
int lpc_tls_is_here(void);
/* Makes sessions. Returns 0 or an exit status with error filled. */
int lpc_tls_open(LpcTlsPool **pool, LpcKeys *keys, int count, LpcError *error);
/* When all sessions have been given back. NULL is allowed. */
void lpc_tls_close(LpcTlsPool *pool);

/* A session for the socket; NULL when all are in use. Of a listener: `first` are the bytes that have come. Whoever
 * connects has none and uses the first key. */
LpcTls *lpc_tls_take(LpcTlsPool *pool, int fd, const uint8_t *first, size_t first_bytes);
LpcTls *lpc_tls_take_own(LpcTlsPool *pool, int fd);
/* Gives it back, and forgets what it knew. NULL is allowed. */
void lpc_tls_give(LpcTls *tls);

/* Goes on with the handshake. 0: both ends have proved their key. LPC_TLS_MORE: the socket must become readable first.
 * Else an exit status with error filled; peer is for its text. The other end is told the same whether it is the
 * key's name that is unknown or the secret that is wrong. */
int lpc_tls_step(LpcTls *tls, const char *peer, LpcError *error);

/* --- tls_bytes.c: after the handshake, from any thread; one reads and one writes at a time --- */

/* As recv: bytes, 0 at the end, -1 with errno (EAGAIN; EBADMSG: what came is not from the other end). */
ssize_t lpc_tls_read(LpcTls *tls, void *data, size_t size);
/* As sendmsg: how many bytes were taken, not all of which need to have been sent; -1 with errno. The pieces must stay
 * until lpc_tls_flush has returned 0. */
ssize_t lpc_tls_write(LpcTls *tls, const struct iovec *pieces, int count);
/* 0 when all that was taken has been sent; -1 with errno. */
int lpc_tls_flush(LpcTls *tls);
/* Whether something is here that poll does not know of. */
int lpc_tls_holds(LpcTls *tls);
/* Whether the other end has left and all that it sent has been read. */
int lpc_tls_has_ended(LpcTls *tls);
/* Tells the other end that nothing more comes. */
void lpc_tls_end(LpcTls *tls);

#endif
