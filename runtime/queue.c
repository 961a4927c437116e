/* The bounded queue between two threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue.h"

#include <time.h>

void lpc_queue_init(LpcQueue *queue, LpcSlot *slots, int depth)
{
    *queue = (LpcQueue){.slots = slots, .depth = depth};
    pthread_condattr_t attributes;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void lpc_queue_reset(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->first = queue->count = queue->aborted = 0;
    pthread_mutex_unlock(&queue->mutex);
}

static int is_full(const LpcQueue *queue)
{
    return queue->count == queue->depth;
}

static LpcSlot *free_slot(const LpcQueue *queue)
{
    if (queue->aborted || is_full(queue)) return NULL;
    return &queue->slots[(queue->first + queue->count) % queue->depth];
}

LpcSlot *lpc_queue_reserve(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (is_full(queue) && !queue->aborted) pthread_cond_wait(&queue->changed, &queue->mutex);
    LpcSlot *slot = free_slot(queue);
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

LpcSlot *lpc_queue_try(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    LpcSlot *slot = free_slot(queue);
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

void lpc_queue_commit(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->count++;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

LpcSlot *lpc_queue_front(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (!queue->count && !queue->aborted) pthread_cond_wait(&queue->changed, &queue->mutex);
    LpcSlot *slot = queue->aborted ? NULL : &queue->slots[queue->first];
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

void lpc_queue_release(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->first = (queue->first + 1) % queue->depth;
    queue->count--;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

LpcSlot *lpc_queue_free_at(LpcQueue *queue, int ahead)
{
    pthread_mutex_lock(&queue->mutex);
    int at = queue->count + ahead, is_free = at < queue->depth && !queue->aborted;
    LpcSlot *slot = is_free ? &queue->slots[(queue->first + at) % queue->depth] : NULL;
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

LpcSlot *lpc_queue_full_at(LpcQueue *queue, int ahead, uint64_t wait_ns)
{
    uint64_t end = lpc_now_ns() + wait_ns;
    struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    pthread_mutex_lock(&queue->mutex);
    if (wait_ns && queue->count <= ahead && !queue->aborted)
        (void)pthread_cond_timedwait(&queue->changed, &queue->mutex, &until);
    int is_full = queue->count > ahead && !queue->aborted;
    LpcSlot *slot = is_full ? &queue->slots[(queue->first + ahead) % queue->depth] : NULL;
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

int lpc_queue_aborted(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    int aborted = queue->aborted;
    pthread_mutex_unlock(&queue->mutex);
    return aborted;
}

int lpc_queue_count(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    int count = queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

int lpc_queue_empty(LpcQueue *queue)
{
    return !lpc_queue_count(queue);
}

void lpc_queue_abort(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->aborted = 1;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}
