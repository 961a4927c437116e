/* Starting a tool, hearing what it says, and waiting for it. */
#include "backend/host/toolchain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SAID_BYTES = 2000 }; /* of what a failed tool said: its first lines */

void tool_arg(ToolArgs *args, const char *text)
{
    arena_push(args->arena, args->items, args->count) = arena_strdup(args->arena, text);
}

void tool_args(ToolArgs *args, const char *const *texts, int count)
{
    for (int i = 0; i < count; i++) tool_arg(args, texts[i]);
}

static const char *called(const ToolArgs *args)
{
    return args->what ? args->what : args->items[0];
}

static void read_all(int from, Text *text, size_t limit)
{
    char part[4096];
    for (;;) {
        ssize_t got = read(from, part, sizeof part);
        if (got == 0 || (got < 0 && errno != EINTR)) return;
        if (got < 0) continue;
        size_t room = limit - text->length, length = (size_t)got;
        text_addn(text, part, length < room ? length : room);
    }
}

/* Starts the command, with its standard output on `to` and its standard error there too where
 * asked; to -1: both are ours. An errno value. */
static int start(ToolArgs *args, int to, bool errors, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (to >= 0) posix_spawn_file_actions_adddup2(&actions, to, 1);
    if (to >= 0 && errors) posix_spawn_file_actions_adddup2(&actions, to, 2);
    arena_push(args->arena, args->items, args->count) = NULL;
    int failure = posix_spawnp(child, args->items[0], &actions, NULL, args->items, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static int finish(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? LPC_OK : LPC_ERROR;
}

/* As start, with what it says, up to limit bytes, added to text. *code: how it ended. */
static int run_into(ToolArgs *args, Diag *diag, bool errors, Text *text, size_t limit, int *code)
{
    int ends[2];
    pid_t child;
    if (pipe(ends)) return diag_error(diag, "pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    int failure = start(args, ends[1], errors, &child);
    close(ends[1]);
    if (!failure) read_all(ends[0], text, limit);
    close(ends[0]);
    if (failure)
        return diag_error(diag, "cannot start '%s': %s", args->items[0], strerror(failure));
    *code = finish(child);
    return LPC_OK;
}

int tool_run(ToolArgs *args, Diag *diag)
{
    pid_t child;
    int failure = start(args, -1, false, &child);
    if (failure)
        return diag_error(diag, "cannot start '%s': %s", args->items[0], strerror(failure));
    return finish(child) ? diag_error(diag, "'%s' failed", called(args)) : LPC_OK;
}

int tool_run_quietly(ToolArgs *args, Diag *diag)
{
    Text said;
    int code;
    text_init(&said, args->arena);
    TRY(run_into(args, diag, true, &said, SAID_BYTES, &code));
    if (!code) return LPC_OK;
    size_t length = said.length;
    while (length && said.data[length - 1] == '\n') length--;
    return diag_error(diag, "'%s' failed:\n%.*s", called(args), (int)length,
                      length ? said.data : "");
}

int tool_run_output(ToolArgs *args, Diag *diag, Text *output)
{
    int code;
    TRY(run_into(args, diag, false, output, SIZE_MAX, &code));
    return code ? diag_error(diag, "'%s' failed", called(args)) : LPC_OK;
}

ToolArgs tool_compiler(Arena *arena, const Target *target, const char *folder)
{
    ToolArgs args = {.arena = arena};
    tool_args(&args, target->cc, target->cc_count);
    tool_arg(&args, "-std=c11");
    tool_arg(&args, "-fPIC");
    tool_arg(&args, arena_printf(arena, "-ffile-prefix-map=%s=.", folder));
    tool_arg(&args, arena_printf(arena, "-I%s", folder));
    tool_arg(&args, arena_printf(arena, "-I%s/runtime", folder));
    tool_arg(&args, "-c");
    return args;
}

int tool_compile(ToolArgs *args, Diag *diag, const char *folder, const char *source,
                 const char *object)
{
    tool_arg(args, arena_printf(args->arena, "%s/%s", folder, source));
    tool_arg(args, "-o");
    tool_arg(args, object);
    return tool_run_quietly(args, diag);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int tool_list_sources(Arena *arena, Diag *diag, const char *folder, bool headers,
                      const char ***names, int *count)
{
    DIR *dir = opendir(folder);
    if (!dir) return diag_error(diag, "cannot read '%s': %s", folder, strerror(errno));
    const char **list = NULL;
    *count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && (!strcmp(dot, ".c") || (headers && !strcmp(dot, ".h"))))
            arena_push(arena, list, *count) = arena_strdup(arena, entry->d_name);
    }
    closedir(dir);
    if (*count) qsort(list, (size_t)*count, sizeof *list, compare_names);
    *names = list;
    return LPC_OK;
}

int tool_add_custom(ToolArgs *args, Diag *diag, const char *folder)
{
    const char **names;
    int count;
    TRY(tool_list_sources(args->arena, diag, folder, false, &names, &count));
    for (int i = 0; i < count; i++) {
        if (!strncmp(names[i], "custom", 6))
            tool_arg(args, arena_printf(args->arena, "%s/%s", folder, names[i]));
    }
    return LPC_OK;
}

int tool_add_runtime(ToolArgs *args, Diag *diag, const Target *target, const char *folder)
{
    Arena *a = args->arena;
    const char *dir = lpc_data_dir(a, arena_printf(a, "lib/lpc/%s", target->triple));
    const char *archive = dir ? arena_printf(a, "%s/liblpcrt.a", dir) : NULL;
    if (archive && !access(archive, R_OK)) {
        tool_arg(args, archive);
        return LPC_OK;
    }
    const char **names;
    int count;
    TRY(tool_list_sources(a, diag, folder, false, &names, &count));
    tool_arg(args, "-std=c11");
    tool_arg(args, "-O2");
    tool_arg(args, arena_printf(a, "-ffile-prefix-map=%s=./runtime", folder));
    for (int i = 0; i < count; i++) tool_arg(args, arena_printf(a, "%s/%s", folder, names[i]));
    return LPC_OK;
}
