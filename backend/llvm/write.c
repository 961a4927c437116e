/* The LLVM backend's rows: the object, with or without its text. */
#include "backend/llvm/llvm.h"

static int write_object(const BackendJob *job, const char *text_path)
{
    LlvmOptions options = llvm_options(job->target);
    options.profile = job->profile;
    options.text_path = text_path;
    return backend_llvm_emit(job->program, &options, job->diag,
                             arena_printf(job->arena, "%s/model.o", job->folder));
}

int backend_llvm_write(const BackendJob *job)
{
    return write_object(job, NULL);
}

int backend_llvm_write_text(const BackendJob *job)
{
    return write_object(job, arena_printf(job->arena, "%s/model.ll", job->folder));
}
