/* Files of source text, read whole. */
#include "lib/custom/custom.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

int custom_read(Arena *arena, const char *path, const char **data, size_t *length)
{
    struct stat info;
    FILE *in = fopen(path, "rb");
    if (!in) return errno;
    Text text;
    text_init(&text, arena);
    if (!fstat(fileno(in), &info) && S_ISDIR(info.st_mode)) {
        fclose(in);
        return EISDIR;
    }
    char part[16384];
    for (size_t got; (got = fread(part, 1, sizeof part, in)) > 0;) text_addn(&text, part, got);
    fclose(in);
    *data = text.data;
    *length = text.length;
    return 0;
}
