/* The side of the handshake that connects, and its answer where nobody else connects. See gate.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "gate.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    BEAT_MOST_MS = 3600000, /* of a hello: more is no time between signs of life */
    PAUSE_MS = 10,          /* before the second try to prove a key, doubled each time */
    PAUSE_MOST_MS = 640
};

uint64_t lpc_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : lpc_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

int lpc_silence_ms(uint32_t beat_ms)
{
    return (int)(beat_ms < BEAT_MOST_MS ? beat_ms : 0) * LPC_BEATS_MISSED;
}

int lpc_wait_answer(LpcLink *link, const LpcLink *watch, uint64_t deadline, LpcError *error)
{
    for (;;) {
        struct pollfd fds[3] = {{link->fd, POLLIN, 0},
                                {link->stop_fd, POLLIN, 0},
                                {watch ? watch->fd : -1, POLLRDHUP, 0}};
        uint64_t now = lpc_now_ns();
        int left_ms = -1, is_late = 1;
        if (deadline != UINT64_MAX)
            left_ms = now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0;
        if (link->silence_ms > 0 && (left_ms < 0 || left_ms > link->silence_ms)) {
            left_ms = link->silence_ms;
            is_late = 0;
        }
        int holds = lpc_link_holds(link), ready = poll(fds, 3, holds ? 0 : left_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return lpc_error(error, LPC_EXIT_SYSTEM, "poll: %s", strerror(errno));
        if (fds[1].revents) return LPC_STOPPED;
        if (holds || fds[0].revents) return 0;
        if (fds[2].revents && lpc_link_has_ended(watch))
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before the stream began",
                             watch->peer);
        if (fds[2].revents) { /* it has sent all that it had: a whole stream, maybe */
            watch = NULL;
            continue;
        }
        link->silent = 1;
        if (is_late)
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s did not answer within %g s", link->peer,
                             link->timeout_ms / 1000.0);
        return lpc_error(error, LPC_EXIT_LEFT, "%.100s gives no sign of life for %g s", link->peer,
                         link->silence_ms / 1000.0);
    }
}

int lpc_link_secure(LpcLink *link, LpcTlsPool *pool, int is_server, const LpcLink *watch,
                    LpcError *error)
{
    uint64_t deadline = lpc_deadline(link->timeout_ms);
    if (!pool) return 0;
    LpcTls *tls =
        is_server ? lpc_tls_take(pool, link->fd, NULL, 0) : lpc_tls_take_own(pool, link->fd);
    if (!tls)
        return lpc_error(error, LPC_EXIT_SYSTEM, "no session of TLS is free for %.100s",
                         link->peer);
    int code = lpc_tls_step(tls, link->peer, error);
    while (code == LPC_TLS_MORE) {
        code = lpc_wait_answer(link, watch, deadline, error);
        if (!code) code = lpc_tls_step(tls, link->peer, error);
    }
    if (code)
        lpc_tls_give(tls);
    else
        link->tls = tls;
    return code;
}

static int connect_once(LpcLink *link, const LpcTransport *transport, const char *address,
                        const char *role, LpcTlsPool *pool, const LpcLink *watch, LpcError *error)
{
    char peer[LPC_PEER_BYTES];
    int code = transport->connect(address, link->timeout_ms, link->stop_fd, watch, link, error);
    if (code) return code;
    snprintf(peer, sizeof peer, "%.25s %.100s", role, link->peer);
    memcpy(link->peer, peer, sizeof peer);
    return lpc_link_secure(link, pool, 0, watch, error);
}

int lpc_link_connect(LpcLink *link, const LpcTransport *transport, const char *address,
                     const char *role, LpcTlsPool *pool, const LpcLink *watch, LpcError *error)
{
    for (int pause_ms = PAUSE_MS;; pause_ms *= 2) {
        LpcError why = {0};
        struct pollfd stop = {link->stop_fd, POLLIN, 0};
        int code = connect_once(link, transport, address, role, pool, watch, &why);
        int again = pool && code == LPC_EXIT_LEFT && !link->silent && pause_ms <= PAUSE_MOST_MS;
        if (again && watch) again = !lpc_link_has_ended(watch);
        if (!again) {
            if (code > 0) *error = why;
            return code;
        }
        lpc_link_close(link);
        if (poll(&stop, 1, pause_ms) > 0) return LPC_STOPPED;
    }
}

static int read_answer(LpcLink *link, const LpcCrc *crc, const LpcHello *hello, LpcHello *theirs,
                       LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcReader reader = lpc_link_reader(link);
    LpcError left = {0};
    int code = reader.read(reader.self, bytes, sizeof bytes, 0, &left);
    if (code == LPC_EXIT_LEFT && theirs->before != LPC_NOT_TOLD)
        return lpc_error(error, LPC_EXIT_LEFT, "%.100s left while this stream stood in line",
                         link->peer);
    if (code == LPC_EXIT_LEFT)
        return lpc_error(
            error, LPC_EXIT_BUILD,
            "%.100s does not answer: it is of another build, stands elsewhere or wants "
            "--keys, which its own line says",
            link->peer);
    if (code) return lpc_error(error, code, "%s", left.text);
    code = lpc_hello_check(crc, hello, bytes, link->peer, theirs, error);
    if (!code && memcmp(theirs->stream, hello->stream, LPC_STREAM_BYTES) != 0)
        code = lpc_error(error, LPC_EXIT_FRAME, "%.100s answers for another stream", link->peer);
    return code;
}

/* Waits for one answer and reads it into theirs. */
static int hear_answer(LpcLink *link, const LpcLink *watch, const LpcCrc *crc,
                       const LpcHello *hello, uint64_t deadline, LpcHello *theirs, LpcError *error)
{
    LpcError late = {0};
    int code = lpc_wait_answer(link, watch, deadline, &late),
        in_line = theirs->before != LPC_NOT_TOLD;
    if (code == LPC_EXIT_LEFT && in_line && lpc_now_ns() >= deadline)
        return lpc_error(error, LPC_EXIT_BUSY, "%.100s is busy: %" PRIu32 " before this one",
                         link->peer, theirs->before);
    if (code > 0) return lpc_error(error, code, "%s", late.text);
    if (!code) code = read_answer(link, crc, hello, theirs, error);
    if (!code) link->silence_ms = lpc_silence_ms(theirs->beat_ms);
    return code;
}

int lpc_greet(LpcLink *link, const LpcLink *watch, const LpcCrc *crc, const LpcHello *hello,
              const LpcInLine *in_line, LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcWriter writer = lpc_link_writer(link);
    struct iovec piece = {bytes, sizeof bytes};
    LpcHello theirs = {.before = LPC_NOT_TOLD};
    uint64_t deadline = lpc_deadline(link->timeout_ms);
    link->silence_ms = (int)hello->beat_ms * LPC_BEATS_MISSED; /* until it says what it keeps to */
    lpc_hello_encode(crc, hello, bytes);
    int code = writer.write(writer.self, &piece, 1, error);
    for (uint32_t before = LPC_NOT_TOLD; !code; before = theirs.before) {
        code = hear_answer(link, watch, crc, hello, deadline, &theirs, error);
        if (code || !theirs.answer) return code;
        if (theirs.answer != LPC_EXIT_BUSY)
            return lpc_error(error, LPC_EXIT_STALE, "%.100s waits for no results of this stream",
                             link->peer);
        if (theirs.before == before) continue;
        deadline = lpc_deadline(link->timeout_ms); /* somebody before it went: it goes on */
        if (in_line && theirs.before) in_line->tell(in_line->self, link, theirs.before);
    }
    return code;
}

int lpc_welcome(LpcLink *link, const LpcCrc *crc, const LpcHello *own,
                uint8_t stream[LPC_STREAM_BYTES], LpcError *error)
{
    uint8_t bytes[LPC_HELLO_BYTES];
    LpcReader reader = lpc_link_reader(link);
    LpcWriter writer = lpc_link_writer(link);
    struct iovec piece = {bytes, sizeof bytes};
    LpcHello theirs;
    int code = reader.read(reader.self, bytes, sizeof bytes, 0, error);
    if (!code) code = lpc_hello_check(crc, own, bytes, link->peer, &theirs, error);
    if (code) return code;
    memcpy(stream, theirs.stream, LPC_STREAM_BYTES);
    theirs.answer = theirs.before = 0;
    lpc_hello_encode(crc, &theirs, bytes);
    return writer.write(writer.self, &piece, 1, error);
}
