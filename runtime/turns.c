/* See turns.h: a lock with numbered tickets, since a mutex alone may let the same one in again and again. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "turns.h"

void lpc_turns_init(LpcTurns *turns)
{
    *turns = (LpcTurns){0};
    pthread_mutex_init(&turns->mutex, NULL);
    pthread_cond_init(&turns->changed, NULL);
}

int lpc_turns_try(LpcTurns *turns)
{
    pthread_mutex_lock(&turns->mutex);
    int is_free = turns->ended == turns->asked;
    turns->asked += (unsigned)is_free;
    pthread_mutex_unlock(&turns->mutex);
    return is_free;
}

void lpc_turns_take(LpcTurns *turns)
{
    pthread_mutex_lock(&turns->mutex);
    uint64_t ticket = turns->asked++;
    while (turns->ended != ticket) pthread_cond_wait(&turns->changed, &turns->mutex);
    pthread_mutex_unlock(&turns->mutex);
}

void lpc_turns_end(LpcTurns *turns)
{
    pthread_mutex_lock(&turns->mutex);
    turns->ended++;
    if (turns->ended != turns->asked) pthread_cond_broadcast(&turns->changed);
    pthread_mutex_unlock(&turns->mutex);
}
