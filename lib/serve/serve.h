/* The gateway: holds both ends of a pipeline and lets many clients use it at once (docs/serving.md).
 *
 *   pool.h     frames of clients on their way through the pipeline
 *   wire.c     clients that speak the wire protocol: for them this is a pipeline of one stage
 *   http.c     clients that speak HTTP, where libmicrohttpd is linked: which path does what
 *   sequences.c  their sequences, where the model keeps state
 *   infer.c    KServe's v2 requests and answers
 *   tensors.c  their tensors, as JSON and as bytes
 *   json.c     JSON, as it is read
 *   figures.c  /metrics and /status
 *   page.html  the status page
 *   serve.c    starts and stops all that */
#ifndef LPC_LIB_SERVE_H
#define LPC_LIB_SERVE_H

#include "lib/serve/pool.h"

typedef struct ServeOptions {
    const char *first, *last;  /* where the pipeline's ends listen */
    const char *listen, *http; /* NULL: not */
    int streams;
    double retry; /* seconds */
    int beat_ms;
    const char *keys; /* file of keys; NULL: links are plain, */
    int insecure;     /* which is meant */
    int keys_fd;      /* readable: the keys are read again; 0: never */
    int stop_fd;      /* readable: serving ends */
    void (*listens)(void *user, const char *what, const char *address); /* "frames" or "HTTP" */
    void (*log)(void *user, const char *line);                          /* from any thread */
    void *user;
} ServeOptions;

/* Serves until stop_fd becomes readable. Then what is under way may end, for less than a second. */
int serve_package(const Package *package, Arena *arena, Diag *diag, const ServeOptions *options);

/* ---- wire.c ---- */

typedef struct ServeWire ServeWire;
int wire_start(ServeWire **wire, ServePool *pool, Arena *arena, Diag *diag,
               const ServeOptions *options);
/* NULL is allowed, here and below. */
void wire_stop(ServeWire *wire);

/* ---- http.c, http_none.c ---- */

typedef struct ServeHttp ServeHttp;
int http_start(ServeHttp **http, ServePool *pool, Arena *arena, Diag *diag,
               const ServeOptions *options);
/* What is due once in a second. */
void http_tick(ServeHttp *http);
void http_stop(ServeHttp *http);

/* ---- figures.c: texts in the arena ---- */

const char *figures_metrics(ServePool *pool, Arena *arena);
const char *figures_status(ServePool *pool, Arena *arena);

#endif
