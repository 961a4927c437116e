/* A bounded queue of frames between two threads of a stage, one on each side.
 *
 * The slots are made before and used in place: the writer fills the slot that reserve gives and
 * commits it, the reader works in the slot that front gives and releases it. A full queue holds the
 * writer up, which is all the back-pressure there is. */
#ifndef LPC_RUNTIME_QUEUE_H
#define LPC_RUNTIME_QUEUE_H

#include "frame.h"

#include <pthread.h>

typedef struct LpcQueue {
    LpcSlot *slots;
    int depth, first, count;
    int aborted;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} LpcQueue;

void lpc_queue_init(LpcQueue *queue, LpcSlot *slots, int depth);
/* Empty and not aborted again; no thread may be using it. */
void lpc_queue_reset(LpcQueue *queue);
/* A free slot, or NULL once aborted. */
LpcSlot *lpc_queue_reserve(LpcQueue *queue);
/* The same without waiting: NULL when there is none, too. */
LpcSlot *lpc_queue_try(LpcQueue *queue);
void lpc_queue_commit(LpcQueue *queue);
/* The oldest full slot, or NULL once aborted. */
LpcSlot *lpc_queue_front(LpcQueue *queue);
void lpc_queue_release(LpcQueue *queue);
/* How many slots are full. */
int lpc_queue_count(LpcQueue *queue);
/* For a side with several slots in work at once, which never waits for long: the free slot that is `ahead` of the
 * next one, and the full slot that is `ahead` of the oldest, for which it may wait once for wait_ns. NULL: there is
 * none, or the queue is aborted. */
LpcSlot *lpc_queue_free_at(LpcQueue *queue, int ahead);
LpcSlot *lpc_queue_full_at(LpcQueue *queue, int ahead, uint64_t wait_ns);
int lpc_queue_aborted(LpcQueue *queue);
/* Whether all that was committed has been released. Asked by the writer it stays so. */
int lpc_queue_empty(LpcQueue *queue);
/* Makes both sides give up, now and later. */
void lpc_queue_abort(LpcQueue *queue);

#endif
