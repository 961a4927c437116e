/* Sequences over HTTP: requests with one sequence_id are frames of one client with state. */
#ifndef LPC_LIB_SERVE_SEQUENCES_H
#define LPC_LIB_SERVE_SEQUENCES_H

#include "lib/serve/pool.h"

typedef struct Sequences Sequences;

Sequences *sequences_new(ServePool *pool, Arena *arena);
/* The client of the sequence, which is the caller's alone until sequence_leave. starts: it begins anew. Fails with
 * LPC_EXIT_USAGE when there is no such sequence, or another request is in it. */
int sequence_enter(Sequences *sequences, const char *id, int starts, const char *peer,
                   ServeClient **client, LpcError *error);
void sequence_leave(Sequences *sequences, ServeClient *client, int ends);
/* Ends those that nobody has used for a minute. */
void sequences_sweep(Sequences *sequences);
void sequences_free(Sequences *sequences);

#endif
