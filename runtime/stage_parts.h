/* What the parts of a stage share: stage.c starts and ends it, stage_memory.c makes its buffers,
 * stage_stream.c holds what its three threads do. */
#ifndef LPC_RUNTIME_STAGE_PARTS_H
#define LPC_RUNTIME_STAGE_PARTS_H

#include "gate.h"
#include "helper.h"
#include "pool.h"
#include "queue.h"
#include "stage.h"
#include "transport.h"

#include <stdatomic.h>

typedef struct LpcStage {
    const lpc_model *model;
    const LpcStageOptions *options;
    const LpcTransport *in_transport, *out_transport;
    const char *in_address, *out_address;
    LpcGate gate;
    LpcLink in, out;
    uint8_t stream[LPC_STREAM_BYTES]; /* the present one */
    LpcShape in_shape, out_shape;
    LpcQueue in_queue, out_queue;
    LpcCrc *crc;
    LpcStats *stats;
    LpcPool *pool;
    lpc_threads threads;
    LpcHelper receiver, sender;
    void *workspace, *state;
    size_t state_mapped;
    int64_t *kept; /* the state's symbols, on the first stage */
    struct iovec *pieces;
    uint8_t **guard_ends; /* --guard: where the pages of each input end */
    void **guarded;       /* and the present frame's inputs, at these ends */
    uint64_t sent;        /* frames of the stream */
    int stop_pipe[2];
    pthread_mutex_t mutex;
    LpcError error; /* of the stream, the first one */
    pthread_t signals;
    int signals_started, pool_started;
    atomic_int quitting;
} LpcStage;

/* Everything that the stage needs, in one mapping, and what lies in it that is made once. */
int lpc_stage_memory(LpcStage *stage, LpcError *error);
/* --guard: copies the frame's inputs to where they end at a page that cannot be accessed (up to the
 * alignment), and makes them read-only until lpc_stage_unlock. NULL, with errno, on failure. */
const void *const *lpc_stage_lock(LpcStage *stage, const LpcSlot *in);
int lpc_stage_unlock(LpcStage *stage, const LpcSlot *in);
/* Zeroes the state for a new stream. */
void lpc_stage_zero_state(LpcStage *stage);

/* The jobs of the three threads, for one stream each; self is the LpcStage. */
void lpc_stage_receive(void *self);
void lpc_stage_compute(LpcStage *stage);
void lpc_stage_send(void *self);

#endif
