/* lpc_client.h: a client of a pipeline or of a gateway (lpc serve), in one file. C11 or C++11, and POSIX.
 *
 * In one file of the program (a strict -std=c11 hides POSIX: add -D_POSIX_C_SOURCE=200809L):
 *
 *     #define LPC_CLIENT_IMPLEMENTATION
 *     #include <lpc/lpc_client.h>
 *
 * and in those that use it, with client.h from the folder that lpc made:
 *
 *     #include "out/client.h"
 *     lpc_client *c = lpc_client_open(&lpc_client_package, "localhost:7000", NULL, 10000);
 *     const void *inputs[] = {pixels};
 *     lpc_client_answer answer;
 *     if (!lpc_client_feed(c, NULL, inputs) && !lpc_client_receive(c, 10000, &answer))
 *         use(answer.tensors[0], answer.bytes[0]);
 *     else
 *         fprintf(stderr, "%s\n", lpc_client_error(c));
 *     lpc_client_close(c);
 *
 * STREAMS. A client has one stream: frames go in by lpc_client_feed, and their answers come out by lpc_client_receive,
 * one for each, in order. Several frames may be under way. With state (a decoder's cache) the stream is the session:
 * state begins at zero when it is opened. Frames may be fed ahead of their answers as far as the pipeline has room,
 * two for each stage and as many again between them; beyond that lpc_client_feed waits, and a program of one thread
 * which never receives would wait in vain, until its time limit.
 *
 * TIME. The client's hello says that it gives no sign of life, so none is due: a program may pause for as long as it
 * likes. The other end gives them, and one that gives none for three times as long as it said is reported by
 * lpc_client_receive. All waiting has the limits that are passed in, in milliseconds; -1 is none.
 *
 * ERRORS. Functions return 0 or an LPC_CLIENT_X; lpc_client_error says it in words, with the cause that the pipeline
 * told. After an error other than LPC_CLIENT_TIMEOUT from lpc_client_receive the stream is over: close it, open
 * another one, and feed again what has no answer (with state: everything). A gateway does that by itself.
 *
 * MEMORY. lpc_client_open allocates what a frame needs at its bounds, nothing else does. An answer lives until the next
 * call of lpc_client_receive. SIGPIPE is not raised.
 *
 * THREADS. One thread may feed while another one receives. Nothing else may happen at the same time.
 *
 * KEYS. lpc_client_open_keys encrypts both links, with the first key of a file (docs/security.md). It needs mbed TLS: define
 * LPC_CLIENT_TLS where the implementation is, and link -lmbedtls -lmbedx509 -lmbedcrypto. A client of a gateway on its own
 * machine needs none of that.
 *
 * LIMITS. Little-endian machines; TCP, as docs/wire.md has it (protocol 3). */
#ifndef LPC_CLIENT_H
#define LPC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What client.h holds ---- */

typedef struct lpc_client_tensor {
    const char *name;
    int32_t type; /* ONNX TensorProto.DataType */
    int32_t rank;
    uint64_t max_bytes;
} lpc_client_tensor;

typedef struct lpc_client_symbol {
    const char *name;
    int64_t max;
} lpc_client_symbol;

/* One end of the pipeline. */
typedef struct lpc_client_end {
    uint8_t id[32];
    uint32_t cut;
    uint64_t hash;
    uint32_t count;
    const lpc_client_tensor *tensors;
    uint64_t max_payload;
} lpc_client_end;

typedef struct lpc_client_model {
    uint32_t symbol_count;
    const lpc_client_symbol *symbols;
    lpc_client_end in, out;
    /* Bytes of input (side 0) or output (side 1) k, for values of the symbols. */
    int64_t (*tensor_bytes)(int side, uint32_t k, const int64_t *sizes);
} lpc_client_model;

/* ---- The client ---- */

enum {
    LPC_CLIENT_OK = 0,
    LPC_CLIENT_END =
        1, /* the stream has ended: lpc_client_finish was called, and all is answered */
    LPC_CLIENT_TIMEOUT = 2, /* nothing came in time; lpc_client_receive may be called again */
    LPC_CLIENT_LOST = 3,    /* nobody is there, or the connection broke */
    LPC_CLIENT_REFUSED = 4, /* another build, or no place in time */
    LPC_CLIENT_FAILED =
        5,               /* the pipeline told an error, whose exit status is in lpc_client_status */
    LPC_CLIENT_WRONG = 6 /* sizes out of their bounds, or what came is no frame */
};

typedef struct lpc_client lpc_client;

/* One answer. tensors[k]: output k, row-major, 64-byte aligned. sizes: the symbols' values. */
typedef struct lpc_client_answer {
    const void *const *tensors;
    const uint64_t *bytes;
    const int64_t *sizes;
} lpc_client_answer;

/* Opens a stream. first and last: HOST:PORT or [IPV6]:PORT, where the first stage and the last one listen; last NULL:
 * the same (a gateway, or a pipeline of one stage). timeout_ms: for connecting, and as long as the line before this
 * stream does not move. Never NULL but without memory; whether it is open says lpc_client_error, which is "" then.
 * The model must live as long as the client. */
lpc_client *lpc_client_open(const lpc_client_model *model, const char *first, const char *last,
                            int timeout_ms);
/* The same through TLS. keys: a file of lines "NAME HEX", as lpc keys makes them. */
lpc_client *lpc_client_open_keys(const lpc_client_model *model, const char *first, const char *last,
                                 const char *keys, int timeout_ms);
/* Sends a frame. inputs[k]: input k, of as many bytes as the sizes make. sizes: a value for each symbol, in the order
 * of model->symbols (those that no input has are 0); NULL when there are none. */
int lpc_client_feed(lpc_client *client, const int64_t *sizes, const void *const *inputs);
/* No more frames follow. */
int lpc_client_finish(lpc_client *client);
int lpc_client_receive(lpc_client *client, int timeout_ms, lpc_client_answer *answer);
/* What went wrong, in one line; "": nothing did. */
const char *lpc_client_error(const lpc_client *client);
/* The exit status that the pipeline told with LPC_CLIENT_FAILED (docs/wire.md), else 0. */
int lpc_client_status(const lpc_client *client);
/* Ends the stream and frees all. NULL is allowed. */
void lpc_client_close(lpc_client *client);

#ifdef __cplusplus
}
#endif
#endif

/* ---- The implementation ---- */

#if defined(LPC_CLIENT_IMPLEMENTATION) && !defined(LPC_CLIENT_IMPLEMENTED)
#define LPC_CLIENT_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef LPC_CLIENT_TLS
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "lpc_client.h is for little-endian machines"
#endif
#ifndef MSG_NOSIGNAL /* macOS */
#define MSG_NOSIGNAL 0
#endif

enum {
    LPC_CLIENT_HELLO_ = 96,
    LPC_CLIENT_HEADER_ = 32,
    LPC_CLIENT_SMALL_ = 256, /* payload of an error or a beat */
    LPC_CLIENT_ALIGN_ = 64
};

typedef struct lpc_client_tls_ lpc_client_tls_;

struct lpc_client {
    const lpc_client_model *model;
    int feed, collect;       /* sockets, -1: closed */
    lpc_client_tls_ *tls[2]; /* of feed and collect; NULL: plain */
    const char *keys;        /* while it is opened: the file, or NULL */
    int timeout_ms;          /* for sending, too */
    int told_ms;             /* how long the last stage may be silent; 0: for any time */
    int silence_ms; /* the same, once something came from it: the stream may reach it late */
    int ended, failed, status;
    uint64_t fed, received;
    uint8_t stream[16];
    uint32_t crc[256];
    int64_t *sizes; /* of the frame that is fed */
    uint64_t *bytes, *offsets, *in_bytes, *in_offsets;
    const void **tensors;
    uint8_t *payload;
    pthread_mutex_t mutex; /* of the error */
    char error[320];
};

static int lpc_client_fail_(lpc_client *c, int code, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&c->mutex);
    if (!c->failed) {
        va_start(args, format);
        vsnprintf(c->error, sizeof c->error, format, args);
        va_end(args);
        c->failed = code;
    }
    code = c->failed;
    pthread_mutex_unlock(&c->mutex);
    return code;
}

static int64_t lpc_client_now_(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds until the deadline (-1: none), for poll. */
static int lpc_client_left_(int64_t deadline)
{
    int64_t left = deadline - lpc_client_now_();
    if (deadline < 0) return -1;
    return left > 0 ? (int)left : 0;
}

static int64_t lpc_client_deadline_(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : lpc_client_now_() + timeout_ms;
}

/* ---- CRC-32C ---- */

static void lpc_client_make_crc_(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
        table[i] = value;
    }
}

static uint32_t lpc_client_crc_(const lpc_client *c, uint32_t value, const void *data, size_t size)
{
    const uint8_t *at = (const uint8_t *)data;
    value = ~value;
    for (size_t i = 0; i < size; i++) value = c->crc[(value ^ at[i]) & 255] ^ value >> 8;
    return ~value;
}

/* ---- TLS ---- */

#ifdef LPC_CLIENT_TLS
/* One link's. One thread may read while another one writes, which a context of mbed TLS is not made for: hence the mutex,
 * with which nobody waits for the socket, which does not block. */
struct lpc_client_tls_ {
    int fd;
    pthread_mutex_t mutex;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
};

static int lpc_client_random_(void *unused, unsigned char *bytes, size_t size)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, size);
    (void)unused;
    if (fd >= 0) close(fd);
    return got == (ssize_t)size ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}

static int lpc_client_tls_send_(void *to, const unsigned char *bytes, size_t size)
{
    ssize_t sent = send(((lpc_client_tls_ *)to)->fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) return (int)sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
                                                                     : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int lpc_client_tls_receive_(void *from, unsigned char *bytes, size_t size)
{
    ssize_t got = recv(((lpc_client_tls_ *)from)->fd, bytes, size, 0);
    if (got > 0) return (int)got;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
               ? MBEDTLS_ERR_SSL_WANT_READ
               : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* The first key of the file. Nonzero: there is none. */
static int lpc_client_read_key_(const char *path, char name[33], unsigned char secret[32])
{
    char line[256], digits[65];
    FILE *file = fopen(path, "r");
    int good = 0;
    while (file && !good && fgets(line, sizeof line, file))
        good = sscanf(line, "%32[^# \t\r\n] %64[0-9a-fA-F]", name, digits) == 2 &&
               strlen(digits) == 64;
    if (file) (void)fclose(file);
    for (int i = 0; good && i < 32; i++) {
        unsigned value = 0;
        (void)sscanf(digits + 2 * i, "%2x", &value);
        secret[i] = (unsigned char)value;
    }
    return !good;
}

static int lpc_client_tls_configure_(lpc_client_tls_ *t, const char *name,
                                     const unsigned char secret[32])
{
    static const int suites[] = {MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, 0};
    mbedtls_ssl_config *config = &t->config;
    int failure = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config, lpc_client_random_, NULL);
    mbedtls_ssl_conf_ciphersuites(config, suites);
#if MBEDTLS_VERSION_MAJOR >= 3
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, 0};
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_NONE};
    mbedtls_ssl_conf_curves(config, groups);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
    mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    if (!failure)
        failure =
            mbedtls_ssl_conf_psk(config, secret, 32, (const unsigned char *)name, strlen(name));
    return failure ? failure : mbedtls_ssl_setup(&t->ssl, config);
}

static void lpc_client_tls_free_(lpc_client_tls_ *t)
{
    if (!t) return;
    (void)mbedtls_ssl_close_notify(&t->ssl);
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->config);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* Makes the handshake on a socket that was just connected. */
static int lpc_client_secure_(lpc_client *c, int is_collect, int fd, int64_t deadline)
{
    char name[33];
    unsigned char secret[32];
    if (lpc_client_read_key_(c->keys, name, secret))
        return lpc_client_fail_(c, LPC_CLIENT_REFUSED, "%.150s: no file of keys", c->keys);
    lpc_client_tls_ *t = (lpc_client_tls_ *)calloc(1, sizeof *t);
    if (!t) return lpc_client_fail_(c, LPC_CLIENT_LOST, "no memory for TLS");
    t->fd = fd;
    pthread_mutex_init(&t->mutex, NULL);
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->config);
    c->tls[is_collect] = t; /* lpc_client_close frees it */
    int failure = lpc_client_tls_configure_(t, name, secret);
    mbedtls_ssl_set_bio(&t->ssl, t, lpc_client_tls_send_, lpc_client_tls_receive_, NULL);
    while (!failure && (failure = mbedtls_ssl_handshake(&t->ssl)) != 0) {
        struct pollfd wait = {fd, POLLIN, 0};
        if (failure != MBEDTLS_ERR_SSL_WANT_READ && failure != MBEDTLS_ERR_SSL_WANT_WRITE) break;
        if (poll(&wait, 1, lpc_client_left_(deadline)) == 0) break;
        failure = 0;
    }
    if (!failure) return 0;
    return lpc_client_fail_(c, LPC_CLIENT_REFUSED,
                            "the other end does not take key '%s' (-0x%04x), which its log says",
                            name, (unsigned)-failure);
}

/* What mbed TLS returned, as send and recv have it. */
static ssize_t lpc_client_result_(int result)
{
    if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || result == MBEDTLS_ERR_SSL_CONN_EOF) return 0;
    errno = result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE ? EAGAIN
                                                                                        : EPROTO;
    return result < 0 ? -1 : result;
}

static ssize_t lpc_client_tls_put_(lpc_client_tls_ *t, const void *data, size_t size)
{
    pthread_mutex_lock(&t->mutex);
    int result = mbedtls_ssl_write(&t->ssl, (const unsigned char *)data, size);
    pthread_mutex_unlock(&t->mutex);
    if (result == MBEDTLS_ERR_SSL_CONN_EOF) return errno = EPIPE, -1;
    return lpc_client_result_(result);
}

static ssize_t lpc_client_tls_get_(lpc_client_tls_ *t, void *data, size_t size)
{
    pthread_mutex_lock(&t->mutex);
    int result = mbedtls_ssl_read(&t->ssl, (unsigned char *)data, size);
    pthread_mutex_unlock(&t->mutex);
    return lpc_client_result_(result);
}

/* Whether a part of a record is here, of which poll knows nothing. */
static int lpc_client_tls_holds_(lpc_client_tls_ *t)
{
    if (!t) return 0;
    pthread_mutex_lock(&t->mutex);
    int holds = mbedtls_ssl_get_bytes_avail(&t->ssl) > 0;
    pthread_mutex_unlock(&t->mutex);
    return holds;
}
/* Whether the other end has ended and all was read. */
static int lpc_client_tls_ended_(lpc_client_tls_ *t)
{
    unsigned char none;
    pthread_mutex_lock(&t->mutex);
    int result = mbedtls_ssl_read(&t->ssl, &none, 0); /* takes in a record */
    int ended = result != MBEDTLS_ERR_SSL_WANT_READ && !mbedtls_ssl_get_bytes_avail(&t->ssl);
    pthread_mutex_unlock(&t->mutex);
    return ended;
}
#else
static void lpc_client_tls_free_(lpc_client_tls_ *t)
{
    (void)t;
}
static int lpc_client_secure_(lpc_client *c, int is_collect, int fd, int64_t deadline)
{
    (void)is_collect, (void)fd, (void)deadline;
    return lpc_client_fail_(c, LPC_CLIENT_REFUSED,
                            "keys: this program was compiled without LPC_CLIENT_TLS");
}
static ssize_t lpc_client_tls_put_(lpc_client_tls_ *t, const void *data, size_t size)
{
    (void)t, (void)data, (void)size;
    return -1;
}
static ssize_t lpc_client_tls_get_(lpc_client_tls_ *t, void *data, size_t size)
{
    (void)t, (void)data, (void)size;
    return -1;
}
static int lpc_client_tls_holds_(lpc_client_tls_ *t)
{
    (void)t;
    return 0;
}
static int lpc_client_tls_ended_(lpc_client_tls_ *t)
{
    (void)t;
    return 1;
}
#endif

/* ---- Sockets ---- */

/* Sends all of it; the sockets do not block. */
static int lpc_client_send_(lpc_client *c, int fd, const void *data, size_t size, int64_t deadline)
{
    const uint8_t *at = (const uint8_t *)data;
    while (size) {
        lpc_client_tls_ *t = c->tls[fd == c->collect];
        ssize_t sent = t ? lpc_client_tls_put_(t, at, size) : send(fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return lpc_client_fail_(c, LPC_CLIENT_LOST, "the first stage left: %s",
                                    strerror(errno));
        struct pollfd wait = {fd, POLLOUT, 0};
        if (poll(&wait, 1, lpc_client_left_(deadline)) == 0)
            return lpc_client_fail_(c, LPC_CLIENT_LOST,
                                    "the pipeline takes no more frames in time");
    }
    return 0;
}

/* Reads all of it. started: 0, nothing needs to have come in time yet (LPC_CLIENT_TIMEOUT then). */
static int lpc_client_read_(lpc_client *c, int fd, void *data, size_t size, int64_t deadline,
                            int started)
{
    uint8_t *at = (uint8_t *)data;
    while (size) {
        lpc_client_tls_ *t = c->tls[fd == c->collect];
        ssize_t got = t ? lpc_client_tls_get_(t, at, size) : recv(fd, at, size, 0);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
            started = 1;
            continue;
        }
        if (got < 0 && errno == EINTR) continue;
        if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            return lpc_client_fail_(c, LPC_CLIENT_LOST,
                                    "the other end left before the end of the stream");
        struct pollfd wait = {fd, POLLIN, 0};
        if (poll(&wait, 1, lpc_client_left_(deadline))) continue;
        if (!started) return LPC_CLIENT_TIMEOUT;
        return lpc_client_fail_(c, LPC_CLIENT_LOST, "the other end stalled where more was due");
    }
    return 0;
}

/* "HOST:PORT" in two. */
static int lpc_client_split_(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (!colon || !length || length > 255 || strlen(colon + 1) > 7) return 1;
    if (address[0] == '[' && address[length - 1] == ']') {
        address++;
        length -= 2;
    }
    memcpy(host, address, length);
    host[length] = 0;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

/* One attempt at one address; -1, with errno. */
static int lpc_client_dial_(const struct addrinfo *at, int64_t deadline)
{
    int fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol), one = 1, failure = 0;
    socklen_t length = sizeof failure;
    if (fd < 0) return -1;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!connect(fd, at->ai_addr, at->ai_addrlen)) return fd;
    if (errno == EINPROGRESS) {
        struct pollfd wait = {fd, POLLOUT, 0};
        if (poll(&wait, 1, lpc_client_left_(deadline)) == 0)
            failure = ETIMEDOUT;
        else
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length);
        if (!failure) return fd;
        errno = failure;
    }
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

/* Tries again while nobody listens, until the time is up. */
static int lpc_client_connect_(lpc_client *c, const char *address, int64_t deadline)
{
    char host[256], port[8];
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (lpc_client_split_(address, host, port))
        return lpc_client_fail_(c, LPC_CLIENT_LOST, "'%.100s': expected HOST:PORT", address), -1;
    int code = getaddrinfo(host, port, &hints, &found), fd = -1;
    if (code)
        return lpc_client_fail_(c, LPC_CLIENT_LOST, "'%.100s': %s", host, gai_strerror(code)), -1;
    while (fd < 0) {
        for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
            fd = lpc_client_dial_(at, deadline);
        if (fd >= 0 || lpc_client_left_(deadline) == 0) break;
        (void)poll(NULL, 0, 50);
    }
    if (fd < 0)
        lpc_client_fail_(c, LPC_CLIENT_LOST, "cannot connect to %.100s: %s", address,
                         strerror(errno));
    freeaddrinfo(found);
    return fd;
}

/* ---- Hellos ---- */

static void lpc_client_put_hello_(const lpc_client *c, const lpc_client_end *end,
                                  uint8_t hello[LPC_CLIENT_HELLO_])
{
    uint32_t version = 3;
    memset(hello, 0, LPC_CLIENT_HELLO_);
    memcpy(hello, "LPC-PIPE", 8);
    memcpy(hello + 8, &version, 4);
    memcpy(hello + 12, &end->cut, 4);
    memcpy(hello + 16, end->id, 32);
    memcpy(hello + 48, &end->hash, 8);
    memcpy(hello + 56, c->stream, 16);
    uint32_t sum = lpc_client_crc_(c, 0, hello, LPC_CLIENT_HELLO_ - 4);
    memcpy(hello + LPC_CLIENT_HELLO_ - 4, &sum, 4);
}

/* One answer to a hello: 0, it may begin; 18, it stands in line. */
static int lpc_client_get_answer_(lpc_client *c, int fd, const uint8_t *said, int64_t deadline,
                                  uint32_t *before, uint32_t *beat_ms)
{
    uint8_t hello[LPC_CLIENT_HELLO_];
    uint32_t sum, answer;
    int code = lpc_client_read_(c, fd, hello, sizeof hello, deadline, 0);
    if (code == LPC_CLIENT_TIMEOUT)
        return lpc_client_fail_(c, LPC_CLIENT_REFUSED, "there was no place in time"), -1;
    if (code) {
        snprintf(c->error, sizeof c->error, "%s",
                 "the other end does not answer: it is of another build, or stands elsewhere");
        c->failed = LPC_CLIENT_REFUSED;
        return -1;
    }
    memcpy(&sum, hello + LPC_CLIENT_HELLO_ - 4, 4);
    memcpy(&answer, hello + 72, 4);
    memcpy(before, hello + 76, 4);
    memcpy(beat_ms, hello + 80, 4);
    /* magic, version, cut, build, contract and stream are one's own */
    if (memcmp(hello, said, 72) != 0 || sum != lpc_client_crc_(c, 0, hello, LPC_CLIENT_HELLO_ - 4))
        return lpc_client_fail_(c, LPC_CLIENT_REFUSED, "the other end is of another build"), -1;
    if (answer && answer != 18)
        return lpc_client_fail_(c, LPC_CLIENT_REFUSED,
                                "the other end waits for no results of this stream"),
               -1;
    return (int)answer;
}

/* Says hello and waits until the stream may begin. */
static int lpc_client_greet_(lpc_client *c, int fd, const lpc_client_end *end, uint32_t *beat_ms)
{
    uint8_t hello[LPC_CLIENT_HELLO_];
    uint32_t before, least = UINT32_MAX;
    int64_t deadline = lpc_client_deadline_(c->timeout_ms);
    lpc_client_put_hello_(c, end, hello);
    int code = lpc_client_send_(c, fd, hello, sizeof hello, deadline);
    if (code) return code;
    while ((code = lpc_client_get_answer_(c, fd, hello, deadline, &before, beat_ms)) == 18) {
        if (before < least) deadline = lpc_client_deadline_(c->timeout_ms); /* the line moves */
        if (lpc_client_left_(deadline) == 0)
            return lpc_client_fail_(c, LPC_CLIENT_REFUSED, "busy: %" PRIu32 " before this one",
                                    before);
        if (before < least) least = before;
    }
    return code ? c->failed : 0;
}

/* ---- Frames ---- */

/* Where tensors lie for these sizes, and how long the payload is. */
static int lpc_client_layout_(lpc_client *c, int side, const int64_t *sizes, uint64_t *bytes,
                              uint64_t *offsets, uint64_t *length)
{
    const lpc_client_model *m = c->model;
    const lpc_client_end *end = side ? &m->out : &m->in;
    *length = 8 * (uint64_t)m->symbol_count;
    for (uint32_t i = 0; i < m->symbol_count; i++)
        if (sizes[i] < 0 || sizes[i] > m->symbols[i].max)
            return lpc_client_fail_(c, LPC_CLIENT_WRONG,
                                    "'%.80s' is %" PRId64 ", allowed is 0 to %" PRId64,
                                    m->symbols[i].name, sizes[i], m->symbols[i].max);
    for (uint32_t k = 0; k < end->count; k++) {
        int64_t size = m->tensor_bytes(side, k, sizes);
        if (size < 0 || (uint64_t)size > end->tensors[k].max_bytes)
            return lpc_client_fail_(c, LPC_CLIENT_WRONG,
                                    "tensor '%.80s' would have %" PRId64 " bytes",
                                    end->tensors[k].name, size);
        offsets[k] = (*length + LPC_CLIENT_ALIGN_ - 1) / LPC_CLIENT_ALIGN_ * LPC_CLIENT_ALIGN_;
        bytes[k] = (uint64_t)size;
        *length = offsets[k] + bytes[k];
    }
    return 0;
}

static void lpc_client_put_header_(const lpc_client *c, uint8_t *header, uint32_t kind,
                                   uint64_t sequence, uint64_t length, uint32_t sum)
{
    memcpy(header, "LPCF", 4);
    memcpy(header + 4, &kind, 4);
    memcpy(header + 8, &sequence, 8);
    memcpy(header + 16, &length, 8);
    memcpy(header + 24, &sum, 4);
    sum = lpc_client_crc_(c, 0, header, 28);
    memcpy(header + 28, &sum, 4);
}

/* What is on both sides of a tensor: the checksum of all, or its sending. */
static int lpc_client_each_(lpc_client *c, const void *const *inputs, int sends, uint32_t *sum,
                            int64_t deadline)
{
    static const uint8_t zeros[LPC_CLIENT_ALIGN_] = {0};
    uint64_t position = 8 * (uint64_t)c->model->symbol_count;
    int code = 0;
    *sum = lpc_client_crc_(c, 0, c->sizes, (size_t)position);
    if (sends) code = lpc_client_send_(c, c->feed, c->sizes, (size_t)position, deadline);
    for (uint32_t k = 0; k < c->model->in.count && !code; k++) {
        size_t gap = (size_t)(c->in_offsets[k] - position), size = (size_t)c->in_bytes[k];
        if (!sends)
            *sum = lpc_client_crc_(c, lpc_client_crc_(c, *sum, zeros, gap), inputs[k], size);
        if (sends) code = lpc_client_send_(c, c->feed, zeros, gap, deadline);
        if (sends && !code) code = lpc_client_send_(c, c->feed, inputs[k], size, deadline);
        position = c->in_offsets[k] + size;
    }
    return code;
}

int lpc_client_feed(lpc_client *c, const int64_t *sizes, const void *const *inputs)
{
    uint8_t header[LPC_CLIENT_HEADER_];
    uint64_t length;
    uint32_t sum;
    if (c->failed) return c->failed;
    for (uint32_t i = 0; i < c->model->symbol_count; i++) c->sizes[i] = sizes ? sizes[i] : 0;
    int code = lpc_client_layout_(c, 0, c->sizes, c->in_bytes, c->in_offsets, &length);
    if (code) return code;
    (void)lpc_client_each_(c, inputs, 0, &sum, 0);
    lpc_client_put_header_(c, header, 1, c->fed++, length, sum);
    int64_t deadline = lpc_client_deadline_(c->timeout_ms);
    code = lpc_client_send_(c, c->feed, header, sizeof header, deadline);
    return code ? code : lpc_client_each_(c, inputs, 1, &sum, deadline);
}

int lpc_client_finish(lpc_client *c)
{
    uint8_t header[LPC_CLIENT_HEADER_];
    if (c->failed) return c->failed;
    if (c->ended) return 0;
    c->ended = 1;
    lpc_client_put_header_(c, header, 2, c->fed++, 0, 0);
    return lpc_client_send_(c, c->feed, header, sizeof header, lpc_client_deadline_(c->timeout_ms));
}

/* An error or a beat: 0 for a beat. */
static int lpc_client_get_small_(lpc_client *c, int fd, uint32_t kind, uint64_t length,
                                 uint32_t sum, int64_t deadline)
{
    uint8_t bytes[LPC_CLIENT_SMALL_ + 1] = {0};
    int32_t status;
    if (length > LPC_CLIENT_SMALL_ || (kind == 3 && length < 4))
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: %" PRIu64 " bytes", length);
    int code = lpc_client_read_(c, fd, bytes, (size_t)length, deadline, 1);
    if (code) return code;
    if (sum != lpc_client_crc_(c, 0, bytes, (size_t)length))
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: a checksum is wrong");
    if (kind == 4) return 0;
    memcpy(&status, bytes, 4);
    if (!c->failed) c->status = status;
    return lpc_client_fail_(c, LPC_CLIENT_FAILED, "%s", (const char *)bytes + 4);
}

static int lpc_client_get_data_(lpc_client *c, uint64_t length, uint32_t sum, int64_t deadline,
                                lpc_client_answer *answer)
{
    const lpc_client_model *m = c->model;
    uint64_t first = 8 * (uint64_t)m->symbol_count, expected;
    const int64_t *sizes = (const int64_t *)(const void *)c->payload;
    if (length > m->out.max_payload || length < first)
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: %" PRIu64 " bytes announced",
                                length);
    int code = lpc_client_read_(c, c->collect, c->payload, (size_t)first, deadline, 1);
    if (!code) code = lpc_client_layout_(c, 1, sizes, c->bytes, c->offsets, &expected);
    if (code) return code;
    if (length != expected)
        return lpc_client_fail_(c, LPC_CLIENT_WRONG,
                                "bad frame: %" PRIu64 " bytes announced, its sizes make %" PRIu64,
                                length, expected);
    code =
        lpc_client_read_(c, c->collect, c->payload + first, (size_t)(length - first), deadline, 1);
    if (code) return code;
    if (sum != lpc_client_crc_(c, 0, c->payload, (size_t)length))
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: a checksum is wrong");
    for (uint32_t k = 0; k < m->out.count; k++) c->tensors[k] = c->payload + c->offsets[k];
    c->received++;
    answer->tensors = c->tensors;
    answer->bytes = c->bytes;
    answer->sizes = sizes;
    return 0;
}

/* A frame's header, which has begun to come. */
static int lpc_client_get_header_(lpc_client *c, int fd, int64_t deadline, uint32_t *kind,
                                  uint64_t *sequence, uint64_t *length, uint32_t *sum)
{
    uint8_t header[LPC_CLIENT_HEADER_];
    uint32_t own;
    int code = lpc_client_read_(c, fd, header, sizeof header, deadline, 1);
    if (code) return code;
    memcpy(&own, header + 28, 4);
    memcpy(kind, header + 4, 4);
    memcpy(sequence, header + 8, 8);
    memcpy(length, header + 16, 8);
    memcpy(sum, header + 24, 4);
    if (memcmp(header, "LPCF", 4) != 0 || own != lpc_client_crc_(c, 0, header, 28))
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: no frame starts here");
    return 0;
}

/* One frame from the last stage: -1 for a beat. */
static int lpc_client_get_frame_(lpc_client *c, int64_t deadline, lpc_client_answer *answer)
{
    uint32_t kind, sum;
    uint64_t sequence, length;
    int code = lpc_client_get_header_(c, c->collect, deadline, &kind, &sequence, &length, &sum);
    if (code) return code;
    if (sequence != c->received)
        return lpc_client_fail_(c, LPC_CLIENT_WRONG,
                                "bad frame: number %" PRIu64 " where %" PRIu64 " is due", sequence,
                                c->received);
    if (kind == 1) return lpc_client_get_data_(c, length, sum, deadline, answer);
    if (kind == 2) return LPC_CLIENT_END;
    if (kind != 3 && kind != 4)
        return lpc_client_fail_(c, LPC_CLIENT_WRONG, "bad frame: of an unknown kind");
    code = lpc_client_get_small_(c, c->collect, kind, length, sum, deadline);
    return code ? code : -1;
}

/* What comes against the stream: beats, or why it breaks off. Its end is told by the other link. */
static int lpc_client_get_back_(lpc_client *c, int64_t deadline)
{
    uint32_t kind, sum;
    uint64_t sequence, length;
    char byte;
    if (c->tls[0] ? lpc_client_tls_ended_(c->tls[0]) : recv(c->feed, &byte, 1, MSG_PEEK) == 0)
        return -1;
    int code = lpc_client_get_header_(c, c->feed, deadline, &kind, &sequence, &length, &sum);
    return code ? code : lpc_client_get_small_(c, c->feed, kind, length, sum, deadline);
}

int lpc_client_receive(lpc_client *c, int timeout_ms, lpc_client_answer *answer)
{
    int64_t deadline = lpc_client_deadline_(timeout_ms), heard = lpc_client_now_();
    int listens_back = 1;
    while (!c->failed) {
        int64_t due = c->silence_ms ? heard + c->silence_ms : -1;
        int is_silence = due >= 0 && (deadline < 0 || due < deadline);
        struct pollfd wait[2] = {{c->collect, POLLIN, 0}, {listens_back ? c->feed : -1, POLLIN, 0}};
        int holds = lpc_client_tls_holds_(c->tls[1]);
        int ready = poll(wait, 2, holds ? 0 : lpc_client_left_(is_silence ? due : deadline));
        if (holds) ready = 1;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0 && is_silence)
            return lpc_client_fail_(c, LPC_CLIENT_LOST,
                                    "the pipeline gives no sign of life for %g s",
                                    c->silence_ms / 1000.0);
        if (ready == 0) return LPC_CLIENT_TIMEOUT;
        int64_t stall = lpc_client_deadline_(c->timeout_ms);
        heard = lpc_client_now_();
        if (holds || wait[0].revents) {
            int code = lpc_client_get_frame_(c, stall, answer);
            if (code >= 0) return code;
            c->silence_ms = c->told_ms;
        } else if (wait[1].revents) {
            listens_back = lpc_client_get_back_(c, stall) >= 0;
        }
    }
    return c->failed;
}

/* ---- From the opening to the end ---- */

static int lpc_client_draw_(lpc_client *c)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, c->stream, sizeof c->stream);
    if (fd >= 0) close(fd);
    if (got == (ssize_t)sizeof c->stream) return 0;
    return lpc_client_fail_(c, LPC_CLIENT_LOST, "the system gives no random numbers");
}

/* All memory in one piece: the client, its tables, the payload. */
static lpc_client *lpc_client_make_(const lpc_client_model *m)
{
    size_t in = m->in.count + 1, out = m->out.count + 1, symbols = m->symbol_count + 1;
    size_t head = (sizeof(lpc_client) + 63) / 64 * 64;
    size_t tables = (8 * (symbols + 2 * in + 3 * out) + 63) / 64 * 64;
    void *memory = NULL;
    if (m->out.max_payload > SIZE_MAX / 4) return NULL;
    if (posix_memalign(&memory, LPC_CLIENT_ALIGN_, head + tables + (size_t)m->out.max_payload + 64))
        return NULL;
    memset(memory, 0, head + tables);
    lpc_client *c = (lpc_client *)memory;
    uint64_t *table = (uint64_t *)(void *)((uint8_t *)memory + head);
    c->model = m;
    c->sizes = (int64_t *)table;
    c->in_bytes = table + symbols;
    c->in_offsets = c->in_bytes + in;
    c->bytes = c->in_offsets + in;
    c->offsets = c->bytes + out;
    c->tensors = (const void **)(void *)(c->offsets + out);
    c->payload = (uint8_t *)memory + head + tables;
    c->feed = c->collect = -1;
    pthread_mutex_init(&c->mutex, NULL);
    lpc_client_make_crc_(c->crc);
    return c;
}

lpc_client *lpc_client_open(const lpc_client_model *model, const char *first, const char *last,
                            int timeout_ms)
{
    return lpc_client_open_keys(model, first, last, NULL, timeout_ms);
}

lpc_client *lpc_client_open_keys(const lpc_client_model *model, const char *first, const char *last,
                                 const char *keys, int timeout_ms)
{
    uint32_t beat_ms = 0, ignored;
    lpc_client *c = lpc_client_make_(model);
    if (!c) return NULL;
    c->timeout_ms = timeout_ms;
    c->keys = keys;
    int64_t deadline = lpc_client_deadline_(timeout_ms);
    if (lpc_client_draw_(c)) return c;
    c->collect = lpc_client_connect_(c, last ? last : first, deadline);
    if (c->collect < 0 || (keys && lpc_client_secure_(c, 1, c->collect, deadline))) return c;
    if (lpc_client_greet_(c, c->collect, &model->out, &beat_ms)) return c;
    c->feed = lpc_client_connect_(c, first, deadline);
    if (c->feed < 0 || (keys && lpc_client_secure_(c, 0, c->feed, deadline))) return c;
    if (lpc_client_greet_(c, c->feed, &model->in, &ignored)) return c;
    c->told_ms = (int)(beat_ms < 600000 ? beat_ms * 3 : 0);
    return c;
}

const char *lpc_client_error(const lpc_client *c)
{
    return c->error;
}

int lpc_client_status(const lpc_client *c)
{
    return c->status;
}

void lpc_client_close(lpc_client *c)
{
    if (!c) return;
    if (c->feed >= 0 && !c->failed) (void)lpc_client_finish(c);
    for (int i = 0; i < 2; i++) lpc_client_tls_free_(c->tls[i]);
    if (c->feed >= 0) close(c->feed);
    if (c->collect >= 0) close(c->collect);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

#endif
