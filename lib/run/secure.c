/* See secure.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/run/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int secure_open(Secure *secure, Diag *diag, const char *file, int count)
{
    LpcError error = {0};
    *secure = (Secure){0};
    if (!file) return LPC_OK;
    int code = lpc_keys_open(&secure->keys, file, &error);
    if (!code) code = lpc_tls_open(&secure->tls, &secure->keys, count, &error);
    return code ? diag_error(diag, "%s", error.text) : LPC_OK;
}

void secure_close(Secure *secure)
{
    lpc_tls_close(secure->tls);
    secure->tls = NULL;
    lpc_keys_close(&secure->keys);
}

int secure_make(Diag *diag, const char *file, const char *name)
{
    char line[LPC_KEY_LINE_BYTES];
    LpcError error = {0};
    if (lpc_keys_draw(name, line, &error)) return diag_error(diag, "%s", error.text);
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), failure = 0;
    if (fd < 0)
        failure = errno;
    else if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        failure = EIO;
    if (fd >= 0 && close(fd) && !failure) failure = errno;
    lpc_forget(line, sizeof line);
    return failure ? diag_error(diag, "%s: %s", file, strerror(failure)) : LPC_OK;
}
