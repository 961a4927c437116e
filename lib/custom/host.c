/* The process of a user's functions. It is started when a model is read, and ends with the compiler that
 * started it: its connection closes then. What it prints goes to our standard error. */
#include "lib/custom/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host/custom_host.h"

extern char **environ;

enum {
    SHAPE_SECONDS = 10
}; /* a shape function has for its answer; what runs has all the time it takes */

static int spawn(Customs *set, const char *program, int end)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = {arena_strdup(set->arena, program), NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, CUSTOM_FD);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    int failure = posix_spawn(&set->child, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* ---- Ends ---- */

/* How it ended, once it has. */
static const char *how_it_ended(Customs *set)
{
    int status = 0;
    close(set->to);
    set->to = -1;
    while (waitpid(set->child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status))
        return arena_printf(set->arena, "it was ended by signal %d (%s)", WTERMSIG(status),
                            strsignal(WTERMSIG(status)));
    return arena_printf(set->arena, "it ended its process, with status %d", WEXITSTATUS(status));
}

void customs_close(Customs *set)
{
    if (!set || set->to < 0) return;
    shutdown(set->to, SHUT_RDWR);
    how_it_ended(set);
}

/* ---- Asking ---- */

static bool send_all(int to, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t put = send(to, (const char *)data + done, bytes - done, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        done += (size_t)put;
    }
    return true;
}

static bool receive_all(int from, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = recv(from, (char *)data + done, bytes - done, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

static bool receive(int from, Arena *arena, WireReader *reply)
{
    int64_t bytes;
    if (!receive_all(from, &bytes, sizeof bytes) || bytes < 0) return false;
    char *data = arena_alloc(arena, (size_t)bytes + 8);
    *reply = (WireReader){data, (size_t)bytes, 0};
    return receive_all(from, data, (size_t)bytes);
}

static void wait_for(int from, int seconds)
{
    struct timeval limit = {.tv_sec = seconds}; /* 0: without end */
    setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* A process that does not answer is ended. */
static const char *end_late(Customs *set)
{
    kill(set->child, SIGKILL);
    how_it_ended(set);
    return arena_printf(set->arena, "its shape function did not answer within %d s", SHAPE_SECONDS);
}

/* Sends a call and reads the reply into the arena; false: the process is gone, call->error says how.
 * plan: to run, else NULL. */
static bool ask(Customs *set, Arena *arena, const CustomOp *op, lpc_custom_call *call,
                const lpc_custom_plan *plan, bool asks, WireReader *reply)
{
    Text request;
    text_init(&request, arena);
    wire_call(&request, op->index, call, plan, asks);
    int64_t bytes = (int64_t)request.length;
    if (set->to >= 0) {
        wait_for(set->to, plan ? 0 : SHAPE_SECONDS);
        errno = 0;
        if (send_all(set->to, &bytes, sizeof bytes) &&
            send_all(set->to, request.data, request.length) && receive(set->to, arena, reply))
            return true;
        set->gone = errno == EAGAIN ? end_late(set) : how_it_ended(set);
    }
    call->error = set->gone;
    return false;
}

static int shape(CustomHost *host, const CustomOp *op, lpc_custom_call *call)
{
    Customs *set = (Customs *)host;
    Arena *arena = arena_new();
    WireReader reply;
    int code = CUSTOM_GONE;
    if (ask(set, arena, op, call, NULL, false, &reply)) code = wire_shape(&reply, set, call);
    arena_free(arena);
    return code;
}

static int run(CustomHost *host, const CustomOp *op, lpc_custom_call *call,
               const lpc_custom_plan *plan, bool asks, int64_t *sizes)
{
    Customs *set = (Customs *)host;
    Arena *arena = arena_new();
    WireReader reply;
    int code = CUSTOM_GONE;
    if (ask(set, arena, op, call, plan, asks, &reply))
        code = wire_run(&reply, set, call, plan, sizes);
    arena_free(arena);
    return code;
}

/* ---- Starting ---- */

/* The first reply: which functions are there. */
static int check_functions(Customs *set, Diag *diag)
{
    WireReader reply;
    if (!receive(set->to, set->arena, &reply))
        return diag_error(diag, "--custom: the functions' process did not start: %s",
                          how_it_ended(set));
    for (int i = 0; i < set->count; i++) {
        const CustomOp *op = &set->ops[i];
        bool has_shape = wire_get(&reply) != 0, has_run = wire_get(&reply) != 0;
        if (op->is_domain || (has_shape && has_run)) continue;
        customs_close(set);
        return diag_error(diag,
                          "--custom %s: '%s' does not define the function '%s%s' "
                          "(docs/custom-operators.md)",
                          op->name, op->file->path, op->symbol, has_run ? "_shape" : "");
    }
    return 0;
}

int custom_start(Customs *set, Diag *diag)
{
    int ends[2];
    const char *program = arena_printf(set->arena, "/proc/self/fd/%d", set->program);
    set->host = (CustomHost){shape, run};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return diag_error(diag, "socketpair: %s", strerror(errno));
    int failure = spawn(set, program, ends[1]);
    close(ends[1]);
    set->to = ends[0];
    if (!failure) return check_functions(set, diag);
    close(set->to);
    set->to = -1;
    return diag_error(diag, "--custom: cannot start the functions' process: %s", strerror(failure));
}
