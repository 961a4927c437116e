/* A thread that is made once and does its job each time it is asked to: once per stream. */
#ifndef LPC_RUNTIME_HELPER_H
#define LPC_RUNTIME_HELPER_H

#include <pthread.h>

typedef struct LpcHelper {
    pthread_t thread;
    int started, busy, quit;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void (*job)(void *self);
    void *self;
} LpcHelper;

/* Makes the thread, which waits. Returns an errno value. */
int lpc_helper_start(LpcHelper *helper, void (*job)(void *self), void *self);
/* Has the job done once. */
void lpc_helper_run(LpcHelper *helper);
/* Until the job is done. */
void lpc_helper_wait(LpcHelper *helper);
/* Ends the thread, which must have nothing to do, if it was started. */
void lpc_helper_stop(LpcHelper *helper);

#endif
