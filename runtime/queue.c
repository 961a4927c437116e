/* The bounded queue between two threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue.h"

void lpc_queue_init(LpcQueue *queue, LpcSlot *slots, int depth)
{
    *queue = (LpcQueue){.slots = slots, .depth = depth};
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
}

void lpc_queue_reset(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->first = queue->count = queue->aborted = 0;
    pthread_mutex_unlock(&queue->mutex);
}

LpcSlot *lpc_queue_reserve(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == queue->depth && !queue->aborted)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    LpcSlot *slot =
        queue->aborted ? NULL : &queue->slots[(queue->first + queue->count) % queue->depth];
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

int lpc_queue_empty(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    int empty = !queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return empty;
}

void lpc_queue_abort(LpcQueue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->aborted = 1;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}
