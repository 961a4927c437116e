/* The thread that does one job per stream. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "helper.h"

static void *helper_main(void *arg)
{
    LpcHelper *helper = arg;
    pthread_mutex_lock(&helper->mutex);
    for (;;) {
        while (!helper->busy && !helper->quit) pthread_cond_wait(&helper->changed, &helper->mutex);
        if (helper->quit) break;
        pthread_mutex_unlock(&helper->mutex);
        helper->job(helper->self);
        pthread_mutex_lock(&helper->mutex);
        helper->busy = 0;
        pthread_cond_broadcast(&helper->changed);
    }
    pthread_mutex_unlock(&helper->mutex);
    return NULL;
}

int lpc_helper_start(LpcHelper *helper, void (*job)(void *self), void *self)
{
    *helper = (LpcHelper){.job = job, .self = self};
    pthread_mutex_init(&helper->mutex, NULL);
    pthread_cond_init(&helper->changed, NULL);
    int failure = pthread_create(&helper->thread, NULL, helper_main, helper);
    helper->started = !failure;
    return failure;
}

static void set(LpcHelper *helper, int busy, int quit)
{
    pthread_mutex_lock(&helper->mutex);
    helper->busy = busy;
    helper->quit = quit;
    pthread_cond_broadcast(&helper->changed);
    pthread_mutex_unlock(&helper->mutex);
}

void lpc_helper_run(LpcHelper *helper)
{
    set(helper, 1, 0);
}

void lpc_helper_wait(LpcHelper *helper)
{
    pthread_mutex_lock(&helper->mutex);
    while (helper->busy) pthread_cond_wait(&helper->changed, &helper->mutex);
    pthread_mutex_unlock(&helper->mutex);
}

void lpc_helper_stop(LpcHelper *helper)
{
    if (!helper->started) return;
    set(helper, 0, 1);
    pthread_join(helper->thread, NULL);
}
