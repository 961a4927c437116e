/* liblpc: a pipeline that runs, seen live. */
#include "lib/api/api.h"

#include "lib/deploy/deploy.h"
#include "lib/run/secure.h"
#include "lib/watch/watch.h"

#include <errno.h>
#include <time.h>

typedef struct Watching {
    const char *folder;
    lpc_see *see;
    void *user;
} Watching;

/* Where the stages are: by the hosts' file, or as told. */
typedef struct Places {
    const char **addresses, **devices;
} Places;

static int places_of_hosts(lpc_compiler *c, const char *folder, Package **package, Places *p)
{
    Deployment d;
    TRY(deploy_open(&d, c->arena, &c->diag, folder, c->options.hosts));
    *package = d.package;
    if (d.insecure) c->options.insecure = true; /* as it was deployed */
    if (!c->options.keys && !c->options.insecure) c->options.keys = deploy_keys(&d);
    p->addresses = arena_array(c->arena, (size_t)d.count, sizeof *p->addresses);
    p->devices = arena_array(c->arena, (size_t)d.count, sizeof *p->devices);
    for (int i = 0; i < d.count; i++) {
        p->addresses[i] = deploy_address(&d, i);
        p->devices[i] = d.stages[i].host.local ? "here" : d.stages[i].host.ssh;
    }
    return 0;
}

static int places_as_told(lpc_compiler *c, const char *folder, Package **package, Places *p)
{
    const Options *o = &c->options;
    TRY(package_load(package, c->arena, &c->diag, folder));
    if (o->stage_address_count != (*package)->stage_count)
        return diag_error(&c->diag, "--connect: expected the addresses of %d stages, got %d",
                          (*package)->stage_count, o->stage_address_count);
    p->addresses = o->stage_addresses;
    p->devices = arena_array(c->arena, (size_t)o->stage_address_count, sizeof *p->devices);
    for (int i = 0; i < o->stage_address_count; i++) p->devices[i] = "-";
    return 0;
}

static lpc_seen_stage seen_stage(const Watch *w, int i)
{
    const WatchStage *s = &w->stages[i];
    const LpcFigures *f = &s->now;
    const WatchSeen *seen = &s->seen;
    return (lpc_seen_stage){.name = s->name,
                            .device = s->device,
                            .address = s->address,
                            .error = s->is_up ? NULL : s->error.text,
                            .limits = i == w->limiting,
                            .up_s = (double)f->up_ns * 1e-9,
                            .threads = (int)f->threads,
                            .seconds = seen->seconds,
                            .frames_per_s = seen->frames,
                            .in_per_s = seen->in,
                            .out_per_s = seen->out,
                            .busy = seen->busy,
                            .input = seen->input,
                            .output = seen->output,
                            .compute_ms = seen->compute_s * 1e3,
                            .predicted_ms = s->predicted_s * 1e3,
                            .predicted_cores = s->predicted_cores,
                            .in_queued = (int)f->in_queued,
                            .in_bound = (int)f->in_bound,
                            .out_queued = (int)f->out_queued,
                            .out_bound = (int)f->out_bound,
                            .serving = (int)f->serving,
                            .streams_most = (int)f->streams_most,
                            .waiting = (int)f->waiting,
                            .frames = (double)f->frames_out,
                            .streams = (double)f->streams,
                            .broken = (double)f->broken,
                            .refused = (double)f->refused};
}

static int missing(const Watch *w)
{
    int count = 0;
    for (int i = 0; i < w->count; i++) count += !w->stages[i].is_up;
    return count;
}

static void pause_for(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR) continue;
}

/* Whoever sees decides how long this goes on. */
static int look_on(lpc_compiler *c, const Watching *x, const Package *package, const Places *p)
{
    Watch w;
    int goes_on = 1, silent = 0;
    lpc_seen_stage *stages = arena_array(c->arena, (size_t)package->stage_count, sizeof *stages);
    Secure secure;
    TRY(secure_open(&secure, &c->diag, c->options.insecure ? NULL : c->options.keys,
                    package->stage_count));
    Arena *round = arena_new();
    watch_open(&w, c->arena, package, p->addresses, p->devices, secure.tls);
    watch_look(&w);
    while (goes_on) {
        pause_for(c->options.interval);
        arena_free(round); /* of the round before */
        w.arena = round = arena_new();
        watch_look(&w);
        for (int i = 0; i < w.count; i++) stages[i] = seen_stage(&w, i);
        silent = missing(&w);
        lpc_seen seen = {stages, (size_t)w.count, w.limits};
        goes_on = !x->see(x->user, &seen) && !c->options.once;
    }
    secure_close(&secure);
    arena_free(round);
    return silent ? diag_error(&c->diag, "%d of %d stages do not answer", silent, w.count) : 0;
}

static int watch(lpc_compiler *c, void *to)
{
    const Watching *x = to;
    const char *folder = arena_strdup(c->arena, x->folder);
    Package *package;
    Places places;
    if (!c->options.hosts == !c->options.stage_address_count) {
        diag_error(&c->diag, "expected either --hosts FILE or --connect HOST:PORT,...");
        return LPC_USAGE;
    }
    c->diag.file = folder;
    if (c->options.hosts)
        TRY(places_of_hosts(c, folder, &package, &places));
    else
        TRY(places_as_told(c, folder, &package, &places));
    c->diag.file = NULL;
    for (int i = 0; i < package->stage_count; i++)
        TRY(api_check_keys(c, "--connect", places.addresses[i]));
    return look_on(c, x, package, &places);
}

lpc_status lpc_watch(lpc_compiler *c, const char *folder, lpc_see *see, void *user)
{
    Watching x = {folder, see, user};
    return api_run(c, watch, &x);
}
