/* What the parts of a stage share: stage.c starts and ends it, stage_memory.c makes its buffers, stage_serve.c
 * serves its streams one after the other, stage_stream.c holds what the threads of a stream do, stage_tell.c what it
 * tells, stage_keys.c keeps strangers out. */
#ifndef LPC_RUNTIME_STAGE_PARTS_H
#define LPC_RUNTIME_STAGE_PARTS_H

#include "gate.h"
#include "helper.h"
#include "log.h"
#include "pool.h"
#include "pulse.h"
#include "queue.h"
#include "stage.h"
#include "transport.h"
#include "turns.h"

#include <stdatomic.h>

typedef struct LpcStage LpcStage;

/* One stream at a time, from its links to its end; a stage has as many as it serves at once. */
typedef struct LpcStream {
    LpcStage *stage;
    LpcLink in, out;
    uint8_t id[LPC_STREAM_BYTES]; /* the present one */
    LpcQueue in_queue, out_queue;
    LpcHelper receiver, sender,
        server;     /* server: of all but the first, which is the main thread's */
    LpcPulse pulse; /* counts the frames that were sent, and is who sends them */
    void *state;
    int64_t *kept; /* the state's symbols, on the first stage */
    struct iovec *pieces;
    uint8_t **guard_ends; /* --guard: where the pages of each input end */
    void **guarded;       /* and the present frame's inputs, at these ends */
    LpcBeat before;       /* what the neighbour before last said of itself */
    pthread_mutex_t mutex;
    LpcError error;                    /* of the stream, the first one; these under the mutex */
    LpcBeat doing;                     /* for the beats: without how long, */
    uint64_t since_ns;                 /* which is since then; 0: there is no stream */
    uint64_t spent_ns[LPC_DOES_COUNT]; /* before that, of all its streams */
    int cause;                         /* the code that a stage behind told; 0: none did */
    int code;                          /* how it ended */
} LpcStream;

struct LpcStage {
    const lpc_model *model;
    const LpcStageOptions *options;
    LpcLog log;
    const LpcTransport *in_transport, *out_transport;
    const char *in_address, *out_address; /* out_address NULL: results are fetched */
    LpcKeys keys;
    LpcTlsPool *tls; /* NULL: links are plain */
    LpcGate gate;
    LpcHello result; /* what a client says that fetches them */
    LpcShape in_shape, out_shape;
    LpcStream *streams;
    LpcTurns turns; /* whose turn it is with the pool and the workspace */
    LpcPool *pool;
    lpc_threads threads;
    void *workspace;
    size_t state_mapped; /* of each stream */
    LpcCrc *crc;
    LpcStats *stats;
    uint64_t begin_ns;
    int stop_pipe[2];
    pthread_t signals;
    int signals_started, pool_started;
    atomic_int quitting;
    atomic_uint broken; /* streams */
};

/* Sets what follows from the model and the options alone. */
void lpc_stage_init(LpcStage *stage, const lpc_model *model, const LpcStageOptions *options);
/* Everything that the stage needs, in one mapping, and what lies in it that is made once. */
int lpc_stage_memory(LpcStage *stage, LpcError *error);
/* --guard: copies the frame's inputs to where they end at a page that cannot be accessed (up to the
 * alignment), and makes them read-only until lpc_stage_unlock. NULL, with errno, on failure. */
const void *const *lpc_stage_lock(LpcStream *stream, const LpcSlot *in);
int lpc_stage_unlock(LpcStream *stream, const LpcSlot *in);
/* Zeroes the state for a new stream. */
void lpc_stage_zero_state(LpcStream *stream);

/* Makes the threads of a stream, which wait. Returns an errno value. */
int lpc_stage_start_stream(LpcStream *stream);
/* Serves one stream after the other until the stage stops or, without --serve, one has ended; leaves how in
 * stream->code. */
void lpc_stage_serve(void *stream);
void lpc_stage_stop_stream(LpcStream *stream);

/* A new stream begins: empty queues, zeroed state. */
void lpc_stage_begin(LpcStream *stream);
/* What the slot that was just received is from now on: that frame or, where code says that none came, the end of the
 * stream or an error. */
void lpc_stage_judge(LpcStream *stream, LpcSlot *slot, int code, const LpcError *error);
/* The jobs of the three threads that frames go through; self is the LpcStream. */
void lpc_stage_receive(void *self);
void lpc_stage_compute(LpcStream *stream);
void lpc_stage_send(void *self);

/* --- stage_keys.c --- */

/* Refuses addresses that need keys when there are none; else reads the keys and makes the sessions. */
int lpc_stage_secure(LpcStage *stage, LpcError *error);
/* Reads the keys again, and tells it. */
void lpc_stage_keys_again(LpcStage *stage);
void lpc_stage_unsecure(LpcStage *stage);

/* --- stage_tell.c --- */

/* A line of the stage's log. */
void lpc_stage_tell(const LpcStage *stage, LpcLevel level, LpcEvent event, const char *text);
/* One about what goes as it should. Only a stage that serves tells that: of another one whoever started it sees the
 * end, and a line on stderr means that something failed. */
void lpc_stage_inform(const LpcStage *stage, LpcEvent event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Keeps the stream's first error. */
void lpc_stage_fail(LpcStream *stream, const LpcError *error);
/* What the neighbours are told about an error here. */
void lpc_stage_blame(const LpcStage *stage, const LpcError *error, LpcError *told);
/* What the stream does from now on, for its beats and figures. */
void lpc_stage_does(LpcStream *stream, uint32_t doing);
/* It has ended: it does nothing. */
void lpc_stage_rests(LpcStream *stream);
/* It has finished a frame, and waits for the next one. */
void lpc_stage_has_done_one(LpcStream *stream);
/* All figures but those that the gate has; self is the LpcStage. */
void lpc_stage_figures(void *self, LpcFigures *figures);

#endif
