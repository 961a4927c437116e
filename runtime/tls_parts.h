/* What tls.c and tls_bytes.c share: a session. */
#ifndef LPC_RUNTIME_TLS_PARTS_H
#define LPC_RUNTIME_TLS_PARTS_H

#include "tls.h"

#include <mbedtls/ssl.h>

enum {
    LPC_RECORD_BYTES = 16384, /* the most that a record carries */
    LPC_AHEAD_BYTES = 32768   /* read from the socket at once */
};

/* What a context of mbed TLS does is not for two threads at once, but a link is: frames are read and beats written, or
 * the other way round. So one mutex guards the context and all that stands here, and is held for as long as a record
 * takes to be coded and handed to the socket, which never blocks. Nobody waits for the socket with it: a waiting reader
 * would keep the beats back. (Frames go one way only, so that hardly anybody ever waits for the mutex.) */
struct LpcTls {
    LpcTlsPool *pool;
    LpcTls *next; /* of those that are free */
    pthread_mutex_t mutex;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    int fd, is_server, is_proving, has_ended;
    int is_known;                  /* the other end named a key that is here, */
    char name[LPC_KEY_NAME_BYTES]; /* which is this one ("" before) */
    size_t begin, end;             /* of what was read ahead */
    const void *owed;              /* handed over and coded, but not yet all sent */
    size_t owed_bytes;
    uint8_t ahead[LPC_AHEAD_BYTES];
    uint8_t gathered[LPC_RECORD_BYTES]; /* small pieces, for one record */
};

#endif
