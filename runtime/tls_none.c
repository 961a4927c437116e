/* tls.h where mbed TLS is not linked: there are no sessions. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tls.h"

#ifndef LPC_TLS

#include <errno.h>

int lpc_tls_is_here(void)
{
    return 0;
}

int lpc_tls_open(LpcTlsPool **pool, LpcKeys *keys, int count, LpcError *error)
{
    (void)keys, (void)count;
    *pool = NULL;
    return lpc_error(error, LPC_EXIT_USAGE,
                     "--keys: this program was built without mbed TLS (docs/security.md)");
}

void lpc_tls_close(LpcTlsPool *pool)
{
    (void)pool;
}

LpcTls *lpc_tls_take(LpcTlsPool *pool, int fd, const uint8_t *first, size_t first_bytes)
{
    (void)pool, (void)fd, (void)first, (void)first_bytes;
    return NULL;
}

LpcTls *lpc_tls_take_own(LpcTlsPool *pool, int fd)
{
    (void)pool, (void)fd;
    return NULL;
}

void lpc_tls_give(LpcTls *tls)
{
    (void)tls;
}

int lpc_tls_step(LpcTls *tls, const char *peer, LpcError *error)
{
    (void)tls, (void)peer;
    return lpc_error(error, LPC_EXIT_SYSTEM, "there is no TLS");
}

static ssize_t nothing(void)
{
    errno = EBADMSG;
    return -1;
}

ssize_t lpc_tls_read(LpcTls *tls, void *data, size_t size)
{
    (void)tls, (void)data, (void)size;
    return nothing();
}

ssize_t lpc_tls_write(LpcTls *tls, const struct iovec *pieces, int count)
{
    (void)tls, (void)pieces, (void)count;
    return nothing();
}

int lpc_tls_flush(LpcTls *tls)
{
    (void)tls;
    return 0;
}

int lpc_tls_holds(LpcTls *tls)
{
    (void)tls;
    return 0;
}

int lpc_tls_has_ended(LpcTls *tls)
{
    (void)tls;
    return 1;
}

void lpc_tls_end(LpcTls *tls)
{
    (void)tls;
}
#endif
