/* A deployment's keys: OUT/keys, made at the first one, and a copy on each device. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/deploy/deploy.h"

#include "backend/host/input.h"
#include "lib/run/secure.h"

#include <unistd.h>

static const char *path_of(const Deployment *d)
{
    return arena_printf(d->arena, "%s/keys", d->package->folder);
}

const char *deploy_keys(const Deployment *d)
{
    const char *path = path_of(d);
    return access(path, F_OK) ? NULL : path;
}

int secret_make(Deployment *d)
{
    LpcError error = {0};
    LpcKeys keys = {0};
    if (d->insecure) return LPC_OK;
    if (!deploy_keys(d)) TRY(secure_make(d->diag, path_of(d), ""));
    int code = lpc_keys_open(&keys, path_of(d), &error);
    lpc_keys_close(&keys);
    return code ? diag_error(d->diag, "%s", error.text) : LPC_OK;
}

int secret_send(Deployment *d, DeployStage *s)
{
    RemoteReply reply;
    const char *text = "";
    size_t length = 0;
    if (!d->insecure && input_read(d->arena, path_of(d), &text, &length))
        return diag_error(d->diag, "cannot read %s", path_of(d));
    while (length && text[length - 1] == '\n') length--; /* as $(cat keys) has it */
    const char *words[] = {"take_keys", s->host.folder, arena_strndup(d->arena, text, length),
                           NULL};
    return far_call(d, s, "cannot copy the keys", &reply, words);
}
