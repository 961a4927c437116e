/* Stages as services of their devices, and a stream through all of them. */
#include "lib/deploy/deploy.h"

#include "lib/run/ends.h"
#include "lib/run/secure.h"

#include <string.h>

enum { BEAT_MS = 1000 };

/* ---- One stage ---- */

const char *service_words(Arena *arena, const DeployHost *host, bool insecure)
{
    const char *words = arena_printf(arena, "'--serve' '--streams' '%d' %s", host->streams,
                                     insecure ? "'--insecure'" : "'--keys' 'keys'");
    if (host->threads) words = arena_printf(arena, "%s '--threads' '%d'", words, host->threads);
    return words;
}

/* The stage's arguments but the port, each quoted. */
static const char *arguments(const Deployment *d, int i)
{
    const char *words = service_words(d->arena, &d->stages[i].host, d->insecure);
    if (i + 1 == d->count) return words;
    return arena_printf(d->arena, "%s '--forward' %s", words,
                        far_quoted(d->arena, deploy_address(d, i + 1)));
}

static void take_state(Deployment *d, DeployStage *s, const RemoteReply *reply)
{
    s->pid = far_number(d->arena, reply, "pid");
    s->up_s = (double)far_number(d->arena, reply, "up");
    s->restarts = (int)far_number(d->arena, reply, "restarts");
    s->unit = far_value(d->arena, reply, "unit");
    s->ended = far_value(d->arena, reply, "ended");
    int64_t port = far_number(d->arena, reply, "listens");
    if (port) s->port = (int)port;
}

int service_start(Deployment *d, int i)
{
    DeployStage *s = &d->stages[i];
    RemoteReply reply;
    int most =
        s->host.port + DEPLOY_PORTS_TRIED < 65535 ? s->host.port + DEPLOY_PORTS_TRIED : 65535;
    const char *words[] = {"start",
                           s->host.folder,
                           arena_printf(d->arena, "%d", s->host.port),
                           arena_printf(d->arena, "%d", s->port),
                           arena_printf(d->arena, "%d", s->port > most ? s->port : most),
                           s->is_same ? "0" : "1",
                           arguments(d, i),
                           NULL};
    TRY(far_call(d, s, "cannot start it", &reply, words));
    take_state(d, s, &reply);
    s->is_deployed = true;
    s->is_kept = far_value(d->arena, &reply, "kept") != NULL;
    if (s->port != s->host.port && s->port != s->chosen)
        diag_note(d->diag, "lpc: %s: port %d is in use, it listens at %d", s->where, s->host.port,
                  s->port);
    return LPC_OK;
}

static const char *build_text(const Deployment *d, const DeployStage *s)
{
    Text text;
    text_init(&text, d->arena);
    for (int i = 0; i < 32; i++) text_printf(&text, "%02x", s->stage->build_id[i]);
    return text.data;
}

int service_status(Deployment *d, DeployStage *s)
{
    RemoteReply reply;
    const char *words[] = {"status", s->host.folder, NULL};
    TRY(far_call(d, s, "cannot look", &reply, words));
    const char *state = far_value(d->arena, &reply, "state"),
               *build = far_value(d->arena, &reply, "build");
    take_state(d, s, &reply);
    s->is_deployed = state && !strcmp(state, "deployed");
    s->same_build = build && !strcmp(build, build_text(d, s));
    s->last = far_value(d->arena, &reply, "last");
    return LPC_OK;
}

int service_end(Deployment *d, DeployStage *s, ServiceEnd how)
{
    static const char *const functions[] = {"stop", "withdraw", "undeploy"};
    RemoteReply reply;
    const char *words[] = {functions[how], s->host.folder, NULL};
    return far_call(d, s, how == SERVICE_REMOVE ? "cannot remove it" : "cannot stop it", &reply,
                    words);
}

/* ---- All of them ---- */

/* Opens a stream and ends it. An exit status of the runtime's. */
static int pass(RunEnds *ends, const EndPlaces *places, LpcError *error)
{
    int code = ends_connect(ends, places, error);
    if (!code) code = ends_finish(ends, error);
    while (!code) {
        code = ends_receive(ends, places->timeout_ms, error);
        if (!code && ends->out_slot.header.kind == LPC_FRAME_END) break;
    }
    return code;
}

int service_try(Deployment *d, int timeout_ms)
{
    RunEnds ends;
    Secure secure;
    LpcError error = {0};
    TRY(secure_open(&secure, d->diag, d->insecure ? NULL : deploy_keys(d), 2));
    EndPlaces places = {.first = deploy_address(d, 0),
                        .last = deploy_address(d, d->count - 1),
                        .timeout_ms = timeout_ms,
                        .tls = secure.tls,
                        .stop_fd = -1};
    d->why = NULL;
    int code = ends_make(&ends, d->arena, d->diag, d->package, BEAT_MS);
    if (!code && pass(&ends, &places, &error)) d->why = arena_strdup(d->arena, error.text);
    ends_free(&ends);
    secure_close(&secure);
    d->code = error.code;
    d->passes = !code && (!d->why || error.code == LPC_EXIT_BUSY); /* others' streams pass, then */
    return code;
}
