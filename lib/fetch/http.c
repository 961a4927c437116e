/* HTTP through libmicrohttpd, in one thread: answers are short, and files go out as sockets take them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/fetch/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 64, IDLE_S = 30 };

/* The peer's address without its port; IPv4 as such. */
static void name_peer(struct MHD_Connection *connection, char name[LPC_PEER_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *any = info ? info->client_addr : NULL;
    name[0] = '\0';
    if (any && any->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)any)->sin_addr, name,
                  LPC_PEER_BYTES);
    if (any && any->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)any)->sin6_addr, name,
                  LPC_PEER_BYTES);
    static const char mapped[] = "::ffff:";
    if (!strncmp(name, mapped, sizeof mapped - 1))
        memmove(name, name + sizeof mapped - 1, strlen(name) - sizeof mapped + 2);
}

static struct MHD_Response *file_response(FetchAnswer *answer)
{
    int fd = open(answer->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(
        (uint64_t)(answer->end - answer->from), fd, (uint64_t)answer->from);
    if (!response) close(fd);
    return response;
}

static void add_range(struct MHD_Response *response, const FetchAnswer *answer)
{
    char range[96];
    if (answer->status == MHD_HTTP_PARTIAL_CONTENT)
        snprintf(range, sizeof range, "bytes %lld-%lld/%lld", (long long)answer->from,
                 (long long)answer->end - 1, (long long)answer->size);
    else
        snprintf(range, sizeof range, "bytes */%lld", (long long)answer->size);
    if (answer->status == MHD_HTTP_PARTIAL_CONTENT ||
        answer->status == MHD_HTTP_RANGE_NOT_SATISFIABLE)
        MHD_add_response_header(response, "Content-Range", range);
    if (!answer->text) MHD_add_response_header(response, "Accept-Ranges", "bytes");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, FetchAnswer *answer)
{
    struct MHD_Response *response = NULL;
    if (!answer->text) response = file_response(answer);
    if (!answer->text && !response)
        *answer = (FetchAnswer){.status = MHD_HTTP_INTERNAL_SERVER_ERROR,
                                .text = "the program is gone\n"};
    if (answer->text)
        response = MHD_create_response_from_buffer(
            strlen(answer->text), (void *)(uintptr_t)answer->text, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    add_range(response, answer);
    MHD_add_response_header(response, "Content-Type",
                            answer->text ? "text/plain; charset=utf-8"
                                         : "application/octet-stream");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *self, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **kept)
{
    static int seen;
    char peer[LPC_PEER_BYTES];
    (void)version, (void)data;
    if (!*kept) {
        *kept = &seen; /* its header is there; a body, if there is one, is yet to come */
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    Arena *arena = arena_new();
    FetchAnswer answer = {.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                          .text = "GET is what is answered\n"};
    FetchRequest request = {
        .path = path,
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
        .range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Range"),
        .peer = peer};
    name_peer(connection, peer);
    if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
        answer = fetch_answer(self, arena, &request);
    enum MHD_Result result = send_answer(connection, &answer);
    arena_free(arena);
    return result;
}

/* What strangers send is nothing to tell. */
static void log_nothing(void *self, const char *format, va_list args)
{
    (void)self, (void)format, (void)args;
}

int fetch_http(FetchServer *server, Diag *diag)
{
    struct pollfd stop = {server->options.stop_fd, POLLIN, 0};
    signal(SIGPIPE, SIG_IGN);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener.fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_END);
    if (!daemon) return diag_error(diag, "libmicrohttpd does not start");
    while (poll(&stop, 1, -1) < 0 && errno == EINTR) continue;
    MHD_stop_daemon(daemon); /* and with it the listener */
    return LPC_OK;
}
