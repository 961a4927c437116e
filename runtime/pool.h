/* The thread pool behind lpc_threads: a fixed number of threads, made once, low latency. */
#ifndef LPC_RUNTIME_POOL_H
#define LPC_RUNTIME_POOL_H

#include "lpc_model.h"

enum { LPC_POOL_MAX = 256 };

typedef struct LpcPool LpcPool;

/* Bytes of a pool of `threads` threads, the caller's among them (1 to LPC_POOL_MAX). */
size_t lpc_pool_bytes(int threads);
/* Makes the pool in memory of that size (64-byte aligned) and starts its threads. 0, or an errno.
 */
int lpc_pool_start(LpcPool *pool, int threads);
/* Ends and joins the threads. */
void lpc_pool_stop(LpcPool *pool);

/* What a run function takes. parallel_for may be called by one thread at a time, not nested. It
 * splits [0, n) evenly, at most four ranges per thread; the split depends on n and the thread count
 * only, which thread runs a range does not. */
lpc_threads lpc_pool_threads(LpcPool *pool);

#endif
