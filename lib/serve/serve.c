/* Starts and stops the gateway. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/serve/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

enum {
    DRAIN_MS = 400, /* for what is under way when all is to stop */
    TICK_MS = 1000
};

static void wait_for_stop(int stop_fd, ServeHttp *http)
{
    struct pollfd fd = {stop_fd, POLLIN, 0};
    for (;;) {
        int ready = poll(&fd, 1, TICK_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR)) return;
        http_tick(http);
    }
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
                        .log_form = {NULL, options->log_json},
                        .self = options->user};
    signal(SIGPIPE, SIG_IGN);
    int code = pool_start(pool, arena, diag);
    if (!code && options->listen) code = wire_start(&wire, pool, arena, diag, options);
    if (!code && options->http) code = http_start(&http, pool, arena, diag, options);
    if (!code) wait_for_stop(options->stop_fd, http);
    pool_drain(pool, code ? 0 : DRAIN_MS);
    http_stop(http);
    wire_stop(wire);
    pool_stop(pool);
    return code;
}
