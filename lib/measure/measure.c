/* A stage as a program that times its kernels, and what it says. */
#include "lib/measure/measure.h"

#include <stdio.h>
#include <string.h>

int measure_build(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                  const Cut *cut, const char *work, const char *name, const char *program)
{
    const Stage *stage = &cut->stages[0];
    TRY(program_emit(arena, diag, options, graph, cut, work, name));
    const char *prefix = stage->program->name;
    const char *source =
        arena_printf(arena,
                     "#include \"calibrate.h\"\nextern const lpc_model %s_model;\n"
                     "int main(int argc, char **argv)\n{\n"
                     "    return lpc_measure_main(&%s_model, %d, argc, argv);\n}\n",
                     prefix, prefix, stage->program->kernel_count);
    const char *folder = arena_printf(arena, "%s/%s", name, stage->name);
    return program_link(arena, diag, stage->target, source, work, &folder, 1, program);
}

static int read_times(Diag *diag, char *output, int kernels, double *seconds, double *whole)
{
    int seen = 0;
    for (char *line; (line = strtok_r(output, "\n", &output));) {
        int kernel;
        double ns;
        if (sscanf(line, "kernel %d %lf", &kernel, &ns) == 2 && kernel >= 0 && kernel < kernels) {
            seconds[kernel] = ns * 1e-9;
            seen++;
        } else if (sscanf(line, "run %lf", &ns) == 1) {
            *whole = ns * 1e-9;
        }
    }
    return seen == kernels ? 0 : diag_error(diag, "the measuring program says something else");
}

int measure_run(Arena *arena, Diag *diag, const Stage *stage, const char *runner,
                const char *program, int threads, int repeat, double *seconds, double *whole)
{
    const char *run[5] = {NULL};
    char *output;
    int count = 0;
    if (threads) run[count++] = "--threads", run[count++] = arena_printf(arena, "%d", threads);
    if (repeat) run[count++] = "--repeat", run[count++] = arena_printf(arena, "%d", repeat);
    TRY(program_run(arena, diag, stage->target, runner, program, run, &output));
    return read_times(diag, output, stage->program->kernel_count, seconds, whole);
}
