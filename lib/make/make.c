/* From an ONNX file to a package: the whole compiler as a flat list of steps. */
#include "lib/make/make.h"

#include "backend/package/package.h"
#include "lib/files/folder.h"
#include "lib/report/report.h"
#include "lib/tune/tune.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int open_output(Diag *diag, Arena *arena, const char *out, char **folder, FolderGuard *guard)
{
    struct stat info;
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    const char *plain = arena_strndup(arena, out, length);
    if (!lstat(plain, &info)) return diag_error(diag, "output folder '%s' exists already", plain);
    *folder = arena_printf(arena, "%s.XXXXXX", plain);
    int failure = guard_start(guard, *folder);
    if (failure)
        return diag_error(diag, "cannot make output folder '%s': %s", plain, strerror(failure));
    chmod(*folder, 0755);
    return 0;
}

/* The plan to look at, and the layers to plan again. */
static int write_report(Arena *arena, Diag *diag, const CompileOptions *options, const PackJob *job,
                        Graph *graph, const Cut *cut, const char *folder)
{
    if (cut->plan)
        TRY(profile_write(diag, arena_printf(arena, "%s/layers.json", folder), cut->profile));
    return report_write(job, graph, cut, options->planned ? &options->plan : NULL, folder);
}

/* Tilings that lack are measured on the stages as they are cut by rule; then all is done again as a
 * build does it that only uses the file. */
static int measure_and_cut(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph,
                           Cut *cut)
{
    TRY(tune_cut(arena, diag, options, graph, cut));
    options->tune = false;
    int code = compile_stages(arena, diag, options, graph, cut);
    options->tune = true;
    return code;
}

int make_check_out(Diag *diag, const CompileOptions *options)
{
    struct stat info;
    if (!options->out || lstat(options->out, &info)) return 0;
    return diag_error(diag, "output folder '%s' exists already", options->out);
}

int make_stages(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, Cut *cut)
{
    TRY(compile_stages(arena, diag, options, graph, cut));
    return options->tune ? measure_and_cut(arena, diag, options, graph, cut) : 0;
}

int make_output(Arena *arena, Diag *diag, CompileOptions *options, Graph *graph, const Cut *cut)
{
    PackJob job;
    char *folder = NULL;
    double since = compile_seconds();
    TRY(compile_job(arena, diag, options, graph, cut, &job));
    diag->file = NULL; /* what fails from here on is not about the model */
    FolderGuard guard;
    TRY(open_output(diag, arena, options->out, &folder, &guard));
    int code = package_write(&job, folder);
    compile_lap(diag, options, "emit", &since);
    if (!code) code = write_report(arena, diag, options, &job, graph, cut, folder);
    compile_lap(diag, options, "report", &since);
    size_t length = strlen(folder) - 7;
    if (!code && rename(folder, arena_strndup(arena, folder, length)))
        code =
            diag_error(diag, "cannot make output folder '%s': %s", options->out, strerror(errno));
    if (code) remove_tree(folder);
    guard_end(&guard);
    return code;
}

int make_package(Arena *arena, Diag *diag, CompileOptions *options, Graph **graph, Cut *cut)
{
    Cut own;
    Graph *made;
    if (!cut) cut = &own;
    if (!graph) graph = &made;
    TRY(make_check_out(diag, options));
    TRY(compile_graph(arena, diag, options, graph));
    TRY(make_stages(arena, diag, options, *graph, cut));
    return make_output(arena, diag, options, *graph, cut);
}
