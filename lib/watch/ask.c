/* Asking stages, all at once: one that is gone holds up nobody but itself. */
#include "lib/watch/watch.h"

#include "runtime/transport.h"

#include <pthread.h>

enum { ANSWER_MS = 1000 };

static int ask(WatchStage *s, LpcFigures *figures)
{
    const char *address = s->address;
    const LpcTransport *transport = lpc_transport_find(&address);
    LpcLink link = {.fd = -1, .timeout_ms = ANSWER_MS, .stop_fd = -1};
    int code = lpc_link_connect(&link, transport, address, "the stage", s->tls, NULL, &s->error);
    if (!code) code = lpc_ask_figures(&link, s->crc, &s->hello, figures, &s->error);
    lpc_link_close(&link);
    return code;
}

static void *look(void *self)
{
    WatchStage *s = self;
    LpcFigures figures;
    s->error = (LpcError){0};
    int code = ask(s, &figures);
    s->is_up = !code;
    s->has_before = s->is_up && s->now.up_ns && s->now.up_ns < figures.up_ns;
    s->before = s->now;
    if (s->is_up) s->now = figures;
    return NULL;
}

void watch_look(Watch *w)
{
    pthread_t *threads = arena_array(w->arena, (size_t)w->count, sizeof *threads);
    bool *started = arena_array(w->arena, (size_t)w->count, sizeof *started);
    for (int i = 0; i < w->count; i++) {
        started[i] = !pthread_create(&threads[i], NULL, look, &w->stages[i]);
        if (!started[i]) (void)look(&w->stages[i]);
    }
    for (int i = 0; i < w->count; i++) {
        WatchStage *s = &w->stages[i];
        if (started[i]) pthread_join(threads[i], NULL);
        s->seen = s->has_before ? watch_seen(&s->before, &s->now) : (WatchSeen){.compute_s = -1};
        if (s->is_up && s->now.predicted_ns) s->predicted_s = (double)s->now.predicted_ns * 1e-9;
    }
    watch_judge(w);
}

void watch_open(Watch *w, Arena *arena, const Package *package, const char *const *addresses,
                const char *const *devices, LpcTlsPool *tls)
{
    *w = (Watch){.count = package->stage_count, .arena = arena, .limiting = -1};
    w->stages = arena_array(arena, (size_t)w->count, sizeof *w->stages);
    lpc_crc_init(&w->crc, LPC_CRC_BEST);
    for (int i = 0; i < w->count; i++) {
        const PackageStage *stage = &package->stages[i];
        w->stages[i] = (WatchStage){.name = stage->name,
                                    .device = devices[i],
                                    .address = addresses[i],
                                    .predicted_s = stage->predicted_compute_s,
                                    .predicted_cores = stage->predicted_cores,
                                    .hello = package_hello(package, i),
                                    .tls = tls,
                                    .crc = &w->crc};
    }
}
