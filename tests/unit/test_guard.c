/* The guard of the output folder: killed at any moment, lpc leaves nothing. The kill at the worst
 * moment is exact: the test has a mkdtemp of its own. */
#include "tests/runtime/fake.h"

#include "lib/files/guard.c"

#include <sys/stat.h>

static char folder[128];
static pid_t victim; /* killed when its guard has just made the folder; 0: nobody */

void remove_tree(const char *path)
{
    rmdir(path);
}

char *mkdtemp(char *template)
{
    memcpy(template + strlen(template) - 6, "000001", 6);
    if (mkdir(template, 0700)) return NULL;
    if (victim) kill(victim, SIGKILL);
    return template;
}

static int there(void)
{
    return access(folder, F_OK) == 0;
}

/* A process that starts a guard and is killed: in the middle of it, or after. Returns when both are
 * gone, which is when nobody has the pipe any more. */
static void kill_one(int in_the_middle)
{
    char name[sizeof folder], byte;
    int ends[2], status;
    if (pipe(ends)) abort();
    snprintf(name, sizeof name, "%.*sXXXXXX", (int)strlen(folder) - 6, folder);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        FolderGuard guard;
        if (in_the_middle) victim = getpid();
        int failure = guard_start(&guard, name);
        if (failure || !there()) _exit(1);
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %d", status);
    CHECK(read(ends[0], &byte, 1) == 0, "read");
    close(ends[0]);
    CHECK(!there(), "left behind");
    rmdir(folder);
}

static void killed_in_the_middle(void)
{
    kill_one(1);
}

static void killed_after(void)
{
    kill_one(0);
}

static void ended(void)
{
    char name[sizeof folder];
    FolderGuard guard;
    snprintf(name, sizeof name, "%.*sXXXXXX", (int)strlen(folder) - 6, folder);
    CHECK(guard_start(&guard, name) == 0 && strcmp(name, folder) == 0, "%s", name);
    guard_end(&guard);
    CHECK(there(), "removed");
    CHECK(guard_start(&guard, name) == EEXIST, "a second one");
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "a child is left");
    rmdir(folder);
}

/* The connection then has the number of a standard stream, which the guard lets go. */
static void without_standard_input(void)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char name[sizeof folder];
        FolderGuard guard;
        snprintf(name, sizeof name, "%.*sXXXXXX", (int)strlen(folder) - 6, folder);
        close(0);
        int failure = guard_start(&guard, name);
        guard_end(&guard);
        _exit(failure || !there());
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0, "status %d", status);
    rmdir(folder);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/lpc-test-guard-%ld.000001", (long)getpid());
    RUN_CASE(killed_in_the_middle);
    RUN_CASE(killed_after);
    RUN_CASE(ended);
    RUN_CASE(without_standard_input);
    return failures != 0;
}
