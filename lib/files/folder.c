/* Folders that come and go. */
#include "lib/files/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        Arena *arena = arena_new();
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            const char *inside = arena_printf(arena, "%s/%s", path, entry->d_name);
            struct stat info;
            if (!lstat(inside, &info) && S_ISDIR(info.st_mode))
                remove_tree(inside);
            else
                unlink(inside);
        }
        closedir(dir);
        arena_free(arena);
    }
    rmdir(path);
}

char *work_template(Arena *arena, const char *what)
{
    const char *root = getenv("TMPDIR");
    return arena_printf(arena, "%s/lpc-%s-XXXXXX", root && *root ? root : "/tmp", what);
}

char *work_folder(Arena *arena, Diag *diag, const char *what)
{
    char *path = work_template(arena, what);
    if (mkdtemp(path)) return path;
    diag_error(diag, "cannot make a temporary folder: %s", strerror(errno));
    return NULL;
}
