/* Writing files, and taking back the ones that fail. */
#include "backend/host/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void output_remove(const char *path)
{
    struct stat info;
    if (!stat(path, &info) && S_ISREG(info.st_mode)) remove(path);
}

int output_write(Diag *diag, const char *path, const char *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file) return diag_error(diag, "cannot write '%s': %s", path, strerror(errno));
    bool bad = fwrite(data, 1, length, file) != length;
    int why = errno;
    if (fclose(file) && !bad) {
        bad = true;
        why = errno;
    }
    if (!bad) return LPC_OK;
    output_remove(path);
    return diag_error(diag, "cannot write '%s': %s", path, strerror(why));
}
