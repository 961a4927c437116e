/* One stage: its buffers, its three threads, its streams. */
#ifndef LPC_RUNTIME_STAGE_H
#define LPC_RUNTIME_STAGE_H

#include "lpc_runtime.h"
#include "stats.h"

enum { LPC_QUEUE_MAX = 64, LPC_STREAMS_MAX = 64 };

typedef struct LpcStageOptions {
    const char *listen, *forward; /* addresses; forward NULL: clients fetch the results */
    const char *stats;            /* file, or NULL */
    const char *keys;             /* file, or NULL: links are plain */
    int insecure;                 /* which is meant, whatever the addresses */
    int threads, queue;
    int streams;    /* that are served at once */
    int beat_ms;    /* how often it gives its neighbours a sign of life; 0: never */
    int timeout_ms; /* -1: none */
    int serve;
    int log_json; /* the log's lines are JSON objects (log.h) */
    int guard;    /* each tensor in pages of its own; inputs read-only while the model runs */
} LpcStageOptions;

/* Runs the stage until its stream ends (with serve: until SIGTERM). SIGTERM and SIGINT must be
 * blocked. Returns the exit status; every failure has been told on stderr. */
int lpc_stage_run(const lpc_model *model, const LpcStageOptions *options);

#endif
