/* Sessions and handshakes: see tls.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tls.h"

#ifdef LPC_TLS
#include "tls_parts.h"

#include <errno.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

struct LpcTlsPool {
    LpcKeys *keys;
    pthread_mutex_t mutex;
    LpcTls *free;     /* under the mutex, */
    int proving;      /* too: listeners' handshakes that are under way */
    LpcTls *sessions; /* all */
    int count;
};

/* One of each, and no other: both ends are of lpc. Not AES: its only form with ECDHE-PSK here is CBC. */
static const int suites[] = {MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, 0};
#if MBEDTLS_VERSION_MAJOR >= 3
static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, 0};
#else
static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_NONE};
#endif

int lpc_tls_is_here(void)
{
    return 1;
}

/* --- what mbed TLS asks for --- */

/* The system's random numbers: no state that threads would share. */
static int draw(void *self, unsigned char *bytes, size_t size)
{
    (void)self;
    while (size) {
        ssize_t got = getrandom(bytes, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
        bytes += got;
        size -= (size_t)got;
    }
    return 0;
}

static int socket_send(void *self, const unsigned char *bytes, size_t size)
{
    LpcTls *tls = self;
    for (;;) {
        ssize_t sent = send(tls->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return (int)sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return MBEDTLS_ERR_SSL_WANT_WRITE;
        if (errno != EINTR) return MBEDTLS_ERR_SSL_CONN_EOF;
    }
}

/* Reads ahead: a record is asked for in two parts, and many fit one call of the system. */
static int socket_receive(void *self, unsigned char *bytes, size_t size)
{
    LpcTls *tls = self;
    while (tls->begin == tls->end) {
        ssize_t got = recv(tls->fd, tls->ahead, sizeof tls->ahead, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return MBEDTLS_ERR_SSL_WANT_READ;
        if (got <= 0) return MBEDTLS_ERR_SSL_CONN_EOF;
        tls->begin = 0;
        tls->end = (size_t)got;
    }
    size_t part = tls->end - tls->begin;
    if (part > size) part = size;
    memcpy(bytes, tls->ahead + tls->begin, part);
    tls->begin += part;
    return (int)part;
}

/* The key that the other end names. Where there is none of that name a drawn one is used: so the handshake fails where a
 * wrong secret makes it fail, and who tries names learns nothing. */
static int find_key(void *self, mbedtls_ssl_context *ssl, const unsigned char *name, size_t length)
{
    LpcTls *tls = self;
    LpcKey key = {0};
    size_t part = length < sizeof tls->name ? length : sizeof tls->name - 1;
    for (size_t i = 0; i < part; i++)
        tls->name[i] = name[i] > ' ' && name[i] < 127 ? (char)name[i] : '?';
    tls->name[part] = 0;
    tls->is_known = part == length && lpc_keys_find(tls->pool->keys, tls->name, &key);
    int failure = tls->is_known ? 0 : draw(NULL, key.secret, sizeof key.secret);
    if (!failure) failure = mbedtls_ssl_set_hs_psk(ssl, key.secret, sizeof key.secret);
    lpc_forget(&key, sizeof key);
    return failure;
}

/* --- the pool --- */

/* Sets one end's rules; the key of the end that connects goes in here. */
static int configure(LpcTls *tls, int is_server)
{
    mbedtls_ssl_config *config = &tls->config;
    mbedtls_ssl_config_init(config);
    int failure = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (failure) return failure;
    mbedtls_ssl_conf_endpoint(config, is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT);
    mbedtls_ssl_conf_rng(config, draw, NULL);
    mbedtls_ssl_conf_ciphersuites(config, suites);
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(config, groups);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(config, groups);
#endif
    mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    if (is_server) {
        mbedtls_ssl_conf_psk_cb(config, find_key, tls);
        return 0;
    }
    LpcKey key;
    if (!lpc_keys_find(tls->pool->keys, NULL, &key)) return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
    memcpy(tls->name, key.name, sizeof tls->name);
    failure = mbedtls_ssl_conf_psk(config, key.secret, sizeof key.secret,
                                   (const unsigned char *)key.name, strlen(key.name));
    lpc_forget(&key, sizeof key);
    return failure;
}

static int make_session(LpcTlsPool *pool, LpcTls *tls)
{
    tls->pool = pool;
    pthread_mutex_init(&tls->mutex, NULL);
    mbedtls_ssl_init(&tls->ssl);
    int failure = configure(tls, 0);
    if (!failure) failure = mbedtls_ssl_setup(&tls->ssl, &tls->config);
    if (failure) return failure;
    mbedtls_ssl_set_bio(&tls->ssl, tls, socket_send, socket_receive, NULL);
    tls->next = pool->free;
    pool->free = tls;
    return 0;
}

int lpc_tls_open(LpcTlsPool **to, LpcKeys *keys, int count, LpcError *error)
{
    LpcTlsPool *pool = calloc(1, sizeof *pool);
    int failure = !pool;
    *to = pool;
    if (pool) {
        pool->keys = keys;
        pthread_mutex_init(&pool->mutex, NULL);
        pool->sessions = calloc((size_t)count, sizeof *pool->sessions);
        failure = !pool->sessions;
    }
    while (!failure && pool->count < count)
        failure = make_session(pool, &pool->sessions[pool->count++]);
    if (!failure) return 0;
    lpc_tls_close(pool);
    *to = NULL;
    return lpc_error(error, LPC_EXIT_SYSTEM, "no memory for %d sessions of TLS", count);
}

void lpc_tls_close(LpcTlsPool *pool)
{
    if (!pool) return;
    for (int i = 0; i < pool->count; i++) {
        mbedtls_ssl_free(&pool->sessions[i].ssl);
        mbedtls_ssl_config_free(&pool->sessions[i].config);
        pthread_mutex_destroy(&pool->sessions[i].mutex);
    }
    free(pool->sessions);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

/* --- one session --- */

static LpcTls *take(LpcTlsPool *pool, int is_server)
{
    pthread_mutex_lock(&pool->mutex);
    LpcTls *tls = is_server && pool->proving >= LPC_PROVING_MOST ? NULL : pool->free;
    if (tls) pool->free = tls->next;
    if (tls && is_server) pool->proving++;
    pthread_mutex_unlock(&pool->mutex);
    return tls;
}

/* A listener's handshake is over, in whichever way. */
static void has_proved(LpcTls *tls)
{
    if (!tls->is_proving) return;
    tls->is_proving = 0;
    pthread_mutex_lock(&tls->pool->mutex);
    tls->pool->proving--;
    pthread_mutex_unlock(&tls->pool->mutex);
}

static LpcTls *start(LpcTlsPool *pool, int fd, int is_server)
{
    LpcTls *tls = take(pool, is_server);
    if (!tls) return NULL;
    tls->fd = fd;
    tls->is_server = tls->is_proving = is_server;
    tls->has_ended = tls->is_known = 0;
    tls->name[0] = 0;
    tls->begin = tls->end = tls->owed_bytes = 0;
    mbedtls_ssl_config_free(&tls->config);
    if (!configure(tls, is_server) && !mbedtls_ssl_session_reset(&tls->ssl)) return tls;
    lpc_tls_give(tls);
    return NULL;
}

LpcTls *lpc_tls_take(LpcTlsPool *pool, int fd, const uint8_t *first, size_t first_bytes)
{
    LpcTls *tls = start(pool, fd, 1);
    if (!tls) return NULL;
    if (first_bytes) memcpy(tls->ahead, first, first_bytes);
    tls->end = first_bytes;
    return tls;
}

LpcTls *lpc_tls_take_own(LpcTlsPool *pool, int fd)
{
    return start(pool, fd, 0);
}

void lpc_tls_give(LpcTls *tls)
{
    if (!tls) return;
    LpcTlsPool *pool = tls->pool;
    has_proved(tls);
    tls->fd = -1;
    (void)mbedtls_ssl_session_reset(&tls->ssl); /* which wipes its keys */
    lpc_forget(tls->gathered, sizeof tls->gathered);
    pthread_mutex_lock(&pool->mutex);
    tls->next = pool->free;
    pool->free = tls;
    pthread_mutex_unlock(&pool->mutex);
}

/* --- the handshake --- */

static int refuse_client(const LpcTls *tls, const char *peer, int failure, LpcError *error)
{
    if (failure == MBEDTLS_ERR_SSL_CONN_EOF)
        return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before it had proved its key", peer);
    if (tls->name[0] && !tls->is_known)
        return lpc_error(error, LPC_EXIT_KEY, "%.100s comes with key '%s', which is unknown here",
                         peer, tls->name);
    if (tls->name[0])
        return lpc_error(error, LPC_EXIT_KEY, "%.100s does not know the secret of key '%s'", peer,
                         tls->name);
    return lpc_error(error, LPC_EXIT_KEY, "%.100s speaks another TLS (-0x%04x)", peer,
                     (unsigned)-failure);
}

static int refuse_server(const LpcTls *tls, const char *peer, int failure, LpcError *error)
{
    switch (failure) {
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return lpc_error(error, LPC_EXIT_LEFT,
                         "%.100s left before it had proved its key: it is busy, or was started "
                         "without --keys",
                         peer);
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return lpc_error(error, LPC_EXIT_KEY,
                         "%.100s refuses key '%s': it has none of that name, or another secret",
                         peer, tls->name);
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return lpc_error(error, LPC_EXIT_KEY, "%.100s does not know the secret of key '%s'", peer,
                         tls->name);
    default:
        return lpc_error(error, LPC_EXIT_KEY, "%.100s speaks no TLS that is understood (-0x%04x)",
                         peer, (unsigned)-failure);
    }
}

int lpc_tls_step(LpcTls *tls, const char *peer, LpcError *error)
{
    pthread_mutex_lock(&tls->mutex);
    int failure = mbedtls_ssl_handshake(&tls->ssl);
    pthread_mutex_unlock(&tls->mutex);
    if (failure == MBEDTLS_ERR_SSL_WANT_READ || failure == MBEDTLS_ERR_SSL_WANT_WRITE)
        return LPC_TLS_MORE; /* a fresh socket takes all that a handshake writes */
    has_proved(tls);
    if (!failure) return 0;
    return (tls->is_server ? refuse_client : refuse_server)(tls, peer, failure, error);
}
#endif
