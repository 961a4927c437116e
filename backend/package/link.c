/* Linking the stage program with the target's toolchain, and copying the runtime's sources in. */
#include "backend/package/parts.h"

#include "backend/object/graft.h"
#include "backend/object/weights_object.h"
#include "backend/host/input.h"
#include "backend/host/output.h"
#include "backend/host/toolchain.h"
#include "ir/custom.h"
#include "ir/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GRAFT_BYTES = 64 << 20, BULK_BYTES = 512 << 20 };

bool package_can_link(const PackJob *job, const Target *target)
{
    (void)job;
    return target_has_program(target->cc) && target_has_program(target->linker);
}

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

/* The linker's run, with `weights` or an object that stands for them. */
static int run_linker(PackJob *job, const PackStage *stage, const char *folder,
                      const PackObjects *objects, const char *const *weights, int weights_count)
{
    ToolArgs args = {.arena = job->arena};
    tool_args(&args, stage->target->linker, stage->target->linker_count);
    tool_arg(&args, "-pthread");
    tool_arg(&args, "-Wl,--build-id=none");
    tool_arg(&args, "-Wl,--gc-sections");
    tool_args(&args, objects->items, objects->count);
    tool_args(&args, weights, weights_count);
    TRY(tool_add_runtime(&args, job->diag, stage->target,
                         arena_printf(job->arena, "%s/runtime", folder)));
    tool_args(&args, stage->target->link_flags, stage->target->link_flag_count);
    tool_arg(&args, "-lm");
    tool_arg(&args, "-o");
    tool_arg(&args, objects->program);
    return tool_run_quietly(&args, job->diag);
}

/* Weights as C arrays, compiled file by file. */
static int link_arrays(PackJob *job, const PackStage *stage, const char *folder,
                       const PackObjects *program)
{
    int count = package_weights_files(job, stage), code = 0, made = 0;
    const char **objects = arena_array(job->arena, (size_t)count + 1, sizeof *objects);
    for (; made < count && !code; made++) {
        ToolArgs args = tool_compiler(job->arena, stage->target, folder);
        objects[made] = arena_printf(job->arena, "%s/weights_%d.tmp.o", folder, made + 1);
        code = tool_compile(&args, job->diag, folder, package_weights_file(job, stage, made),
                            objects[made]);
    }
    if (!code) code = run_linker(job, stage, folder, program, objects, count);
    for (int i = 0; i < made; i++) unlink(objects[i]);
    return code;
}

/* Can the weights go in after linking? */
static bool can_graft(const PackJob *job, const PackStage *stage)
{
    const Machine *machine = machine_find(stage->target->triple);
    return package_weights(job, stage) == WEIGHTS_ELF && machine && machine->address_bits == 64;
}

/* Many weights go in after linking, so that the linker does not hold them. */
int package_link_program(PackJob *job, const PackStage *stage, const char *folder,
                         const PackObjects *objects)
{
    const char *weights = arena_printf(job->arena, "%s/weights.o", folder);
    if (package_weights(job, stage) == WEIGHTS_C) return link_arrays(job, stage, folder, objects);
    const char *reserved = arena_printf(job->arena, "%s/reserved.o", folder);
    if (stage->program->const_bytes >= GRAFT_BYTES && can_graft(job, stage)) {
        bool done = false;
        TRY(graft_reserve(stage->program, stage->target->triple, job->diag, reserved));
        int code = run_linker(job, stage, folder, objects, &reserved, 1);
        unlink(reserved);
        if (!code) code = graft_weights(stage->program, job->diag, objects->program, &done);
        if (code || done) return code;
        if (access(weights, R_OK))
            TRY(weights_object_write(stage->program, stage->target->triple, job->diag, weights));
    }
    return run_linker(job, stage, folder, objects, &weights, 1);
}

bool package_weights_once(const PackJob *job, const PackStage *stage)
{
    return job->link && package_can_link(job, stage->target) &&
           stage->program->const_bytes >= BULK_BYTES && can_graft(job, stage);
}

static int compile_all(PackJob *job, const PackStage *stage, const char *folder, PackObjects *made)
{
    const char *main_object = arena_printf(job->arena, "%s/stage.o", folder);
    arena_push(job->arena, made->items, made->count) = main_object;
    TRY(compile_stage(job, stage, folder, main_object));
    TRY(compile_custom(job, stage, folder, made));
    if (job->backend->cflags) {
        const char *model = arena_printf(job->arena, "%s/model.tmp.o", folder);
        arena_push(job->arena, made->items, made->count) = model;
        TRY(compile_model(job, stage, folder, model));
    }
    return 0;
}

int package_link(PackJob *job, const PackStage *stage, const char *folder)
{
    PackObjects made = {.program = arena_printf(job->arena, "%s/stage", folder)};
    TRY(add_runtime(job, "runtime", folder));
    if (job->mpi) TRY(add_runtime(job, "runtime/mpi", folder));
    int code = compile_all(job, stage, folder, &made);
    int temporary = made.count;
    if (!job->backend->cflags)
        arena_push(job->arena, made.items, made.count) =
            arena_printf(job->arena, "%s/%s", folder, job->backend->code);
    if (!code) code = package_link_program(job, stage, folder, &made);
    if (!code && job->mpi) code = package_rank(job, stage, folder, &made);
    for (int i = 0; i < temporary; i++) unlink(made.items[i]);
    return code;
}
