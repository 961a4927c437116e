/* in_group PROCS PROGRAM ARGUMENT...: runs a program as a member of a control group, with all of its file
 * in the group's account.
 *
 * PROCS is the group's cgroup.procs. Pages of a program are charged to the group that first reads them, and
 * the kernel takes them away under pressure, which hides a limit that is too low. So this process joins
 * the group, copies the program into a memory file (charged to the group, never taken away), and
 * becomes it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "in_group: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void join(const char *procs)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld", (long)getpid());
    int fd = open(procs, O_WRONLY);
    if (fd < 0 || write(fd, text, (size_t)length) != length || close(fd)) fail(procs);
}

static int copy(const char *program)
{
    struct stat stat;
    int from = open(program, O_RDONLY | O_CLOEXEC), to = memfd_create("stage", MFD_CLOEXEC);
    if (from < 0 || to < 0 || fstat(from, &stat)) fail(program);
    for (off_t left = stat.st_size; left > 0;) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)left);
        if (sent <= 0) fail(program);
        left -= sent;
    }
    close(from);
    return to;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: in_group PROCS PROGRAM ARGUMENT...\n", stderr);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* goes with the test */
    join(argv[1]);
    fexecve(copy(argv[2]), argv + 2, environ);
    fail(argv[2]);
}
