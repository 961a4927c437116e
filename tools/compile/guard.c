/* A guard of the half-made output folder: a child process that removes it when lpc dies before it is
 * done, however it dies. */
#include "tools/compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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

/* The child: a byte says that the folder is in good hands, the end of the pipe that lpc is dead. */
static _Noreturn void watch(int from, const char *folder)
{
    char byte;
    ssize_t got;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (int fd = 0; fd < 3; fd++) close(fd);
    do got = read(from, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1) remove_stubbornly(folder);
    _exit(0);
}

void guard_start(FolderGuard *guard, const char *folder)
{
    int ends[2];
    guard->child = -1;
    guard->to = -1;
    if (pipe2(ends, O_CLOEXEC)) return; /* without a guard all works but being killed */
    guard->child = fork();
    if (guard->child == 0) {
        close(ends[1]);
        watch(ends[0], folder);
    }
    close(ends[0]);
    guard->to = ends[1];
    if (guard->child > 0) return;
    close(guard->to);
    guard->to = -1;
}

void guard_end(FolderGuard *guard)
{
    if (guard->to < 0) return;
    ssize_t sent = write(guard->to, "", 1);
    (void)sent; /* a child that is gone guards nothing */
    close(guard->to);
    while (waitpid(guard->child, NULL, 0) < 0 && errno == EINTR) continue;
}
