/* The C backend's file, compiled at once. */
#include "backend/cc/cc.h"

#include "backend/c/c.h"
#include "backend/host/toolchain.h"

#include <unistd.h>

int backend_cc_write(const BackendJob *job)
{
    const Target *target = job->target;
    if (!target_has_program(target->cc))
        return diag_error(job->diag,
                          "this lpc was built without LLVM: --emit obj needs target %s's compiler "
                          "'%s', which is not here (--emit c needs none)",
                          target->name, target->cc[0]);
    TRY(backend_c_write(job));
    ToolArgs args = tool_compiler(job->arena, target, job->folder);
    for (const char *const *flag = C_CFLAGS; *flag; flag++) tool_arg(&args, *flag);
    if (!job->portable) tool_args(&args, target->cflags, target->cflag_count);
    const char *runtime = lpc_data_dir(job->arena, "runtime");
    if (runtime) tool_arg(&args, arena_printf(job->arena, "-I%s", runtime));
    int code = tool_compile(&args, job->diag, job->folder, "model.c",
                            arena_printf(job->arena, "%s/model.o", job->folder));
    unlink(arena_printf(job->arena, "%s/model.c", job->folder));
    return code;
}
