/* In which form a stage's weights leave, and the files that hold them. */
#include "backend/package/parts.h"

#include "backend/arrays/arrays.h"
#include "backend/object/weights_object.h"
#include "ir/machine.h"

WeightsForm package_weights(const PackJob *job, const PackStage *stage)
{
    if (job->weights != WEIGHTS_AUTO) return job->weights;
    bool elf = machine_has_elf(stage->target->triple) || !job->backend->reads_arrays;
    return elf ? WEIGHTS_ELF : WEIGHTS_C;
}

int package_weights_files(const PackJob *job, const PackStage *stage)
{
    return package_weights(job, stage) == WEIGHTS_ELF ? 1 : arrays_files(stage->program);
}

const char *package_weights_file(const PackJob *job, const PackStage *stage, int index)
{
    if (package_weights(job, stage) == WEIGHTS_ELF) return "weights.o";
    return arena_printf(job->arena, "weights_%d.c", index + 1);
}

int package_weights_write(PackJob *job, const PackStage *stage, const char *folder)
{
    if (package_weights(job, stage) == WEIGHTS_ELF)
        return weights_object_write(stage->program, stage->target->triple, job->diag,
                                    arena_printf(job->arena, "%s/weights.o", folder));
    const char *title = arena_printf(job->arena, "%s, stage %s",
                                     package_harmless(job, job->model_file), stage->name);
    return arrays_write(stage->program, title, job->diag, folder);
}
