/* TCP: "HOST:PORT", "[V6]:PORT", "*:PORT" or ":PORT" for all interfaces.
 *
 * Hosts are numeric addresses or localhost. Names go through getaddrinfo only when built with
 * LPC_RESOLVE_NAMES: a static executable, which is what most packages are, cannot rely on it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "transport.h"

#include <arpa/inet.h>
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
#ifdef LPC_RESOLVE_NAMES
#include <netdb.h>
#endif

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
} Address;

static socklen_t address_bytes(const Address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static int parse_host(const char *host, uint16_t port, Address *address)
{
    memset(address, 0, sizeof *address);
    if (!*host || strcmp(host, "*") == 0) host = "0.0.0.0";
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return 0;
    }
#ifdef LPC_RESOLVE_NAMES
    struct addrinfo hints = {0}, *found = NULL;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, NULL, &hints, &found) == 0 && found) {
        memcpy(&address->v4, found->ai_addr, sizeof address->v4);
        address->v4.sin_port = htons(port);
        freeaddrinfo(found);
        return 0;
    }
#endif
    return 1;
}

static int parse(const char *text, Address *address, LpcError *error)
{
    const char *colon = strrchr(text, ':');
    char host[80];
    if (!colon) return lpc_error(error, LPC_EXIT_USAGE, "'%.80s' is no HOST:PORT", text);
    const char *begin = text, *end = colon;
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') begin++, end--;
    char *rest;
    errno = 0;
    long port = strtol(colon + 1, &rest, 10);
    if (rest == colon + 1 || *rest || errno || port < 0 || port > 65535)
        return lpc_error(error, LPC_EXIT_USAGE, "'%.80s': the port must be 0 to 65535", text);
    if ((size_t)(end - begin) >= sizeof host)
        return lpc_error(error, LPC_EXIT_USAGE, "'%.80s': the host's name is too long", text);
    snprintf(host, sizeof host, "%.*s", (int)(end - begin), begin);
    if (parse_host(host, (uint16_t)port, address))
        return lpc_error(error, LPC_EXIT_USAGE,
#ifdef LPC_RESOLVE_NAMES
                         "'%.80s': no such host",
#else
                         "'%.80s': the host must be a numeric address or localhost",
#endif
                         text);
    return 0;
}

static void print(const Address *address, char text[LPC_PEER_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, LPC_PEER_BYTES, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, LPC_PEER_BYTES, "%s:%u", host, ntohs(address->v4.sin_port));
    }
}

static int tcp_check(const char *text, LpcError *error)
{
    Address address;
    return parse(text, &address, error);
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

static int open_socket(const Address *address)
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
    Address address;
    int code = parse(text, &address, error);
    if (code) return code;
    listener->fd = open_socket(&address);
    if (listener->fd < 0) return lpc_error(error, LPC_EXIT_SYSTEM, "socket: %s", strerror(errno));
    set(listener->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    socklen_t length = sizeof address;
    if (bind(listener->fd, &address.any, address_bytes(&address)) || listen(listener->fd, 4) ||
        getsockname(listener->fd, &address.any, &length)) {
        code =
            lpc_error(error, LPC_EXIT_SYSTEM, "cannot listen on %.80s: %s", text, strerror(errno));
        close(listener->fd);
        listener->fd = -1;
        return code;
    }
    print(&address, listener->address);
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
        Address from;
        socklen_t length = sizeof from;
        link->fd = accept(listener->fd, &from.any, &length);
        if (link->fd >= 0) {
            (void)fcntl(link->fd, F_SETFD, FD_CLOEXEC);
            tune(link->fd);
            print(&from, link->peer);
            return 0;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            return lpc_error(error, LPC_EXIT_SYSTEM, "accept: %s", strerror(errno));
    }
}

/* One attempt: 0 with link->fd set, an errno value, or LPC_STOPPED. */
static int attempt(const Address *address, uint64_t deadline, int stop_fd, LpcLink *link)
{
    int fd = open_socket(address);
    if (fd < 0) return errno;
    int failure = connect(fd, &address->any, address_bytes(address)) ? errno : 0;
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

static int tcp_connect(const char *text, int timeout_ms, int stop_fd, LpcLink *link,
                       LpcError *error)
{
    Address address;
    int code = parse(text, &address, error), pause_ms = 5;
    if (code) return code;
    uint64_t deadline = deadline_of(timeout_ms);
    print(&address, link->peer);
    for (;;) {
        int failure = attempt(&address, deadline, stop_fd, link);
        if (failure <= 0) return failure;
        if (failure == EMFILE || failure == ENFILE || failure == ENOMEM || failure == EACCES)
            return lpc_error(error, LPC_EXIT_SYSTEM, "cannot connect to %s: %s", link->peer,
                             strerror(failure));
        if (deadline && lpc_now_ns() + (uint64_t)pause_ms * 1000000u >= deadline)
            return lpc_error(error, LPC_EXIT_MISSING, "cannot connect to %s within %g s: %s",
                             link->peer, timeout_ms / 1000.0, strerror(failure));
        struct pollfd stop = {stop_fd, POLLIN, 0};
        if (poll(&stop, 1, pause_ms) > 0) return LPC_STOPPED;
        pause_ms = pause_ms < 200 ? pause_ms * 2 : 200;
    }
}

const LpcTransport lpc_transport_tcp = {"tcp", tcp_listen, tcp_accept, tcp_connect, tcp_check};
