/* Spawning, watching and burying stage programs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/children.h"
#include "runtime/frame.h"
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_pipe(int ends[2])
{
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
}

/* What a child does: a program, or a function of this one. */
typedef struct ChildWork {
    ChildMain *main; /* NULL: argv[0] is executed */
    void *self;
    char *const *argv;
} ChildWork;

static int count_words(char *const *argv)
{
    int count = 0;
    while (argv[count]) count++;
    return count;
}

/* In the child, after fork: only async-signal-safe calls, unless `work` is a function. */
static _Noreturn void become(const ChildWork *work, pid_t parent, int out, int err, int failure)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
        if (work->main) {
            close(failure);
            _exit(work->main(work->self, count_words(work->argv), (char **)work->argv));
        }
        execvp(work->argv[0], work->argv);
    }
    int reason = errno;
    if (write(failure, &reason, sizeof reason) < 0) _exit(126);
    _exit(127);
}

static int start_child(StageChild *child, const ChildWork *work)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, failure[2] = {-1, -1}, reason = 0;
    pid_t parent = getpid(), pid = -1;
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || pipe2(failure, O_CLOEXEC) ||
        (pid = fork()) < 0) {
        reason = errno;
        close_pipe(out);
        close_pipe(err);
        close_pipe(failure);
        return reason;
    }
    if (pid == 0) become(work, parent, out[1], err[1], failure[1]);
    close(out[1]);
    close(err[1]);
    close(failure[1]);
    ssize_t got;
    do got = read(failure[0], &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    close(failure[0]);
    if (got == (ssize_t)sizeof reason) {
        waitpid(pid, NULL, 0);
        close(out[0]);
        close(err[0]);
        return reason ? reason : EINVAL;
    }
    child->pid = pid;
    child->out = out[0];
    child->err = err[0];
    (void)fcntl(child->err, F_SETFL, O_NONBLOCK);
    return 0;
}

int child_spawn(StageChild *child, char *const *argv)
{
    ChildWork work = {.argv = argv};
    return start_child(child, &work);
}

int child_fork(StageChild *child, ChildMain *main, void *self, char *const *argv)
{
    ChildWork work = {main, self, argv};
    return start_child(child, &work);
}

int child_read_line(StageChild *child, char *line, size_t size, int timeout_ms)
{
    size_t length = 0;
    uint64_t deadline = lpc_now_ns() + (uint64_t)timeout_ms * 1000000u;
    while (length + 1 < size) {
        uint64_t now = lpc_now_ns();
        struct pollfd fd = {child->out, POLLIN, 0};
        int left = now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0;
        if (poll(&fd, 1, left) <= 0) break;
        if (read(child->out, line + length, 1) != 1) break;
        if (line[length] == '\n') {
            line[length] = 0;
            return 0;
        }
        length++;
    }
    return 1;
}

static void take_in(StageChild *child)
{
    while (child->err >= 0) {
        char rest[256];
        size_t room = sizeof child->text - 1 - child->text_length;
        ssize_t got = room ? read(child->err, child->text + child->text_length, room)
                           : read(child->err, rest, sizeof rest);
        if (got <= 0) return;
        if (room) child->text_length += (size_t)got;
        child->text[child->text_length] = 0;
    }
}

int child_poll(StageChild *child)
{
    if (!child->pid) return 1;
    take_in(child);
    pid_t got = waitpid(child->pid, &child->status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return 0;
    take_in(child);
    child->pid = 0;
    child->reaped = got > 0;
    close(child->out);
    close(child->err);
    child->out = child->err = -1;
    return 1;
}

int children_wait(StageChild *children, int count, int timeout_ms)
{
    uint64_t deadline = lpc_now_ns() + (uint64_t)timeout_ms * 1000000u;
    unsigned pause_us = 200;
    for (;;) {
        int running = 0;
        for (int i = 0; i < count; i++) running += !child_poll(&children[i]);
        if (!running || lpc_now_ns() >= deadline) return !running;
        usleep(pause_us);
        pause_us = pause_us < 10000 ? pause_us * 2 : pause_us;
    }
}

void children_kill(StageChild *children, int count)
{
    for (int i = 0; i < count; i++)
        if (children[i].pid) kill(children[i].pid, SIGKILL);
    for (int i = 0; i < count; i++) {
        if (!children[i].pid) continue;
        while (waitpid(children[i].pid, NULL, 0) < 0 && errno == EINTR) continue;
        close(children[i].out);
        close(children[i].err);
        children[i].pid = 0;
    }
}

/* How near to the cause a failure is: a death or an own error explains that neighbours leave. */
static int weight(const StageChild *child)
{
    if (!child->reaped) return 0;
    if (!WIFEXITED(child->status)) return 4;
    switch (WEXITSTATUS(child->status)) {
    case LPC_EXIT_OK: return 0;
    case LPC_EXIT_LEFT: return 1;
    case LPC_EXIT_MISSING: return 2;
    case LPC_EXIT_USAGE:
    case LPC_EXIT_BUILD:
    case LPC_EXIT_CONTRACT:
    case LPC_EXIT_FRAME:
    case LPC_EXIT_RUN:
    case LPC_EXIT_PROCESSOR:
    case LPC_EXIT_BUSY:
    case LPC_EXIT_STALE:
    case LPC_EXIT_SYSTEM: return 3;
    default: return 4;
    }
}

int children_culprit(const StageChild *children, int count)
{
    int best = -1;
    for (int i = 0; i < count; i++)
        if (weight(&children[i]) && (best < 0 || weight(&children[i]) > weight(&children[best])))
            best = i;
    return best;
}

int children_settle(StageChild *children, int count, int timeout_ms)
{
    enum { STEP_MS = 10, IS_CAUSE = 3 };
    for (int waited = 0;; waited += STEP_MS) {
        int all = children_wait(children, count, STEP_MS),
            culprit = children_culprit(children, count);
        if (all || waited >= timeout_ms) return culprit;
        if (culprit >= 0 && weight(&children[culprit]) >= IS_CAUSE) return culprit;
    }
}

/* Its lines in one, without when they were said, and by whom where it is the child. */
static const char *said_by(const StageChild *child, Arena *arena)
{
    Text said;
    char *rest = arena_strdup(arena, child->text), *line;
    const char *own = arena_printf(arena, "stage '%s': ", child->name);
    text_init(&said, arena);
    while ((line = strsep(&rest, "\n"))) {
        const char *text = lpc_log_said(line);
        if (!strncmp(text, own, strlen(own))) text += strlen(own);
        if (*text) text_printf(&said, "%s%s", said.length ? "; " : "", text);
    }
    return said.length ? said.data : "";
}

const char *child_stats_path(Arena *arena, const char *folder, int stage)
{
    return arena_printf(arena, "%s/%d.json", folder, stage);
}

const char *child_report(const StageChild *child, Arena *arena)
{
    const char *said = said_by(child, arena);
    const char *how = WIFSIGNALED(child->status)
                          ? arena_printf(arena, "killed by signal %d, %s", WTERMSIG(child->status),
                                         strsignal(WTERMSIG(child->status)))
                          : arena_printf(arena, "status %d: %s", WEXITSTATUS(child->status),
                                         lpc_exit_meaning(WEXITSTATUS(child->status)));
    if (!*said) return arena_printf(arena, "stage '%s' failed (%s)", child->name, how);
    return arena_printf(arena, "stage '%s' failed: %s (%s)", child->name, said, how);
}
