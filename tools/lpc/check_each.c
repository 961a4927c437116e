#include "tools/lpc/check_each.h"

#include "ir/diag.h"

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

static void read_folder(Arena *arena, const char *path, ModelFolder *folder)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_set, alphasort);
    *folder = (ModelFolder){.model = arena_printf(arena, "%s/model.onnx", path)};
    folder->sets = arena_array(arena, (size_t)(count > 0 ? count : 0) + 1, sizeof *folder->sets);
    for (int i = 0; i < count; i++) {
        folder->sets[folder->set_count++] = arena_printf(arena, "%s/%s", path, names[i]->d_name);
        free(names[i]);
    }
    free(names);
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
    int code = folder->set_count ? check(self, folder) : LPC_ERROR;
    if (!folder->set_count) fprintf(stderr, "error: no test_data_set_* beside %s\n", folder->model);
    exit(code);
}

static const char *status_text(Arena *arena, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return arena_printf(arena, "no result within %d s", LIMIT_SECONDS);
    if (WIFSIGNALED(status)) return arena_printf(arena, "killed by signal %d", WTERMSIG(status));
    return arena_printf(arena, "exit status %d", WEXITSTATUS(status));
}

static bool check_apart(Arena *arena, const char *path, CheckFolder *check, void *self)
{
    enum { SAID_MOST = 1 << 20 };
    ModelFolder folder;
    int status = -1;
    FILE *said = tmpfile();
    read_folder(arena, path, &folder);
    fflush(NULL);
    pid_t child = said ? fork() : -1;
    if (child == 0) check_here(said, &folder, check, self);
    bool ended = child > 0 && waitpid(child, &status, 0) == child;
    bool passed = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (passed) {
        printf("PASS %s\n", path);
    } else {
        char *text = arena_alloc(arena, SAID_MOST);
        bool there = said && !fseek(said, 0, SEEK_SET);
        size_t length = there ? fread(text, 1, SAID_MOST - 1, said) : 0;
        text[length] = '\0';
        const char *cause = find_cause(text);
        printf("FAIL %s: %s\n", path, *cause ? cause : status_text(arena, status));
    }
    if (said) fclose(said);
    return passed;
}

int check_each(const char *const *folders, int count, CheckFolder *check, void *self)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        Arena *own = arena_new();
        failed += !check_apart(own, folders[i], check, self);
        arena_free(own);
    }
    return failed ? LPC_MISMATCH : 0;
}
