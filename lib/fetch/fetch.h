/* Packages for devices that fetch: a small HTTP server that hands out scripts, one for each stage, and programs.
 *
 *   fetch.c    what is served, at which port, which lines are to be pasted
 *   tell.c     what it tells its user, and another one
 *   answer.c   which path gets what: a list of names, no files by path
 *   http.c     libmicrohttpd; http_none.c where it is missing
 *   fetch.sh   what a device does, with the functions of lib/deploy/far.sh
 *
 * Devices tell where their stage listens; so each learns where the next one is, and nobody has to write it down. */
#ifndef LPC_LIB_FETCH_H
#define LPC_LIB_FETCH_H

#include "lib/deploy/deploy.h"
#include "runtime/transport.h"

#include <pthread.h>

enum { FETCH_PORT = 8090, FETCH_PORTS = 20 /* that are tried */ };

typedef struct FetchOptions {
    int port;
    int stop_fd; /* readable: serving ends */
    void (*line)(void *user, const char *line);
    void *user;
} FetchOptions;

typedef struct FetchServer {
    Deployment d; /* stages with their names, folders, programs */
    FetchOptions options;
    LpcListener listener;
    int port;
    char name[LPC_HOST_BYTES];  /* what devices may call this machine */
    char (*at)[LPC_PEER_BYTES]; /* by stage: where it runs; "": not known yet */
    pthread_mutex_t mutex;      /* of `at` */
} FetchServer;

/* Serves OUT's stages until stop_fd becomes readable; returns at once when a server of the same package is at the port
 * already. */
int fetch_serve(Arena *arena, Diag *diag, const char *folder, const FetchOptions *options);

/* ---- tell.c ---- */

/* A line for the user. */
void fetch_tell(FetchServer *server, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What /build says: who serves the same says the same. */
const char *fetch_build(const FetchServer *server, Arena *arena);

/* ---- answer.c ---- */

typedef struct FetchRequest {
    const char *path;  /* without its escapes */
    const char *host;  /* what the device calls this machine, "192.168.1.5:8090"; NULL */
    const char *peer;  /* the device's address, without a port */
    const char *range; /* of bytes; NULL: all */
} FetchRequest;

typedef struct FetchAnswer {
    int status;
    const char *text; /* NULL: from..end of the file */
    const char *file;
    int64_t from, end, size;
} FetchAnswer;

FetchAnswer fetch_answer(FetchServer *server, Arena *arena, const FetchRequest *request);

/* ---- http.c, http_none.c ---- */

/* Serves at the listener, until stop_fd becomes readable. */
int fetch_http(FetchServer *server, Diag *diag);

#endif
