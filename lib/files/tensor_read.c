/* Files that hold a tensor, or what counts as one. */
#include "lib/files/maps.h"
#include "lib/files/tensor_io.h"

#include <stdio.h>
#include <stdlib.h>

int host_read(HostTensor *tensor, Arena *arena, Diag *diag, const char *path)
{
    size_t size;
    FILE *file = host_open_file(diag, path, &size);
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
