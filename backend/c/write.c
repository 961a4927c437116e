/* The C backend's row: the file, with what the target says. */
#include "backend/c/c.h"
#include "backend/host/output.h"

/* -std=c11 is the compiler's anyway; why these: c.h. */
const char *const C_CFLAGS[] = {"-O3", "-fno-math-errno", "-fno-trapping-math", NULL};

int backend_c_write(const BackendJob *job)
{
    CEmitOptions options = {.portable = job->portable,
                            .arrays = job->weights == WEIGHTS_C,
                            .profile = job->profile,
                            .vector_bits = job->portable ? 0 : job->target->vector_bits,
                            .title = job->title};
    Text text;
    text_init(&text, job->arena);
    TRY(backend_c_emit(job->program, &options, job->diag, &text));
    return output_write(job->diag, arena_printf(job->arena, "%s/model.c", job->folder), text.data,
                        text.length);
}
