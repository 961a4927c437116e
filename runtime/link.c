/* Reading, writing and waiting on a connected stream socket.
 *
 * What bounds a fast link is how often its reader falls asleep: waking it costs the writer an
 * interrupt to another core, tens of microseconds in a virtual machine, as long as 100 KiB take. A
 * reader therefore stays awake for a moment before it sleeps: as long as a sleep costs at most,
 * less while that is in vain (the writer wants this core, or is slow), and only as its link pays
 * for it: each byte that came buys a nanosecond. So a link of gigabytes per second is read without
 * sleep, and one of 1 Gbit/s spends an eighth of its time at most. To yield the core instead would
 * be worse: on a busy machine it comes back after milliseconds, a sleeper at once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECES_AT_ONCE = 64 }; /* well below any IOV_MAX */
enum {
    AWAKE_NS = 50000, /* the longest wait without sleep, */
    VAIN_MOST = 2     /* halved at most so often */
};

static int left(const LpcLink *link, LpcError *error)
{
    if (errno == EBADMSG)
        return lpc_error(error, LPC_EXIT_LEFT,
                         "what came from %.100s was changed on the way, or is not from there",
                         link->peer);
    return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before the end of the stream", link->peer);
}

static void earn(LpcLink *link, size_t bytes)
{
    uint64_t sum = link->awake_ns + bytes;
    link->awake_ns = sum < AWAKE_NS ? sum : AWAKE_NS;
}

/* poll() for reading that stays awake for a while before it sleeps. */
static int poll_awake(LpcLink *link, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    uint64_t most = AWAKE_NS >> link->vain, waited = 0;
    if (most > link->awake_ns) most = link->awake_ns;
    if (!most) return poll(fds, count, timeout_ms);
    int ready = poll(fds, count, 0);
    if (ready) return ready;
    uint64_t begin = lpc_now_ns();
    for (; !ready && waited < most; waited = lpc_now_ns() - begin) ready = poll(fds, count, 0);
    link->awake_ns -= waited < link->awake_ns ? waited : link->awake_ns;
    if (ready && link->vain) link->vain--;
    if (!ready && link->vain < VAIN_MOST) link->vain++;
    return ready ? ready : poll(fds, count, timeout_ms);
}

static int poll_failed(LpcError *error)
{
    if (errno == EINTR) return 0;
    return lpc_error(error, LPC_EXIT_SYSTEM, "poll: %s", strerror(errno));
}

static int silent(LpcLink *link, LpcError *error)
{
    link->silent = 1;
    return lpc_error(error, LPC_EXIT_LEFT, "%.100s gives no sign of life for %g s", link->peer,
                     link->silence_ms / 1000.0);
}

/* Waits until something arrives. */
static int wait_idle(LpcLink *link, LpcError *error)
{
    for (;;) {
        struct pollfd fds[2] = {{link->fd, POLLIN, 0}, {link->stop_fd, POLLIN, 0}};
        int holds = lpc_link_holds(link),
            ready = holds ? poll(fds, 2, 0)
                          : poll_awake(link, fds, 2, link->silence_ms > 0 ? link->silence_ms : -1);
        int code = ready < 0 ? poll_failed(error) : 0;
        if (code) return code;
        if (ready > 0 && fds[1].revents) return LPC_STOPPED;
        if (holds || (ready > 0 && fds[0].revents)) return 0;
        if (ready == 0) return silent(link, error);
    }
}

/* Waits until more of what is due arrives, for the link's time limit. */
static int wait_more(LpcLink *link, LpcError *error)
{
    struct pollfd fd = {link->fd, POLLIN, 0};
    int timeout_ms = link->timeout_ms, alive = link->silence_ms > 0;
    if (alive && (timeout_ms < 0 || timeout_ms > link->silence_ms)) timeout_ms = link->silence_ms;
    int ready = poll_awake(link, &fd, 1, timeout_ms);
    if (ready < 0) return poll_failed(error);
    if (ready > 0) return 0;
    if (timeout_ms != link->timeout_ms) return silent(link, error);
    return lpc_error(error, LPC_EXIT_LEFT, "%.100s stalled for %g s where more was due", link->peer,
                     link->timeout_ms / 1000.0);
}

/* Waits until the link takes more, without limit and asleep: a neighbour may compute for long. */
static int wait_room(const LpcLink *link, LpcError *error)
{
    struct pollfd fd = {link->fd, POLLOUT, 0};
    return poll(&fd, 1, -1) < 0 ? poll_failed(error) : 0;
}

static int link_read(void *self, void *data, size_t size, int idle, LpcError *error)
{
    LpcLink *link = self;
    uint8_t *at = data;
    if (idle) {
        int code = wait_idle(link, error);
        if (code) return code;
    }
    while (size) {
        ssize_t got = lpc_link_get(link, at, size);
        if (got > 0) {
            earn(link, (size_t)got);
            at += got;
            size -= (size_t)got;
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            int code = wait_more(link, error);
            if (code) return code;
        } else if (got == 0 || errno != EINTR) {
            if (got == 0) errno = 0;
            return left(link, error);
        }
    }
    return 0;
}

/* As sendmsg, of as many pieces as it takes. */
static ssize_t send_some(const LpcLink *link, struct iovec *pieces, int count)
{
    if (link->tls) return lpc_tls_write(link->tls, pieces, count);
    struct msghdr message = {0};
    message.msg_iov = pieces;
    message.msg_iovlen =
        (__typeof__(message.msg_iovlen))(count < PIECES_AT_ONCE ? count : PIECES_AT_ONCE);
    int more = count > PIECES_AT_ONCE ? MSG_MORE : 0;
    return sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more);
}

/* Whether a write that failed can go on, once it does: 0, or an exit status with error filled. */
static int wait_if_full(const LpcLink *link, LpcError *error)
{
    if (errno == EINTR) return 0;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return left(link, error);
    return wait_room(link, error);
}

/* Sends what TLS has taken and not sent. */
static int flush(const LpcLink *link, LpcError *error)
{
    int code = 0;
    while (!code && lpc_tls_flush(link->tls)) code = wait_if_full(link, error);
    return code;
}

static int link_write(void *self, struct iovec *pieces, int count, LpcError *error)
{
    LpcLink *link = self;
    while (count) {
        if (!pieces->iov_len) {
            pieces++, count--;
            continue;
        }
        ssize_t sent = send_some(link, pieces, count);
        if (sent < 0) {
            int code = wait_if_full(link, error);
            if (code) return code;
            continue;
        }
        size_t done = (size_t)sent;
        while (count && done >= pieces->iov_len) {
            done -= pieces->iov_len;
            pieces++, count--;
        }
        if (done) {
            pieces->iov_base = (uint8_t *)pieces->iov_base + done;
            pieces->iov_len -= done;
        }
    }
    return link->tls ? flush(link, error) : 0;
}

LpcReader lpc_link_reader(LpcLink *link)
{
    return (LpcReader){link_read, link};
}

LpcWriter lpc_link_writer(LpcLink *link)
{
    return (LpcWriter){link_write, link};
}

int lpc_link_writable(const LpcLink *link)
{
    struct pollfd fd = {link->fd, POLLOUT, 0};
    return poll(&fd, 1, 0) > 0;
}

ssize_t lpc_link_get(const LpcLink *link, void *data, size_t size)
{
    if (link->tls) return lpc_tls_read(link->tls, data, size);
    return recv(link->fd, data, size, MSG_DONTWAIT);
}

void lpc_link_put(const LpcLink *link, void *data, size_t size)
{
    struct iovec piece = {data, size};
    if (link->tls)
        (void)lpc_tls_write(link->tls, &piece, 1);
    else
        (void)send(link->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int lpc_link_holds(const LpcLink *link)
{
    return link->tls && lpc_tls_holds(link->tls);
}

int lpc_link_has_ended(const LpcLink *link)
{
    if (link->tls) return lpc_tls_has_ended(link->tls);
    struct pollfd fd = {link->fd, POLLRDHUP, 0};
    char byte;
    return poll(&fd, 1, 0) > 0 && recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void lpc_link_interrupt(const LpcLink *link)
{
    if (link->fd >= 0) shutdown(link->fd, SHUT_RD);
}

void lpc_link_end_writing(const LpcLink *link)
{
    if (link->fd < 0) return;
    if (link->tls) lpc_tls_end(link->tls);
    shutdown(link->fd, SHUT_WR);
}

void lpc_link_break(const LpcLink *link)
{
    if (link->fd >= 0) shutdown(link->fd, SHUT_RDWR);
}

void lpc_link_close(LpcLink *link)
{
    lpc_tls_give(link->tls);
    link->tls = NULL;
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
}
