/* The bytes of files. */
#include "lib/files/tensor_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

FILE *host_open_file(Diag *diag, const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file) {
        host_file_error(diag, path, "%s", strerror(errno));
        return NULL;
    }
    if (fstat(fileno(file), &info) || !S_ISREG(info.st_mode)) {
        fclose(file);
        host_file_error(diag, path, "not a regular file");
        return NULL;
    }
    *size = (size_t)info.st_size;
    return file;
}

int host_read_file(Arena *arena, Diag *diag, const char *path, uint8_t **data, size_t *size)
{
    FILE *file = host_open_file(diag, path, size);
    if (!file) return LPC_ERROR;
    *data = arena_alloc(arena, *size + 1);
    size_t got = fread(*data, 1, *size, file);
    fclose(file);
    return got == *size ? LPC_OK : host_file_error(diag, path, "cannot be read");
}
