/* liblpc: keys for links (docs/security.md), and which of them a command uses. */
#include "lib/api/api.h"

#include "lib/deploy/deploy.h"
#include "lib/run/secure.h"
#include "runtime/exposed.h"

static int make_key(lpc_compiler *c, void *to)
{
    const Options *o = &c->options;
    const char **line = to, *name = o->key ? o->key : "";
    LpcError error = {0};
    if (o->compile.out) return secure_make(&c->diag, o->compile.out, name);
    char *text = arena_alloc(c->arena, LPC_KEY_LINE_BYTES);
    if (lpc_keys_draw(name, text, &error)) return diag_error(&c->diag, "%s", error.text);
    *line = text;
    return 0;
}

lpc_status lpc_make_key(lpc_compiler *c, const char **line)
{
    *line = NULL;
    return api_run(c, make_key, line);
}

int api_check_keys(lpc_compiler *c, const char *option, const char *address)
{
    const Options *o = &c->options;
    LpcError error = {0};
    if (!lpc_keys_needed(option, address, o->keys != NULL, o->insecure, &error)) return 0;
    diag_error(&c->diag, "%s", error.text);
    return LPC_USAGE;
}

int api_find_ends(lpc_compiler *c, const char *folder, Deployment *d)
{
    Options *o = &c->options;
    if (o->keys && o->insecure) {
        diag_error(&c->diag, "--keys and --insecure: one of them");
        return LPC_USAGE;
    }
    if (o->hosts) {
        TRY(deploy_open(d, c->arena, &c->diag, folder, o->hosts));
        if (!o->connect) o->connect = deploy_address(d, 0);
        if (!o->collect) o->collect = deploy_address(d, d->count - 1);
        if (d->insecure) o->insecure = true; /* as it was deployed */
        if (!o->keys && !o->insecure) o->keys = deploy_keys(d);
    }
    TRY(api_check_keys(c, "--connect", o->connect));
    return api_check_keys(c, "--collect", o->collect);
}
