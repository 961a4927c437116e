/* Writing a package: stage by stage, code first, then what describes it. */
#include "backend/package/parts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int emit_code(PackJob *job, const PackStage *stage, const char *folder)
{
    BackendJob code = {.arena = job->arena,
                       .diag = job->diag,
                       .program = stage->program,
                       .target = stage->target,
                       .folder = folder,
                       .title =
                           arena_printf(job->arena, "%s, stage %s", job->model_file, stage->name),
                       .portable = job->portable,
                       .weights = package_weights(job, stage),
                       .profile = job->profile};
    return job->backend->write(&code);
}

static int write_stage(PackJob *job, int index, const char *out)
{
    const PackStage *stage = &job->stages[index];
    const char *folder = arena_printf(job->arena, "%s/%s", out, stage->name);
    if (mkdir(folder, 0777))
        return diag_error(job->diag, "cannot make '%s': %s", folder, strerror(errno));
    TRY(emit_code(job, stage, folder));
    TRY(package_custom(job, stage, folder));
    if (!package_weights_once(job, stage)) TRY(package_weights_write(job, stage, folder));
    TRY(package_header(job, stage, folder));
    TRY(package_stage_source(job, stage, index, folder));
    TRY(package_cmake(job, stage, folder));
    if (job->link && package_can_link(job, stage->target)) TRY(package_link(job, stage, folder));
    return 0;
}

int package_write(PackJob *job, const char *folder)
{
    for (int i = 0; i < job->stage_count; i++) TRY(write_stage(job, i, folder));
    TRY(package_client(job, folder));
    if (job->mpi) TRY(package_mpi(job, folder));
    return package_manifest(job, folder);
}
