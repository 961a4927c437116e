/* What is served, at which port, which lines are to be pasted. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/fetch/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { ASK_S = 2 /* for a server that has the port */ };

/* ---- This machine's address ---- */

/* The one that packets to the world would leave from: none is sent. */
static void find_name(char name[LPC_HOST_BYTES])
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, own;
    socklen_t length = sizeof own;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr); /* of RFC 5737: nobody's */
    bool found = fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof to) &&
                 !getsockname(fd, (struct sockaddr *)&own, &length) &&
                 inet_ntop(AF_INET, &own.sin_addr, name, LPC_HOST_BYTES);
    if (!found) snprintf(name, LPC_HOST_BYTES, "127.0.0.1");
    if (fd >= 0) close(fd);
}

/* ---- The port ---- */

/* Whether a server of the same package is there. */
static bool is_served(const FetchServer *server, Arena *arena, int port)
{
    static const char question[] = "GET /build HTTP/1.0\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = ASK_S};
    char answer[1024];
    size_t length = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (!connect(fd, (struct sockaddr *)&to, sizeof to) &&
        send(fd, question, sizeof question - 1, MSG_NOSIGNAL) > 0) {
        ssize_t got = 1;
        while (length < sizeof answer - 1 && got > 0) {
            got = recv(fd, answer + length, sizeof answer - 1 - length, 0);
            if (got > 0) length += (size_t)got;
        }
    }
    close(fd);
    answer[length] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    return body && !strcmp(body + 4, fetch_build(server, arena));
}

static bool can_listen(FetchServer *server, int port, LpcError *error)
{
    char address[32];
    *error = (LpcError){0};
    snprintf(address, sizeof address, "*:%d", port);
    return !lpc_transport_tcp.listen(address, &server->listener, error);
}

/* Where it listens, or where the same is served already (*is_there). */
static int take_port(FetchServer *server, Arena *arena, Diag *diag, bool *is_there)
{
    int first = server->options.port;
    LpcError error;
    *is_there = false;
    for (int port = first; port < first + FETCH_PORTS && port <= 65535; port++) {
        server->port = port;
        if (can_listen(server, port, &error)) {
            if (port != first) fetch_tell(server, "port %d is in use: serving at %d", first, port);
            return LPC_OK;
        }
        if (is_served(server, arena, port)) {
            *is_there = true;
            return LPC_OK;
        }
    }
    return diag_error(diag, "%s, nor on the ports behind it", error.text);
}

/* ---- All of it ---- */

static void tell_lines(FetchServer *server, bool is_there)
{
    const Deployment *d = &server->d;
    if (is_there)
        fetch_tell(server, "port %d: a server of the same package is there, which is used",
                   server->port);
    fetch_tell(server, "paste on each device its line:");
    for (int i = 0; i < d->count; i++)
        fetch_tell(server, "  %-12s curl -fsSL http://%s:%d/%s | sh", d->stages[i].host.name,
                   server->name, server->port, d->stages[i].host.name);
    fetch_tell(server, "and where there is no curl:");
    for (int i = 0; i < d->count; i++)
        fetch_tell(server, "  %-12s wget -O - http://%s:%d/%s | sh", d->stages[i].host.name,
                   server->name, server->port, d->stages[i].host.name);
}

/* What a stage is called is part of its URL. */
static int check_names(const Deployment *d)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    for (int i = 0; i < d->count; i++) {
        const char *name = d->stages[i].host.name;
        if (strspn(name, allowed) != strlen(name) || !strcmp(name, "build"))
            return diag_error(d->diag, "stage '%s': such a name is no part of a URL", name);
    }
    return LPC_OK;
}

int fetch_serve(Arena *arena, Diag *diag, const char *folder, const FetchOptions *options)
{
    FetchServer *server = arena_alloc(arena, sizeof *server);
    Deployment *d = &server->d;
    bool is_there;
    server->options = *options;
    TRY(deploy_describe(d, arena, diag, folder));
    TRY(check_names(d));
    for (int i = 0; i < d->count; i++) TRY(copy_know(d, &d->stages[i]));
    server->at = arena_array(arena, (size_t)d->count, sizeof *server->at);
    pthread_mutex_init(&server->mutex, NULL);
    find_name(server->name);
    TRY(take_port(server, arena, diag, &is_there));
    tell_lines(server, is_there);
    return is_there ? LPC_OK : fetch_http(server, diag);
}
