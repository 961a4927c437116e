/* Keys on lpc's own side (docs/security.md): those that it connects with, and files of them that it makes. */
#ifndef LPC_LIB_SECURE_H
#define LPC_LIB_SECURE_H

#include "ir/diag.h"
#include "runtime/tls.h"

typedef struct Secure {
    LpcKeys keys;
    LpcTlsPool *tls; /* NULL: links are plain */
} Secure;

/* Reads the file (NULL: links are plain) and makes `count` sessions. Reports. */
int secure_open(Secure *secure, Diag *diag, const char *file, int count);
/* When no link is open any more. */
void secure_close(Secure *secure);
/* Makes a file, which must not exist, with a fresh key of that name ("": one is drawn), for its owner only. Reports. */
int secure_make(Diag *diag, const char *file, const char *name);

#endif
