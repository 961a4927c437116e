/* Starts and stops the gateway. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum {
    DRAIN_MS = 400, /* for what is under way when all is to stop */
    TICK_MS = 1000
};

/* Reads the keys again. */
static void read_keys(ServePool *pool, int fd)
{
    char bytes[16];
    LpcError error = {0};
    if (read(fd, bytes, sizeof bytes) <= 0 || !pool->places.tls) return;
    if (lpc_keys_again(&pool->secure.keys, &error))
        pool_log(pool, "SIGHUP: %s; the keys stay as they were", error.text);
    else
        pool_log(pool, "SIGHUP: the keys were read again");
}

static void wait_for_stop(ServePool *pool, const ServeOptions *options, ServeHttp *http)
{
    struct pollfd fds[2] = {{options->stop_fd, POLLIN, 0},
                            {options->keys_fd > 0 ? options->keys_fd : -1, POLLIN, 0}};
    for (;;) {
        int ready = poll(fds, 2, TICK_MS);
        if (ready < 0 && errno != EINTR) return;
        if (ready > 0 && fds[0].revents) return;
        if (ready > 0 && fds[1].revents) read_keys(pool, fds[1].fd);
        http_tick(http);
    }
}

/* Of TLS: for both ends of each stream, and of each client; and for those at the gate. */
static int sessions(const ServeOptions *options)
{
    return 2 * options->streams + (options->listen ? 2 * SERVE_CLIENTS_MOST + LPC_PENDING_MOST : 0);
}

int serve_package(const Package *package, Arena *arena, Diag *diag, const ServeOptions *options)
{
    ServeWire *wire = NULL;
    ServeHttp *http = NULL;
    ServePool *pool = arena_alloc(arena, sizeof *pool);
    *pool = (ServePool){.package = package,
                        .places = {.first = options->first, .last = options->last, .stop_fd = -1},
                        .stream_count = options->streams,
                        .beat_ms = options->beat_ms,
                        .retry = options->retry,
                        .log = options->log,
                        .self = options->user};
    signal(SIGPIPE, SIG_IGN);
    int code = secure_open(&pool->secure, diag, options->keys, sessions(options));
    pool->places.tls = pool->secure.tls;
    if (options->insecure) pool_log(pool, "--insecure: links are not encrypted");
    if (!code) code = pool_start(pool, arena, diag);
    if (!code && options->listen) code = wire_start(&wire, pool, arena, diag, options);
    if (!code && options->http) code = http_start(&http, pool, arena, diag, options);
    if (!code) wait_for_stop(pool, options, http);
    pool_drain(pool, code ? 0 : DRAIN_MS);
    http_stop(http);
    wire_stop(wire);
    pool_stop(pool);
    secure_close(&pool->secure);
    return code;
}
