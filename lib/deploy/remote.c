/* A command on a device. The script goes over standard input and is read there by sh, byte for byte its own: no shell
 * that the user may have on the device sees more of it than a number. What follows it is the script's input.
 *
 * ssh never asks (BatchMode), gives up on what does not answer, and is the user's own: his configuration and keys. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/deploy/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* silence: of a device that neither takes nor tells anything. ssh finds the ones that are gone; what is slowest is the
 * hash of a large program on a slow card. */
enum { SILENCE_MS = 1800000, PART_BYTES = 1 << 16, WORDS_BYTES = 1 << 16, OUT_BYTES = 1 << 24 };

/* After this line the script's own output begins: what a login shell says goes before it. */
static const char begins[] = "lpc: begins\n";

typedef struct Remote {
    const RemoteCall *call;
    Diag *diag;
    pid_t child;
    int in, out, err; /* our ends of its pipes; -1: closed */
    const char *script;
    size_t script_length, script_at;
    int64_t at; /* of the file */
    char *part; /* what is being written */
    size_t part_at, part_length;
    Text said, words;
    bool has_begun; /* of one that hears lines: the first one was there, and is gone from `said` */
    bool is_held;   /* its standard input stays open */
    bool is_given;  /* and has got all */
} Remote;

struct RemoteHold {
    RemoteCall call;
    Remote remote;
};

/* ---- Starting ---- */

static char **arguments(Arena *arena, const DeployHost *host, size_t script_length)
{
    char **argv = NULL;
    int argc = 0;
    const char *take =
        arena_printf(arena, "eval \"$(dd bs=1 count=%zu 2>/dev/null)\"", script_length);
#define WORD(text) arena_push(arena, argv, argc) = arena_strdup(arena, text)
    if (host->ssh) {
        static const char *const before[] = {"ssh", "-T", "-a", "-x", "-oBatchMode=yes"};
        static const char *const after[] = {"-oConnectTimeout=10",       "-oServerAliveInterval=10",
                                            "-oServerAliveCountMax=3",   "-oLogLevel=ERROR",
                                            "-oClearAllForwardings=yes", "--"};
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) WORD(before[i]);
        for (int i = 0; i < host->ssh_option_count; i++) WORD(host->ssh_options[i]);
        for (size_t i = 0; i < sizeof after / sizeof *after; i++) WORD(after[i]);
        WORD(host->ssh);
        WORD(arena_printf(arena, "exec sh -c '%s'", take));
    } else {
        WORD("sh");
        WORD("-c");
        WORD(take);
    }
#undef WORD
    arena_push(arena, argv, argc) = NULL;
    return argv;
}

static void close_ends(int ends[6])
{
    for (int i = 0; i < 6; i++)
        if (ends[i] >= 0) close(ends[i]);
}

/* Starts it with its standard input, output and error in pipes. An errno value. */
static int start(Remote *r, char **argv)
{
    int ends[6] = {-1, -1, -1, -1, -1, -1};
    if (pipe2(ends, O_CLOEXEC) || pipe2(ends + 2, O_CLOEXEC) || pipe2(ends + 4, O_CLOEXEC)) {
        int failure = errno;
        close_ends(ends);
        return failure;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[3], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[5], 2);
    int failure = posix_spawnp(&r->child, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    r->in = ends[1], r->out = ends[2], r->err = ends[4];
    close(ends[0]), close(ends[3]), close(ends[5]);
    (void)fcntl(r->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(r->out, F_SETFL, O_NONBLOCK);
    (void)fcntl(r->err, F_SETFL, O_NONBLOCK);
    return failure;
}

/* ---- Talking ---- */

static void end(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* The next bytes to write, into part. Whether there are any. */
static bool fill(Remote *r)
{
    const RemoteCall *call = r->call;
    ssize_t got = 0;
    if (r->part_at < r->part_length) return true;
    r->part_at = r->part_length = 0;
    if (r->script_at < r->script_length) {
        size_t left = r->script_length - r->script_at;
        r->part_length = left < PART_BYTES ? left : PART_BYTES;
        memcpy(r->part, r->script + r->script_at, r->part_length);
        r->script_at += r->part_length;
        return true;
    }
    if (call->file < 0 || r->at >= call->size) return false;
    int64_t left = call->size - r->at;
    got = pread(call->file, r->part, left < PART_BYTES ? (size_t)left : PART_BYTES, r->at);
    if (got <= 0) return false; /* it became shorter: the hash will tell */
    r->part_length = (size_t)got;
    r->at += got;
    return true;
}

static void give(Remote *r)
{
    if (!fill(r)) {
        r->is_given = true;
        if (!r->is_held) end(&r->in);
        return;
    }
    ssize_t put = write(r->in, r->part + r->part_at, r->part_length - r->part_at);
    if (put > 0) r->part_at += (size_t)put;
    if (put < 0 && errno != EAGAIN && errno != EINTR)
        end(&r->in); /* it tells why, or how it ended */
    if (r->call->file >= 0 && r->at > r->call->from)
        diag_progress(r->diag, r->call->what, r->at, r->call->size);
}

static void take(int *fd, Text *text, size_t limit)
{
    char part[4096];
    ssize_t got = read(*fd, part, sizeof part);
    if (got > 0) {
        size_t room = limit - text->length, length = (size_t)got;
        text_addn(text, part, length < room ? length : room);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(fd);
    }
}

static void drop(Text *text, size_t length)
{
    memmove(text->data, text->data + length, text->length - length + 1);
    text->length -= length;
}

/* Hands on the lines that are whole. */
static void hear(Remote *r)
{
    const char *own = r->said.length && !r->has_begun ? strstr(r->said.data, begins) : NULL;
    if (own) drop(&r->said, (size_t)(own - r->said.data) + strlen(begins));
    r->has_begun = r->has_begun || own;
    while (r->has_begun && r->said.length) {
        size_t length = strcspn(r->said.data, "\n");
        if (length == r->said.length) return;
        r->said.data[length] = '\0';
        r->call->hear(r->call->self, r->said.data);
        drop(&r->said, length + 1);
    }
}

/* Of one that is held: it has said so. */
static bool is_holding(const Remote *r)
{
    const char *own = r->is_held && r->said.length ? strstr(r->said.data, begins) : NULL;
    return own && strstr(own + strlen(begins) - 1, "\nheld 1\n");
}

/* Until it has closed all, or holds what it is to hold. Whether it has. */
static bool talk(Remote *r)
{
    while ((r->out >= 0 || r->err >= 0) && !is_holding(r)) {
        struct pollfd fds[3] = {
            {r->is_given ? -1 : r->in, POLLOUT, 0}, {r->out, POLLIN, 0}, {r->err, POLLIN, 0}};
        int ready = poll(fds, 3, r->call->hear ? -1 : SILENCE_MS);
        if (ready == 0) return false;
        if (ready < 0) continue;
        if (fds[0].revents) give(r);
        if (fds[1].revents) take(&r->out, &r->said, OUT_BYTES);
        if (fds[1].revents && r->call->hear) hear(r);
        if (fds[2].revents) take(&r->err, &r->words, WORDS_BYTES);
    }
    return true;
}

/* ---- The answer ---- */

/* The last line that is not empty, without what a terminal would do. */
static const char *last_line(Arena *arena, const Text *text)
{
    size_t stop = text->length;
    while (stop && (unsigned char)text->data[stop - 1] <= ' ') stop--;
    size_t begin = stop;
    while (begin && text->data[begin - 1] != '\n') begin--;
    char *line = arena_strndup(arena, text->data + begin, stop - begin);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = ' ';
    return line;
}

static int reap(const Remote *r)
{
    int status;
    while (waitpid(r->child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether the script ran at all. */
static bool answer(Arena *arena, Remote *r, RemoteReply *reply)
{
    const char *own = r->said.length ? strstr(r->said.data, begins) : NULL;
    reply->out = own ? own + strlen(begins) : "";
    reply->words = last_line(arena, &r->words);
    if (!own && !r->has_begun && !reply->status)
        reply->words = "it does not run what it is sent: are sh and dd there?";
    return own || r->has_begun;
}

static int begin(Remote *r, Arena *arena, Diag *diag, const RemoteCall *call, RemoteReply *reply)
{
    char *script = arena_printf(arena, "{\nprintf '%%s' '%s'\n%s\n}\n", begins, call->script);
    *r = (Remote){.call = call, .diag = diag, .in = -1, .out = -1, .err = -1, .at = call->from};
    *reply = (RemoteReply){.out = "", .words = "", .status = -1};
    r->script = script;
    r->script_length = strlen(script);
    r->part = arena_alloc(arena, PART_BYTES);
    text_init(&r->said, arena);
    text_init(&r->words, arena);
    signal(SIGPIPE, SIG_IGN);
    char **argv = arguments(arena, call->host, r->script_length);
    int failure = start(r, argv);
    if (!failure) return LPC_OK;
    end(&r->in), end(&r->out), end(&r->err);
    reply->words = arena_printf(arena, "%s: %s", argv[0], strerror(failure));
    return LPC_ERROR;
}

/* Talks until it ends, and waits for it. */
static int finish(Remote *r, Arena *arena, RemoteReply *reply)
{
    bool done = talk(r);
    if (!done) kill(r->child, SIGKILL);
    end(&r->in), end(&r->out), end(&r->err);
    reply->status = reap(r);
    bool ran = answer(arena, r, reply);
    if (!done) reply->words = arena_printf(arena, "nothing was heard for %d s", SILENCE_MS / 1000);
    return reply->status || !done || !ran ? LPC_ERROR : LPC_OK;
}

int remote_run(Arena *arena, Diag *diag, const RemoteCall *call, RemoteReply *reply)
{
    Remote r;
    TRY(begin(&r, arena, diag, call, reply));
    return finish(&r, arena, reply);
}

int remote_hold(Arena *arena, Diag *diag, const RemoteCall *call, RemoteReply *reply,
                RemoteHold **hold)
{
    RemoteHold *made = arena_alloc(arena, sizeof *made);
    Remote *r = &made->remote;
    made->call = *call;
    TRY(begin(r, arena, diag, &made->call, reply));
    r->is_held = true;
    bool done = talk(r);
    if (done && is_holding(r)) {
        (void)answer(arena, r, reply);
        *hold = made;
        return LPC_OK;
    }
    r->is_held = false;
    end(&r->in);
    (void)finish(r, arena, reply);
    return LPC_ERROR;
}

void remote_release(RemoteHold *hold)
{
    if (!hold) return;
    Remote *r = &hold->remote;
    r->is_held = false;
    end(&r->in);
    if (!talk(r)) kill(r->child, SIGKILL);
    end(&r->out), end(&r->err);
    (void)reap(r);
}
