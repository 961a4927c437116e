/* Linking the stage program with the target's toolchain, and copying the runtime's sources in. */
#include "backend/package/package.h"

#include "backend/object/graft.h"
#include "backend/object/weights_object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { GRAFT_BYTES = 64 << 20, BULK_BYTES = 512 << 20 };

typedef struct Argv {
    Arena *arena;
    const char **items;
    int count;
} Argv;

static void arg(Argv *argv, const char *text)
{
    arena_push(argv->arena, argv->items, argv->count) = text;
}

static void args(Argv *argv, const char *const *texts, int count)
{
    for (int i = 0; i < count; i++) arg(argv, texts[i]);
}

/* What a failed tool said, its first lines. */
static const char *read_log(Arena *arena, const char *path)
{
    char text[2000];
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    while (length && text[length - 1] == '\n') length--;
    return arena_strndup(arena, text, length);
}

static int run_tool(PackJob *job, Argv *argv, const char *log)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const char *tool = argv->items[0];
    arg(argv, NULL);
    pid_t child;
    /* posix_spawn wants char *const[]; it does not change the strings. */
    char **words = arena_array(job->arena, (size_t)argv->count, sizeof *words);
    for (int i = 0; i + 1 < argv->count; i++) words[i] = arena_strdup(job->arena, argv->items[i]);
    int code = posix_spawnp(&child, tool, &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code) return diag_error(job->diag, "cannot start '%s': %s", tool, strerror(code));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    const char *said = read_log(job->arena, log);
    unlink(log);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    return diag_error(job->diag, "'%s' failed:\n%s", tool, said);
}

bool package_can_link(const PackJob *job, const Target *target)
{
    (void)job;
    return target_has_program(target->cc) && target_has_program(target->linker);
}

static int copy_file(PackJob *job, const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    if (!in) return diag_error(job->diag, "cannot read '%s': %s", from, strerror(errno));
    Text text;
    text_init(&text, job->arena);
    char buffer[16384];
    size_t length;
    while ((length = fread(buffer, 1, sizeof buffer, in)) > 0) text_addn(&text, buffer, length);
    fclose(in);
    return package_file(job->diag, to, text.data, text.length);
}

static int compare_names(const void *a, const void *c)
{
    return strcmp(*(const char *const *)a, *(const char *const *)c);
}

/* Copies the runtime's sources into FOLDER/runtime; lists the .c files among them. */
static int copy_runtime(PackJob *job, const char *folder)
{
    const char *from = lpc_data_dir(job->arena, "runtime");
    const char *to = arena_printf(job->arena, "%s/runtime", folder);
    DIR *dir = from ? opendir(from) : NULL;
    if (!dir) return diag_error(job->diag, "the runtime's sources are not installed beside lpc");
    const char **names = NULL;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (length < 3 || entry->d_name[length - 2] != '.') continue;
        if (strchr("ch", entry->d_name[length - 1]))
            arena_push(job->arena, names, count) = arena_strdup(job->arena, entry->d_name);
    }
    closedir(dir);
    if (count) qsort(names, (size_t)count, sizeof *names, compare_names);
    if (mkdir(to, 0777)) return diag_error(job->diag, "cannot make '%s': %s", to, strerror(errno));
    for (int i = 0; i < count; i++) {
        TRY(copy_file(job, arena_printf(job->arena, "%s/%s", from, names[i]),
                      arena_printf(job->arena, "%s/%s", to, names[i])));
    }
    return 0;
}

/* The compiler for the stage's own C: strict, so that nothing is contracted. */
static void start_compile(PackJob *job, const PackStage *stage, const char *folder, Argv *argv)
{
    *argv = (Argv){.arena = job->arena};
    args(argv, stage->target->cc, stage->target->cc_count);
    arg(argv, "-std=c11");
    arg(argv, "-fPIC");
    arg(argv, arena_printf(job->arena, "-ffile-prefix-map=%s=.", folder));
    arg(argv, arena_printf(job->arena, "-I%s", folder));
    arg(argv, arena_printf(job->arena, "-I%s/runtime", folder));
    arg(argv, "-c");
}

static int compile_model(PackJob *job, const PackStage *stage, const char *folder,
                         const char *object, const char *log)
{
    Argv argv;
    start_compile(job, stage, folder, &argv);
    arg(&argv, "-O3");
    arg(&argv, "-fno-math-errno");
    arg(&argv, "-fno-trapping-math");
    if (!job->portable) args(&argv, stage->target->cflags, stage->target->cflag_count);
    arg(&argv, arena_printf(job->arena, "%s/model.c", folder));
    arg(&argv, "-o");
    arg(&argv, object);
    return run_tool(job, &argv, log);
}

static int compile_stage(PackJob *job, const PackStage *stage, const char *folder,
                         const char *object, const char *log)
{
    Argv argv;
    start_compile(job, stage, folder, &argv);
    arg(&argv, "-O1");
    arg(&argv, "-DLPC_STAGE_MAIN");
    arg(&argv, arena_printf(job->arena, "%s/stage.c", folder));
    arg(&argv, "-o");
    arg(&argv, object);
    return run_tool(job, &argv, log);
}

/* The prebuilt runtime of this triple, or the package's sources. */
static void add_runtime(PackJob *job, const PackStage *stage, const char *folder, Argv *argv)
{
    const char *dir = lpc_data_dir(job->arena, arena_printf(job->arena, "lib/lpc/%s",
                                                            stage->target->triple));
    const char *archive = dir ? arena_printf(job->arena, "%s/liblpcrt.a", dir) : NULL;
    if (archive && !access(archive, R_OK)) {
        arg(argv, archive);
        return;
    }
    DIR *runtime = opendir(arena_printf(job->arena, "%s/runtime", folder));
    if (!runtime) return;
    arg(argv, "-std=c11");
    arg(argv, "-O2");
    arg(argv, arena_printf(job->arena, "-ffile-prefix-map=%s=.", folder));
    for (struct dirent *entry; (entry = readdir(runtime));) {
        size_t length = strlen(entry->d_name);
        if (length > 2 && !strcmp(entry->d_name + length - 2, ".c"))
            arg(argv, arena_printf(job->arena, "%s/runtime/%s", folder, entry->d_name));
    }
    closedir(runtime);
}

/* The linker's run, with `weights` or an object that stands for them. */
static int run_linker(PackJob *job, const PackStage *stage, const char *folder, const char *main_object,
                      const char *model, const char *weights, const char *log)
{
    Argv argv = {.arena = job->arena};
    args(&argv, stage->target->linker, stage->target->linker_count);
    arg(&argv, "-pthread");
    arg(&argv, "-Wl,--build-id=none");
    arg(&argv, "-Wl,--gc-sections");
    arg(&argv, main_object);
    arg(&argv, model);
    arg(&argv, weights);
    add_runtime(job, stage, folder, &argv);
    args(&argv, stage->target->link_flags, stage->target->link_flag_count);
    arg(&argv, "-lm");
    arg(&argv, "-o");
    arg(&argv, arena_printf(job->arena, "%s/stage", folder));
    return run_tool(job, &argv, log);
}

/* Many weights go in after linking, so that the linker does not hold them. */
static int link_program(PackJob *job, const PackStage *stage, const char *folder,
                        const char *main_object, const char *model, const char *log)
{
    const char *weights = arena_printf(job->arena, "%s/weights.o", folder);
    const char *reserved = arena_printf(job->arena, "%s/reserved.o", folder);
    const char *program = arena_printf(job->arena, "%s/stage", folder);
    if (stage->program->const_bytes >= GRAFT_BYTES) {
        bool done = false;
        TRY(graft_reserve(stage->program, stage->target->triple, job->diag, reserved));
        int code = run_linker(job, stage, folder, main_object, model, reserved, log);
        unlink(reserved);
        if (!code) code = graft_weights(stage->program, job->diag, program, &done);
        if (code || done) return code;
        if (access(weights, R_OK))
            TRY(weights_object_write(stage->program, stage->target->triple, job->diag, weights));
    }
    return run_linker(job, stage, folder, main_object, model, weights, log);
}

bool package_weights_once(const PackJob *job, const PackStage *stage)
{
    return job->link && package_can_link(job, stage->target) &&
           stage->program->const_bytes >= BULK_BYTES;
}

int package_link(PackJob *job, const PackStage *stage, const char *folder)
{
    const char *log = arena_printf(job->arena, "%s/link.log", folder);
    const char *model = arena_printf(job->arena, "%s/model.o", folder);
    const char *main_object = arena_printf(job->arena, "%s/stage.o", folder);
    TRY(copy_runtime(job, folder));
    if (job->emit_c) {
        model = arena_printf(job->arena, "%s/model.tmp.o", folder);
        TRY(compile_model(job, stage, folder, model, log));
    }
    TRY(compile_stage(job, stage, folder, main_object, log));
    int code = link_program(job, stage, folder, main_object, model, log);
    unlink(main_object);
    if (job->emit_c) unlink(model);
    return code;
}
