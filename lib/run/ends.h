/* Both ends of a pipeline, held by its client: frames go to the first stage and results come from the last one.
 *
 *     ends_make(&ends, arena, diag, package);
 *     ends_connect(&ends, &places, &error);
 *     ends_feed(&ends, inputs, sizes, &error);       (may be another thread than the next)
 *     ends_receive(&ends, timeout_ms, &error);       (ends.out_slot has the frame)
 *     ends_close(&ends);                             (and perhaps connect again: another stream)
 *     ends_free(&ends);
 */
#ifndef LPC_LIB_RUN_ENDS_H
#define LPC_LIB_RUN_ENDS_H

#include "lib/run/run.h"
#include "runtime/gate.h"
#include "runtime/pulse.h"

#include <stdatomic.h>

typedef struct RunEnds {
    const Package *package;
    LpcCrc crc;
    LpcPulse pulse; /* along `feed` and against `collect`; counts what was fed */
    uint8_t stream[LPC_STREAM_BYTES];
    LpcLink feed, collect;
    LpcShape in_shape, out_shape;
    LpcSlot in_slot, out_slot; /* the in slot's tensors are the caller's */
    struct iovec *pieces;
    uint64_t received; /* frames that came */
    LpcBeat last;      /* what the last stage last said of itself */
    int silence_ms;    /* of the link to it, once it has said something */
    int is_open;
    atomic_int
        reached; /* something came from the last stage: the stream is there from end to end */
    pthread_mutex_t mutex;
    LpcError broken; /* under the mutex: what the first stage, or the link to it, told */
    void *memory;
} RunEnds;

/* Where the stages are, and how long their answers may take. */
typedef struct EndPlaces {
    const char *first, *last; /* addresses */
    int timeout_ms;           /* for connecting, and for each place in line */
    LpcTlsPool *tls;          /* links go through it; NULL: they are plain */
    const LpcInLine *in_line; /* who hears that others come first; or NULL */
    int stop_fd;              /* readable: connecting ends, with LPC_STOPPED; -1: none */
} EndPlaces;

/* Buffers and the thread of the pulse. beat_ms: how often it gives a sign of life; 0: never. */
int ends_make(RunEnds *ends, Arena *arena, Diag *diag, const Package *package, int beat_ms);
/* A new stream: attaches it at the last stage and opens it at the first one. Returns 0 or an exit status with error
 * filled; ends_close is due in either case. */
int ends_connect(RunEnds *ends, const EndPlaces *places, LpcError *error);
int ends_feed(RunEnds *ends, const HostTensor *inputs, const int64_t *sizes, LpcError *error);
/* No more frames follow. */
int ends_finish(RunEnds *ends, LpcError *error);
/* The next frame of results into out_slot; its kind is LPC_FRAME_DATA or LPC_FRAME_END. timeout_ms: until it begins
 * to come; -1: none. */
int ends_receive(RunEnds *ends, int timeout_ms, LpcError *error);
/* Makes another thread that feeds or receives fail. */
void ends_break(RunEnds *ends);
void ends_close(RunEnds *ends);
void ends_free(RunEnds *ends);

#endif
