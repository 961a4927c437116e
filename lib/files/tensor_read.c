/* Files that hold a tensor, or what counts as one. */
#include "lib/files/maps.h"
#include "lib/files/tensor_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An open regular file and its size; NULL, reported, when it is none. */
static FILE *open_file(Diag *diag, const char *path, size_t *size)
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
    FILE *file = open_file(diag, path, size);
    if (!file) return LPC_ERROR;
    *data = arena_alloc(arena, *size + 1);
    size_t got = fread(*data, 1, *size, file);
    fclose(file);
    return got == *size ? LPC_OK : host_file_error(diag, path, "cannot be read");
}

int host_read(HostTensor *tensor, Arena *arena, Diag *diag, const char *path)
{
    size_t size;
    FILE *file = open_file(diag, path, &size);
    if (!file) return LPC_ERROR;
    void *data = malloc(size ? size : 1); /* not of the arena: gone once parsed */
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    int code = !data         ? host_file_error(diag, path, "too large for this machine's memory")
               : got != size ? host_file_error(diag, path, "cannot be read")
               : maps_are_there(data, size) ? maps_parse(tensor, arena, diag, path, data, size)
                                            : host_parse(tensor, arena, diag, path, data, size);
    free(data);
    return code;
}
