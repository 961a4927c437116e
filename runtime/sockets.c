/* See sockets.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"

int lpc_socket_open(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    return fd;
}

int lpc_socket_wait(int fd, short events, uint64_t deadline, int stop_fd)
{
    for (;;) {
        int wait = -1;
        if (deadline != UINT64_MAX) {
            uint64_t now = lpc_now_ns();
            wait = now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1;
        }
        struct pollfd fds[2] = {{fd, events, 0}, {stop_fd, POLLIN, 0}};
        int ready = poll(fds, 2, wait);
        if (ready < 0 && errno == EINTR) continue;
        if (ready > 0 && fds[1].revents) return LPC_STOPPED;
        return ready > 0 ? 1 : 0;
    }
}

int lpc_socket_accept(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                      struct sockaddr *from, socklen_t *length, LpcError *error)
{
    uint64_t deadline = lpc_deadline(timeout_ms);
    for (socklen_t room = *length;; *length = room) {
        int ready = lpc_socket_wait(listener->fd, POLLIN, deadline, stop_fd);
        if (ready == LPC_STOPPED) return LPC_STOPPED;
        if (!ready)
            return lpc_error(error, LPC_EXIT_MISSING, "nobody connected to %s within %g s",
                             listener->address, timeout_ms / 1000.0);
        link->fd = accept(listener->fd, from, length);
        if (link->fd >= 0) {
            (void)fcntl(link->fd, F_SETFD, FD_CLOEXEC);
            return 0;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            return lpc_error(error, LPC_EXIT_SYSTEM, "accept: %s", strerror(errno));
    }
}

int lpc_socket_attempt(const struct sockaddr *address, socklen_t bytes, uint64_t deadline,
                       int stop_fd, LpcLink *link)
{
    int fd = lpc_socket_open(address->sa_family);
    if (fd < 0) return errno;
    int failure = connect(fd, address, bytes) ? errno : 0;
    if (failure == EINPROGRESS || failure == EINTR) {
        int ready = lpc_socket_wait(fd, POLLOUT, deadline, stop_fd);
        socklen_t length = sizeof failure;
        if (ready == LPC_STOPPED)
            failure = LPC_STOPPED;
        else if (!ready)
            failure = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length))
            failure = errno;
    }
    if (failure)
        close(fd);
    else
        link->fd = fd;
    return failure;
}

/* Nothing that waiting mends. */
static int is_final(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == EACCES;
}

int lpc_socket_connect(LpcAttempt *attempt, const void *self, int timeout_ms, int stop_fd,
                       const LpcLink *watch, LpcLink *link, LpcError *error)
{
    uint64_t deadline = lpc_deadline(timeout_ms);
    for (int pause_ms = 5;; pause_ms = pause_ms < 200 ? pause_ms * 2 : 200) {
        LpcError said = {0};
        int failure = attempt(self, deadline, stop_fd, link, &said);
        if (failure <= 0) return failure;
        const char *why = said.code ? said.text : strerror(failure);
        if (is_final(failure))
            return lpc_error(error, LPC_EXIT_SYSTEM, "cannot connect to %s: %s", link->peer, why);
        if (timeout_ms >= 0 && lpc_now_ns() + (uint64_t)pause_ms * 1000000u >= deadline)
            return lpc_error(error, LPC_EXIT_MISSING, "cannot connect to %s within %g s: %.100s",
                             link->peer, timeout_ms / 1000.0, why);
        struct pollfd stop = {stop_fd, POLLIN, 0};
        if (poll(&stop, 1, pause_ms) > 0) return LPC_STOPPED;
        if (watch && lpc_link_has_ended(watch))
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before the stream began",
                             watch->peer);
    }
}
