/* Linking a stage's program: with its weights in an object, in C, or put in afterwards. */
#include "backend/package/parts.h"

#include "backend/object/graft.h"
#include "backend/object/weights_object.h"
#include "backend/host/toolchain.h"
#include "backend/plugin/load.h"
#include "ir/machine.h"

#include <string.h>
#include <unistd.h>

enum { GRAFT_BYTES = 64 << 20, BULK_BYTES = 512 << 20 };

bool package_can_link(const PackJob *job, const Target *target)
{
    (void)job;
    return target_has_program(target->cc) && target_has_program(target->linker);
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
    for (int i = 0; i < stage->target->link_flag_count; i++) {
        const char *flag = stage->target->link_flags[i];
        /* only a dynamic program ends with the place for weights */
        if (!objects->grafted || strcmp(flag, "-static-pie") != 0) tool_arg(&args, flag);
    }
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
        PackObjects dynamic = *objects;
        dynamic.grafted = true;
        int code = run_linker(job, stage, folder, &dynamic, &reserved, 1);
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

bool package_can_load(const PackJob *job, const PackStage *stage)
{
    return load_can(stage->target->triple) && target_has_program(stage->target->cc) &&
           package_weights(job, stage) == WEIGHTS_ELF &&
           stage->program->const_bytes < GRAFT_BYTES && !job->profile;
}
