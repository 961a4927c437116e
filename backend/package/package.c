/* Writing a package: stage by stage, code first, then what describes it. */
#include "backend/package/parts.h"

#include "backend/c/c.h"
#include "backend/llvm/llvm.h"
#include "backend/object/weights_object.h"
#include "backend/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int emit_code(PackJob *job, const PackStage *stage, const char *folder)
{
    if (job->emit_c) {
        CEmitOptions options = {.portable = job->portable,
                                .profile = job->profile,
                                .vector_bits = job->portable ? 0 : stage->target->vector_bits,
                                .title = arena_printf(job->arena, "%s, stage %s", job->model_file,
                                                      stage->name)};
        Text text;
        text_init(&text, job->arena);
        TRY(backend_c_emit(stage->program, &options, job->diag, &text));
        return output_write(job->diag, arena_printf(job->arena, "%s/model.c", folder), text.data,
                            text.length);
    }
    LlvmOptions options = llvm_options(stage->target);
    options.pic = true;
    options.profile = job->profile;
    if (job->dump_llvm) options.text_path = arena_printf(job->arena, "%s/model.ll", folder);
    return backend_llvm_emit(stage->program, &options, job->diag,
                             arena_printf(job->arena, "%s/model.o", folder));
}

static int write_stage(PackJob *job, int index, const char *out)
{
    const PackStage *stage = &job->stages[index];
    const char *folder = arena_printf(job->arena, "%s/%s", out, stage->name);
    if (mkdir(folder, 0777))
        return diag_error(job->diag, "cannot make '%s': %s", folder, strerror(errno));
    TRY(emit_code(job, stage, folder));
    if (!package_weights_once(job, stage))
        TRY(weights_object_write(stage->program, stage->target->triple, job->diag,
                                 arena_printf(job->arena, "%s/weights.o", folder)));
    TRY(package_header(job, stage, folder));
    TRY(package_stage_source(job, stage, index, folder));
    TRY(package_cmake(job, stage, folder));
    if (job->link && package_can_link(job, stage->target)) TRY(package_link(job, stage, folder));
    return 0;
}

int package_write(PackJob *job, const char *folder)
{
    for (int i = 0; i < job->stage_count; i++) TRY(write_stage(job, i, folder));
    return package_manifest(job, folder);
}
