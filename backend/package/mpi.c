/* The stages as ranks of an MPI job (runtime/mpi), linked by the MPI library's own compiler, and the files by which mpirun
 * and srun start them. */
#include "backend/package/parts.h"

#include "backend/host/output.h"
#include "backend/host/toolchain.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *mpicc[] = {"mpicc", NULL};

/* The stage's target with MPI's compiler, which brings flags of its own. */
static Target mpi_target(const Target *target)
{
    Target mpi = *target;
    mpi.cc = mpi.linker = mpicc;
    mpi.cc_count = mpi.linker_count = 1;
    mpi.link_flag_count = 0;
    return mpi;
}

/* Whether mpicc is here and makes programs for the stage's kind of machine. */
static int check_compiler(PackJob *job, const PackStage *stage)
{
    Text machine;
    ToolArgs args = {.arena = job->arena};
    const char *triple = stage->target->triple;
    if (!target_has_program((const char *const *)mpicc))
        return diag_error(job->diag, "--transport mpi: there is no mpicc here (Debian: "
                                     "libopenmpi-dev, openmpi-bin)");
    text_init(&machine, job->arena);
    tool_arg(&args, *mpicc);
    tool_arg(&args, "-dumpmachine");
    TRY(tool_run_output(&args, job->diag, &machine));
    size_t length = strcspn(triple, "-") + 1;
    if (machine.length && strncmp(machine.data, triple, length) == 0) return 0;
    return diag_error(job->diag,
                      "--transport mpi: stage '%s' is for %s, mpicc makes programs for %.*s",
                      stage->name, triple, (int)strcspn(machine.data, "\n"), machine.data);
}

/* Compiles parts of runtime/mpi, the last one with main for that descriptor. */
static int compile_parts(PackJob *job, const Target *target, const char *runtime,
                         const char *folder, const char *last, const char *descriptor,
                         PackObjects *made)
{
    const char *const parts[] = {"exchange", "job", last};
    for (int i = 0; i < 3; i++) {
        ToolArgs args = tool_compiler(job->arena, target, runtime);
        const char *object = arena_printf(job->arena, "%s/%s.tmp.o", folder, parts[i]);
        tool_arg(&args, "-O2");
        tool_arg(&args, descriptor);
        tool_arg(&args, arena_printf(job->arena, "-DLPC_RANK_THREADS=%d",
                                     job->threads ? job->threads : 1));
        arena_push(job->arena, made->items, made->count) = object;
        TRY(tool_compile(&args, job->diag, runtime, arena_printf(job->arena, "mpi/%s.c", parts[i]),
                         object));
    }
    return 0;
}

static int compile_descriptor(PackJob *job, const Target *target, const char *folder,
                              const char *runtime, const char *source, PackObjects *made)
{
    ToolArgs args = tool_compiler(job->arena, target, folder);
    const char *object = arena_printf(job->arena, "%s/descriptor.tmp.o", folder);
    tool_arg(&args, "-O1");
    tool_arg(&args, arena_printf(job->arena, "-I%s", runtime));
    arena_push(job->arena, made->items, made->count) = object;
    return tool_compile(&args, job->diag, folder, source, object);
}

static int add_parts(PackJob *job, const Target *target, const char *folder, const char *runtime,
                     const char *source, const char *last, const char *descriptor,
                     PackObjects *made)
{
    TRY(compile_descriptor(job, target, folder, runtime, source, made));
    return compile_parts(job, target, runtime, folder, last, descriptor, made);
}

int package_rank(PackJob *job, const PackStage *stage, const char *folder,
                 const PackObjects *objects)
{
    Target target = mpi_target(stage->target);
    PackStage rank = *stage;
    PackObjects made = {.program = arena_printf(job->arena, "%s/rank", folder)};
    TRY(check_compiler(job, stage));
    rank.target = &target;
    int code = add_parts(
        job, &target, folder, arena_printf(job->arena, "%s/runtime", folder), "stage.c", "rank",
        arena_printf(job->arena, "-DLPC_RANK_MODEL=%s_model", stage->prefix), &made);
    int temporary = made.count;
    for (int i = 1; i < objects->count; i++) /* the first one is the stage program's main */
        arena_push(job->arena, made.items, made.count) = objects->items[i];
    if (!code) code = package_link_program(job, &rank, folder, &made);
    for (int i = 0; i < temporary; i++) unlink(made.items[i]);
    return code;
}

/* Rank 0. */
static int link_ends(PackJob *job, const char *out, const char *folder)
{
    Target target = mpi_target(job->stages[0].target);
    PackObjects made = {0};
    const char *runtime = arena_printf(job->arena, "%s/%s/runtime", out, job->stages[0].name);
    int code = add_parts(job, &target, folder, runtime, "ends.c", "ends",
                         "-DLPC_ENDS_MODEL=lpc_ends_model", &made);
    ToolArgs args = {.arena = job->arena};
    tool_arg(&args, *mpicc);
    tool_arg(&args, "-pthread");
    tool_arg(&args, "-Wl,--build-id=none");
    tool_arg(&args, "-Wl,--gc-sections");
    tool_args(&args, made.items, made.count);
    if (!code) code = tool_add_runtime(&args, job->diag, &target, runtime);
    tool_arg(&args, "-lm");
    tool_arg(&args, "-o");
    tool_arg(&args, arena_printf(job->arena, "%s/ends", folder));
    if (!code) code = tool_run_quietly(&args, job->diag);
    for (int i = 0; i < made.count; i++) unlink(made.items[i]);
    return code;
}

/* Which program is which rank. Both files are read in the package's folder. */
static int write_launchers(PackJob *job, const char *folder)
{
    Text app, conf;
    text_init(&app, job->arena);
    text_init(&conf, job->arena);
    text_add(&app, "# cd to the package, then: mpirun --app mpi/mpirun.app\n-np 1 mpi/ends\n");
    text_printf(&conf,
                "# srun -n %d --kill-on-bad-exit=1 -D PACKAGE --multi-prog "
                "PACKAGE/mpi/srun.conf\n0 mpi/ends\n",
                job->stage_count + 1);
    for (int i = 0; i < job->stage_count; i++) {
        text_printf(&app, "-np 1 %s/rank\n", job->stages[i].name);
        text_printf(&conf, "%d %s/rank\n", i + 1, job->stages[i].name);
    }
    TRY(output_write(job->diag, arena_printf(job->arena, "%s/mpirun.app", folder), app.data,
                     app.length));
    return output_write(job->diag, arena_printf(job->arena, "%s/srun.conf", folder), conf.data,
                        conf.length);
}

int package_mpi(PackJob *job, const char *out)
{
    const char *folder = arena_printf(job->arena, "%s/mpi", out);
    if (mkdir(folder, 0777))
        return diag_error(job->diag, "cannot make '%s': %s", folder, strerror(errno));
    TRY(package_ends_source(job, arena_printf(job->arena, "%s/ends.c", folder)));
    TRY(write_launchers(job, folder));
    return job->link ? link_ends(job, out, folder) : 0;
}
