/* liblpc: a pipeline for many clients; programs for devices that fetch them. */
#include "lib/api/api.h"

#include "lib/deploy/deploy.h"
#include "lib/fetch/fetch.h"
#include "lib/serve/serve.h"

static const double default_retry = 60;

typedef struct Serving {
    const char *folder;
    const lpc_service *service;
} Serving;

static int check_options(lpc_compiler *c)
{
    const Options *o = &c->options;
    const char *missing = NULL;
    if (!o->connect && !o->hosts)
        missing = "--connect or --hosts: where the pipeline's stages are";
    else if (!o->listen && !o->http)
        missing = "--listen or --http: where clients connect";
    if (!missing) return 0;
    diag_error(&c->diag, "missing %s", missing);
    return LPC_USAGE;
}

static int serve(lpc_compiler *c, void *to)
{
    const Serving *s = to;
    const Options *o = &c->options;
    Package *package;
    Deployment d;
    TRY(check_options(c));
    const char *folder = arena_strdup(c->arena, s->folder);
    c->diag.file = folder;
    TRY(api_find_ends(c, folder, &d));
    TRY(api_check_keys(c, "--listen", o->listen));
    TRY(package_load(&package, c->arena, &c->diag, folder));
    ServeOptions options = {.first = o->connect,
                            .last = o->collect ? o->collect : o->connect,
                            .listen = o->listen,
                            .http = o->http,
                            .streams = o->streams ? o->streams : 1,
                            .retry = lpc_get(c, "retry") ? o->retry : default_retry,
                            .beat_ms = (int)(o->heartbeat * 500 + 0.5),
                            .keys = o->keys,
                            .insecure = o->insecure,
                            .stop_fd = s->service->stop_fd,
                            .keys_fd = s->service->keys_fd,
                            .listens = s->service->listens,
                            .log = s->service->log,
                            .user = s->service->user};
    return serve_package(package, c->arena, &c->diag, &options);
}

lpc_status lpc_serve_package(lpc_compiler *c, const char *folder, const lpc_service *service)
{
    Serving serving = {folder, service};
    return api_run(c, serve, &serving);
}

static int serve_packages(lpc_compiler *c, void *to)
{
    const Serving *s = to;
    const char *folder = arena_strdup(c->arena, s->folder);
    FetchOptions options = {.port = c->options.port ? c->options.port : FETCH_PORT,
                            .stop_fd = s->service->stop_fd,
                            .line = s->service->log,
                            .user = s->service->user};
    c->diag.file = folder;
    return fetch_serve(c->arena, &c->diag, folder, &options);
}

lpc_status lpc_serve_packages(lpc_compiler *c, const char *folder, const lpc_service *service)
{
    Serving serving = {folder, service};
    return api_run(c, serve_packages, &serving);
}
