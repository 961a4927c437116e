/* See input.h. */
#include "backend/host/input.h"

#include <errno.h>
#include <stdio.h>

int input_read(Arena *arena, const char *path, const char **data, size_t *length)
{
    FILE *in = fopen(path, "rb");
    if (!in) return errno;
    Text text;
    text_init(&text, arena);
    char part[16384];
    errno = 0;
    for (size_t got; (got = fread(part, 1, sizeof part, in)) > 0;) text_addn(&text, part, got);
    int failure = ferror(in) ? (errno ? errno : EIO) : 0; /* a folder opens, and cannot be read */
    fclose(in);
    *data = text.data;
    *length = text.length;
    return failure;
}
