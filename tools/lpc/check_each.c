#include "tools/lpc/check_each.h"

#include "include/lpc/lpc.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_SECONDS = 60 };

static int is_set(const struct dirent *entry)
{
    return strncmp(entry->d_name, "test_data_set_", 14) == 0;
}

/* "path/name", NULL without memory. */
static char *joined(const char *path, const char *name)
{
    size_t size = strlen(path) + strlen(name) + 2;
    char *text = malloc(size);
    if (text) snprintf(text, size, "%s/%s", path, name);
    return text;
}

/* False without memory. */
static bool read_folder(const char *path, ModelFolder *folder)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_set, alphasort);
    bool good = true;
    *folder = (ModelFolder){.model = joined(path, "model.onnx")};
    folder->sets = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *folder->sets);
    for (int i = 0; i < count; i++) {
        char *set = folder->sets ? joined(path, names[i]->d_name) : NULL;
        good = good && set;
        if (set) folder->sets[folder->set_count++] = set;
        free(names[i]);
    }
    free(names);
    return good && folder->model && folder->sets;
}

static void free_folder(ModelFolder *folder)
{
    for (int i = 0; i < folder->set_count; i++) free(folder->sets[i]);
    free(folder->sets);
    free(folder->model);
}

/* The first line that says what is wrong, else the last one. */
static const char *find_cause(char *text)
{
    const char *last = "";
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, "error:") || strstr(line, "MISMATCH")) return line;
        last = line;
    }
    return last;
}

/* The child: what it prints goes to `said`. Ends as a program ends, leak check and all. */
static _Noreturn void check_here(FILE *said, const ModelFolder *folder, CheckFolder *check,
                                 void *self)
{
    dup2(fileno(said), STDOUT_FILENO);
    dup2(fileno(said), STDERR_FILENO);
    alarm(LIMIT_SECONDS);
    int code = folder->set_count ? check(self, folder) : LPC_STATUS_ERROR;
    if (!folder->set_count) fprintf(stderr, "error: no test_data_set_* beside %s\n", folder->model);
    exit(code);
}

static void print_status(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("no result within %d s\n", LIMIT_SECONDS);
    else if (WIFSIGNALED(status))
        printf("killed by signal %d\n", WTERMSIG(status));
    else
        printf("exit status %d\n", WEXITSTATUS(status));
}

/* Why it failed: what the child said, or else how it ended. */
static void print_failure(const char *path, FILE *said, int status)
{
    static char text[1 << 20];
    bool there = said && !fseek(said, 0, SEEK_SET);
    text[there ? fread(text, 1, sizeof text - 1, said) : 0] = '\0';
    const char *cause = find_cause(text);
    printf("FAIL %s: ", path);
    if (*cause)
        printf("%s\n", cause);
    else
        print_status(status);
}

static bool check_apart(const char *path, CheckFolder *check, void *self)
{
    ModelFolder folder;
    int status = -1;
    FILE *said = tmpfile();
    bool read = read_folder(path, &folder);
    fflush(NULL);
    pid_t child = said && read ? fork() : -1;
    if (child == 0) check_here(said, &folder, check, self);
    bool ended = child > 0 && waitpid(child, &status, 0) == child;
    bool passed = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (passed)
        printf("PASS %s\n", path);
    else
        print_failure(path, said, status);
    if (said) fclose(said);
    free_folder(&folder);
    return passed;
}

int check_each(const char *const *folders, int count, CheckFolder *check, void *self)
{
    int failed = 0;
    for (int i = 0; i < count; i++) failed += !check_apart(folders[i], check, self);
    return failed ? LPC_STATUS_MISMATCH : 0;
}
