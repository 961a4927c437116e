/* What is done to all stages, in order. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/deploy/deploy.h"

#include <unistd.h>

/* Of one attempt to pass a stream. Where others stand before it, theirs pass. */
enum { TRY_MS = 5000 };

/* One device after the other, all of them even where one fails, so that the user hears of all that are down. */
static int each(Deployment *d, int (*act)(Deployment *d, DeployStage *s))
{
    int code = LPC_OK;
    for (int i = 0; i < d->count; i++)
        if (act(d, &d->stages[i])) code = LPC_ERROR;
    return code;
}

/* What a first deployment that fails has started, or tried to, ends again. Programs stay, for the next time. */
static int give_up(Deployment *d, int code)
{
    for (int i = 0; i < d->count; i++)
        if (d->stages[i].is_new) (void)service_end(d, &d->stages[i], SERVICE_WITHDRAW);
    return code;
}

static int start_all(Deployment *d)
{
    for (int i = d->count - 1; i >= 0; i--) TRY(service_start(d, i));
    return LPC_OK;
}

/* Whether another try may do better. */
static bool may_pass(int code)
{
    return code == LPC_EXIT_MISSING || code == LPC_EXIT_LEFT || code == LPC_EXIT_STALE;
}

static int wait_ready(Deployment *d, int timeout_ms)
{
    enum { PAUSE_US = 200000 };
    uint64_t deadline = lpc_now_ns() + (uint64_t)timeout_ms * 1000000u;
    do {
        if (d->code) (void)usleep(PAUSE_US);
        TRY(service_try(d, timeout_ms < TRY_MS ? timeout_ms : TRY_MS));
        if (d->passes) return LPC_OK;
    } while (may_pass(d->code) && lpc_now_ns() < deadline);
    return diag_error(
        d->diag, "all stages run, but no stream passes: %s (lpc logs tells what they say)", d->why);
}

static int bring_all(Deployment *d, int timeout_ms)
{
    TRY(each(d, copy_look));
    TRY(each(d, copy_send));
    TRY(secret_make(d));
    TRY(each(d, secret_send));
    int code = start_all(d);
    if (!code) code = wait_ready(d, timeout_ms);
    return code ? give_up(d, code) : deploy_remember(d);
}

int deploy_all(Deployment *d, int timeout_ms)
{
    TRY(deploy_lock(d, true));
    int code = bring_all(d, timeout_ms);
    deploy_unlock(d);
    return code;
}

/* ---- The rest ---- */

static int look(Deployment *d, DeployStage *s)
{
    int before = d->diag->count, code = service_status(d, s);
    if (code) s->error = d->diag->messages[before];
    return code;
}

int deploy_status(Deployment *d)
{
    int code = each(d, look);
    for (int i = 0; i < d->count; i++)
        if (!d->stages[i].pid) return LPC_ERROR;
    TRY(code);
    TRY(service_try(d, TRY_MS));
    return d->passes ? LPC_OK : LPC_ERROR;
}

static int stop(Deployment *d, DeployStage *s)
{
    return service_end(d, s, SERVICE_STOP);
}

static int undeploy(Deployment *d, DeployStage *s)
{
    return service_end(d, s, SERVICE_REMOVE);
}

int deploy_stop(Deployment *d, bool also_remove)
{
    TRY(deploy_lock(d, false));
    int code = each(d, also_remove ? undeploy : stop);
    deploy_unlock(d);
    if (!code && also_remove) deploy_forget(d);
    return code;
}
