/* liblpc: a package on its devices. */
#include "lib/api/api.h"

#include "lib/deploy/deploy.h"
#include "lib/deploy/services.h"

#include <string.h>

enum { READY_MS = 30000 };

typedef struct Deploying {
    const char *folder;
    lpc_deployment *result;
    lpc_hear *hear;
    void *user;
    int remove;
} Deploying;

static int open_all(lpc_compiler *c, const Deploying *x, Deployment *d)
{
    if (!c->options.hosts) {
        diag_error(&c->diag, "--hosts is missing: a file that says which stage is on which device");
        return LPC_USAGE;
    }
    const char *folder = arena_strdup(c->arena, x->folder);
    c->diag.file = folder;
    TRY(deploy_open(d, c->arena, &c->diag, folder, c->options.hosts));
    c->diag.file = NULL;
    return 0;
}

static lpc_deployed_stage deployed_stage(const Deployment *d, int i)
{
    const DeployStage *s = &d->stages[i];
    return (lpc_deployed_stage){.name = s->host.name,
                                .device = s->host.local ? "here" : s->host.ssh,
                                .address = deploy_address(d, i),
                                .unit = s->unit,
                                .deployed = s->is_deployed,
                                .same_build = s->same_build,
                                .kept = s->is_kept,
                                .copied = s->copied,
                                .pid = s->pid,
                                .up_s = s->up_s,
                                .restarts = s->restarts,
                                .last = s->last,
                                .error = s->error};
}

static lpc_deployment *result_of(lpc_compiler *c, const Deployment *d)
{
    lpc_deployment *result = arena_alloc(c->arena, sizeof *result);
    lpc_deployed_stage *stages = arena_array(c->arena, (size_t)d->count, sizeof *stages);
    for (int i = 0; i < d->count; i++) stages[i] = deployed_stage(d, i);
    *result = (lpc_deployment){stages, (size_t)d->count, d->passes, d->why};
    return result;
}

/* ---- The steps ---- */

static int deploy(lpc_compiler *c, void *to)
{
    Deploying *x = to;
    Deployment d;
    double timeout = c->options.timeout;
    TRY(open_all(c, x, &d));
    d.insecure = c->options.insecure;
    TRY(deploy_all(&d, timeout > 0 ? (int)(timeout * 1000) : READY_MS));
    x->result = result_of(c, &d);
    return 0;
}

lpc_status lpc_deploy(lpc_compiler *c, const char *folder, const lpc_deployment **deployment)
{
    Deploying x = {.folder = folder};
    lpc_status status = api_run(c, deploy, &x);
    if (deployment) *deployment = x.result;
    return status;
}

typedef struct Writing {
    const char *folder, *path;
} Writing;

static int write_services(lpc_compiler *c, void *to)
{
    Writing *x = to;
    Package *package;
    const char *folder = arena_strdup(c->arena, x->folder);
    if (!c->options.write) {
        diag_error(&c->diag, "--write is missing: compose or kubernetes");
        return LPC_USAGE;
    }
    c->diag.file = folder;
    TRY(package_load(&package, c->arena, &c->diag, folder));
    return services_write(c->options.write, c->arena, &c->diag, package, &x->path);
}

lpc_status lpc_write_services(lpc_compiler *c, const char *folder, const char **path)
{
    Writing x = {.folder = folder};
    lpc_status status = api_run(c, write_services, &x);
    if (path) *path = x.path;
    return status;
}

static int look(lpc_compiler *c, void *to)
{
    Deploying *x = to;
    Deployment d;
    TRY(open_all(c, x, &d));
    int code = deploy_status(&d);
    x->result = result_of(c, &d);
    return code;
}

lpc_status lpc_deployed(lpc_compiler *c, const char *folder, const lpc_deployment **deployment)
{
    Deploying x = {.folder = folder};
    lpc_status status = api_run(c, look, &x);
    if (deployment) *deployment = x.result;
    return status;
}

static int hear_logs(lpc_compiler *c, void *to)
{
    const Deploying *x = to;
    Deployment d;
    TRY(open_all(c, x, &d));
    return (c->options.follow ? deploy_follow : deploy_logs)(&d, c->options.lines, x->hear,
                                                             x->user);
}

lpc_status lpc_logs(lpc_compiler *c, const char *folder, lpc_hear *hear, void *user)
{
    Deploying x = {.folder = folder, .hear = hear, .user = user};
    return api_run(c, hear_logs, &x);
}

static int stop(lpc_compiler *c, void *to)
{
    const Deploying *x = to;
    Deployment d;
    TRY(open_all(c, x, &d));
    return deploy_stop(&d, x->remove);
}

lpc_status lpc_stop(lpc_compiler *c, const char *folder, int remove)
{
    Deploying x = {.folder = folder, .remove = remove};
    return api_run(c, stop, &x);
}
