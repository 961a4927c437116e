/* Where lpc's own files and the target's programs are. */
#define _GNU_SOURCE
#include "ir/target.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LPC_SOURCE_DIR
#define LPC_SOURCE_DIR "."
#endif

const char *dot_name(DotKind kind)
{
    static const char *const names[] = {"none", "vnni", "avxvnni", "sdot"};
    return names[kind];
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The file that this code was loaded from: liblpc.so, or the running program. */
static bool own_file(char path[PATH_MAX])
{
    Dl_info info;
    if (dladdr((const void *)(uintptr_t)&own_file, &info) && info.dli_fname &&
        strstr(info.dli_fname, "/liblpc.so"))
        return realpath(info.dli_fname, path) != NULL;
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length > 0) path[length] = 0;
    return length > 0;
}

const char *lpc_data_dir(Arena *arena, const char *sub)
{
    char own[PATH_MAX];
    const char *between = strncmp(sub, "lib/", 4) == 0 ? "" : "share/lpc/", *path;
    if (own_file(own)) {
        for (int i = 0; i < 2; i++) { /* /prefix/bin/lpc -> /prefix */
            char *slash = strrchr(own, '/');
            if (slash) *slash = 0;
        }
        path = arena_printf(arena, "%s/%s%s", own, between, sub);
        if (is_dir(path)) return path;
    }
    path = arena_printf(arena, "%s/%s", LPC_SOURCE_DIR, sub);
    return is_dir(path) ? path : NULL;
}

bool target_has_program(const char *const *argv)
{
    if (!argv || !argv[0]) return false;
    if (strchr(argv[0], '/')) return access(argv[0], X_OK) == 0;
    const char *path = getenv("PATH");
    if (!path) return false;
    char full[PATH_MAX];
    while (*path) {
        size_t length = strcspn(path, ":");
        if (length > 0 && length < PATH_MAX / 2) {
            int n = snprintf(full, sizeof full, "%.*s/%s", (int)length, path, argv[0]);
            if (n > 0 && n < (int)sizeof full && access(full, X_OK) == 0) return true;
        }
        path += length;
        if (*path) path++;
    }
    return false;
}
