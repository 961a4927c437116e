/* TCP. Addresses: address.h. A name is looked up whenever a connection is tried, so that machines may get theirs
 * late, and others later. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "gate.h"
#include "resolve.h"
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
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

static int tcp_listen(const char *text, LpcListener *listener, LpcError *error)
{
    LpcEndpoint endpoint;
    LpcAddress found[LPC_ADDRESSES_MOST];
    int code = lpc_endpoint_parse(text, &endpoint, error);
    if (code) return code;
    if (lpc_resolve(&lpc_resolver, &endpoint, 0, -1, found, error) < 1) return error->code;
    LpcAddress address = found[0];
    listener->fd = lpc_socket_open(address.any.sa_family);
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

static int tcp_accept(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                      LpcError *error)
{
    LpcAddress from;
    socklen_t length = sizeof from;
    int code = lpc_socket_accept(listener, timeout_ms, stop_fd, link, &from.any, &length, error);
    if (code) return code;
    tune(link->fd);
    lpc_address_print(&from, link->peer);
    return 0;
}

/* One attempt at every address of the endpoint; error says it better where the name is unknown. */
static int attempt_all(const void *self, uint64_t deadline, int stop_fd, LpcLink *link,
                       LpcError *error)
{
    const LpcEndpoint *endpoint = self;
    LpcAddress found[LPC_ADDRESSES_MOST];
    uint64_t limit = deadline == UINT64_MAX ? 0 : deadline;
    int count = lpc_resolve(&lpc_resolver, endpoint, limit, stop_fd, found, error),
        failure = ENOENT;
    if (count == LPC_STOPPED) return LPC_STOPPED;
    for (int i = 0; i < count; i++) {
        if (endpoint->is_name)
            snprintf(link->peer, sizeof link->peer, "%.90s:%u", endpoint->host, endpoint->port);
        else
            lpc_address_print(&found[i], link->peer);
        uint64_t until = lpc_deadline(ATTEMPT_MS);
        failure = lpc_socket_attempt(&found[i].any, lpc_address_bytes(&found[i]),
                                     deadline < until ? deadline : until, stop_fd, link);
        if (!failure) tune(link->fd);
        if (failure <= 0) return failure;
    }
    return failure;
}

static int tcp_connect(const char *text, int timeout_ms, int stop_fd, const LpcLink *watch,
                       LpcLink *link, LpcError *error)
{
    LpcEndpoint endpoint;
    int code = lpc_endpoint_parse(text, &endpoint, error);
    if (code) return code;
    snprintf(link->peer, sizeof link->peer, "%.*s", LPC_PEER_BYTES - 1, text);
    return lpc_socket_connect(attempt_all, &endpoint, timeout_ms, stop_fd, watch, link, error);
}

const LpcTransport lpc_transport_tcp = {"tcp", ':', tcp_listen, tcp_accept, tcp_connect, tcp_check};
