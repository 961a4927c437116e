/* The thread pool. Between two parallel loops of one inference lie microseconds, so a thread spins
 * for a moment before it sleeps; when there are more threads than processors it sleeps at once.
 *
 * Each thread has a part of the loop, cut into a few chunks. It takes its own chunks first, so that
 * the same thread meets the same data in one kernel after another, and then what is left of the
 * others': a thread that the system lets wait holds nothing up but the chunk that it has begun.
 * That matters as soon as another program wants a processor too. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { SPINS = 4000, CHUNKS = 4 };

typedef void RangeFn(void *arg, int64_t begin, int64_t end);

/* `left` holds the loop's number in its upper half and the part's chunks that nobody has taken yet
 * in its lower one. A chunk is taken by counting down; that fails when the loop is over, and as long
 * as chunks are left, it cannot be: what was read of the loop before is right then. */
typedef struct Worker {
    _Alignas(64) _Atomic uint64_t left;
    LpcPool *pool;
    int index;
    pthread_t thread;
} Worker;

struct LpcPool {
    _Alignas(64) atomic_uint generation; /* counts the loops; workers wait for it to change */
    _Alignas(64) atomic_int pending;     /* chunks that are not done */
    _Alignas(64) atomic_int sleepers;    /* workers that wait on `work` */
    atomic_int caller_sleeps;
    atomic_int stop;
    int threads, spins;
    _Atomic(RangeFn *) fn;
    _Atomic(void *) arg;
    _Atomic int64_t n;
    atomic_int chunks; /* of each part */
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    Worker workers[]; /* the first one is the caller */
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

/* Where part `index` of `parts` begins. */
static int64_t part(int64_t n, int index, int parts)
{
    return n / parts * index + n % parts * index / parts;
}

static void finish_chunk(LpcPool *pool)
{
    if (atomic_fetch_sub(&pool->pending, 1) != 1 || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
}

/* Runs the next chunk of a thread's part; 0 when none is left. */
static int run_chunk(LpcPool *pool, Worker *of)
{
    uint64_t left = atomic_load(&of->left);
    RangeFn *fn;
    void *arg;
    int64_t n;
    int chunks, count;
    do {
        count = (int)(left & UINT32_MAX);
        if (!count) return 0;
        fn = atomic_load_explicit(&pool->fn, memory_order_relaxed);
        arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
        n = atomic_load_explicit(&pool->n, memory_order_relaxed);
        chunks = atomic_load_explicit(&pool->chunks, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak(&of->left, &left, left - 1));
    int at = of->index * chunks + chunks - count, parts = pool->threads * chunks;
    int64_t begin = part(n, at, parts), end = part(n, at + 1, parts);
    if (begin < end) fn(arg, begin, end);
    finish_chunk(pool);
    return 1;
}

static void run_chunks(LpcPool *pool, int index)
{
    for (int i = 0; i < pool->threads; i++) {
        Worker *of = &pool->workers[(index + i) % pool->threads];
        while (run_chunk(pool, of)) continue;
    }
}

static unsigned wait_for_work(LpcPool *pool, unsigned seen)
{
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) break;
        relax();
    }
    if (atomic_load(&pool->generation) == seen) {
        pthread_mutex_lock(&pool->mutex);
        atomic_fetch_add(&pool->sleepers, 1);
        while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->work, &pool->mutex);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->mutex);
    }
    return atomic_load_explicit(&pool->generation, memory_order_acquire);
}

static void *work(void *arg)
{
    Worker *worker = arg;
    LpcPool *pool = worker->pool;
    for (unsigned seen = 0;;) {
        seen = wait_for_work(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        run_chunks(pool, worker->index);
    }
}

static void publish(LpcPool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers)) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void wait_for_workers(LpcPool *pool)
{
    for (int i = 0; i < pool->spins; i++) {
        if (!atomic_load_explicit(&pool->pending, memory_order_acquire)) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, 1);
    while (atomic_load(&pool->pending)) pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, 0);
    pthread_mutex_unlock(&pool->mutex);
}

static void parallel_for(void *self, RangeFn *fn, void *arg, int64_t n)
{
    LpcPool *pool = self;
    if (n <= 0) return;
    if (n == 1 || pool->threads == 1) {
        fn(arg, 0, n);
        return;
    }
    int64_t each = n / pool->threads;
    int chunks = each < 1 ? 1 : each > CHUNKS ? CHUNKS : (int)each;
    atomic_store_explicit(&pool->fn, fn, memory_order_relaxed);
    atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&pool->n, n, memory_order_relaxed);
    atomic_store_explicit(&pool->chunks, chunks, memory_order_relaxed);
    atomic_store(&pool->pending, pool->threads * chunks);
    uint64_t number = (uint64_t)(atomic_load(&pool->generation) + 1) << 32;
    for (int i = 0; i < pool->threads; i++)
        atomic_store(&pool->workers[i].left, number | (uint32_t)chunks);
    publish(pool);
    run_chunks(pool, 0);
    wait_for_workers(pool);
}

size_t lpc_pool_bytes(int threads)
{
    size_t bytes = sizeof(LpcPool) + (size_t)threads * sizeof(Worker);
    return (bytes + 63) / 64 * 64;
}

int lpc_pool_start(LpcPool *pool, int threads)
{
    memset(pool, 0, lpc_pool_bytes(threads));
    pool->threads = threads;
    pool->spins = sysconf(_SC_NPROCESSORS_ONLN) >= threads ? SPINS : 0;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int i = 0; i < threads; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].index = i;
        if (!i) continue;
        int failure = pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]);
        if (failure) {
            pool->threads = i;
            lpc_pool_stop(pool);
            return failure;
        }
    }
    return 0;
}

void lpc_pool_stop(LpcPool *pool)
{
    atomic_store(&pool->stop, 1);
    publish(pool);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
}

lpc_threads lpc_pool_threads(LpcPool *pool)
{
    return (lpc_threads){parallel_for, pool};
}
