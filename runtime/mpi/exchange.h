/* Frames between ranks of an MPI job: a queue that is filled with what the rank before sends, and one that is emptied
 * to the rank after.
 *
 *     rank before -> [MPI_Irecv] -> filled -> ... -> emptied -> [MPI_Issend] -> rank after
 *
 * A frame is one message, byte for byte what it is over TCP (docs/wire.md): header, then payload. It arrives and leaves in
 * the queue's slots, which were made at start: receives are posted for all slots that are free, and sends begin
 * for all that are full, so that both go on while others compute. A send is done when its message is being received
 * (MPI_Issend): that is the back-pressure, and no rank collects messages that nobody waits for.
 *
 * One thread at a time calls MPI. */
#ifndef LPC_RUNTIME_MPI_EXCHANGE_H
#define LPC_RUNTIME_MPI_EXCHANGE_H

#include "../log.h"
#include "../queue.h"
#include "../stage.h"

#include <mpi.h>

typedef struct LpcExchange {
    /* set by its owner before lpc_exchange_init */
    const char *name; /* for lines on stderr */
    LpcQueue *filled, *emptied;
    const LpcShape *filled_shape, *emptied_shape;
    const LpcCrc *crc;
    MPI_Comm comm;
    int before, after; /* ranks */
    int is_awake;      /* waits without sleep: there are cores for it */
    /* What becomes of what was received: sets the slot's kind (lpc_stage_judge). */
    void (*judge)(void *self, LpcSlot *slot, int code, const LpcError *error);
    /* How long a frame took to leave, and how large it was; NULL: nobody asks. */
    void (*sent)(void *self, uint64_t ns, uint64_t bytes);
    void *self;
    /* its own */
    MPI_Request receives[LPC_QUEUE_MAX], sends[LPC_QUEUE_MAX];
    uint64_t begun_ns[LPC_QUEUE_MAX], begun_bytes[LPC_QUEUE_MAX]; /* of the sends */
    struct iovec *pieces;
    uint64_t received, sent_count; /* frames of the stream */
    int posted, flying;            /* receives and sends under way, the oldest first */
    int all_came, all_left;        /* the stream's last frame, in and out */
    int quit;                      /* the job ends: nothing came instead of a stream */
    uint64_t idle_ns;              /* since when nothing has moved; 0: something just did */
} LpcExchange;

/* Prints one line of the rank's log, about what ends it. */
void lpc_job_tell(const char *name, const char *text);
/* Prints one line and ends the job, everywhere. */
_Noreturn void lpc_job_abort(const char *name, MPI_Comm comm, const LpcError *error);
/* Ends the job with a line where an MPI call failed. */
void lpc_job_check(const char *name, MPI_Comm comm, const char *call, int code);

/* Makes what it needs. A frame that is too large for a message, or no memory, ends the job. */
void lpc_exchange_init(LpcExchange *exchange);
/* Says hello to the rank after and hears that of the rank before: build, cut and contract must fit, or the job ends. */
void lpc_exchange_greet(LpcExchange *exchange);
/* One stream, until its last frame came and left, or the job is to end (quit), or emptied is aborted. */
void lpc_exchange_run(LpcExchange *exchange);
/* Tells the rank after that the job ends. */
void lpc_exchange_quit(LpcExchange *exchange);

#endif
