/* TCP. Addresses: address.h. A name is looked up whenever a connection is tried, so that machines may get theirs
 * late, and others later. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "resolve.h"
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    ATTEMPT_MS =
        1000 /* to connect: the system itself would repeat ever later, and miss a machine that is back */
};

static int tcp_check(const char *text, LpcError *error)
{
    LpcEndpoint endpoint;
    return lpc_endpoint_parse(text, &endpoint, error);
}

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Frames leave at once; a neighbour whose machine is gone is found within half a minute. */
static void tune(int fd)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
#endif
}

static int open_socket(const LpcAddress *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM, 0);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    return fd;
}

static int tcp_listen(const char *text, LpcListener *listener, LpcError *error)
{
    LpcEndpoint endpoint;
    LpcAddress found[LPC_ADDRESSES_MOST];
    int code = lpc_endpoint_parse(text, &endpoint, error);
    if (code) return code;
    if (lpc_resolve(&lpc_resolver, &endpoint, 0, -1, found, error) < 1) return error->code;
    LpcAddress address = found[0];
    listener->fd = open_socket(&address);
    if (listener->fd < 0) return lpc_error(error, LPC_EXIT_SYSTEM, "socket: %s", strerror(errno));
    set(listener->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    socklen_t length = sizeof address;
    if (bind(listener->fd, &address.any, lpc_address_bytes(&address)) ||
        listen(listener->fd, BACKLOG) || getsockname(listener->fd, &address.any, &length)) {
        code =
            lpc_error(error, LPC_EXIT_SYSTEM, "cannot listen on %.80s: %s", text, strerror(errno));
        close(listener->fd);
        listener->fd = -1;
        return code;
    }
    lpc_address_print(&address, listener->address);
    return 0;
}

/* Waits for the socket or the stop; *left_ms counts down (-1: no limit) against deadline. */
static int wait_for(int fd, short events, uint64_t deadline, int stop_fd)
{
    for (;;) {
        int wait = -1;
        if (deadline) {
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

static uint64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? 0 : lpc_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

static int tcp_accept(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                      LpcError *error)
{
    uint64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        int ready = wait_for(listener->fd, POLLIN, deadline, stop_fd);
        if (ready == LPC_STOPPED) return LPC_STOPPED;
        if (!ready)
            return lpc_error(error, LPC_EXIT_MISSING, "nobody connected to %s within %g s",
                             listener->address, timeout_ms / 1000.0);
        LpcAddress from;
        socklen_t length = sizeof from;
        link->fd = accept(listener->fd, &from.any, &length);
        if (link->fd >= 0) {
            (void)fcntl(link->fd, F_SETFD, FD_CLOEXEC);
            tune(link->fd);
            lpc_address_print(&from, link->peer);
            return 0;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            return lpc_error(error, LPC_EXIT_SYSTEM, "accept: %s", strerror(errno));
    }
}

/* One attempt: 0 with link->fd set, an errno value, or LPC_STOPPED. */
static int attempt(const LpcAddress *address, uint64_t deadline, int stop_fd, LpcLink *link)
{
    int fd = open_socket(address);
    if (fd < 0) return errno;
    int failure = connect(fd, &address->any, lpc_address_bytes(address)) ? errno : 0;
    if (failure == EINPROGRESS || failure == EINTR) {
        int ready = wait_for(fd, POLLOUT, deadline, stop_fd);
        socklen_t length = sizeof failure;
        if (ready == LPC_STOPPED)
            failure = LPC_STOPPED;
        else if (!ready)
            failure = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length))
            failure = errno;
    }
    if (failure) {
        close(fd);
        return failure;
    }
    tune(fd);
    link->fd = fd;
    return 0;
}

/* One attempt at every address of the endpoint: 0, an errno value (error says it better where the name is unknown),
 * or LPC_STOPPED. */
static int attempt_all(const LpcEndpoint *endpoint, uint64_t deadline, int stop_fd, LpcLink *link,
                       LpcError *error)
{
    LpcAddress found[LPC_ADDRESSES_MOST];
    int count = lpc_resolve(&lpc_resolver, endpoint, deadline, stop_fd, found, error),
        failure = ENOENT;
    if (count == LPC_STOPPED) return LPC_STOPPED;
    for (int i = 0; i < count; i++) {
        if (endpoint->is_name)
            snprintf(link->peer, sizeof link->peer, "%.90s:%u", endpoint->host, endpoint->port);
        else
            lpc_address_print(&found[i], link->peer);
        uint64_t until = lpc_now_ns() + ATTEMPT_MS * UINT64_C(1000000);
        failure =
            attempt(&found[i], deadline && deadline < until ? deadline : until, stop_fd, link);
        if (failure <= 0) return failure;
    }
    return failure;
}

/* Nothing that waiting mends. */
static int is_final(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == EACCES;
}

static int tcp_connect(const char *text, int timeout_ms, int stop_fd, const LpcLink *watch,
                       LpcLink *link, LpcError *error)
{
    LpcEndpoint endpoint;
    int code = lpc_endpoint_parse(text, &endpoint, error), pause_ms = 5;
    if (code) return code;
    uint64_t deadline = deadline_of(timeout_ms);
    snprintf(link->peer, sizeof link->peer, "%.*s", LPC_PEER_BYTES - 1, text);
    for (;;) {
        LpcError unknown = {0};
        int failure = attempt_all(&endpoint, deadline, stop_fd, link, &unknown);
        if (failure <= 0) return failure;
        const char *why = unknown.code ? unknown.text : strerror(failure);
        if (is_final(failure))
            return lpc_error(error, LPC_EXIT_SYSTEM, "cannot connect to %s: %s", link->peer, why);
        if (deadline && lpc_now_ns() + (uint64_t)pause_ms * 1000000u >= deadline)
            return lpc_error(error, LPC_EXIT_MISSING, "cannot connect to %s within %g s: %.100s",
                             link->peer, timeout_ms / 1000.0, why);
        struct pollfd stop = {stop_fd, POLLIN, 0};
        if (poll(&stop, 1, pause_ms) > 0) return LPC_STOPPED;
        if (watch && lpc_link_has_ended(watch))
            return lpc_error(error, LPC_EXIT_LEFT, "%.100s left before the stream began",
                             watch->peer);
        pause_ms = pause_ms < 200 ? pause_ms * 2 : 200;
    }
}

const LpcTransport lpc_transport_tcp = {"tcp", tcp_listen, tcp_accept, tcp_connect, tcp_check};
