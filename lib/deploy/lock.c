/* One lpc at a time changes what is on a device: a lock beside the stage's folder, held by a script there as long as
 * its standard input is open (far.sh's hold). So it is free as soon as this process ends, however it does. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/deploy/deploy.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* "ann@laptop, process 4711": for who finds the lock. */
static const char *owner(const Deployment *d)
{
    char host[256] = "";
    const struct passwd *user = getpwuid(getuid());
    if (gethostname(host, sizeof host - 1)) host[0] = '\0';
    return arena_printf(d->arena, "%s@%s, process %ld", user ? user->pw_name : "?",
                        *host ? host : "?", (long)getpid());
}

/* Nobody answers there. One who answers and does not let lpc in is no reason to go elsewhere. */
static bool is_gone(const DeployStage *s, const RemoteReply *reply)
{
    enum { SSH_FAILED = 255 };
    return s->host.ssh && reply->status == SSH_FAILED &&
           !strstr(reply->words, "Permission denied") &&
           !strstr(reply->words, "verification failed");
}

static int lock(Deployment *d, DeployStage *s, bool may_move)
{
    RemoteReply reply;
    Diag quiet;
    Deployment asks = *d;
    const char *words[] = {"hold", s->host.folder, owner(d), NULL};
    diag_init(&quiet, d->arena, NULL);
    asks.diag = &quiet;
    if (far_hold(&asks, s, "cannot lock it", &reply, words, &s->lock)) {
        const char *why = quiet.messages[0];
        if (!may_move || !is_gone(s, &reply) || !deploy_use_spare(d, s))
            return diag_error(d->diag, "%s", why);
        diag_note(d->diag, "lpc: %s; the spare '%s' takes its place", why, s->host.row);
        return lock(d, s, may_move);
    }
    const char *stale = far_value(d->arena, &reply, "stale");
    if (stale)
        diag_note(d->diag, "lpc: %s: the lock of one who is gone, %s, was removed", s->where,
                  stale);
    return LPC_OK;
}

int deploy_lock(Deployment *d, bool may_move)
{
    int code = LPC_OK;
    for (int i = 0; i < d->count; i++)
        if (lock(d, &d->stages[i], may_move)) code = LPC_ERROR;
    if (code) deploy_unlock(d);
    return code;
}

void deploy_unlock(Deployment *d)
{
    for (int i = 0; i < d->count; i++) {
        remote_release(d->stages[i].lock);
        d->stages[i].lock = NULL;
    }
}
