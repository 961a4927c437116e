/* Unix sockets, for stages of one machine: "unix:PATH", where PATH has a slash ("unix:./pi.socket"). Whoever may open
 * the file may connect: it is its owner's alone. It stays behind when the listener ends, and who listens there next
 * replaces it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, OWNER_ONLY = 0600 };

static int parse(const char *path, struct sockaddr_un *address, LpcError *error)
{
    size_t length = strlen(path), most = sizeof address->sun_path - 1;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length > most)
        return lpc_error(error, LPC_EXIT_USAGE,
                         "'unix:%.100s...': the path has %zu bytes, a Unix socket's may have %zu",
                         path, length, most);
    memcpy(address->sun_path, path, length + 1);
    return 0;
}

static int unix_check(const char *path, LpcError *error)
{
    struct sockaddr_un address;
    return parse(path, &address, error);
}

/* Whether the path is a socket of before, which nobody listens at. */
static int is_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode)) return 0;
    int fd = lpc_socket_open(AF_UNIX);
    if (fd < 0) return 0;
    int refused =
        connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* bind(), which gives the file the socket's mode. */
static int bind_owned(int fd, const struct sockaddr_un *address)
{
    if (fchmod(fd, OWNER_ONLY)) return -1;
    return bind(fd, (const struct sockaddr *)address, sizeof *address);
}

static int unix_listen(const char *path, LpcListener *listener, LpcError *error)
{
    struct sockaddr_un address;
    int code = parse(path, &address, error);
    if (code) return code;
    listener->fd = lpc_socket_open(AF_UNIX);
    if (listener->fd < 0) return lpc_error(error, LPC_EXIT_SYSTEM, "socket: %s", strerror(errno));
    int failed = bind_owned(listener->fd, &address);
    if (failed && errno == EADDRINUSE && is_stale(&address)) {
        (void)unlink(address.sun_path);
        failed = bind_owned(listener->fd, &address);
    }
    if (failed || listen(listener->fd, BACKLOG)) {
        code = lpc_error(error, LPC_EXIT_SYSTEM, "cannot listen on unix:%.110s: %s", path,
                         strerror(errno));
        close(listener->fd);
        listener->fd = -1;
        return code;
    }
    snprintf(listener->address, sizeof listener->address, "unix:%s", address.sun_path);
    return 0;
}

/* The other end is told by its process: it has no address. */
static int unix_accept(const LpcListener *listener, int timeout_ms, int stop_fd, LpcLink *link,
                       LpcError *error)
{
    struct sockaddr_un from;
    socklen_t length = sizeof from;
    struct ucred who = {0};
    int code = lpc_socket_accept(listener, timeout_ms, stop_fd, link, (struct sockaddr *)&from,
                                 &length, error);
    if (code) return code;
    length = sizeof who;
    (void)getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
    snprintf(link->peer, sizeof link->peer, "process %d at %.100s", (int)who.pid,
             listener->address);
    return 0;
}

static int attempt(const void *self, uint64_t deadline, int stop_fd, LpcLink *link, LpcError *error)
{
    (void)error;
    return lpc_socket_attempt(self, sizeof(struct sockaddr_un), deadline, stop_fd, link);
}

static int unix_connect(const char *path, int timeout_ms, int stop_fd, const LpcLink *watch,
                        LpcLink *link, LpcError *error)
{
    struct sockaddr_un address;
    int code = parse(path, &address, error);
    if (code) return code;
    snprintf(link->peer, sizeof link->peer, "unix:%s", address.sun_path);
    return lpc_socket_connect(attempt, &address, timeout_ms, stop_fd, watch, link, error);
}

const LpcTransport lpc_transport_unix = {"unix",      '/',          unix_listen,
                                         unix_accept, unix_connect, unix_check};
