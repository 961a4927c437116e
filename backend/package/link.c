/* The stage's programs, made with the target's toolchain from what was written; and copying the runtime's sources
 * in. */
#include "backend/package/parts.h"

#include "backend/host/input.h"
#include "backend/host/output.h"
#include "backend/host/toolchain.h"
#include "backend/plugin/load.h"
#include "ir/custom.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_file(PackJob *job, const char *from, const char *to)
{
    const char *data;
    size_t length;
    int failure = input_read(job->arena, from, &data, &length);
    if (failure) return diag_error(job->diag, "cannot read '%s': %s", from, strerror(failure));
    return output_write(job->diag, to, data, length);
}

/* The sources of "runtime", or a part of it, as FOLDER/runtime: copied, or linked to for a package that does not stay. */
static int add_runtime(PackJob *job, const char *part, const char *folder)
{
    const char *from = lpc_data_dir(job->arena, part);
    const char *to = arena_printf(job->arena, "%s/%s", folder, part);
    if (!from) return diag_error(job->diag, "the runtime's sources are not installed beside lpc");
    const char **names;
    int count;
    if (job->temporary && (!access(to, R_OK) || !symlink(from, to))) return 0;
    TRY(tool_list_sources(job->arena, job->diag, from, true, &names, &count));
    if (mkdir(to, 0777)) return diag_error(job->diag, "cannot make '%s': %s", to, strerror(errno));
    for (int i = 0; i < count; i++) {
        TRY(copy_file(job, arena_printf(job->arena, "%s/%s", from, names[i]),
                      arena_printf(job->arena, "%s/%s", to, names[i])));
    }
    return 0;
}

static int compile_model(PackJob *job, const PackStage *stage, const char *folder,
                         const char *object)
{
    ToolArgs args = tool_compiler(job->arena, stage->target, folder);
    for (const char *const *flag = job->backend->cflags; *flag; flag++) tool_arg(&args, *flag);
    if (!job->portable) tool_args(&args, stage->target->cflags, stage->target->cflag_count);
    return tool_compile(&args, job->diag, folder, job->backend->code, object);
}

/* The code as an object: what the backend wrote, or what compile_model makes of that. */
static const char *model_object(const PackJob *job, const char *folder)
{
    const char *name = job->backend->cflags ? "model.tmp.o" : job->backend->code;
    return arena_printf(job->arena, "%s/%s", folder, name);
}

static int compile_stage(PackJob *job, const PackStage *stage, const char *folder,
                         const char *object)
{
    ToolArgs args = tool_compiler(job->arena, stage->target, folder);
    tool_arg(&args, "-O1");
    tool_arg(&args, "-DLPC_STAGE_MAIN");
    return tool_compile(&args, job->diag, folder, "stage.c", object);
}

/* Users' own operators, as objects. */
static int compile_custom(PackJob *job, const PackStage *stage, const char *folder,
                          PackObjects *made)
{
    const char **names;
    int count = package_custom_files(job, stage, &names);
    for (int i = 0; i < count; i++) {
        ToolArgs args = tool_compiler(job->arena, stage->target, folder);
        const char *object = arena_printf(job->arena, "%s/%s.tmp.o", folder, names[i]);
        tool_args(&args, CUSTOM_CFLAGS, CUSTOM_CFLAG_COUNT);
        if (!job->portable) tool_args(&args, stage->target->cflags, stage->target->cflag_count);
        arena_push(job->arena, made->items, made->count) = object;
        TRY(tool_compile(&args, job->diag, folder, names[i], object));
    }
    return 0;
}

static int compile_all(PackJob *job, const PackStage *stage, const char *folder, PackObjects *made)
{
    const char *main_object = arena_printf(job->arena, "%s/stage.o", folder);
    arena_push(job->arena, made->items, made->count) = main_object;
    TRY(compile_stage(job, stage, folder, main_object));
    TRY(compile_custom(job, stage, folder, made));
    if (!job->backend->cflags) return 0;
    const char *model = model_object(job, folder);
    arena_push(job->arena, made->items, made->count) = model;
    return compile_model(job, stage, folder, model);
}

int package_link(PackJob *job, const PackStage *stage, const char *folder)
{
    PackObjects made = {.program = arena_printf(job->arena, "%s/stage", folder)};
    TRY(add_runtime(job, "runtime", folder));
    if (job->mpi) TRY(add_runtime(job, "runtime/mpi", folder));
    int code = compile_all(job, stage, folder, &made);
    int temporary = made.count;
    if (!job->backend->cflags)
        arena_push(job->arena, made.items, made.count) = model_object(job, folder);
    if (!code) code = package_link_program(job, stage, folder, &made);
    if (!code && job->mpi) code = package_rank(job, stage, folder, &made);
    for (int i = 0; i < temporary; i++) unlink(made.items[i]);
    return code;
}

int package_load_stage(PackJob *job, const PackStage *stage, const char *folder, lpc_run_fn **run)
{
    PackObjects made = {0};
    arena_push(job->arena, made.items, made.count) = model_object(job, folder);
    arena_push(job->arena, made.items, made.count) =
        arena_printf(job->arena, "%s/weights.o", folder);
    TRY(add_runtime(job, "runtime", folder));
    if (job->backend->cflags) TRY(compile_model(job, stage, folder, made.items[0]));
    TRY(compile_custom(job, stage, folder, &made));
    Loaded *loaded = load_objects(job->arena, job->diag, made.items, made.count);
    if (!loaded) return LPC_ERROR;
    void *found = load_find(loaded, job->diag, arena_printf(job->arena, "%s_run", stage->prefix));
    memcpy(run, &found, sizeof *run); /* ISO C has no cast from one to the other */
    return found ? 0 : LPC_ERROR;
}
