/* The files that a user's file includes, which go into packages with it: those in its folder and below.
 * The compiler lists them, without the system's; files that are not there are somebody else's, of another
 * target, say. */
#include "lib/custom/custom.h"

#include "backend/host/input.h"
#include "backend/host/toolchain.h"
#include "ir/target.h"

#include <string.h>
#include <unistd.h>

/* The next word of a makefile's rule, in which a space of a name stands behind a backslash; NULL: none. */
static const char *next_word(Arena *arena, const char **at)
{
    const char *c = *at;
    while (*c == ' ' || *c == '\n' || *c == '\t' || (c[0] == '\\' && c[1] == '\n')) c++;
    if (!*c) return NULL;
    Text word;
    text_init(&word, arena);
    for (; *c && !strchr(" \n\t", *c); c++) {
        if (c[0] == '\\' && (c[1] == ' ' || c[1] == '\\' || c[1] == '#')) c++;
        if (c[0] == '$' && c[1] == '$') c++;
        text_addn(&word, c, 1);
    }
    *at = c;
    return word.data;
}

/* "./" in front of a path says nothing. */
static const char *plain(const char *path)
{
    while (path[0] == '.' && path[1] == '/') path += 2;
    return path;
}

/* The path as seen from the folder of `file`; NULL: it is not in it. */
static const char *within_folder(const CustomFile *file, const char *path)
{
    const char *own = plain(file->path), *slash = strrchr(own, '/');
    size_t length = slash ? (size_t)(slash - own) + 1 : 0;
    path = plain(path);
    if (strncmp(own, path, length) != 0 || (!length && *path == '/')) return NULL;
    path = plain(path + length);
    return !strncmp(path, "../", 3) || strstr(path, "/../") ? NULL : path;
}

static bool is_clean(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (strchr("\"\\\n<>$;", *c)) return false;
    }
    return true;
}

static int add(Customs *set, Diag *diag, CustomFile *file, const char *path)
{
    const char *name = within_folder(file, path);
    if (!name)
        return diag_error(
            diag, "--custom: '%s' includes '%s': packages take files of its own folder only",
            file->path, path);
    if (!is_clean(name))
        return diag_error(diag, "--custom: '%s' includes a file whose name is no file's here",
                          file->path);
    CustomFile beside = {.path = path, .name = arena_strdup(set->arena, name)};
    int failure = input_read(set->arena, path, &beside.text, &beside.length);
    if (failure) return diag_error(diag, "--custom: cannot read '%s': %s", path, strerror(failure));
    arena_push(set->arena, file->beside, file->beside_count) = beside;
    return 0;
}

static bool is_runtime(const char *runtime, const char *path)
{
    size_t length = strlen(runtime);
    return !strncmp(path, runtime, length) && path[length] == '/';
}

int custom_find_beside(Customs *set, Diag *diag, const char *runtime, CustomFile *file)
{
    Target *host = target_host(set->arena);
    ToolArgs args = {.arena = set->arena,
                     .what = arena_printf(set->arena, "reading what '%s' includes", file->path)};
    Text rule;
    text_init(&rule, set->arena);
    tool_args(&args, host->cc, host->cc_count);
    tool_args(&args, (const char *const[]){"-std=c11", "-MM", "-MG", "-w"}, 4);
    tool_arg(&args, arena_printf(set->arena, "-I%s", runtime));
    tool_arg(&args, file->path);
    TRY(tool_run_output(&args, diag, &rule));
    const char *at = strchr(rule.data, ':');
    if (!at) return 0;
    at++;
    next_word(set->arena, &at); /* the file itself */
    for (const char *path; (path = next_word(set->arena, &at));) {
        if (is_runtime(runtime, path) || access(path, R_OK)) continue;
        TRY(add(set, diag, file, path));
    }
    return 0;
}
