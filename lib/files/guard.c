/* A guard of the half-made output folder: a child process that makes it, and removes it when lpc dies
 * before it is done, however it dies. That the guard makes it leaves no moment without one. */
#include "lib/files/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A linker that outlives lpc may still write: tries until the folder is gone, for five seconds. */
static void remove_stubbornly(const char *folder)
{
    const struct timespec pause = {0, 100000000};
    for (int i = 0; i < 50; i++) {
        remove_tree(folder);
        if (access(folder, F_OK)) return;
        nanosleep(&pause, NULL);
    }
}

/* What a read gives that signals interrupt. */
static ssize_t read_some(int from, void *data, size_t size)
{
    ssize_t got;
    do got = read(from, data, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The child: tells whether it made the folder, an errno value, and the name. Then a byte says that the
 * folder is in good hands, the end of the connection that lpc is dead. */
static _Noreturn void watch(int lpc, char *folder)
{
    char byte;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int failure = mkdtemp(folder) ? 0 : errno;
    ssize_t told = write(lpc, &failure, sizeof failure);
    if (told > 0) told = write(lpc, folder, strlen(folder));
    for (int fd = 0; fd < 3; fd++)
        if (fd != lpc) close(fd);
    if (!failure && (told < 0 || read_some(lpc, &byte, 1) != 1)) remove_stubbornly(folder);
    _exit(0);
}

/* What the child tells. */
static int hear(int child, char *folder)
{
    int failure;
    size_t length = strlen(folder);
    if (read_some(child, &failure, sizeof failure) != (ssize_t)sizeof failure) return ECHILD;
    if (!failure && read_some(child, folder, length) != (ssize_t)length) return ECHILD;
    return failure;
}

static void leave(FolderGuard *guard)
{
    close(guard->to);
    guard->to = -1;
    while (waitpid(guard->child, NULL, 0) < 0 && errno == EINTR) continue;
}

/* Makes the child. Returns whether it could. */
static bool start(FolderGuard *guard, char *folder)
{
    int ends[2];
    guard->to = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) return false;
    guard->child = fork();
    if (guard->child == 0) {
        close(ends[1]);
        watch(ends[0], folder);
    }
    close(ends[0]);
    if (guard->child < 0)
        close(ends[1]);
    else
        guard->to = ends[1];
    return guard->child > 0;
}

int guard_start(FolderGuard *guard, char *folder)
{
    if (!start(guard, folder)) return mkdtemp(folder) ? 0 : errno; /* works, unless killed */
    int failure = hear(guard->to, folder);
    if (failure) leave(guard);
    return failure;
}

void guard_end(FolderGuard *guard)
{
    if (guard->to < 0) return;
    ssize_t sent = send(guard->to, "", 1, MSG_NOSIGNAL);
    (void)sent; /* a child that is gone guards nothing */
    leave(guard);
}
