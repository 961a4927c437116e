/* One stage: its buffers, its three threads, its streams. */
#ifndef LPC_RUNTIME_STAGE_H
#define LPC_RUNTIME_STAGE_H

#include "lpc_runtime.h"
#include "stats.h"

enum { LPC_QUEUE_MAX = 64, LPC_STREAMS_MAX = 64 };

struct LpcStream;

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
    /* Instead of the model's run: empties in_queue and fills out_queue until the stream ends. NULL: the model's run. */
    void (*compute)(struct LpcStream *stream);
    int guard; /* each tensor in pages of its own; inputs read-only while the model runs */
} LpcStageOptions;

/* Runs the stage until its stream ends (with serve: until SIGTERM). SIGTERM and SIGINT must be
 * blocked. Returns the exit status; every failure has been told on stderr. */
int lpc_stage_run(const lpc_model *model, const LpcStageOptions *options);

/* The defaults (so many threads), and a stage program's command line over them. Returns 0 or LPC_EXIT_USAGE, told; *done: it asked for
 * help or the version only, and has it. */
int lpc_stage_arguments(const lpc_model *model, int argc, char **argv, int threads,
                        LpcStageOptions *options, int *done);
/* Blocks the signals that a stage waits for, and ignores SIGPIPE: before any thread is made, since all inherit it. */
void lpc_stage_signals(const LpcStageOptions *options);
/* Whether this processor can run the model: 0 or LPC_EXIT_PROCESSOR, told. */
int lpc_stage_can_run(const lpc_model *model, const LpcStageOptions *options);

#endif
