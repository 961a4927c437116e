/* Who computes: the streams of a stage take turns, in the order in which they ask. */
#ifndef LPC_RUNTIME_TURNS_H
#define LPC_RUNTIME_TURNS_H

#include <pthread.h>
#include <stdint.h>

typedef struct LpcTurns {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t asked, ended;
} LpcTurns;

void lpc_turns_init(LpcTurns *turns);
/* Takes the turn when it is nobody's. Whether it did. */
int lpc_turns_try(LpcTurns *turns);
/* Waits until all who asked before have ended their turn. */
void lpc_turns_take(LpcTurns *turns);
void lpc_turns_end(LpcTurns *turns);

#endif
