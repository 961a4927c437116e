/* Calls of far.sh's functions, and what they answer. */
#include "lib/deploy/deploy.h"

#include <stdlib.h>
#include <string.h>

extern const char deploy_far_script[], deploy_keep_script[];

const char *far_quoted(Arena *arena, const char *word)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "'");
    for (; *word; word++) text_addn(&text, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    text_add(&text, "'");
    return text.data;
}

/* The functions, and one line that calls one. It goes into braces (remote.c), so that nothing of it is run unless all
 * of it came. */
static const char *script_of(Arena *arena, const char *const *words)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "unset CDPATH\ncd \"${HOME:=/}\" || cd /\n");
    text_add(&text, deploy_far_script);
    text_printf(&text, "\nkeep=%s\n%s", far_quoted(arena, deploy_keep_script), words[0]);
    for (int i = 1; words[i]; i++) text_printf(&text, " %s", far_quoted(arena, words[i]));
    return text.data;
}

const char *far_value(Arena *arena, const RemoteReply *reply, const char *key)
{
    const char *found = NULL;
    size_t length = strlen(key);
    for (const char *line = reply->out; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!strncmp(line, key, length) && line[length] == ' ') found = line + length + 1;
    return found && *found != '\n' && *found ? arena_strndup(arena, found, strcspn(found, "\n"))
                                             : NULL;
}

int64_t far_number(Arena *arena, const RemoteReply *reply, const char *key)
{
    const char *text = far_value(arena, reply, key);
    long long number = text ? strtoll(text, NULL, 10) : 0;
    return number > 0 ? number : 0;
}

/* Reports why a call failed, in the device's own words. */
static int failed(Deployment *d, const DeployStage *s, const char *what, const RemoteReply *reply)
{
    const char *cause = far_value(d->arena, reply, "error"), *words = reply->words;
    const char *hint = "";
    if (s->host.ssh && strstr(words, "Host key verification failed"))
        hint = "; connect to it by ssh once by hand, and accept its key if it is the right one";
    if (s->host.ssh && strstr(words, "Permission denied"))
        hint = "; it must let you in by a key: see ssh-copy-id";
    if (!cause && !*words) words = "the connection broke off";
    return diag_error(d->diag, "%s: %s: %s%s%s%s", s->where, what, cause ? cause : "",
                      cause && *words ? ": " : "", words, hint);
}

static int call(Deployment *d, DeployStage *s, const char *what, const RemoteCall *to,
                RemoteReply *reply)
{
    return remote_run(d->arena, d->diag, to, reply) ? failed(d, s, what, reply) : LPC_OK;
}

int far_call(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words)
{
    RemoteCall to = {.host = &s->host, .script = script_of(d->arena, words), .file = -1};
    return call(d, s, what, &to, reply);
}

int far_send(Deployment *d, DeployStage *s, const char *what, int file, const char *const *words)
{
    RemoteReply reply;
    RemoteCall to = {.host = &s->host,
                     .script = script_of(d->arena, words),
                     .file = file,
                     .from = s->from,
                     .size = s->size,
                     .what = s->where};
    return call(d, s, what, &to, &reply);
}

int far_hear(Deployment *d, DeployStage *s, const char *what, void (*hear)(void *self, char *line),
             void *self, const char *const *words)
{
    RemoteReply reply;
    RemoteCall to = {.host = &s->host,
                     .script = script_of(d->arena, words),
                     .file = -1,
                     .hear = hear,
                     .self = self};
    return call(d, s, what, &to, &reply);
}

int far_hold(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words, RemoteHold **hold)
{
    RemoteCall to = {.host = &s->host, .script = script_of(d->arena, words), .file = -1};
    return remote_hold(d->arena, d->diag, &to, reply, hold) ? failed(d, s, what, reply) : LPC_OK;
}

int far_here(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words)
{
    DeployHost here = {.name = s->host.name, .local = true};
    RemoteCall to = {.host = &here, .script = script_of(d->arena, words), .file = -1};
    return call(d, s, what, &to, reply);
}
