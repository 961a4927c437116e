/* Programs around emitted models: made with the target's toolchain, run here. */
#include "lib/measure/measure.h"

#include "backend/host/output.h"
#include "backend/package/package.h"
#include "backend/host/toolchain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int program_emit(Arena *arena, Diag *diag, const CompileOptions *options, Graph *graph,
                 const Cut *cut, const char *work, const char *name)
{
    const char *folder = arena_printf(arena, "%s/%s", work, name);
    if (mkdir(folder, 0777))
        return diag_error(diag, "cannot make '%s': %s", folder, strerror(errno));
    return compile_emit(arena, diag, options, graph, cut, folder);
}

/* Whether the target's own flags say so: two ways of being static do not go together. */
static bool is_static(const Target *target)
{
    for (int i = 0; i < target->link_flag_count; i++)
        if (!strncmp(target->link_flags[i], "-static", 7)) return true;
    return false;
}

int program_link(Arena *arena, Diag *diag, const Target *target, const char *source,
                 const char *work, const char *const *stages, int count, const char *program)
{
    ToolArgs args = {.arena = arena};
    const char *runtime = lpc_data_dir(arena, "runtime");
    const char *path = arena_printf(arena, "%s/main.c", work);
    if (!runtime) return diag_error(diag, "the runtime's sources are not installed beside lpc");
    if (!target_has_program(target->cc))
        return diag_error(diag, "target '%s': its compiler '%s' is not installed", target->name,
                          target->cc[0]);
    TRY(output_write(diag, path, source, strlen(source)));
    tool_args(&args, target->cc, target->cc_count);
    tool_args(&args,
              (const char *const[]){"-std=c11", "-O2", "-w", "-pthread", "-Wl,--gc-sections",
                                    "-Wl,--build-id=none"},
              6);
    if (!is_static(target)) tool_arg(&args, "-static");
    tool_arg(&args, arena_printf(arena, "-ffile-prefix-map=%s=.", work));
    tool_arg(&args, arena_printf(arena, "-I%s", runtime));
    tool_arg(&args, path);
    for (int i = 0; i < count; i++) {
        const char *folder = arena_printf(arena, "%s/%s", work, stages[i]);
        const char *code = arena_printf(arena, "%s/model.c", folder);
        tool_arg(&args, arena_printf(arena, "-I%s", folder));
        tool_arg(&args, access(code, R_OK) ? arena_printf(arena, "%s/model.o", folder) : code);
        tool_arg(&args, arena_printf(arena, "%s/weights.o", folder));
        tool_arg(&args, arena_printf(arena, "%s/stage.c", folder));
        TRY(tool_add_custom(&args, diag, folder));
    }
    TRY(tool_add_runtime(&args, diag, target, runtime));
    tool_args(&args, target->link_flags, target->link_flag_count);
    tool_arg(&args, "-lm");
    tool_arg(&args, "-o");
    tool_arg(&args, program);
    return tool_run(&args, diag);
}

int program_run(Arena *arena, Diag *diag, const Target *target, const char *runner,
                const char *program, const char *const *options, char **output)
{
    ToolArgs args = {.arena = arena, .what = runner};
    Text text;
    text_init(&text, arena);
    if (runner) {
        const char *line = arena_printf(arena, "%s \"$@\"", runner);
        const char *name = arena_printf(arena, "LPC_TARGET=%s", target->name);
        tool_args(&args, (const char *const[]){"env", name, "sh", "-c", line, "lpc-runner"}, 6);
    } else if (!target->native) {
        if (!target->emulator_count || !target_has_program(target->emulator))
            return diag_error(diag, "target '%s': this machine can neither run nor emulate it",
                              target->name);
        tool_args(&args, target->emulator, target->emulator_count);
    }
    tool_arg(&args, program);
    for (int i = 0; options[i]; i++) tool_arg(&args, options[i]);
    TRY(tool_run_output(&args, diag, &text));
    *output = text.data;
    return 0;
}
