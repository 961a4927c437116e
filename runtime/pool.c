/* The thread pool. Between two parallel loops of one inference lie microseconds, so a thread spins
 * for a moment before it sleeps; when there are more threads than processors it sleeps at once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { SPINS = 4000 };

typedef struct Worker {
    LpcPool *pool;
    int index;
    pthread_t thread;
} Worker;

struct LpcPool {
    _Alignas(64) atomic_uint generation; /* counts the loops; workers wait for it to change */
    _Alignas(64) atomic_int pending;     /* workers that have not finished the loop */
    _Alignas(64) atomic_int sleepers;    /* workers that wait on `work` */
    atomic_int caller_sleeps;
    atomic_int stop;
    int threads, spins;
    void (*fn)(void *arg, int64_t begin, int64_t end);
    void *arg;
    int64_t n;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    Worker workers[];
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

static int64_t part(int64_t n, int index, int threads)
{
    return n / threads * index + n % threads * index / threads;
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
        int64_t begin = part(pool->n, worker->index, pool->threads);
        int64_t end = part(pool->n, worker->index + 1, pool->threads);
        if (begin < end) pool->fn(pool->arg, begin, end);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
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

static void parallel_for(void *self, void (*fn)(void *arg, int64_t begin, int64_t end), void *arg,
                         int64_t n)
{
    LpcPool *pool = self;
    if (n <= 0) return;
    if (n == 1 || pool->threads == 1) {
        fn(arg, 0, n);
        return;
    }
    pool->fn = fn;
    pool->arg = arg;
    pool->n = n;
    atomic_store(&pool->pending, pool->threads - 1);
    publish(pool);
    int64_t end = part(n, 1, pool->threads);
    if (end > 0) fn(arg, 0, end);
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
    for (int i = 1; i < threads; i++) {
        pool->workers[i] = (Worker){.pool = pool, .index = i};
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
