/* What goes over a session: see tls.h, and tls_parts.h for the mutex. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tls.h"

#ifdef LPC_TLS
#include "tls_parts.h"

#include <errno.h>
#include <string.h>

/* errno for what mbed TLS returned. Returns -1. */
static ssize_t failed(int failure)
{
    int again = failure == MBEDTLS_ERR_SSL_WANT_READ || failure == MBEDTLS_ERR_SSL_WANT_WRITE;
    errno = again ? EAGAIN : failure == MBEDTLS_ERR_SSL_CONN_EOF ? EPIPE : EBADMSG;
    return -1;
}

static int is_end(int result)
{
    return result == 0 || result == MBEDTLS_ERR_SSL_CONN_EOF ||
           result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
}

ssize_t lpc_tls_read(LpcTls *tls, void *data, size_t size)
{
    pthread_mutex_lock(&tls->mutex);
    int got = tls->has_ended ? 0 : mbedtls_ssl_read(&tls->ssl, data, size);
    if (is_end(got)) tls->has_ended = 1;
    pthread_mutex_unlock(&tls->mutex);
    if (got > 0) return got;
    return is_end(got) ? 0 : failed(got);
}

/* Sends the rest of a record that was coded. Under the mutex. Returns 0 or what mbed TLS returned. */
static int send_owed(LpcTls *tls)
{
    if (!tls->owed_bytes) return 0;
    int sent = mbedtls_ssl_write(&tls->ssl, tls->owed, tls->owed_bytes);
    if (sent < 0) return sent;
    tls->owed_bytes = 0;
    return 0;
}

/* The next record's content: a part of a large piece as it lies there, or small ones side by side. */
static const void *next_record(LpcTls *tls, const struct iovec *pieces, int count, size_t *bytes)
{
    *bytes = 0;
    if (count && pieces->iov_len >= LPC_RECORD_BYTES) {
        *bytes = LPC_RECORD_BYTES;
        return pieces->iov_base;
    }
    for (; count && *bytes < LPC_RECORD_BYTES; pieces++, count--) {
        size_t part = LPC_RECORD_BYTES - *bytes;
        if (part > pieces->iov_len) part = pieces->iov_len;
        if (part) memcpy(tls->gathered + *bytes, pieces->iov_base, part);
        *bytes += part;
    }
    return tls->gathered;
}

ssize_t lpc_tls_write(LpcTls *tls, const struct iovec *pieces, int count)
{
    pthread_mutex_lock(&tls->mutex);
    size_t bytes = 0;
    int result = send_owed(tls);
    if (!result) {
        const void *record = next_record(tls, pieces, count, &bytes);
        result = mbedtls_ssl_write(&tls->ssl, record, bytes);
        if (result == MBEDTLS_ERR_SSL_WANT_WRITE) {
            tls->owed = record;
            tls->owed_bytes = bytes;
            result = (int)bytes;
        }
    }
    pthread_mutex_unlock(&tls->mutex);
    return result < 0 ? failed(result) : result;
}

int lpc_tls_flush(LpcTls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    int failure = send_owed(tls);
    pthread_mutex_unlock(&tls->mutex);
    return failure ? (int)failed(failure) : 0;
}

int lpc_tls_holds(LpcTls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    int holds = tls->begin < tls->end || mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0;
    pthread_mutex_unlock(&tls->mutex);
    return holds;
}

int lpc_tls_has_ended(LpcTls *tls)
{
    unsigned char none[1];
    pthread_mutex_lock(&tls->mutex);
    int more = mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0, got = 0;
    if (!more && !tls->has_ended) {
        got = mbedtls_ssl_read(&tls->ssl, none, 0); /* takes in a record, if a whole one is there */
        more = mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0 || got == MBEDTLS_ERR_SSL_WANT_READ;
        if (!more) tls->has_ended = 1;
    }
    pthread_mutex_unlock(&tls->mutex);
    return !more;
}

void lpc_tls_end(LpcTls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    if (!send_owed(tls)) (void)mbedtls_ssl_close_notify(&tls->ssl);
    pthread_mutex_unlock(&tls->mutex);
}
#endif
