/* Which path gets what:
 *
 *     /             the lines to paste          /build           which package this is
 *     /STAGE        the script                  /STAGE/stage     its program, or a range of it
 *     /STAGE/next   where the next stage runs   /STAGE/at/PORT   the stage runs there, at that port
 *     /STAGE/remove the script that ends it
 *
 * Everything else is 404. No path becomes the name of a file: names are compared with those of the stages. */
#include "lib/fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

enum { OK = 200, PART = 206, NOT_FOUND = 404, BAD_RANGE = 416 };

extern const char deploy_far_script[], deploy_keep_script[], fetch_script[];

static FetchAnswer says(int status, const char *text)
{
    return (FetchAnswer){.status = status, .text = text};
}

/* ---- Scripts ---- */

/* What the device calls this machine, if that is a name and no more. */
static bool is_name(const char *host)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-[]";
    return host && *host && strlen(host) < LPC_HOST_BYTES && strspn(host, allowed) == strlen(host);
}

/* Where its port begins; NULL: it has none. */
static const char *port_of(const char *host)
{
    const char *colon = strrchr(host, ':');
    return colon && !strchr(colon, ']') ? colon : NULL;
}

/* Toybox leaves the port out of what it calls a machine. */
static const char *base_of(const FetchServer *server, Arena *arena, const char *host)
{
    if (is_name(host) && port_of(host)) return arena_printf(arena, "http://%s", host);
    return arena_printf(arena, "http://%s:%d", is_name(host) ? host : server->name, server->port);
}

/* In braces, so that nothing of it is run unless all of it came. */
static const char *script_of(const FetchServer *server, Arena *arena, const FetchRequest *request,
                             const char *const *words)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "{\nunset CDPATH\ncd \"${HOME:=/}\" || cd /\n");
    text_add(&text, deploy_far_script);
    text_add(&text, "\n");
    text_add(&text, fetch_script);
    text_printf(&text, "\nkeep=%s\nbase=%s\n%s", far_quoted(arena, deploy_keep_script),
                far_quoted(arena, base_of(server, arena, request->host)), words[0]);
    for (int i = 1; words[i]; i++) text_printf(&text, " %s", far_quoted(arena, words[i]));
    text_add(&text, "\nexit\n}\n");
    return text.data;
}

static FetchAnswer start_script(const FetchServer *server, Arena *arena,
                                const FetchRequest *request, int i)
{
    const DeployStage *s = &server->d.stages[i];
    const char *words[] = {"fetch",
                           s->host.name,
                           s->host.folder,
                           arena_printf(arena, "%lld", (long long)s->size),
                           s->sha256,
                           s->cksum,
                           arena_printf(arena, "%d", s->host.port),
                           arena_printf(arena, "%d", s->host.port + DEPLOY_PORTS_TRIED),
                           service_words(arena, &s->host, true),
                           i + 1 < server->d.count ? s[1].host.name : "",
                           NULL};
    return says(OK, script_of(server, arena, request, words));
}

static FetchAnswer remove_script(const FetchServer *server, Arena *arena,
                                 const FetchRequest *request, int i)
{
    const DeployHost *host = &server->d.stages[i].host;
    const char *words[] = {"remove", host->name, host->folder, NULL};
    return says(OK, script_of(server, arena, request, words));
}

/* ---- Who runs where ---- */

/* All stages are there: how they are used. Under the mutex. */
static void tell_all(FetchServer *server)
{
    const Deployment *d = &server->d;
    for (int i = 0; i < d->count; i++)
        if (!server->at[i][0]) return;
    fetch_tell(server, "all stages run: lpc run %s --insecure --connect %s --collect %s",
               d->package->folder, server->at[0], server->at[d->count - 1]);
}

/* The device's address as others see it: who calls from this machine is where this machine is. */
static void place_of(const FetchServer *server, const FetchRequest *request,
                     char host[LPC_HOST_BYTES])
{
    bool is_here = !strncmp(request->peer, "127.", 4) || !strcmp(request->peer, "::1");
    bool is_named = is_here && is_name(request->host);
    const char *name = is_here ? server->name : request->peer;
    const char *port = is_named ? port_of(request->host) : NULL;
    int length = port ? (int)(port - request->host) : LPC_HOST_BYTES - 1;
    snprintf(host, LPC_HOST_BYTES, "%.*s", length, is_named ? request->host : name);
}

static FetchAnswer take_place(FetchServer *server, const FetchRequest *request, int i,
                              const char *text)
{
    char host[LPC_HOST_BYTES], at[LPC_PEER_BYTES];
    char *stop;
    long port = *text >= '1' && *text <= '9' ? strtol(text, &stop, 10) : 0;
    if (port < 1 || port > 65535 || *stop) return says(NOT_FOUND, "no such page\n");
    place_of(server, request, host);
    bool is_bare = strchr(host, ':') && host[0] != '[';
    snprintf(at, sizeof at, "%s%.100s%s:%ld", is_bare ? "[" : "", host, is_bare ? "]" : "", port);
    pthread_mutex_lock(&server->mutex);
    if (strcmp(server->at[i], at) != 0) {
        memcpy(server->at[i], at, sizeof at);
        fetch_tell(server, "stage '%s' runs at %s", server->d.stages[i].host.name, at);
        tell_all(server);
    }
    pthread_mutex_unlock(&server->mutex);
    return says(OK, "");
}

static FetchAnswer next_place(FetchServer *server, Arena *arena, int i)
{
    if (i + 1 >= server->d.count) return says(NOT_FOUND, "there is no next stage\n");
    pthread_mutex_lock(&server->mutex);
    const char *at = arena_strdup(arena, server->at[i + 1]);
    pthread_mutex_unlock(&server->mutex);
    return *at ? says(OK, at) : says(NOT_FOUND, "not known yet\n");
}

/* ---- Programs ---- */

/* "bytes=FROM-" or "bytes=FROM-LAST"; what else it may be is no range: all is sent. */
static FetchAnswer program(const DeployStage *s, const char *range)
{
    FetchAnswer answer = {.status = OK, .file = s->stage->program, .end = s->size, .size = s->size};
    if (!range || strncmp(range, "bytes=", 6) != 0 || range[6] < '0' || range[6] > '9')
        return answer;
    char *stop;
    long long from = strtoll(range + 6, &stop, 10), last = s->size - 1;
    if (*stop != '-') return answer;
    if (stop[1]) {
        const char *text = stop + 1;
        if (*text < '0' || *text > '9') return answer;
        last = strtoll(text, &stop, 10);
        if (*stop || last < from) return answer;
    }
    if (from >= s->size)
        return (FetchAnswer){.status = BAD_RANGE, .text = "behind the end\n", .size = s->size};
    answer.status = PART;
    answer.from = from;
    if (last < s->size - 1) answer.end = last + 1;
    return answer;
}

/* ---- Paths ---- */

static FetchAnswer lines(const FetchServer *server, Arena *arena, const FetchRequest *request)
{
    Text text;
    const char *base = base_of(server, arena, request->host);
    text_init(&text, arena);
    for (int i = 0; i < server->d.count; i++) {
        const char *name = server->d.stages[i].host.name;
        text_printf(&text, "%s: curl -fsSL %s/%s | sh\n", name, base, name);
    }
    return says(OK, text.data);
}

static int find_stage(const FetchServer *server, const char *name, size_t length)
{
    for (int i = 0; i < server->d.count; i++) {
        const char *other = server->d.stages[i].host.name;
        if (strlen(other) == length && !memcmp(other, name, length)) return i;
    }
    return -1;
}

FetchAnswer fetch_answer(FetchServer *server, Arena *arena, const FetchRequest *request)
{
    const char *path = request->path;
    if (!strcmp(path, "/")) return lines(server, arena, request);
    if (!strcmp(path, "/build")) return says(OK, fetch_build(server, arena));
    size_t length = *path == '/' ? strcspn(path + 1, "/") : 0;
    int i = length ? find_stage(server, path + 1, length) : -1;
    const char *rest = i < 0 ? "" : path + 1 + length;
    if (i >= 0 && !*rest) return start_script(server, arena, request, i);
    if (!strcmp(rest, "/stage")) return program(&server->d.stages[i], request->range);
    if (!strcmp(rest, "/next")) return next_place(server, arena, i);
    if (!strcmp(rest, "/remove")) return remove_script(server, arena, request, i);
    if (!strncmp(rest, "/at/", 4)) return take_place(server, request, i, rest + 4);
    return says(NOT_FOUND, "no such page\n");
}
