/* Programs around emitted models: made with the target's toolchain, run here. */
#include "tools/calibrate/calibrate.h"

#include "backend/package/package.h"

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

typedef struct Words {
    Arena *arena;
    char **items;
    int count;
    const char *what; /* for messages; NULL: the first word */
} Words;

static void word(Words *words, const char *text)
{
    arena_push(words->arena, words->items, words->count) = arena_strdup(words->arena, text);
}

static void words_of(Words *words, const char *const *texts, int count)
{
    for (int i = 0; i < count; i++) word(words, texts[i]);
}

/* Starts it, its standard output in *out when that is not NULL, and waits. */
static int run(Words *words, Diag *diag, Text *out)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int ends[2] = {-1, -1}, status = 0;
    if (out && pipe(ends)) return diag_error(diag, "pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    if (out) {
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
    }
    arena_push(words->arena, words->items, words->count) = NULL;
    int code = posix_spawnp(&child, words->items[0], &actions, NULL, words->items, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (out) close(ends[1]);
    char part[4096];
    for (ssize_t got; out && !code && (got = read(ends[0], part, sizeof part)) != 0;) {
        if (got > 0)
            text_addn(out, part, (size_t)got);
        else if (errno != EINTR)
            break;
    }
    if (out) close(ends[0]);
    if (code) return diag_error(diag, "cannot start '%s': %s", words->items[0], strerror(code));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    return diag_error(diag, "'%s' failed", words->what ? words->what : words->items[0]);
}

char *work_folder(Arena *arena, Diag *diag)
{
    const char *root = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/lpc-calibrate-XXXXXX", root && *root ? root : "/tmp");
    if (mkdtemp(path)) return path;
    diag_error(diag, "cannot make a temporary folder: %s", strerror(errno));
    return NULL;
}

int program_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *work, const char *name)
{
    const char *folder = arena_printf(arena, "%s/%s", work, name);
    if (mkdir(folder, 0777))
        return diag_error(diag, "cannot make '%s': %s", folder, strerror(errno));
    return compile_emit(arena, diag, options, graph, cut, folder);
}

/* The prebuilt runtime, or its sources. */
static int add_runtime(Words *words, Diag *diag, const Target *target, const char *runtime)
{
    Arena *a = words->arena;
    const char *dir = lpc_data_dir(a, arena_printf(a, "lib/lpc/%s", target->triple));
    const char *archive = dir ? arena_printf(a, "%s/liblpcrt.a", dir) : NULL;
    if (archive && !access(archive, R_OK)) {
        word(words, archive);
        return 0;
    }
    DIR *folder = opendir(runtime);
    if (!folder) return diag_error(diag, "cannot read '%s'", runtime);
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length > 2 && !strcmp(entry->d_name + length - 2, ".c"))
            word(words, arena_printf(a, "%s/%s", runtime, entry->d_name));
    }
    closedir(folder);
    return 0;
}

int program_link(Arena *arena, Diag *diag, const Target *target, const char *source,
                 const char *work, const char *const *stages, int count, const char *program)
{
    Words words = {.arena = arena};
    const char *runtime = lpc_data_dir(arena, "runtime");
    const char *path = arena_printf(arena, "%s/main.c", work);
    if (!runtime) return diag_error(diag, "the runtime's sources are not installed beside lpc");
    if (!target_has_program(target->cc))
        return diag_error(diag, "target '%s': its compiler '%s' is not installed", target->name,
                          target->cc[0]);
    TRY(package_file(diag, path, source, strlen(source)));
    words_of(&words, target->cc, target->cc_count);
    words_of(&words,
             (const char *const[]){"-std=c11", "-O2", "-w", "-pthread", "-static",
                                   "-Wl,--gc-sections", "-Wl,--build-id=none"},
             7);
    word(&words, arena_printf(arena, "-ffile-prefix-map=%s=.", work));
    word(&words, arena_printf(arena, "-I%s", runtime));
    word(&words, path);
    for (int i = 0; i < count; i++) {
        const char *folder = arena_printf(arena, "%s/%s", work, stages[i]);
        const char *code = arena_printf(arena, "%s/model.c", folder);
        word(&words, arena_printf(arena, "-I%s", folder));
        word(&words, access(code, R_OK) ? arena_printf(arena, "%s/model.o", folder) : code);
        word(&words, arena_printf(arena, "%s/weights.o", folder));
        word(&words, arena_printf(arena, "%s/stage.c", folder));
    }
    TRY(add_runtime(&words, diag, target, runtime));
    words_of(&words, target->link_flags, target->link_flag_count);
    word(&words, "-lm");
    word(&words, "-o");
    word(&words, program);
    return run(&words, diag, NULL);
}

int program_run(Arena *arena, Diag *diag, const Target *target, const char *runner,
                const char *program, const char *const *options, char **output)
{
    Words words = {.arena = arena, .what = runner};
    Text text;
    text_init(&text, arena);
    if (runner) {
        const char *line = arena_printf(arena, "%s \"$@\"", runner);
        setenv("LPC_TARGET", target->name, 1);
        words_of(&words, (const char *const[]){"sh", "-c", line, "lpc-runner"}, 4);
    } else if (!target->native) {
        if (!target->emulator_count || !target_has_program(target->emulator))
            return diag_error(diag, "target '%s': this machine can neither run nor emulate it",
                              target->name);
        words_of(&words, target->emulator, target->emulator_count);
    }
    word(&words, program);
    for (int i = 0; options[i]; i++) word(&words, options[i]);
    TRY(run(&words, diag, &text));
    *output = text.data;
    return 0;
}
